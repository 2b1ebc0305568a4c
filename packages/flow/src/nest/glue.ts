import { type Coro, type CoroDefinition, DROP, defineCoro } from '@pipelines/core'

/** Gives what came of an item, behind the item itself, in a tuple of lists of which some may be missing. */
export const inOrder: Coro = function* seq([, ...branches]: readonly (readonly unknown[] | undefined)[]) {
  for (const items of branches) yield* items ?? []
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
    const keys = Object.keys(context.meta)
    if (keys.length === 0) return item
    context.emit('out', item, { meta: Object.fromEntries(keys.map((key) => [key, undefined])) })
    return DROP
  },
})
