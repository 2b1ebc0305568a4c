import {
  type AnyIterator,
  type Context,
  type CoroDefinition,
  DROP,
  defineCoro,
  iteratorOf,
  PipelineError,
  show,
} from '@pipelines/core'
import { indexed } from './element-index.js'

export type Items<T> = Iterable<T> | AsyncIterable<T>

/** Iterators and streams that were read: what they gave is gone. */
const read = new WeakSet<object>()

/** A coroutine that gives the items of `data`: again in each run, where they can be had again. */
export function from(data: Items<unknown>, isIndexed: boolean): CoroDefinition {
  return defineCoro<unknown>({
    kind: 'source',
    run(_output, context) {
      const iterator = open(data)
      return isIndexed ? places(iterator, context) : { [kindOf(data)]: () => iterator }
    },
  })
}

/** A coroutine that tells each item its place. */
export function place(value: unknown, context: Context): typeof DROP {
  context.emit('out', value, { meta: indexed([context.index]) })
  return DROP
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

/** Throws `PLB_STATE_ALREADY_STARTED` where `data` was read, and can be read once only. */
export function assertUnread(data: Items<unknown>): void {
  if (read.has(data)) throw new PipelineError('STATE_ALREADY_STARTED', { what: 'What the flow reads' })
}

function open(data: Items<unknown>): AnyIterator {
  assertUnread(data)
  const iterator = iteratorOf(data)
  if (iterator === undefined) throw new TypeError(`${show(data)} cannot be iterated any more.`)
  const isStream = data instanceof ReadableStream || 'readableEnded' in data
  if (isStream || Object.is(iterator, data)) read.add(data)
  return iterator
}

const kindOf = (data: Items<unknown>): typeof Symbol.asyncIterator | typeof Symbol.iterator =>
  typeof Reflect.get(data, Symbol.asyncIterator) === 'function' ? Symbol.asyncIterator : Symbol.iterator

/** Not a generator: one that waits would make `return` wait too, and the end must reach the iterator at once. */
function places(iterator: AnyIterator, context: Context): AsyncIterableIterator<unknown> {
  let place = 0
  return {
    async next() {
      const step = await iterator.next()
      if (step.done === true) return { done: true, value: undefined }
      const value = await step.value
      if (value !== DROP) context.emit('out', value, { meta: indexed([place++]) })
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
