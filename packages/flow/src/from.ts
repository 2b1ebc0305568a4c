import { type Context, type CoroDefinition, DROP, defineCoro, PipelineError, show } from '@pipelines/core'
import { indexed } from './element-index.js'

export type Items<T> = Iterable<T> | AsyncIterable<T>

/** A coroutine that gives the items of `data`: again in each run, where they can be had again. */
export function from(data: Items<unknown>, isIndexed: boolean): CoroDefinition {
  let read = false
  const open = (): Items<unknown> => {
    if (read && isOneShot(data)) throw new PipelineError('STATE_ALREADY_STARTED', { what: 'What the flow reads' })
    read = true
    return data
  }
  return defineCoro<unknown>({
    kind: 'source',
    run: (_output, context) => (isIndexed ? places(open(), context) : open()),
  })
}

/** Throws `PLB_OPTION_INVALID` unless `data` is something whose items can be taken one by one. */
export function assertItems(data: unknown): asserts data is Items<unknown> {
  const fits = typeof data === 'object' && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data)
  if (fits) return
  throw new PipelineError('OPTION_INVALID', {
    option: 'data',
    what: `must be an iterable, an async iterable or a stream, got ${show(data)}`,
    ...(typeof data === 'string' && { hint: 'Put the text in a list, or split it.' }),
  })
}

/** Whether what is read once is gone: iterators and streams. */
function isOneShot(data: Items<unknown>): boolean {
  if (data instanceof ReadableStream || 'readableEnded' in data) return true
  const iterator: unknown = Symbol.asyncIterator in data ? data[Symbol.asyncIterator]() : data[Symbol.iterator]()
  return iterator === data
}

/** Not a generator: one that waits would make `return` wait too, and the end must reach the iterator at once. */
function places(data: Items<unknown>, context: Context): AsyncIterableIterator<unknown> {
  const iterator = Symbol.asyncIterator in data ? data[Symbol.asyncIterator]() : data[Symbol.iterator]()
  let place = 0
  return {
    async next() {
      const step = await iterator.next()
      if (step.done === true) return { done: true, value: undefined }
      context.emit('out', step.value, { meta: indexed([place++]) })
      return { done: false, value: DROP }
    },
    async return() {
      await iterator.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
