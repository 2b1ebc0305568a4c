import { ATTEMPTS } from './attempts.js'
import { BATCHING } from './batching.js'
import { CANCELLED } from './cancelled.js'
import { CHAINED, REGIONS } from './chained.js'
import { COUNTING } from './counting.js'
import { CREDITS } from './credits.js'
import { LANES } from './lanes.js'
import type { Mutant } from './mutant.js'
import { PAIRING } from './pairing.js'
import { POLICIES } from './policies.js'
import { REQUESTS } from './requests.js'
import { STANDING_STILL } from './standing-still.js'
import { VERDICTS } from './verdicts.js'
import { WAKING } from './waking.js'

/** What joins, credits, turns and verdicts rest on: tried in every run. */
export const OFTEN: readonly Mutant[] = [...COUNTING, ...PAIRING, ...CREDITS, ...WAKING, ...VERDICTS]

/** Those of failure, batches, requests and stalls: tried with `SOAK=1`, for they take longer than all the others. */
const SELDOM: readonly Mutant[] = [
  ...ATTEMPTS,
  ...POLICIES,
  ...BATCHING,
  ...LANES,
  ...STANDING_STILL,
  ...REQUESTS,
  ...CANCELLED,
  ...CHAINED,
  ...REGIONS,
]

/** The mistakes that the tests of the engine must find: one mutant for each. */
export const MUTANTS: readonly Mutant[] = [...OFTEN, ...SELDOM]
