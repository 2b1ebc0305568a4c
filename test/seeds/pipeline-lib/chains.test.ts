import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { outputs, range } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { chainsOf, STRATEGIES, sharedFolder, sum, sumTo, WORKERS } from './strategies.js'

const chainOf = chainsOf(new URL('./fixtures/stages.mjs', import.meta.url))

test.each(STRATEGIES)('L-13 a single stage runs where it says, like any other (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, { only: { coro: 'whereabouts' } })
  const [where] = await chain.plumber.collect<string>()
  if (strategy === 'inline') expect(where).toBe(`${process.pid}/${threadId}`)
  else expect(where).not.toBe(`${process.pid}/${threadId}`)
})

test.each(STRATEGIES)('L-T01 a chain of four stages with constants completes (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 10 } },
    more: { coro: 'add', args: { by: 3 } },
    times: { coro: 'multiply', args: { by: 2 } },
    total: { coro: 'total' },
  })
  expect(await chain.plumber.collect()).toEqual([2 * (sumTo(10) + 30)])
})

test.each(STRATEGIES)(
  'L-T02 what a source left in a buffer of 1000 when it ended is not lost (%s)',
  async (strategy) => {
    await using folder = await sharedFolder()
    await using chain = await chainOf(strategy, {
      numbers: { coro: 'numbers', args: { count: 101 } },
      slow: { coro: 'gated', args: { folder: folder.path }, workers: 2, queueSize: 1000 },
      total: { coro: 'total' },
    })
    const seen = outputs()
    const pipeline = chain.plumber.createPipeline(seen.options)
    pipeline.on('node:state', ({ node, to }) => {
      if (node === 'numbers' && to === 'ended') writeFileSync(join(folder.path, 'open'), '')
    })
    expectBalancedBooks(await pipeline.settled, [])
    expect(seen.values).toEqual([sumTo(101)])
  },
)

test.each(STRATEGIES)('L-T03 with one packet in flight stages work strictly in turn (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  const args = { folder: folder.path }
  await using chain = await chainOf(strategy, {
    a: { coro: 'numbersPutting', args: { ...args, count: 101 }, packetsInFlight: 1 },
    b: { coro: 'pickingAll', args, packetsInFlight: 1 },
    c: { coro: 'putting', args, packetsInFlight: 1 },
    d: { coro: 'pickingAll', args },
  })
  expect(await chain.plumber.collect()).toEqual(range(101))
})

test.each(STRATEGIES)(
  'L-T05 30,000 items through 15, 1 and 16 workers give the exact total (%s)',
  async (strategy) => {
    await using chain = await chainOf(strategy, {
      numbers: { coro: 'numbers', args: { count: 30_000 } },
      wide: { coro: 'pass', workers: 15 },
      narrow: { coro: 'grouping', args: { size: 7 } },
      totals: { coro: 'totalOfGroups', workers: 16 },
    })
    const totals = await chain.plumber.collect<number>()
    expect(totals).toHaveLength(16)
    expect(sum(totals)).toBe(sumTo(30_000))
  },
  120_000,
)

test.each(STRATEGIES)('L-T06 four workers each, and the last short group of each of them (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 503 } },
    wide: { coro: 'same', workers: 4, queueSize: 40 },
    groups: { coro: 'groups', args: { size: 10 }, workers: 4, queueSize: 10 },
    totals: { coro: 'totalOfGroups', workers: 4, queueSize: 100 },
  })
  const totals = await chain.plumber.collect<number>()
  expect(totals).toHaveLength(4)
  expect(sum(totals)).toBe(sumTo(503))
})

test.each(WORKERS)('L-06 all workers of a stage are workers of their own (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 20 } },
    meeting: { coro: 'meeting', args: { folder: folder.path }, workers: 3 },
  })
  const seen = await chain.plumber.collect<{ readonly where: string }>()
  expect(new Set(seen.map(({ where }) => where)).size).toBe(3)
})

test.each(STRATEGIES)(
  'L-06 several workers pull from one queue: each input goes to one of them (%s)',
  async (strategy) => {
    await using folder = await sharedFolder()
    await using chain = await chainOf(strategy, {
      numbers: { coro: 'numbers', args: { count: 20 } },
      meeting: { coro: 'meeting', args: { folder: folder.path }, workers: 3 },
    })
    const seen = await chain.plumber.collect<{ readonly n: number; readonly worker: number }>()
    expect(seen.map(({ n }) => n).sort((a, b) => a - b)).toEqual(range(20))
    expect(new Set(seen.map(({ worker }) => worker))).toEqual(new Set([0, 1, 2]))
  },
)

test.each(STRATEGIES)('L-06 one worker keeps the order of its inputs (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 50 } },
    same: { coro: 'same' },
    more: { coro: 'add', args: { by: 1 } },
  })
  expect(await chain.plumber.collect()).toEqual(range(50).map((n) => n + 1))
})

test.each(STRATEGIES)('L-07 a source with several workers is refused (%s)', async (strategy) => {
  const refused = chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 3 }, workers: 2 },
    total: { coro: 'total' },
  })
  await expect(refused).rejects.toMatchObject({
    code: 'PLB_GRAPH_INVALID',
    details: { issues: [{ pointer: '/nodes/numbers/properties/workers', message: expect.stringContaining('source') }] },
  })
})
