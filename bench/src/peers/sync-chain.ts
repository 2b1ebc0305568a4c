import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Effect, Stream } from 'effect'
import { from, map } from 'rxjs'
import { map as mapIterable } from 'streaming-iterables'
import { increment, numbers, sink, taken } from '../numbers.js'
import type { Contestant } from '../workload.js'

export const GENERATORS = 'sync generators'
export const ASYNC_GENERATORS = 'async generators'
export const STREAMS_64 = 'Node streams, highWaterMark 64'
export const STREAMS_1024 = 'Node streams, highWaterMark 1,024'
export const EFFECT = 'Effect Stream.map'
export const STREAMING_ITERABLES = 'streaming-iterables map'

/** Peers that wait for a slow receiver, and take their items from the same generator as everybody. */
export const BOUNDED_PEERS: readonly string[] = [
  GENERATORS,
  ASYNC_GENERATORS,
  STREAMS_64,
  STREAMS_1024,
  EFFECT,
  STREAMING_ITERABLES,
]

/** Numbers → +1 → sum, as others do it. */
export const syncChainPeers: readonly Contestant[] = [
  { name: GENERATORS, bounds: true, run: generators },
  { name: ASYNC_GENERATORS, bounds: true, run: asyncGenerators },
  { name: STREAMS_64, bounds: true, run: (items) => streams(items, 64) },
  { name: STREAMS_1024, bounds: true, run: (items) => streams(items, 1_024) },
  { name: 'RxJS map', bounds: false, run: rx },
  { name: EFFECT, bounds: true, run: (items) => effect(Stream.fromIterable(numbers(items))) },
  // Makes its numbers itself, by whole arrays and without a generator: to see what the source costs the others.
  { name: 'Effect Stream.range, no generator', bounds: true, run: (items) => effect(Stream.range(0, items - 1)) },
  { name: STREAMING_ITERABLES, bounds: true, run: streamingIterables },
]

function generators(items: number): number {
  function* step(source: Iterable<number>): Generator<number> {
    for (const value of source) yield increment(value)
  }
  for (const value of step(numbers(items))) sink(value)
  return taken()
}

async function asyncGenerators(items: number): Promise<number> {
  async function* source(): AsyncGenerator<number> {
    yield* numbers(items)
  }
  async function* step(values: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const value of values) yield increment(value)
  }
  for await (const value of step(source())) sink(value)
  return taken()
}

/** Node's documentation, "Stream": `pipeline` and the simplified constructors. */
async function streams(items: number, highWaterMark: number): Promise<number> {
  const iterator = numbers(items)
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
  const last = new Writable({
    objectMode: true,
    highWaterMark,
    write(value, _encoding, callback) {
      sink(value)
      callback()
    },
  })
  await pipeline(source, step, last)
  return taken()
}

/** rxjs.dev, guide "Operators": piping; `subscribe` without a subject between. */
function rx(items: number): number {
  from(numbers(items)).pipe(map(increment)).subscribe(sink)
  return taken()
}

/** effect, Stream.d.ts: the example of `runFold`; `runForEach` makes an effect per item, which takes several times as long. */
async function effect(source: Stream.Stream<number>): Promise<number> {
  const all = Stream.runFold(
    source.pipe(Stream.map(increment)),
    () => 0,
    (count, value) => {
      sink(value)
      return count + 1
    },
  )
  await Effect.runPromise(all)
  return taken()
}

/** Its README, "map": `for await`, which takes less than its own `reduce`. */
async function streamingIterables(items: number): Promise<number> {
  for await (const value of mapIterable(increment, numbers(items))) sink(value)
  return taken()
}
