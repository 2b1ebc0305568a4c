import { chain, onlySum } from '../graphs.js'
import { incrementAsync, sumAfter } from '../numbers.js'
import * as pools from '../peers/pools.js'
import type { Contestant, Workload } from '../workload.js'

const WORKERS = 16
const ORDERED = 'Pipelines, ordered'
const UNORDERED = 'Pipelines, unordered'
const RX = 'RxJS mergeMap'
const P_QUEUE = 'p-queue, one task per item'

/** Peers that give results in the order of the items. */
const orderedPeers: readonly Contestant[] = [
  { name: 'streaming-iterables parallelMap', bounds: true, run: (items) => pools.parallelMapped(pool(items)) },
  { name: 'Effect mapEffect, ordered', bounds: true, run: (items) => pools.mapEffect(pool(items), false) },
  { name: 'p-map', bounds: false, run: (items) => pools.pMapped(pool(items)) },
  { name: 'p-map pMapIterable, ordered', bounds: true, run: (items) => pools.pMapIterated(pool(items), true) },
  { name: 'Node streams map', bounds: true, run: (items) => pools.streamMapped(pool(items)) },
]

/** Peers that give results as they come. */
const unorderedPeers: readonly Contestant[] = [
  { name: 'streaming-iterables transform', bounds: true, run: (items) => pools.transformed(pool(items)) },
  { name: 'Effect mapEffect, unordered', bounds: true, run: (items) => pools.mapEffect(pool(items), true) },
  { name: 'p-map pMapIterable, unordered', bounds: true, run: (items) => pools.pMapIterated(pool(items), false) },
  { name: RX, bounds: false, run: (items) => pools.mergeMapped(pool(items)) },
  { name: P_QUEUE, bounds: true, run: (items) => pools.pQueue(pool(items), 64) },
  { name: 'fastq promise', bounds: false, run: (items) => pools.fastQueue(pool(items)) },
]

const ordered = orderedPeers.map(({ name }) => name)
const all = [...ordered, ...unorderedPeers.map(({ name }) => name)]

/** What it costs to keep workers, and an order if wanted. */
export const workers: Workload = {
  name: 'W3',
  parts: [
    {
      kind: 'race',
      title: `W3: source → async +1 that resolves at once, ${WORKERS} workers → sink`,
      items: { full: 100_000, short: 100_000, quick: 500 },
      figure: 'nsPerItem',
      checksum: (items) => sumAfter(1, items),
      contestants: [
        { name: ORDERED, ours: true, bounds: true, run: onlySum(ours(true)) },
        { name: UNORDERED, ours: true, bounds: true, run: onlySum(ours(false)) },
        { name: 'hand-written loop, ordered', bounds: true, run: (items) => pools.orderedLoop(pool(items)) },
        { name: 'hand-written loop, unordered', bounds: true, run: (items) => pools.loop(pool(items)) },
        ...orderedPeers,
        ...unorderedPeers,
      ],
      targets: [
        { kind: 'speed', ours: ORDERED, of: ordered, atLeast: 1.3 },
        { kind: 'speed', ours: UNORDERED, of: all, atLeast: 1.3 },
        { kind: 'speed', ours: ORDERED, of: [RX], atLeast: 10 },
        { kind: 'speed', ours: UNORDERED, of: [RX], atLeast: 10 },
        { kind: 'speed', ours: ORDERED, of: [P_QUEUE], atLeast: 10 },
        { kind: 'speed', ours: UNORDERED, of: [P_QUEUE], atLeast: 10 },
      ],
    },
  ],
}

function ours(inOrder: boolean): ReturnType<typeof chain> {
  return chain({ step: incrementAsync, workers: WORKERS, ordered: inOrder })
}

function pool(items: number): pools.Pool {
  return { items, workers: WORKERS, step: incrementAsync }
}
