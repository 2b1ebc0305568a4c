import { seeded } from './blackbox.js'

/** Draws from a seed. */
export interface Random {
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number
  /** True so many times out of one. */
  chance(share: number): boolean
  pick<T>(from: readonly T[]): T
  shuffle<T>(list: readonly T[]): T[]
}

/** The same seed draws the same. */
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

/**
 * The seeds that a property test tries: `SEED=123` tries only that one, to replay a failure; `SOAK=1` tries `soak`
 * of them in place of `usual`.
 */
export function seedsOf(usual: number, soak: number): number[] {
  const { SEED, SOAK } = process.env
  if (SEED !== undefined) return [Number(SEED)]
  return Array.from({ length: SOAK === undefined ? usual : soak }, (_, place) => place + 1)
}

/** Runs a property for one seed; what it throws says how to try that seed again. */
export async function withSeed(seed: number, property: () => Promise<void>): Promise<void> {
  try {
    await property()
  } catch (error) {
    if (error instanceof Error) error.message = `Seed ${seed} (replay it with SEED=${seed}): ${error.message}`
    throw error
  }
}

/** How long a test that tries many seeds may take. */
export const manySeeds = { timeout: process.env.SOAK === undefined ? 120_000 : 1_200_000 }
