import { threadId } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { nodeOf, outputs, range } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { chainsOf, placesOf, STRATEGIES, sharedFolder, WORKERS } from '../pipeline-lib/strategies.js'

const chainOf = chainsOf(new URL('./fixtures/operations.mjs', import.meta.url))

test.each([0, -1, 1.5, 'yes'])('B-05 "stateful": %j is refused before a worker is started', async (stateful) => {
  const refused = chainOf('thread', {
    numbers: { coro: 'numbers', args: { count: 3 } },
    same: { coro: 'same', stateful },
  })
  await expect(refused).rejects.toMatchObject({
    code: 'PLB_GRAPH_INVALID',
    details: { issues: [{ pointer: '/nodes/same/properties/stateful' }] },
  })
})

const windows = [
  [1, [[0], [1], [2], [3], [4]]],
  [
    2,
    [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ],
  ],
  [5, [[0, 1, 2, 3, 4]]],
  [6, []],
] as const

test.each(STRATEGIES)('B-06 a number for "stateful" makes windows that slide by one (%s)', async (strategy) => {
  await using places = placesOf()
  for (const [stateful, expected] of windows) {
    const stages = {
      numbers: { coro: 'numbers', args: { count: 5 }, executor: 'inline' },
      same: { coro: 'same', stateful },
    }
    const { plumber } = await chainOf(strategy, stages, { places })
    expect(await plumber.collect()).toEqual(expected)
  }
})

test.each(STRATEGIES)('B-07 one worker makes one call at a time, however many inputs wait (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 40 }, executor: 'inline' },
    alone: { coro: 'alone', args: { folder: folder.path } },
  })
  expect(await chain.plumber.collect()).toEqual(range(40))
})

test.each(STRATEGIES)('B-07 several workers have so many calls in progress at once (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 10 }, executor: 'inline' },
    meet: { coro: 'meet', args: { folder: folder.path }, workers: 3 },
  })
  expect(await chain.plumber.collect()).toEqual(range(10))
})

test.each(WORKERS)('B-08 an inline stage between two others runs in this program (%s)', async (strategy) => {
  const here = `${process.pid}/${threadId}`
  await using chain = await chainOf(strategy, {
    nowhere: { coro: 'nowhere', executor: 'inline' },
    before: { coro: 'visit' },
    between: { coro: 'visit', executor: 'inline' },
    after: { coro: 'visit' },
  })
  const [places] = await chain.plumber.collect<string[]>()
  expect(places?.map((place) => place === here)).toEqual([false, true, false])
})

test.each(WORKERS)(
  'B-09 each stage has as many workers as it says, whatever the others have (%s)',
  async (strategy) => {
    await using folder = await sharedFolder()
    const args = { folder: folder.path }
    await using chain = await chainOf(strategy, {
      numbers: { coro: 'numbers', args: { count: 6 }, executor: 'inline' },
      two: { coro: 'meet', args, workers: 2 },
      three: { coro: 'meet', args, workers: 3 },
    })
    expect(await chain.plumber.collect()).toEqual(range(6))
  },
)

test.each(STRATEGIES)('B-10 results leave in the order of the inputs, whoever is first (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 20 }, executor: 'inline' },
    firstIsLast: { coro: 'firstIsLast', args: { folder: folder.path }, workers: 3 },
  })
  expect(await chain.plumber.collect()).toEqual(range(20))
})

test.each(STRATEGIES)('B-13 a stateful stage with room for one input loses none (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 10 }, executor: 'inline' },
    accumulate: { coro: 'accumulate', stateful: true, queueSize: 1 },
  })
  const seen = outputs()
  const report = await chain.plumber.run(undefined, seen.options)
  expectBalancedBooks(report, [])
  expect(nodeOf(report, 'accumulate')).toMatchObject({ received: 10, completed: 10 })
  expect(seen.values).toEqual([0, 1, 3, 6, 10, 15, 21, 28, 36, 45])
})
