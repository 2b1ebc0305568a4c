import type { Context, Meta } from '@pipelines/core'

const KEY = 'elementIndex'

/**
 * The place of an item: its position in its source, and one number more for each `flatMap` above. Items carry it where
 * the source was told so (`fromIterable(data, { elementIndex: true })`) or something behind it needs it; elsewhere it is
 * `undefined`.
 */
export function elementIndex({ meta }: Pick<Context, 'meta'>): readonly number[] | undefined {
  const index: unknown = meta[KEY]
  return Array.isArray(index) ? index : undefined
}

/** What an item carries that has this place. */
export const indexed = (index: readonly number[]): Meta => ({ [KEY]: index })

/** Orders two places: by the first number that differs, a shorter one first. */
export function compareIndex(a: readonly number[], b: readonly number[]): number {
  for (let place = 0; place < Math.min(a.length, b.length); place++) {
    const difference = (a[place] ?? 0) - (b[place] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
