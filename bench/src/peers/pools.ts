import { Readable } from 'node:stream'
import { Effect, Stream } from 'effect'
import * as fastq from 'fastq'
import pMap, { pMapIterable } from 'p-map'
import PQueue from 'p-queue'
import { from, lastValueFrom, mergeMap, reduce } from 'rxjs'
import { parallelMap, transform } from 'streaming-iterables'
import { numbers } from '../numbers.js'

/** An async function, run on many items with so many of them in progress at once; the results are summed. */
export interface Pool {
  readonly items: number
  readonly workers: number
  readonly step: (value: number) => Promise<number>
}

/** Workers that take from one iterator: the least that this work can cost. */
export async function loop({ items, workers, step }: Pool): Promise<number> {
  const source = numbers(items)
  let sum = 0
  const worker = async (): Promise<void> => {
    for (const value of source) {
      const result = await step(value)
      sum += result
    }
  }
  await Promise.all(Array.from({ length: workers }, worker))
  return sum
}

/** The same, and results leave in the order of the items. */
export async function orderedLoop({ items, workers, step }: Pool): Promise<number> {
  const source = numbers(items)
  const done = new Map<number, number>()
  let taken = 0
  let next = 0
  let sum = 0
  const worker = async (): Promise<void> => {
    for (let item = source.next(); !item.done; item = source.next()) {
      const turn = taken++
      done.set(turn, await step(item.value))
      for (let result = done.get(next); result !== undefined; result = done.get(next)) {
        done.delete(next++)
        sum += result
      }
    }
  }
  await Promise.all(Array.from({ length: workers }, worker))
  return sum
}

/** Its README, "transform": the faster one, where order does not matter. */
export function transformed({ items, workers, step }: Pool): Promise<number> {
  return summed(transform(workers, step, numbers(items)))
}

/** Its README, "parallelMap". */
export function parallelMapped({ items, workers, step }: Pool): Promise<number> {
  return summed(parallelMap(workers, step, numbers(items)))
}

/** Its README, "pMap": all results in one array. */
export async function pMapped({ items, workers, step }: Pool): Promise<number> {
  let sum = 0
  for (const value of await pMap(numbers(items), step, { concurrency: workers })) sum += value
  return sum
}

/** Its README, "pMapIterable": limited concurrency and backpressure. */
export function pMapIterated({ items, workers, step }: Pool, preserveOrder: boolean): Promise<number> {
  return summed(pMapIterable(numbers(items), step, { concurrency: workers, preserveOrder }))
}

/**
 * Its README, "How do I implement backpressure?". Kinder than written there, where each `add` waits: only a full queue
 * does. With all tasks added at once (`addAll`) it took five times as long.
 */
export async function pQueue({ items, workers, step }: Pool, capacity: number): Promise<number> {
  const queue = new PQueue({ concurrency: workers })
  let sum = 0
  for (const value of numbers(items)) {
    if (queue.size >= capacity) await queue.onSizeLessThan(capacity / 2)
    void queue.add(async () => {
      const result = await step(value)
      sum += result
    })
  }
  await queue.onIdle()
  return sum
}

/** Its README, "Usage (promise API)" and "drained". It has nothing to wait for while the queue is long. */
export async function fastQueue({ items, workers, step }: Pool): Promise<number> {
  let sum = 0
  const queue = fastq.promise(async (value: number) => {
    const result = await step(value)
    sum += result
  }, workers)
  for (const value of numbers(items)) void queue.push(value)
  await queue.drained()
  return sum
}

/** rxjs.dev, `mergeMap`: `concurrent`. What waits is kept in one array, so that its cost grows with the items. */
export function mergeMapped({ items, workers, step }: Pool): Promise<number> {
  const sum = reduce((total: number, value: number) => total + value, 0)
  return lastValueFrom(from(numbers(items)).pipe(mergeMap(step, workers), sum))
}

/** effect, Stream.d.ts: `mapEffect` with `concurrency`. */
export function mapEffect({ items, workers, step }: Pool, unordered: boolean): Promise<number> {
  const mapped = Stream.fromIterable(numbers(items)).pipe(
    Stream.mapEffect((value) => Effect.promise(() => step(value)), { concurrency: workers, unordered }),
  )
  const sum = Stream.runFold(
    mapped,
    () => 0,
    (total, value) => total + value,
  )
  return Effect.runPromise(sum)
}

/** Node's documentation, `readable.map`. */
export function streamMapped({ items, workers, step }: Pool): Promise<number> {
  return summed(Readable.from(numbers(items)).map(step, { concurrency: workers }))
}

async function summed(values: AsyncIterable<number>): Promise<number> {
  let sum = 0
  for await (const value of values) sum += value
  return sum
}
