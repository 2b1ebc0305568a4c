import { chain, onlySum } from '../graphs.js'
import { sumAfter } from '../numbers.js'
import * as pools from '../peers/pools.js'
import type { Contestant, Workload } from '../workload.js'

const WORKERS = 1_000
const ORDERED = 'Pipelines, ordered'
const UNORDERED = 'Pipelines, unordered'
const LOOP = 'hand-written loop'

const peers: readonly Contestant[] = [
  { name: LOOP, bounds: true, run: (items) => pools.loop(pool(items)) },
  { name: 'p-map', bounds: false, run: (items) => pools.pMapped(pool(items)) },
  { name: 'streaming-iterables transform', bounds: true, run: (items) => pools.transformed(pool(items)) },
]

/** Many items that do nothing but wait: how many wait at once decides, and nothing else should cost anything. */
export const timers: Workload = {
  name: 'W4',
  parts: [
    {
      kind: 'race',
      title: `W4: source → timer of 1 ms, ${WORKERS.toLocaleString('en-US')} workers → sink, time on the wall`,
      items: { full: 20_000, short: 5_000, quick: 2_000 },
      figure: 'msPerRun',
      checksum: (items) => sumAfter(1, items),
      contestants: [
        { name: ORDERED, ours: true, bounds: true, run: onlySum(ours(true)) },
        { name: UNORDERED, ours: true, bounds: true, run: onlySum(ours(false)) },
        ...peers,
      ],
      targets: [
        { kind: 'time', ours: ORDERED, of: [LOOP], atMost: 1.15 },
        { kind: 'time', ours: UNORDERED, of: [LOOP], atMost: 1.15 },
      ],
    },
  ],
}

function ours(ordered: boolean): ReturnType<typeof chain> {
  return chain({ step: later, workers: WORKERS, ordered })
}

function pool(items: number): pools.Pool {
  return { items, workers: WORKERS, step: later }
}

function later(value: number): Promise<number> {
  return new Promise((resolve) => setTimeout(() => resolve(value + 1), 1))
}
