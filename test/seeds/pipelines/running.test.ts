import { type Gate, gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import {
  chain,
  endless,
  failureOf,
  from,
  nodeOf,
  outputs,
  plumberOf,
  range,
  reportOf,
  same,
  turns,
  unfused,
  until,
} from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'

/** A coroutine whose every item waits at a gate of its own, and the most that were in progress at once. */
function gated(count: number): { readonly gates: readonly Gate[]; most: number; wait(n: number): Promise<number> } {
  let running = 0
  const state = { gates: range(count).map(gate), most: 0, wait }
  async function wait(n: number): Promise<number> {
    state.most = Math.max(state.most, ++running)
    await state.gates[n]?.opened
    running--
    return n
  }
  return state
}

/** Opens the gates in the order given, and waits each time for all that follows from it. */
async function openInOrder(gates: readonly Gate[], order: readonly number[]): Promise<void> {
  for (const n of order) {
    gates[n]?.open()
    await turns()
  }
}

test('P-16 a node has one item in progress unless workers says otherwise', async () => {
  const items = gated(5)
  const pipeline = chain({ src: from(...range(5)), out: items.wait }).createPipeline()
  await openInOrder(items.gates, range(5))
  expectBalancedBooks(await pipeline.settled, [])
  expect(items.most).toBe(1)
})

test('P-16 workers is exactly how many items are in progress at once', async () => {
  const items = gated(300)
  const pipeline = chain({ src: from(...range(300)), out: unfused(items.wait, { workers: 7 }) }).createPipeline()
  await until(() => items.most === 7)
  await openInOrder(items.gates, [0, 1, 2])
  expect(nodeOf(pipeline.snapshot(), 'out').inProgress).toBe(7)
  for (const { open } of items.gates) open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(items.most).toBe(7)
})

test('P-16 outputs leave in the order of the inputs', async () => {
  const items = gated(3)
  const seen = outputs()
  const pipeline = chain({ src: from(0, 1, 2), out: unfused(items.wait, { workers: 3 }) }).createPipeline(seen.options)
  await openInOrder(items.gates, [2, 1])
  expect(seen.values).toEqual([])
  await openInOrder(items.gates, [0])
  expectBalancedBooks(await pipeline.settled, [])
  expect(seen.values).toEqual([0, 1, 2])
})

test('P-16 with ordered: false outputs leave as they finish', async () => {
  const items = gated(3)
  const seen = outputs()
  const stage = unfused(items.wait, { workers: 3, ordered: false })
  const pipeline = chain({ src: from(0, 1, 2), out: stage }).createPipeline(seen.options)
  await openInOrder(items.gates, [2, 0, 1])
  expectBalancedBooks(await pipeline.settled, [])
  expect(seen.values).toEqual([2, 0, 1])
})

test('P-17 an error fails the run, and the caller is told', async () => {
  const boom = new Error('item 2')
  const picky = (n: number) => {
    if (n === 2) throw boom
    return n
  }
  const error = await failureOf(() => chain({ src: from(1, 2, 3), picky, out: same }).run())
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
  expect(nodeOf(reportOf(error), 'picky').failed).toBe(1)
  expectBalancedBooks(reportOf(error), [])
})

test('P-17 with onError: "skip" the item is lost, counted, and the rest goes on', async () => {
  const picky = async (n: number) => {
    if (n === 2) throw new Error('item 2')
    return n
  }
  const seen = outputs()
  const plumber = chain({ src: from(1, 2, 3), picky: { coro: picky, properties: { onError: 'skip' } }, out: same })
  const report = await plumber.run(undefined, seen.options)
  expect(seen.values).toEqual([1, 3])
  expect(report.outcome).toBe('completed')
  expect(nodeOf(report, 'picky')).toMatchObject({ received: 3, completed: 2, failed: 1 })
  expectBalancedBooks(report, [])
})

test('P-18 what a leaf returns is an output of the run', async () => {
  const plumber = plumberOf({ src: from(1, 2), a: same, b: (n: number) => -n }, { src: ['a', 'b'], a: null, b: null })
  expect((await plumber.collect<number>()).sort((x, y) => x - y)).toEqual([-2, -1, 1, 2])
})

test('P-18 outputs that nobody asked for are discarded, not collected', async () => {
  const report = await chain({ src: () => range(20_000), out: same }).run()
  expect(nodeOf(report, 'out')).toMatchObject({ completed: 20_000, emitted: 20_000 })
  expectBalancedBooks(report, [])
})

test('P-18 a leaf that returns undefined has no output', async () => {
  const plumber = chain({ src: from(1, 2, 3), out: (n: number) => (n === 2 ? n : undefined) })
  const report = await plumber.run()
  expect(await plumber.collect()).toEqual([2])
  expect(nodeOf(report, 'out')).toMatchObject({ completed: 3, emitted: 1, dropped: 0 })
})

test('P-19 a run is over when its sources are, and everything has flowed out', async () => {
  const items = gated(3)
  const seen = outputs()
  const running = chain({ src: from(0, 1, 2), mid: items.wait, out: same }).run(undefined, seen.options)
  await openInOrder(items.gates, [0, 1])
  expect(seen.values).toEqual([0, 1])
  items.gates[2]?.open()
  expectBalancedBooks(await running, [])
  expect(seen.values).toEqual([0, 1, 2])
})

test('P-19 doomsday stops what would never stop', async () => {
  const numbers = endless()
  const pipeline = chain({ src: numbers.source, mid: same, out: same }).createPipeline()
  await until(() => numbers.read > 100)
  const report = await pipeline.doomsday('enough')
  expect(report).toMatchObject({ outcome: 'doomed', reason: 'enough' })
  expect(numbers.closed).toBe(true)
  expectBalancedBooks(report, [])
})

test('P-19 draining stops the sources and lets everything inside flow out', async () => {
  const numbers = endless()
  const seen = outputs()
  const pipeline = chain({ src: numbers.source, mid: same, out: same }).createPipeline(seen.options)
  await until(() => seen.values.length > 100)
  const report = await pipeline.drain()
  expect(report.outcome).toBe('completed')
  expect(seen.values).toEqual(range(nodeOf(report, 'src').emitted))
  expectBalancedBooks(report, [])
})
