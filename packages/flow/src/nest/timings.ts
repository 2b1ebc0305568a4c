import type { Context, Meta } from '@pipelines/core/coro'

/** The beginning of the keys that meta has beside `timings`. */
const PREFIX = '@pipelines/timing/'

/**
 * What meta has to say when a node took so long: `timings`, with those before; and a key of the node alone, since a join
 * keeps for each key what one of its inputs has. A symbol: it is nobody else's matter.
 */
export function timing({ meta, node }: Pick<Context, 'meta' | 'node'>, tookMs: number): Meta {
  const { timings } = meta
  const seconds = tookMs / 1000
  return {
    timings: { ...(typeof timings === 'object' ? timings : {}), [node]: seconds },
    [Symbol.for(PREFIX + node)]: seconds,
  }
}

/** What meta has to say behind a join: `timings` of all that led there. */
export function joinedTimings(meta: Meta): Meta {
  const timings: Record<string, unknown> = {}
  for (const key of Object.getOwnPropertySymbols(meta)) {
    const name = Symbol.keyFor(key)
    const seconds: unknown = Reflect.get(meta, key)
    if (name?.startsWith(PREFIX) && seconds !== undefined) timings[name.slice(PREFIX.length)] = seconds
  }
  return { timings }
}
