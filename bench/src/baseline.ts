import { ratio } from './statistics.js'
import type { Row } from './workload.js'

/** A ratio may become so many times what it was; noise stays far below, and so does another processor. */
export const LIMIT = 2

/** Our row by a peer's, in one workload. */
export interface Pair {
  readonly workload: string
  readonly ours: string
  readonly peer: string
}

/** What `nameOf` a pair came to, at some time that all were content with. */
export type Baseline = Readonly<Record<string, number>>

export interface Comparison {
  readonly pair: Pair
  readonly before: number
  readonly now: number
  readonly passed: boolean
}

/** Peers that need no library and change little between versions of Node; in W9 one that sends as many items at once. */
export const PAIRS: readonly Pair[] = [
  { workload: 'W1', ours: 'Pipelines', peer: 'sync generators' },
  { workload: 'W1', ours: 'Pipelines', peer: 'Node streams, highWaterMark 64' },
  { workload: 'W2', ours: 'Pipelines, fuse: false, queueSize 64', peer: 'sync generators' },
  { workload: 'W2', ours: 'Pipelines, fuse: false, queueSize 64', peer: 'Node streams, highWaterMark 64' },
  { workload: 'W2', ours: 'Pipelines, fuse: false, queueSize 1,024', peer: 'sync generators' },
  { workload: 'W3', ours: 'Pipelines, ordered', peer: 'hand-written loop, ordered' },
  { workload: 'W3', ours: 'Pipelines, unordered', peer: 'hand-written loop, unordered' },
  { workload: 'W5', ours: 'Pipelines', peer: 'Promise.all of async functions' },
  { workload: 'W5', ours: 'Pipelines, fuse: false', peer: 'Promise.all of async functions' },
  { workload: 'W9', ours: 'Pipelines, one thread', peer: 'tinypool, 64 items per task' },
  { workload: 'W10', ours: 'Pipelines, createPipeline', peer: 'Node streams' },
]

export function nameOf({ workload, ours, peer }: Pair): string {
  return `${workload}: ${ours} / ${peer}`
}

/** Our time by the peer's. */
export function ratioOf({ ours, peer }: Pair, rows: readonly Row[]): number {
  const samples = (name: string): readonly number[] => {
    const found = rows.find((row) => row.name === name)?.samples
    if (found === undefined) throw new Error(`no row "${name}"`)
    return found
  }
  return ratio(samples(ours), samples(peer))
}

/**
 * Twice what it was passes, more does not; what is not a number does not either.
 *
 * @throws when the baseline does not have the pair
 */
export function compare(pair: Pair, now: number, baseline: Baseline): Comparison {
  const before = Object.hasOwn(baseline, nameOf(pair)) ? baseline[nameOf(pair)] : undefined
  if (before === undefined) throw new Error(`The baseline has no "${nameOf(pair)}". Write it anew with --update.`)
  return { pair, before, now, passed: now <= LIMIT * before }
}
