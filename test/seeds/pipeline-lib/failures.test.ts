import type { PipelineError } from '@pipelines/core'
import { expect, test } from 'vitest'
import { failureOf, nodeOf, outputs, reportOf } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { type Chain, chainsOf, STRATEGIES, sharedFolder } from './strategies.js'

const chainOf = chainsOf(new URL('./fixtures/failing.mjs', import.meta.url))

/** What the chain fails with; its books are in order all the same. */
async function failure({ plumber }: Chain): Promise<PipelineError> {
  const error = await failureOf(() => plumber.run())
  expectBalancedBooks(reportOf(error), [])
  expect(reportOf(error)).toMatchObject({ outcome: 'failed', abandoned: [] })
  return error
}

test.each(STRATEGIES)('L-T08 a source that fails after one item fails with its own error (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, { bad: { coro: 'failsAfterOne' }, end: { coro: 'same' } })
  const { cause } = await failure(chain)
  expect(cause).toBeInstanceOf(RangeError)
  expect(cause).toMatchObject({ message: 'after one' })
})

test.each(STRATEGIES)('L-T09 a stage in the middle that fails before any output (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    endless: { coro: 'endless' },
    bad: { coro: 'failsAtOnce' },
    end: { coro: 'same' },
  })
  const { cause } = await failure(chain)
  expect(cause).toBeInstanceOf(TypeError)
  expect(cause).toMatchObject({ message: 'before any' })
})

test.each(STRATEGIES)('L-T09 the last stage fails before any output (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    endless: { coro: 'endless' },
    bad: { coro: 'failsAtOnce' },
  })
  const { cause } = await failure(chain)
  expect(cause).toBeInstanceOf(TypeError)
  expect(cause).toMatchObject({ message: 'before any' })
})

test.each(STRATEGIES)(
  'L-T10 the error is not kept waiting by stages that sleep on both sides (%s)',
  async (strategy) => {
    await using folder = await sharedFolder()
    const args = { folder: folder.path }
    await using chain = await chainOf(strategy, {
      endless: { coro: 'endless' },
      before: { coro: 'thenAsleep', args: { count: 1 } },
      bad: { coro: 'failsWhenReady', args },
      after: { coro: 'failsWhenTold', args },
      end: { coro: 'asleep' },
    })
    expect((await failure(chain)).cause).toMatchObject({ name: 'RangeError', message: 'the first error' })
  },
)

test.each(STRATEGIES)('L-16 the error names the stage; its cause is what was thrown there (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    endless: { coro: 'endless' },
    bad: { coro: 'failsInItsOwnWay' },
    end: { coro: 'same' },
  })
  const error = await failure(chain)
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'bad', phase: 'run' } })
  expect(error.message).toContain('"bad"')
  expect(error.cause).toMatchObject({ name: 'Unreadable', message: 'line 7 is unreadable', line: 7 })
  expect(error.cause).toMatchObject({ stack: expect.stringContaining('failing.mjs'), cause: expect.any(SyntaxError) })
})

test.each(STRATEGIES)('L-16 a stage that fails takes those before and behind it along (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    endless: { coro: 'endless' },
    bad: { coro: 'failsInItsOwnWay' },
    end: { coro: 'same' },
  })
  const seen = outputs()
  const report = await chain.plumber.createPipeline(seen.options).settled
  expectBalancedBooks(report, [])
  expect(nodeOf(report, 'bad').failed).toBe(1)
  expect([[], [0], [0, 1]]).toContainEqual(seen.values)
})

test.each(STRATEGIES)('L-17 the first error is the one that the caller gets (%s)', async (strategy) => {
  await using folder = await sharedFolder()
  const args = { folder: folder.path }
  await using chain = await chainOf(strategy, {
    endless: { coro: 'endless' },
    bad: { coro: 'failsWhenReady', args },
    later: { coro: 'failsWhenTold', args },
  })
  const error = await failure(chain)
  expect(error).toMatchObject({ details: { node: 'bad' }, cause: { name: 'RangeError', message: 'the first error' } })
})

test.each(STRATEGIES)(
  'L-T15 one of two workers fails while the other goes on with an endless source (%s)',
  async (strategy) => {
    await using chain = await chainOf(strategy, {
      endless: { coro: 'endless' },
      bad: { coro: 'secondFails', workers: 2 },
      end: { coro: 'same' },
    })
    expect((await failure(chain)).cause).toMatchObject({ name: 'RangeError', message: 'the second worker' })
  },
)
