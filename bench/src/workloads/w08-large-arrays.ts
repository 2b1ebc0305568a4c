import { inChild } from '../child.js'
import { count, type Figures } from '../figures.js'
import { sumAfter } from '../numbers.js'
import { loop } from '../peers/pools.js'
import { arrayHops, first, freshOne, QUEUE_SIZE, STAGES } from '../workers/arrays.js'
import { endKept } from '../workers/kept.js'
import { movingPiscina, piscina, tinypool } from '../workers/pools.js'
import type { Contestant, Size, Workload } from '../workload.js'

const MOVED = 'Pipelines, transfer: true'
const DEFAULT = 'Pipelines'
const ITEMS: Readonly<Record<Size, number>> = { full: 100, short: 20, quick: 2 }
/** Copies take so long that a part of them has to do. */
const SMALL_SHARE = 1 / 20
/** Milliseconds per array of the fastest of the Python libraries, whose threads share them: 0.7 s for 100 of them. */
const SEED_MS = 7
/** Arrays that are on their way at most: those in the queues, and one with each node. */
const IN_FLIGHT = (STAGES + 1) * QUEUE_SIZE + STAGES + 2
const ARRAY_MB = 40

/** Large arrays through several threads: whether they move, and what they take on their way. */
export const largeArrays: Workload = {
  name: 'W8',
  parts: [
    {
      kind: 'race',
      title: `W8: source → ${STAGES} threads, one after the other → sink, arrays of ${ARRAY_MB} MB, time on the wall`,
      items: ITEMS,
      figure: 'msPerItem',
      checksum: (items) => sumAfter(STAGES, items),
      contestants: [
        { name: MOVED, ours: true, bounds: true, run: arrayHops(true) },
        { name: DEFAULT, ours: true, bounds: true, share: SMALL_SHARE, run: arrayHops(false) },
        throughPool('piscina, moved', 1, movingPiscina(STAGES)),
        throughPool('piscina, copied', SMALL_SHARE, piscina(STAGES, 'touch')),
        throughPool('tinypool, copied', SMALL_SHARE, tinypool('worker_threads', STAGES, 'touch')),
      ],
      targets: [
        { kind: 'figure', ours: MOVED, figure: 'msPerItem', atMost: SEED_MS },
        { kind: 'speed', ours: MOVED, of: ['piscina, copied', 'tinypool, copied'], atLeast: 1 },
      ],
      close: endKept,
    },
    {
      kind: 'probe',
      title: (size) => `W8: the same, every page of the arrays in use; ${count(ITEMS[size])} items`,
      columns: ['rssGrowthMb', 'seconds'],
      rows: [
        { name: MOVED, ours: true, measure: memory(true) },
        { name: DEFAULT, ours: true, measure: memory(false) },
      ],
      targets: [{ kind: 'figure', ours: MOVED, figure: 'rssGrowthMb', atMost: IN_FLIGHT * ARRAY_MB }],
    },
  ],
}

/** Each array through one task after the other; as many arrays at once as there are threads. */
function throughPool(name: string, share: number, run: (array: Float64Array) => Promise<unknown>): Contestant {
  const step = async (item: number): Promise<number> => {
    let array = freshOne(item)
    for (let stage = 0; stage < STAGES; stage++) {
      const result = await run(array)
      array = result as Float64Array
    }
    return first(array)
  }
  return { name, bounds: true, share, run: (items) => loop({ items, workers: STAGES, step }) }
}

function memory(transfer: boolean): (size: Size) => Promise<Figures> {
  return (size) => inChild('./children/peak.js', [String(transfer), String(ITEMS[size])])
}
