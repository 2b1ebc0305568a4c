import { type Context, type Coro, type CoroDefinition, DROP, defineCoro } from '@pipelines/core'
import { joinedTimings } from './timings.js'

/** Makes items of a tuple. */
type Joiner = (tuple: never) => Generator<unknown, void, void>

/** Gives what came of an item, behind the item itself, in a tuple of lists of which some may be missing. */
export const inOrder: Joiner = function* seq([, ...branches]: readonly (readonly unknown[] | undefined)[]) {
  for (const items of branches) yield* items ?? []
}

/** Gives the tuple. */
export const asRow: Joiner = function* zip(tuple: unknown) {
  yield tuple
}

/** The same join, where items carry how long they took. */
export function timedJoin(join: Joiner): Coro {
  const call = function* (tuple: never, context: Context): Generator<unknown, void, void> {
    const meta = joinedTimings(context.meta)
    for (const item of join(tuple)) {
      if (item !== undefined) context.emit('out', item, { meta })
      yield item === undefined ? item : DROP
    }
  }
  return Object.defineProperty(call, 'name', { value: join.name })
}

/** A list of one. */
export const listOf: Coro = function zip(item: unknown) {
  return [item]
}

/** Takes everything and gives nothing. */
export const nowhere: Coro = function end() {
  return DROP
}

/** Passes items on without their meta: what they carried is `undefined` from here on. */
export const clearMeta: CoroDefinition<unknown> = defineCoro({
  run(item, context) {
    const keys = Reflect.ownKeys(context.meta)
    if (keys.length === 0) return item
    context.emit('out', item, { meta: Object.fromEntries(keys.map((key) => [key, undefined])) })
    return DROP
  },
})
