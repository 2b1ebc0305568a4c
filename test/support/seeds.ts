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
