import { ATTEMPTS } from './attempts.js'
import { BATCHING } from './batching.js'
import { COUNTING } from './counting.js'
import { CREDITS } from './credits.js'
import { LANES } from './lanes.js'
import type { Mutant } from './mutant.js'
import { PAIRING } from './pairing.js'
import { POLICIES } from './policies.js'
import { STANDING_STILL } from './standing-still.js'
import { VERDICTS } from './verdicts.js'
import { WAKING } from './waking.js'

/** The mistakes that the tests of the engine must find: one mutant for each. */
export const MUTANTS: readonly Mutant[] = [
  ...COUNTING,
  ...PAIRING,
  ...CREDITS,
  ...WAKING,
  ...VERDICTS,
  ...ATTEMPTS,
  ...POLICIES,
  ...BATCHING,
  ...LANES,
  ...STANDING_STILL,
]
