import { expect, test } from 'vitest'
import { chain, failureOf, from, same } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

test('a source and an inlet have no workers to set', async () => {
  for (const first of ['std.inlet', from(1)]) {
    const pipeline = chain({ first, out: same }).createPipeline()
    expect(await failureOf(() => pipeline.setWorkers('first', 2))).toMatchObject({ code: 'PLB_OPTION_CONFLICT' })
    expectBalancedBooks(await pipeline.drain())
  }
})

test('a put with a meta that is no object is refused', async () => {
  const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
  for (const meta of ['text', null, 5])
    expect(await failureOf(() => pipeline.put(1, { meta } as never))).toMatchObject({ code: 'PLB_OPTION_INVALID' })
  expect((await pipeline.drain()).nodes['in']?.received).toBe(0)
})

test('a drain settles by its deadline, though a function ignores its signal', async () => {
  const pipeline = chain({ in: 'std.inlet', deaf: () => new Promise(() => {}) }).createPipeline({ graceMs: 20_000 })
  await pipeline.put(1)
  const report = await pipeline.drain({ deadlineMs: 60 })
  expect(report).toMatchObject({ outcome: 'doomed', error: { code: 'PLB_RUN_DEADLINE' }, abandoned: ['deaf'] })
  expect(report.durationMs).toBeLessThan(2_000)
})

test('doomsday from a listener that hears of the drain leaves no timer behind', async () => {
  const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
  pipeline.on('state', ({ to }) => void (to === 'draining' && pipeline.doomsday('mine')))
  expect(await pipeline.drain({ deadlineMs: 60_000 })).toMatchObject({ outcome: 'doomed', reason: 'mine' })
})
