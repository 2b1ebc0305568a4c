import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { endless, failureOf, nodeOf, range, reportOf, turns } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { chainsOf, STRATEGIES, type Strategy, sharedFolder } from '../pipeline-lib/strategies.js'

const chainOf = chainsOf(new URL('./fixtures/operations.mjs', import.meta.url))

const twoStages = {
  inlet: { coro: 'std.inlet', queueSize: 2 },
  same: { coro: 'same', workers: 2, queueSize: 2 },
  again: { coro: 'same', workers: 2, queueSize: 2 },
}

/** A worker has at most 512 calls, and there are four; the queues add a few. */
const MOST_HELD = 4 * 512 + 50

/** Takes results of an endless input one by one, and leaves in the end. */
async function asking(
  strategy: Strategy,
  use: (input: { readonly read: number }, next: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  await using chain = await chainOf(strategy, twoStages)
  const input = endless()
  const results = chain.plumber.stream(input.source())[Symbol.asyncIterator]()
  try {
    await use(input, () => results.next())
  } finally {
    await results.return?.(undefined)
  }
}

test.each(STRATEGIES)('B-11 nothing is read before the first result is asked for (%s)', (strategy) =>
  asking(strategy, async (input, next) => {
    await turns()
    expect(input.read).toBe(0)
    expect(await next()).toMatchObject({ value: { value: 0 } })
  }),
)

test.each(STRATEGIES)('B-11 while nobody asks, no more is read than stages may hold (%s)', (strategy) =>
  asking(strategy, async (input, next) => {
    await next()
    for (let ms = 0; ms < 500 && input.read <= MOST_HELD; ms++) await wait(1)
    expect(input.read).toBeLessThanOrEqual(MOST_HELD)
  }),
)

test.each(STRATEGIES)('B-12 whoever has enough of an endless input leaves the loop (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, twoStages)
  const input = endless()
  const taken: unknown[] = []
  for await (const { value } of chain.plumber.stream(input.source())) if (taken.push(value) === 5) break
  expect(taken).toEqual(range(5))
  expect(input.closed).toBe(true)
})

test.each(STRATEGIES)('B-14 what has ended may be ended again (%s)', async (strategy) => {
  const stages = {
    numbers: { coro: 'numbers', args: { count: 3 } },
    accumulate: { coro: 'accumulate', stateful: true },
  }
  const chain = await chainOf(strategy, stages)
  const pipeline = chain.plumber.createPipeline()
  const report = await pipeline.settled
  expect(await pipeline.drain()).toBe(report)
  expect(await pipeline.doomsday()).toBe(report)
  await chain[Symbol.asyncDispose]()
  await chain[Symbol.asyncDispose]()
})

test.each(STRATEGIES)('B-15 an error in a stateful stage reaches the caller (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 100 } },
    bad: { coro: 'accumulateToTen', stateful: true },
    same: { coro: 'same' },
  })
  const error = await failureOf(() => chain.plumber.run())
  expectBalancedBooks(reportOf(error), [])
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'bad' } })
  expect(error.cause).toMatchObject({ name: 'RangeError', message: '15 is more than ten' })
  expect(nodeOf(reportOf(error), 'bad')).toMatchObject({ failed: 1 })
})

test.each(STRATEGIES)(
  'B-16 an error comes at the place of its item, after the results before it (%s)',
  async (strategy) => {
    await using folder = await sharedFolder()
    await using chain = await chainOf(strategy, {
      numbers: { coro: 'numbers', args: { count: 10 }, executor: 'inline' },
      bad: { coro: 'failsAtFive', args: { folder: folder.path }, workers: 3 },
    })
    const seen: unknown[] = []
    const { cause } = await failureOf(async () => {
      for await (const { value } of chain.plumber.stream())
        if (seen.push(value) === 5) writeFileSync(join(folder.path, 'seen'), '')
    })
    expect(seen).toEqual(range(5))
    expect(cause).toBeInstanceOf(TypeError)
    expect(cause).toMatchObject({ stack: expect.stringContaining('operations.mjs') })
  },
)
