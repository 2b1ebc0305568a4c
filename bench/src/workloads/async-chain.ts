import { Readable } from 'node:stream'
import { from, lastValueFrom, mergeMap, reduce } from 'rxjs'
import { PQueue } from '../engine-queue.js'
import { chain, onlySum } from '../graphs.js'
import { incrementAsync, numbers, sumOfIncremented } from '../numbers.js'
import { raceTable, type Scale, type Workload } from '../workload.js'

const WORKERS = 16
const CAPACITY = 64

/** Source → async function that resolves at once → sink: what it costs to keep workers and, if wanted, an order. */
export const asyncChain: Workload = {
  name: 'async-chain',
  measure: async ({ quick, rounds }: Scale) => {
    const items = quick ? 20_000 : 100_000
    const ours = { items, queueSize: CAPACITY, step: incrementAsync, workers: WORKERS }
    const table = await raceTable({
      title: `async-chain: source → async +1, ${WORKERS} workers → sink, ${items.toLocaleString('en-US')} numbers`,
      items,
      rounds,
      checksum: sumOfIncremented(items),
      ours: 'Pipelines, ordered',
      reference: 'hand-written loop',
      contestants: [
        { name: 'Pipelines, ordered', run: onlySum(chain({ ...ours, ordered: true })) },
        { name: 'Pipelines, unordered', run: onlySum(chain({ ...ours, ordered: false })) },
        { name: 'hand-written loop', run: () => loop(items) },
        { name: 'hand-written loop, ordered', run: () => orderedLoop(items) },
        { name: 'p-queue, one task per item', run: () => pQueue(items) },
        { name: 'RxJS mergeMap (no bounds)', run: () => rx(items) },
        { name: 'Node streams map, ordered', run: () => streams(items) },
      ],
    })
    return [table]
  },
}

async function loop(items: number): Promise<number> {
  const source = numbers(items)
  let sum = 0
  const worker = async (): Promise<void> => {
    for (const value of source) {
      const result = await incrementAsync(value)
      sum += result
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
  return sum
}

async function orderedLoop(items: number): Promise<number> {
  const source = numbers(items)
  const done = new Map<number, number>()
  let taken = 0
  let next = 0
  let sum = 0
  const worker = async (): Promise<void> => {
    for (let step = source.next(); !step.done; step = source.next()) {
      const turn = taken++
      done.set(turn, await incrementAsync(step.value))
      for (let result = done.get(next); result !== undefined; result = done.get(next)) {
        done.delete(next++)
        sum += result
      }
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
  return sum
}

/** Bounded like the others: it is no slower than with all the items waiting at once. */
async function pQueue(items: number): Promise<number> {
  const queue = new PQueue({ concurrency: WORKERS })
  let sum = 0
  for (const value of numbers(items)) {
    if (queue.size >= CAPACITY) await queue.onSizeLessThan(CAPACITY / 2)
    void queue.add(async () => {
      const result = await incrementAsync(value)
      sum += result
    })
  }
  await queue.onIdle()
  return sum
}

function rx(items: number): Promise<number> {
  const sum = reduce((total: number, value: number) => total + value, 0)
  return lastValueFrom(from(numbers(items)).pipe(mergeMap(incrementAsync, WORKERS), sum))
}

async function streams(items: number): Promise<number> {
  const mapped = Readable.from(numbers(items), { highWaterMark: CAPACITY }).map(incrementAsync, {
    concurrency: WORKERS,
  })
  let sum = 0
  for await (const value of mapped) sum += value
  return sum
}
