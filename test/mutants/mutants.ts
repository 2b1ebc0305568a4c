import { COUNTING } from './counting.js'
import { CREDITS } from './credits.js'
import type { Mutant } from './mutant.js'
import { PAIRING } from './pairing.js'
import { VERDICTS } from './verdicts.js'
import { WAKING } from './waking.js'

/** The mistakes that the tests of the engine must find: one mutant for each. */
export const MUTANTS: readonly Mutant[] = [...COUNTING, ...PAIRING, ...CREDITS, ...WAKING, ...VERDICTS]
