import { expect, test } from 'vitest'
import { expectBalancedBooks } from '../../support/books.js'
import { range } from '../../support/blackbox.js'
import { chainsOf, STRATEGIES, sharedFolder, sum, sumTo } from './strategies.js'

const chainOf = chainsOf(new URL('./fixtures/stages.mjs', import.meta.url))

test.each(STRATEGIES)('L-T01 a chain of four stages with constants completes (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 10 } },
    more: { coro: 'add', args: { by: 3 } },
    times: { coro: 'multiply', args: { by: 2 } },
    total: { coro: 'total' },
  })
  expect(await chain.plumber.collect()).toEqual([2 * (sumTo(10) + 30)])
})

test.each(STRATEGIES)('L-T02 what a source leaves behind in a buffer is not lost (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 101 } },
    slow: { coro: 'slow', workers: 2, queueSize: 1000 },
    total: { coro: 'total' },
  })
  expect(await chain.plumber.collect()).toEqual([sumTo(101)])
})

test.each(STRATEGIES)('L-T03 with one packet in flight stages work in turn (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  const args = { folder: folder.path }
  await using chain = await chainOf(strategy, {
    a: { coro: 'putting', args: { ...args, count: 101 }, packetsInFlight: 1 },
    b: { coro: 'pickingThenPutting', args: { ...args, first: 'pick' }, packetsInFlight: 1 },
    c: { coro: 'pickingThenPutting', args: { ...args, first: 'put' }, packetsInFlight: 1 },
    d: { coro: 'pickingThenPutting', args: { ...args, first: 'pick' } },
  })
  expect(await chain.plumber.collect()).toEqual(range(101))
})

test.each(STRATEGIES)('L-T05 30,000 items through 15, 1 and 16 workers give the exact total (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 30_000 } },
    wide: { coro: 'same', workers: 15 },
    narrow: { coro: 'groups', args: { size: 10 } },
    totals: { coro: 'totalOfGroups', workers: 16 },
  })
  const report = { totals: [] as number[] }
  const t = Date.now()
  const done = await chain.plumber.run(undefined, { onOutput: ({ value }) => void report.totals.push(value as number) })
  console.log(strategy, Date.now() - t)
  expectBalancedBooks(done, [])
  expect(sum(report.totals)).toBe(sumTo(30_000))
})

test.each(STRATEGIES)('X-T03 maps (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  const args = { folder: folder.path }
  await using chain = await chainOf(strategy, {
    a: { coro: 'putting', args: { ...args, count: 101 }, packetsInFlight: 1, executor: 'inline' },
    b: { coro: 'pickingThenPuttingMap', args: { ...args, first: 'pick' }, packetsInFlight: 1 },
    c: { coro: 'pickingThenPuttingMap', args: { ...args, first: 'put' }, packetsInFlight: 1 },
    d: { coro: 'pickingThenPuttingMap', args: { ...args, first: 'pick' } },
  })
  expect(await chain.plumber.collect()).toEqual(range(101))
})
test.each(STRATEGIES)('X-T03 maps with source (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  const args = { folder: folder.path }
  await using chain = await chainOf(strategy, {
    a: { coro: 'putting', args: { ...args, count: 101 }, packetsInFlight: 1 },
    b: { coro: 'pickingThenPuttingMap', args: { ...args, first: 'pick' }, packetsInFlight: 1 },
    c: { coro: 'pickingThenPuttingMap', args: { ...args, first: 'put' }, packetsInFlight: 1 },
    d: { coro: 'pickingThenPuttingMap', args: { ...args, first: 'pick' } },
  })
  expect(await chain.plumber.collect()).toEqual(range(101))
})
test.each(STRATEGIES)('X-T03 streams in pairs (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  const args = { folder: folder.path }
  await using chain = await chainOf(strategy, {
    a: { coro: 'putting', args: { ...args, count: 101 }, packetsInFlight: 1, executor: 'inline' },
    b: { coro: 'pickingThenPutting', args: { ...args, first: 'pick' }, packetsInFlight: 1 },
  })
  expect(await chain.plumber.collect()).toEqual(range(101))
})
