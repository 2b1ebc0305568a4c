import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from, map } from 'rxjs'
import { chain, onlySum } from '../graphs.js'
import { increment, numbers, sumOfIncremented } from '../numbers.js'
import { raceTable, type Scale, type Workload } from '../workload.js'

const CAPACITY = 64

/** Source → +1 → sink over numbers: what one hop costs where nothing has to wait for anything but the queue. */
export const syncChain: Workload = {
  name: 'sync-chain',
  measure: async ({ quick, rounds }: Scale) => {
    const items = quick ? 100_000 : 1_000_000
    const table = await raceTable({
      title: `sync-chain: source → +1 → sink, ${items.toLocaleString('en-US')} numbers`,
      items,
      rounds,
      checksum: sumOfIncremented(items),
      ours: `Pipelines, capacity ${CAPACITY}`,
      reference: 'sync generators',
      contestants: [
        { name: `Pipelines, capacity ${CAPACITY}`, run: onlySum(chain({ items, queueSize: CAPACITY })) },
        { name: 'Pipelines, capacity 1024', run: onlySum(chain({ items, queueSize: 1_024 })) },
        { name: 'sync generators', run: () => generators(items) },
        { name: 'async generators', run: () => asyncGenerators(items) },
        { name: `Node streams, capacity ${CAPACITY}`, run: () => streams(items, CAPACITY) },
        { name: 'Node streams, capacity 1024', run: () => streams(items, 1_024) },
        { name: 'RxJS map (no bounds)', run: () => rx(items) },
      ],
    })
    return [table]
  },
}

function generators(items: number): number {
  function* step(source: Iterable<number>): Generator<number> {
    for (const value of source) yield increment(value)
  }
  let sum = 0
  for (const value of step(numbers(items))) sum += value
  return sum
}

async function asyncGenerators(items: number): Promise<number> {
  async function* source(): AsyncGenerator<number> {
    yield* numbers(items)
  }
  async function* step(values: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const value of values) yield increment(value)
  }
  let sum = 0
  for await (const value of step(source())) sum += value
  return sum
}

async function streams(items: number, highWaterMark: number): Promise<number> {
  const iterator = numbers(items)
  let sum = 0
  // A `read` of one's own: `Readable.from` awaits every value and takes twice the time.
  const source = new Readable({
    objectMode: true,
    highWaterMark,
    read() {
      for (let more = true; more; ) {
        const { value, done } = iterator.next()
        more = this.push(done ? null : value) && !done
      }
    },
  })
  const step = new Transform({
    objectMode: true,
    highWaterMark,
    transform: (value, _encoding, callback) => callback(null, increment(value)),
  })
  const sink = new Writable({
    objectMode: true,
    highWaterMark,
    write(value, _encoding, callback) {
      sum += value
      callback()
    },
  })
  await pipeline(source, step, sink)
  return sum
}

function rx(items: number): number {
  let sum = 0
  from(numbers(items))
    .pipe(map(increment))
    .subscribe((value) => {
      sum += value
    })
  return sum
}
