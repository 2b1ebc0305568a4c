import { DROP } from '@pipelines/core'
import { gate, seeded } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import {
  endless,
  failureOf,
  from,
  having,
  nodeOf,
  outputs,
  plumberOf,
  range,
  reportOf,
  type Stage,
  same,
  turns,
} from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'

/** One source, two branches, one join: the branches are what differs. */
const diamond = (count: number, a: Stage, b: Stage, properties = {}) =>
  plumberOf(
    { src: from(...range(count)), a, b, join: having(properties, same) },
    { src: ['a', 'b'], a: ['join'], b: ['join'], join: null },
  )

/** Two sources that have nothing in common, and one join. */
const zipped = (a: Stage, b: Stage, properties = {}) =>
  plumberOf({ a, b, join: having(properties, same) }, { a: ['join'], b: ['join'], join: null })

const pairs = (count: number) => range(count).map((n) => [n, n])

test('P-09 an aggregate waits for one item of every predecessor', async () => {
  const open = gate()
  const seen = outputs()
  const slow = async (n: number) => {
    await open.opened
    return n
  }
  const pipeline = diamond(3, same, slow).createPipeline(seen.options)
  await turns()
  expect(seen.values).toEqual([])
  open.open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(seen.values).toEqual(pairs(3))
})

test('P-09 aggregateInputs is true unless written', async () => {
  expect(await diamond(2, same, same).collect()).toEqual(pairs(2))
  expect(await diamond(2, same, same, { aggregateInputs: true }).collect()).toEqual(pairs(2))
})

test('P-09 the place in the tuple is the place of the predecessor in graph', async () => {
  const stages = { src: from('x'), a: () => 'a', b: () => 'b', c: () => 'c', join: same }
  const src = ['a', 'b', 'c']
  const [a, b, c] = [['join'], ['join'], ['join']]
  expect(await plumberOf(stages, { src, a, b, c }).collect()).toEqual([['a', 'b', 'c']])
  expect(await plumberOf(stages, { c, a, src, b }).collect()).toEqual([['c', 'a', 'b']])
  expect(await plumberOf(stages, { b, c, a, src }).collect()).toEqual([['b', 'c', 'a']])
})

test('P-10 a branch of changing latency never mixes two source items', async () => {
  const random = seeded(10)
  const late = async (n: number) => {
    await turns(Math.floor(4 * random()))
    return n
  }
  const plumber = diamond(60, having({ workers: 8, ordered: false }, late), having({ workers: 3 }, late))
  expect(await plumber.collect()).toEqual(pairs(60))
})

test('P-10 an item dropped in one branch takes its partner with it and shifts nobody', async () => {
  const odd = (n: number) => (n % 2 === 1 ? n : DROP)
  const plumber = diamond(20, odd, same)
  const report = await plumber.run()
  expect(await plumber.collect()).toEqual(pairs(20).filter(([n]) => n !== undefined && n % 2 === 1))
  expect(nodeOf(report, 'join')).toMatchObject({ received: 30, completed: 30, emitted: 10 })
  expectBalancedBooks(report, [])
})

test('P-10 an item that fails in one branch takes its partner with it and shifts nobody', async () => {
  const picky = (n: number) => {
    if (n % 3 === 0) throw new Error('a multiple of three')
    return n
  }
  const plumber = diamond(9, having({ onError: 'skip' }, picky), same)
  const report = await plumber.run()
  expect(await plumber.collect()).toEqual([1, 2, 4, 5, 7, 8].map((n) => [n, n]))
  expect(nodeOf(report, 'a')).toMatchObject({ received: 9, failed: 3, completed: 6 })
  expectBalancedBooks(report, [])
})

test('P-10 a branch that turns one item into several is named', async () => {
  function* twice(n: number) {
    yield n
    yield n
  }
  const error = await failureOf(() => diamond(3, same, twice).run())
  expect(error.code).toBe('PLB_NODE_CARDINALITY')
  expect(error.message).toContain('"b"')
  expectBalancedBooks(reportOf(error), [])
})

test('P-10 a filter in a branch does not lock up queues that hold one item', async () => {
  const tight = { queueSize: 1, fuse: false }
  const rare = (n: number) => (n % 50 === 49 ? n : DROP)
  const plumber = diamond(200, having(tight, rare), having(tight, same), tight)
  expect(await plumber.collect()).toEqual([49, 99, 149, 199].map((n) => [n, n]))
})

test('P-10 without a common source the pairs are made by position', async () => {
  const plumber = zipped(from(1, 2), from('a', 'b'))
  expect(await plumber.collect()).toEqual([
    [1, 'a'],
    [2, 'b'],
  ])
})

test('P-10 a surplus on one side fails the run after the pairs there are', async () => {
  const seen = outputs()
  const error = await failureOf(() => zipped(from(1, 2, 3, 4), from('a', 'b')).run(undefined, seen.options))
  expect(seen.values).toEqual([
    [1, 'a'],
    [2, 'b'],
  ])
  expect(error.code).toBe('PLB_RUN_UNEQUAL')
  expect(reportOf(error).outcome).toBe('failed')
  expectBalancedBooks(reportOf(error), [])
})

test('P-10 with unequal: "shortest" the longer side is closed and the run is well', async () => {
  const numbers = endless()
  const plumber = zipped(numbers.source, from('a', 'b'), { unequal: 'shortest' })
  const seen = outputs()
  const report = await plumber.run(undefined, seen.options)
  expect(seen.values).toEqual([
    [0, 'a'],
    [1, 'b'],
  ])
  expect(numbers.closed).toBe(true)
  expectBalancedBooks(report, [])
})

test('P-10 with unequal: "longest" the shorter side is filled up with undefined', async () => {
  const plumber = zipped(from(1, 2, 3), from('a'), { unequal: 'longest' })
  expect(await plumber.collect()).toEqual([
    [1, 'a'],
    [2, undefined],
    [3, undefined],
  ])
})

test('P-11 without aggregation all predecessors are merged, and each item comes as itself', async () => {
  const plumber = diamond(3, same, (n: number) => `b${n}`, { aggregateInputs: false })
  const values = await plumber.collect()
  expect(values.filter((value) => typeof value === 'number')).toEqual([0, 1, 2])
  expect(values.filter((value) => typeof value === 'string')).toEqual(['b0', 'b1', 'b2'])
  expect(values).toHaveLength(6)
})

test('P-11 a merge takes what has arrived and waits for nobody', async () => {
  const open = gate()
  const seen = outputs()
  const slow = async (n: number) => {
    await open.opened
    return -n - 1
  }
  const pipeline = diamond(2, same, slow, { aggregateInputs: false }).createPipeline(seen.options)
  await turns()
  expect(seen.values).toEqual([0, 1])
  open.open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(seen.values).toEqual([0, 1, -1, -2])
})
