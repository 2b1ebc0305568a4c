import { AHEAD } from './ahead.js'
import { ATTEMPTS } from './attempts.js'
import { BARE_REGIONS } from './bare-regions.js'
import { BATCHING } from './batching.js'
import { CANCELLED } from './cancelled.js'
import { CHAINED } from './chained.js'
import { COUNTED } from './counted.js'
import { COUNTING } from './counting.js'
import { CREDITS } from './credits.js'
import { LANES } from './lanes.js'
import { LINKS } from './links.js'
import type { Mutant } from './mutant.js'
import { PAIRING } from './pairing.js'
import { POLICIES } from './policies.js'
import { REQUESTS } from './requests.js'
import { SHARING } from './sharing.js'
import { STANDING_STILL } from './standing-still.js'
import { VERDICTS } from './verdicts.js'
import { WAKING } from './waking.js'

/** What joins, credits, turns, verdicts and call chains rest on: tried in every run. */
export const OFTEN: readonly Mutant[] = [
  ...COUNTING,
  ...PAIRING,
  ...CREDITS,
  ...WAKING,
  ...VERDICTS,
  ...LINKS,
  ...AHEAD,
]

/**
 * Those of failure, batches, requests, stalls, shared outputs and the rest of call chains: tried with `SOAK=1`, for they take longer than
 * all the others.
 */
const SELDOM: readonly Mutant[] = [
  ...ATTEMPTS,
  ...POLICIES,
  ...BATCHING,
  ...LANES,
  ...STANDING_STILL,
  ...REQUESTS,
  ...CANCELLED,
  ...CHAINED,
  ...COUNTED,
  ...BARE_REGIONS,
  ...SHARING,
]

/** The mistakes that the tests of the engine must find: one mutant for each. */
export const MUTANTS: readonly Mutant[] = [...OFTEN, ...SELDOM]
