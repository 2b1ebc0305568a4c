import type { Context, SourceOutput } from '@pipelines/core'
import { itemsOf, type Value } from './calls.js'
import type { Strike } from './fault.js'
import type { MatrixNode } from './graphs.js'
import type { Trial } from './trial.js'

/** The coroutine of a source, in the style of its node. A fault may strike before each item, and at the end. */
export function sourceOf(node: MatrixNode, trial: Trial, { source: strike }: Strike) {
  const items = itemsOf(node)
  const wait = (place: number, context: Context): Promise<void> | undefined =>
    strike?.(node, place, trial) ?? trial.scheduler.step(`${node.name} ${place}`, trial.signalOf({ node, context }))
  function* generate(): Generator<Value> {
    trial.open.add(node.name)
    try {
      for (const [place, item] of items.entries()) {
        strike?.(node, place, trial)
        yield trial.make(node, item)
      }
      strike?.(node, items.length, trial)
    } finally {
      trial.open.delete(node.name)
    }
  }
  async function* wanting(context: Context): AsyncGenerator<Value> {
    trial.open.add(node.name)
    try {
      for (const [place, item] of items.entries()) {
        await wait(place, context)
        yield item
      }
      await wait(items.length, context)
    } finally {
      trial.open.delete(node.name)
    }
  }
  async function* generateLate(_: unknown, context: Context): AsyncGenerator<Value> {
    for await (const item of wanting(context)) yield trial.make(node, item)
  }
  const iterate = (_: unknown, context: Context): AsyncIterable<Value> =>
    returnable(wanting(context), {
      onValue: (item) => void trial.make(node, item),
      onReturn: () => void trial.open.delete(node.name),
    })
  async function put(output: SourceOutput, context: Context): Promise<void> {
    for (const [place, item] of items.entries()) {
      await wait(place, context)
      if (context.signal.aborted) return
      await output.put(trial.make(node, item))
    }
    await wait(items.length, context)
  }
  if (node.style === 'put') return put
  if (node.style === 'iterator') return iterate
  if (node.style === 'list') return () => ({ [Symbol.iterator]: generate })
  return node.style === 'generator' ? generate : generateLate
}

/** A stream coroutine that is done after so many items. */
export function taking(count: number) {
  return async function* (inputs: AsyncIterable<Value>): AsyncGenerator<Value> {
    let left = count
    for await (const value of inputs) {
      yield value
      if (--left <= 0) return
    }
  }
}

interface Told {
  readonly onValue: (value: Value) => void
  readonly onReturn: () => void
}

/** The same values, but whoever gives them can be returned while it waits; what it waits for goes on alone. */
function returnable(values: AsyncGenerator<Value>, { onValue, onReturn }: Told): AsyncIterable<Value> {
  let end = (): void => {}
  const ended = new Promise<IteratorResult<Value>>((resolve) => {
    end = () => resolve({ done: true, value: undefined })
  })
  const next = async (): Promise<IteratorResult<Value>> => {
    const step = await Promise.race([values.next(), ended])
    if (step.done !== true) onValue(step.value)
    return step
  }
  const leave = (): Promise<IteratorResult<Value>> => {
    end()
    onReturn()
    void values.return(undefined)
    return ended
  }
  return { [Symbol.asyncIterator]: () => ({ next, return: leave }) }
}
