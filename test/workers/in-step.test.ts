import { gate } from '@pipelines/testkit'
import { threads } from '@pipelines/workers'
import { afterEach, expect, test } from 'vitest'
import { range, turns, until } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { lineOf } from './worker-lines.js'

/* A worker whose node has `packetsInFlight` makes nothing before there is a place for it. */

const executor = threads()
afterEach(() => executor.close())

/** A line with `mid` in threads, behind which a function holds all that it gets until its gate is open. */
async function line(mid: { readonly coro: string } & Readonly<Record<string, unknown>>) {
  const [made, given, { opened, open }] = [new Int32Array(new SharedArrayBuffer(4)), [] as unknown[], gate()]
  const sink = async (n: number) => opened.then(() => n)
  const plumber = await lineOf(executor, 'in-step.mjs', { src: () => range(8), mid, sink }, { env: { made } })
  const pipeline = plumber.createPipeline({ onOutput: ({ value }) => void given.push(value) })
  return { given, open, pipeline, made: () => Atomics.load(made, 0) }
}

test.each([
  ['gives one output of an input', { coro: 'repeats', packetsInFlight: 1 }, 1],
  ['gives several outputs of an input', { coro: 'repeats', args: { times: 3 }, packetsInFlight: 2, workers: 3 }, 3],
  ['gives one output of an input, for many at once', { coro: 'repeats', packetsInFlight: 5, workers: 2 }, 1],
  ['emits, and is no generator', { coro: 'emits', packetsInFlight: 1, workers: 2 }, 1],
  ['emits many, and is no generator', { coro: 'emits', packetsInFlight: 4 }, 1],
  ['emits, and yields nothing', { coro: 'emitsOnly', packetsInFlight: 3, workers: 2 }, 1],
])('a stream that %s makes one for each place', async (_what, mid, times) => {
  const { made, open, given, pipeline } = await line(mid)
  await until(() => made() === mid.packetsInFlight)
  await turns(100)
  expect(made()).toBe(mid.packetsInFlight)
  open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(given.toSorted()).toEqual(range(8).flatMap((n) => Array(times).fill(n)))
})

test.each(['emitsAndYields', 'emitsAndYieldsEach'])('what is emitted beside an output follows: %s', async (coro) => {
  const { made, open, given, pipeline } = await line({ coro, packetsInFlight: 1 })
  await until(() => made() === 2)
  await turns(100)
  expect(made()).toBe(2)
  open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(given).toEqual(range(8).flatMap((n) => [n, n]))
})

test.each([
  ['asksFirst', 1],
  ['asksFirst', 4],
  ['enlarges', 4],
])('nothing stands still: %s, with %i in flight', async (coro, packetsInFlight) => {
  const { open, given, pipeline } = await line({ coro, packetsInFlight })
  open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(given.map((one) => (typeof one === 'object' ? (one as { n: number }).n : one))).toEqual(range(8))
})

test('a worker that waits for a place is let go at doomsday', async () => {
  const { made, open, pipeline } = await line({ coro: 'repeats', packetsInFlight: 1, workers: 2 })
  await until(() => made() === 1)
  const doomed = pipeline.doomsday()
  open()
  const report = await doomed
  expectBalancedBooks(report, [])
  expect([report.abandoned, made()]).toEqual([[], 1])
})
