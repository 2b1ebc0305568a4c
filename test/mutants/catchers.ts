import type { Catcher } from './mutant.js'

/** Tests of a file below `test`; of any of these names. */
export const of = (file: string, ...tests: readonly string[]): Catcher => ({ file: `${file}.test.ts`, tests })

/** Random graphs with every setting of joins and windows of any size, in random orders, compared with a reference. */
export const chains: Catcher = of('e2e/random-graphs', '(chain) give what the reference computes, in any order')
export const merges: Catcher = of('e2e/random-graphs', '(merges) give what the reference computes, in any order')
export const diamonds: Catcher = of('e2e/random-graphs', '(diamonds) give what the reference computes, in any order')
export const failures: Catcher = of('e2e/random-graphs', '(diamonds) give what the reference computes, also where')
export const verdicts: Catcher = of(
  'e2e/ledger-random',
  'give every root the verdict',
  'have one verdict for each root',
)
/** Random graphs of every kind of node, interfered with at random. */
export const wild: Catcher = of('e2e/interference', 'every kind of node')
export const early: Catcher = of('e2e/interference', 'streams that end early')
/** Random orders of one small graph. */
export const pairs: Catcher = of('e2e/pairs', 'words that are dropped in order')
/** Exact numbers of what random graphs hold. */
export const sinks: Catcher = of('e2e/backpressure', 'takes what')
export const fullDiamonds: Catcher = of('e2e/diamond-backpressure', 'a diamond')
export const fanIn: Catcher = of('e2e/fan-in', 'no input is served twice')
/** Many more items than a window has room for. */
export const credits: Catcher = of('e2e/credits', 'a credit comes back', 'a fork takes a credit', 'that is left early')
export const setWorkers: Catcher = of('e2e/pipeline', 'setWorkers')
export const oneToOne: Catcher = of('e2e/one-to-one', 'oneToOne')
export const earlyVerdicts: Catcher = of('e2e/ledger-endings', 'an early end')
export const tupleVerdicts: Catcher = of('e2e/ledger', 'a tuple that was paired by position')
/** One link of a call chain, with nothing around it. */
export const link = (test: string): Catcher => of('core/chain', `a link ${test}`)
/** One queue of values without packets. */
export const bareQueue = (test: string): Catcher => of('core/bare-queue', `a queue of bare values ${test}`)
/** Diamonds of plain nodes, compared with what they are without call chains and without ledgers. */
export const bareRegions = (...tests: readonly string[]): Catcher => of('e2e/fusion/regions', ...tests)
