import { expect, test } from 'vitest'
import { failureOf, reportOf } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { chainsOf, STRATEGIES } from './strategies.js'

const chainOf = chainsOf(new URL('./fixtures/timing.mjs', import.meta.url))

// Also of stages in this program, where pipeline-lib refuses such a limit (L-12).
test.each(STRATEGIES)('L-T11 work that takes longer than nothing may move fails the run (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, {
    numbers: { coro: 'numbers', args: { count: 3 } },
    working: { coro: 'working' },
  })
  const error = await failureOf(() => chain.plumber.run(undefined, { inactivityMs: 10 }))
  expectBalancedBooks(reportOf(error), [])
  expect(error).toMatchObject({ code: 'PLB_RUN_STALLED', details: { inactivityMs: 10 }, report: { abandoned: [] } })
})

test.each(STRATEGIES)(
  'L-T12 many short steps may take longer together than nothing may move (%s)',
  async (strategy) => {
    await using chain = await chainOf(strategy, {
      numbers: { coro: 'numbers', args: { count: 120 } },
      stepping: { coro: 'stepping' },
    })
    const report = await chain.plumber.run(undefined, { inactivityMs: 1000 })
    expectBalancedBooks(report, [])
    expect(report.outcome).toBe('completed')
  },
)
