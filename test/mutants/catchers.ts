import type { Catcher } from './mutant.js'

const of = (file: string, tests?: string): Catcher => ({ file: `e2e/${file}.test.ts`, ...(tests && { tests }) })

/** Random graphs in random orders, compared with a reference. */
export const chains: Catcher = of('random-graphs', 'random graphs (chain)')
export const merges: Catcher = of('random-graphs', 'random graphs (merges)')
export const diamonds: Catcher = of('random-graphs', 'random graphs (diamonds)')
/** Random graphs of every kind of node, interfered with at random. */
export const wild: Catcher = of('interference', 'every kind of node')
export const early: Catcher = of('interference', 'streams that end early')
/** Random orders of one small graph. */
export const pairs: Catcher = of('pairs', 'words that are dropped in order')
/** Exact numbers of what random graphs hold. */
export const sinks: Catcher = of('backpressure', 'takes what')
export const fullDiamonds: Catcher = of('diamond-backpressure')
export const fanIn: Catcher = of('fan-in')
/** Many more items than a window has room for. */
export const credits: Catcher = of('credits')
export const setWorkers: Catcher = of('pipeline', 'setWorkers')
export const missingAndCollect: Catcher = of('joins-missing-collect')
export const products: Catcher = of('joins-product')
export const oneToOne: Catcher = of('one-to-one')
