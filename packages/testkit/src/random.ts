/** Draws from a seed. */
export interface Random {
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number
  /** True so many times out of one. */
  chance(share: number): boolean
  /** One of them. Throws a RangeError where there is none. */
  pick<T>(from: readonly T[]): T
  /** All of them, in another order. */
  shuffle<T>(list: readonly T[]): T[]
}

/** Draws that are the same for the same seed. */
export function randomOf(seed: number): Random {
  const next = seeded(seed)
  const integer = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return {
    integer,
    chance: (share) => next() < share,
    pick: (from) => {
      const [found] = from.slice(integer(0, from.length - 1))
      if (found === undefined) throw new RangeError('There is nothing to pick from.')
      return found
    },
    shuffle: (list) => {
      const keys = list.map((value) => ({ value, key: next() }))
      return keys.sort((a, b) => a.key - b.key).map(({ value }) => value)
    },
  }
}

/** Numbers from 0 up to, not including, 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number that is the same for the same text (FNV-1a, 32 bits). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let place = 0; place < text.length; place++) hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193)
  return hash >>> 0
}
