import { type Context, type Coro, DROP, isGenerator, isThenable } from '@pipelines/core'
import { timing } from './timings.js'

/** Calls a function, and lets what it gives carry the seconds that this took: `meta.timings`, by the name of the node. */
export function timed(fn: Coro): Coro {
  const call = (item: never, context: Context): unknown => {
    const begun = performance.now()
    const given = fn(item, context)
    if (isThenable(given)) return given.then((late) => noted(late, context, begun))
    return noted(given, context, begun)
  }
  return Object.defineProperty(call, 'name', { value: fn.name })
}

function noted(given: unknown, context: Context, begun: number): unknown {
  if (given === DROP || given === undefined) return given
  if (isGenerator(given)) return drawn(given, context)
  leave(given, context, performance.now() - begun)
  return DROP
}

/** The time of the caller, between two values, does not count. */
async function* drawn(
  generator: Iterator<unknown> | AsyncIterator<unknown>,
  context: Context,
): AsyncGenerator<unknown, void, void> {
  let isDone = false
  let tookMs = 0
  try {
    for (;;) {
      const begun = performance.now()
      const step = await generator.next()
      tookMs += performance.now() - begun
      isDone = step.done === true
      if (isDone) return
      if (step.value !== DROP) leave(step.value, context, tookMs)
      yield DROP
    }
  } finally {
    if (!isDone) await generator.return?.()
  }
}

function leave(item: unknown, context: Context, tookMs: number): void {
  context.emit('out', item, { meta: timing(context, tookMs) })
}
