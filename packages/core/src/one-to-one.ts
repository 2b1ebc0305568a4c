import { DROP } from './coro.js'
import { PipelineError } from './errors.js'
import type { Runner } from './executor.js'
import { isGenerator, isThenable } from './iterate.js'

/** A runner whose calls fail unless they give exactly one output: what `oneToOne` promises, other nodes rely on. */
export function exactlyOne(node: string, runner: Runner): Runner {
  const check = (result: unknown): unknown => {
    if (isThenable(result)) return result.then(check)
    if (isGenerator(result)) return onlyOne(node, result)
    if (result === DROP) throw wrongCount(node, 0)
    return result
  }
  return {
    run: (value, context) => check(runner.run(value, context)),
    setup: (context) => runner.setup?.(context),
    teardown: (context, reason) => runner.teardown?.(context, reason),
    close: async () => runner.close?.(),
  }
}

/** What a call of a one-to-one node that gave `count` outputs fails with. */
export function wrongCount(node: string, count: number): PipelineError {
  return new PipelineError('NODE_CARDINALITY', { node, count })
}

/** The only value of a generator; it is closed as soon as it gives a second one. */
async function onlyOne(node: string, generator: Iterator<unknown> | AsyncIterator<unknown>): Promise<unknown> {
  const values: unknown[] = []
  try {
    for (;;) {
      const { done, value } = await generator.next()
      if (done === true) break
      const given: unknown = await value
      if (given !== DROP && values.push(given) > 1) throw wrongCount(node, values.length)
    }
  } finally {
    if (values.length > 1) await generator.return?.()
  }
  if (values.length === 0) throw wrongCount(node, 0)
  return values[0]
}
