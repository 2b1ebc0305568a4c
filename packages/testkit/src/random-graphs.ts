/*
 * Random graphs, their coroutines, and what they must give: to try an engine, an executor or a broker with any number of
 * graphs, and to compare.
 */
export type { RandomGraph, RandomNode, Style, Work } from './graph-model.js'
export {
  ancestorsByNode,
  faltersOf,
  fedBy,
  isBetween,
  isLeaf,
  itemsOf,
  LANE,
  Refusal,
  resultsOf,
  successorsOf,
  wiringOf,
} from './graph-model.js'
export type { Playable, Thrown } from './playable.js'
export { feed, playable } from './playable.js'
export type { Shape } from './random-graph.js'
export { KINDS, randomGraph } from './random-graph.js'
export type { Expected, ExpectedCounts, Seen } from './reference.js'
export { expectedOf } from './reference.js'
