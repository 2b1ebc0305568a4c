import type { Fault } from './fault.js'
import { FAULTS_IN_CALLS } from './faults-in-calls.js'
import { FAULTS_IN_HOOKS } from './faults-in-hooks.js'
import { FAULTS_IN_ITEMS } from './faults-in-items.js'
import { FAULTS_OF_RUNS } from './faults-of-runs.js'

/** The rows of the matrix. To add one, write it into one of these tables. */
export const FAULTS: readonly Fault[] = [...FAULTS_IN_CALLS, ...FAULTS_IN_ITEMS, ...FAULTS_OF_RUNS, ...FAULTS_IN_HOOKS]
