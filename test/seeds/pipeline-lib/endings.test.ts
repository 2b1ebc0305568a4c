import { type Gate, gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { nodeOf, outputs, range } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { chainsOf, STRATEGIES } from './strategies.js'

const chainOf = chainsOf(new URL('./fixtures/stages.mjs', import.meta.url))

/** A logger that keeps what it is told. */
function listening(): { readonly heard: string[]; readonly logger: Record<'debug' | 'info' | 'warn' | 'error', Said> } {
  const heard: string[] = []
  const say =
    (level: string): Said =>
    (_fields, message) =>
      void heard.push(`${level}: ${message}`)
  return { heard, logger: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') } }
}
type Said = (fields: object, message?: string) => void

/** A stage that passes everything on as soon as its gate is open. */
const waitingFor = (open: Gate) => async (n: number) => {
  await open.opened
  return n
}

test.each(STRATEGIES)('L-14 what is buffered is delivered after the source has ended (%s)', async (strategy) => {
  const open = gate()
  const here = { held: waitingFor(open) }
  const stages = {
    numbers: { coro: 'numbers', args: { count: 100 } },
    held: { coro: 'held', executor: 'inline', queueSize: 100 },
  }
  await using chain = await chainOf(strategy, stages, { here })
  const seen = outputs()
  const pipeline = chain.plumber.createPipeline(seen.options)
  pipeline.on('node:state', ({ node, to }) => {
    if (node === 'numbers' && to === 'ended') open.open()
  })
  expectBalancedBooks(await pipeline.settled, [])
  expect(seen.values).toEqual(range(100))
})

test.each(STRATEGIES)(
  'L-14 at the end of the stream every worker stops, also one that had no item (%s)',
  async (strategy) => {
    await using chain = await chainOf(strategy, {
      numbers: { coro: 'numbers', args: { count: 2 } },
      totals: { coro: 'total', workers: 5 },
    })
    const totals = await chain.plumber.collect<number>()
    expect(totals.sort()).toEqual([0, 0, 0, 0, 1])
  },
)

test.each(STRATEGIES)(
  'L-15 a stage that returns early ends the stages before it, and that is success (%s)',
  async (strategy) => {
    const { heard, logger } = listening()
    const stages = {
      endless: { coro: 'endless' },
      same: { coro: 'same' },
      first: { coro: 'firstOnes', args: { count: 3 } },
      more: { coro: 'add', args: { by: 10 } },
    }
    await using chain = await chainOf(strategy, stages, { logger })
    const seen = outputs()
    const report = await chain.plumber.run(undefined, seen.options)
    expectBalancedBooks(report, [])
    expect(report.outcome).toBe('completed')
    expect(seen.values).toEqual([10, 11, 12])
    expect(heard).toEqual(['info: the source has cleaned up'])
  },
)

test.each(STRATEGIES)('L-15 a stage may return without having taken anything (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, { endless: { coro: 'endless' }, nothing: { coro: 'nothing' } })
  const report = await chain.plumber.run()
  expectBalancedBooks(report, [])
  expect(nodeOf(report, 'nothing').received).toBe(0)
})

test.each(STRATEGIES)('L-12 nothing is warned of, whatever a stage sets (%s)', async (strategy) => {
  const { heard, logger } = listening()
  const stages = {
    numbers: { coro: 'numbers', args: { count: 3 }, packetsInFlight: 2 },
    wide: { coro: 'same', workers: 2, queueSize: 7 },
    total: { coro: 'total' },
  }
  await using chain = await chainOf(strategy, stages, { logger })
  expect(await chain.plumber.collect()).toEqual([3])
  expect(heard).toEqual([])
})
