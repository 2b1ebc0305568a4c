export { bottleneck } from './bottleneck.js'
export type { Observed } from './observed.js'
export { type ProgressOptions, progress, type Screen } from './progress.js'
export { type EdgeRates, type NodeRates, type Rates, rates } from './rates.js'
