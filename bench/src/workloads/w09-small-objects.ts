import { numbers, sumAfter } from '../numbers.js'
import { loop, type Pool } from '../peers/pools.js'
import type { Item } from '../workers/coros.js'
import { hops, type Place } from '../workers/graphs.js'
import { endKept } from '../workers/kept.js'
import { piscina, type RunTask, tinypool } from '../workers/pools.js'
import type { Contestant, Race, Workload } from '../workload.js'

/** Tasks that a pool is given at once. */
const IN_FLIGHT = 64
/** Items of one task, where somebody gathers them by hand. */
const GATHERED = 64
/** One task per item takes tens of microseconds. */
const SMALL_SHARE = 1 / 10

/** What it costs to send small objects to another thread or process, and back. */
export const smallObjects: Workload = {
  name: 'W9',
  parts: [
    hop('thread', 2, [
      ...tinypools('worker_threads'),
      { name: 'piscina, one task per item', bounds: true, share: SMALL_SHARE, run: byOne(piscina(1, 'increment')) },
    ]),
    hop('process', 3, tinypools('child_process')),
  ],
}

function hop(place: Place, atMostUs: number, peers: readonly Contestant[]): Race {
  const name = `Pipelines, one ${place}`
  return {
    kind: 'race',
    title: `W9: source → +1 in one ${place} → sink, small objects, time on the wall`,
    items: { full: 50_000, short: 20_000, quick: 200 },
    figure: 'usPerItem',
    checksum: (items) => sumAfter(1, items),
    contestants: [
      { name, ours: true, bounds: true, run: ours(place, 64) },
      { name: `${name}, queueSize 1,024`, ours: true, bounds: true, run: ours(place, 1_024) },
      ...peers,
    ],
    targets: [
      { kind: 'figure', ours: name, figure: 'usPerItem', atMost: atMostUs },
      {
        kind: 'speed',
        ours: name,
        of: peers.filter(({ share }) => share !== undefined).map((one) => one.name),
        atLeast: 1,
      },
    ],
    close: endKept,
  }
}

function ours(place: Place, queueSize: number): Contestant['run'] {
  return hops({ place, coro: 'increment', queueSize, source: objects, worth: ({ value }: Item) => value })
}

function tinypools(runtime: 'worker_threads' | 'child_process'): readonly Contestant[] {
  const pool = runtime === 'child_process' ? 'tinypool in a process' : 'tinypool'
  const one = byOne(tinypool(runtime, 1, 'increment'))
  const many = gathered(tinypool(runtime, 1, 'incrementAll'))
  return [
    { name: `${pool}, one task per item`, bounds: true, share: SMALL_SHARE, run: one },
    { name: `${pool}, ${GATHERED} items per task`, bounds: true, run: many },
  ]
}

function* objects(items: number): Generator<Item, void, void> {
  for (const id of numbers(items)) yield { id, name: `item ${id}`, value: id }
}

function byOne(run: RunTask): Contestant['run'] {
  const step: Pool['step'] = async (id) => ((await run({ id, name: `item ${id}`, value: id })) as Item).value
  return (items) => loop({ items, workers: IN_FLIGHT, step })
}

/** Two tasks at once, so that the worker has the next one when it has done this one. */
async function gatheredSum(items: number, run: RunTask): Promise<number> {
  const source = objects(items)
  let sum = 0
  const worker = async (): Promise<void> => {
    for (let batch = take(source); batch.length > 0; batch = take(source)) {
      const results = (await run(batch)) as readonly Item[]
      for (const { value } of results) sum += value
    }
  }
  await Promise.all([worker(), worker()])
  return sum
}

function gathered(run: RunTask): Contestant['run'] {
  return (items) => gatheredSum(items, run)
}

function take(source: Generator<Item, void, void>): Item[] {
  const batch: Item[] = []
  for (let item = source.next(); !item.done; item = source.next()) {
    batch.push(item.value)
    if (batch.length === GATHERED) break
  }
  return batch
}
