import { numbers } from '../numbers.js'
import { loop } from '../peers/pools.js'
import { burn } from '../workers/coros.js'
import { hops, type Place } from '../workers/graphs.js'
import { endKept } from '../workers/kept.js'
import { piscina, type RunTask, tinypool } from '../workers/pools.js'
import type { Contestant, Race, Workload } from '../workload.js'

const WORKERS = 2
/** Tasks that a pool is given at once: with one per worker, a worker would wait for this event loop each time. */
const IN_FLIGHT = 2 * WORKERS
/** Numbers that the arithmetic begins with, again and again: what comes of them is soon known. */
const SEEDS = 4

/** Whether two workers do twice the work of one. */
export const arithmetic: Workload = {
  name: 'W7',
  parts: [
    parallel('thread', 'threads', [
      pool('tinypool', tinypool('worker_threads', WORKERS, 'burn')),
      pool('piscina', piscina(WORKERS, 'burn')),
    ]),
    parallel('process', 'processes', [pool('tinypool', tinypool('child_process', WORKERS, 'burn'))]),
  ],
}

function parallel(place: Place, places: string, pools: readonly Contestant[]): Race {
  const one = `Pipelines, 1 ${place}`
  const two = `Pipelines, ${WORKERS} ${places}`
  return {
    kind: 'race',
    title: `W7: source → about 10 ms of arithmetic on ${WORKERS} ${places} → sink, time on the wall`,
    items: { full: 200, short: 20, quick: 2 },
    figure: 'msPerRun',
    checksum: sum,
    contestants: [
      { name: two, ours: true, bounds: true, run: ours(place, WORKERS) },
      { name: one, ours: true, bounds: true, run: ours(place, 1) },
      ...pools,
    ],
    targets: [
      { kind: 'speed', ours: two, of: [one], atLeast: 1.9 },
      { kind: 'time', ours: two, of: pools.map(({ name }) => name), atMost: 1.05 },
    ],
    close: endKept,
  }
}

function ours(place: Place, workers: number): Contestant['run'] {
  return hops({ place, workers, coro: 'burn', source: seeds, worth: (state: number) => state })
}

function pool(name: string, run: RunTask): Contestant {
  const step = async (item: number): Promise<number> => Number(await run(item % SEEDS))
  return {
    name: `${name}, ${WORKERS} workers`,
    bounds: true,
    run: (items) => loop({ items, workers: IN_FLIGHT, step }),
  }
}

function* seeds(items: number): Generator<number, void, void> {
  for (const item of numbers(items)) yield item % SEEDS
}

const results = new Map<number, number>()

function sum(items: number): number {
  let total = 0
  for (const seed of seeds(items)) {
    const result = results.get(seed) ?? burn(seed)
    results.set(seed, result)
    total += result
  }
  return total
}
