import { getEventListeners } from 'node:events'
import type { Context } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { aborted, chain, endless, failureOf, from, nodeOf, reportOf, same, turns, until } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

const patient = (_: unknown, ctx: Context) => aborted(ctx.signal)

describe('the signal of a run', () => {
  test('dooms it: AbortError, PLB_RUN_DOOMED, the reason as the cause', async () => {
    const controller = new AbortController()
    const failed = failureOf(() =>
      chain({ src: from(1, 2, 3), out: patient }).run(undefined, { signal: controller.signal }),
    )
    await turns()
    const reason = new Error('client left')
    controller.abort(reason)
    const error = await failed
    expect(error).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_DOOMED' })
    expect(error.cause).toBe(reason)
    expect(reportOf(error)).toMatchObject({ outcome: 'doomed', reason })
    expectBalancedBooks(reportOf(error), [])
  })

  test.each(['run', 'collect'] as const)('that has aborted already lets %s start nothing', async (method) => {
    const numbers = endless()
    const signal = AbortSignal.abort('too late')
    const error = await failureOf(() => chain({ src: numbers.source, out: same })[method](undefined, { signal }))
    expect(error).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_DOOMED', cause: 'too late' })
    expect(numbers.read).toBe(0)
  })

  test('dooms a stream', async () => {
    const controller = new AbortController()
    const numbers = endless()
    const error = await failureOf(async () => {
      for await (const { value } of chain({ src: numbers.source, out: same }).stream(undefined, {
        signal: controller.signal,
      })) {
        if (value === 5) controller.abort('enough')
      }
    })
    expect(error).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_DOOMED', cause: 'enough' })
    expect(numbers.closed).toBe(true)
  })

  test('dooms a standing pipeline', async () => {
    const controller = new AbortController()
    const pipeline = chain({ in: 'std.inlet', out: patient }).createPipeline({ signal: controller.signal })
    await pipeline.put(1)
    controller.abort('shutdown')
    const report = await pipeline.settled
    expect(report).toMatchObject({ outcome: 'doomed', reason: 'shutdown' })
    expectBalancedBooks(report, ['in'])
  })

  test('of one run leaves another run of the Plumber alone', async () => {
    const controller = new AbortController()
    const plumber = chain({ in: 'std.inlet', out: same })
    const [doomed, other] = [plumber.createPipeline({ signal: controller.signal }), plumber.createPipeline()]
    controller.abort()
    expect((await doomed.settled).outcome).toBe('doomed')
    await other.put(1)
    expect((await other.drain()).outcome).toBe('completed')
  })

  test('is let go of when the run is over', async () => {
    const { signal } = new AbortController()
    await chain({ src: from(1, 2, 3), out: same }).run(undefined, { signal })
    await failureOf(() =>
      chain({ src: from(1), out: () => Promise.reject(new Error('boom')) }).run(undefined, { signal }),
    )
    for await (const _ of chain({ src: from(1, 2, 3), out: same }).stream(undefined, { signal })) break
    await turns()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('that aborts after the end changes nothing', async () => {
    const controller = new AbortController()
    const report = await chain({ src: from(1), out: same }).run(undefined, { signal: controller.signal })
    controller.abort()
    await turns()
    expect(report.outcome).toBe('completed')
  })
})

describe('deadlineMs', () => {
  test('ends a run that takes longer with PLB_RUN_DEADLINE', async () => {
    const error = await failureOf(() => chain({ src: from(1, 2), out: patient }).run(undefined, { deadlineMs: 20 }))
    expect(error.code).toBe('PLB_RUN_DEADLINE')
    expect(reportOf(error).outcome).not.toBe('completed')
    expectBalancedBooks(reportOf(error), [])
  })

  test('ends a run that is always busy', async () => {
    const numbers = endless()
    const error = await failureOf(() =>
      chain({ src: numbers.source, mid: same, out: same }).run(undefined, { deadlineMs: 20 }),
    )
    expect(error.code).toBe('PLB_RUN_DEADLINE')
    expect(numbers.closed).toBe(true)
    expectBalancedBooks(reportOf(error), [])
  })

  test('ends a standing pipeline', async () => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline({ deadlineMs: 20 })
    const report = await pipeline.settled
    expect(report.outcome).not.toBe('completed')
    expect(report.error).toMatchObject({ code: 'PLB_RUN_DEADLINE' })
  })

  test('means nothing to a run that is over sooner', async () => {
    const report = await chain({ src: from(1), out: same }).run(undefined, { deadlineMs: 60_000 })
    expect(report.outcome).toBe('completed')
  })

  test('names what was in its way when it does not listen', async () => {
    const pipeline = chain({ in: 'std.inlet', deaf: () => new Promise(() => {}) }).createPipeline({
      deadlineMs: 20,
      graceMs: 20,
    })
    await pipeline.put(1)
    await until(() => nodeOf(pipeline.snapshot(), 'deaf').received === 1)
    expect((await pipeline.settled).abandoned).toEqual(['deaf'])
  })

  test.each([[-1], [Number.NaN], ['soon']])('of %s is PLB_OPTION_INVALID', async (deadlineMs) => {
    const numbers = endless()
    const run = () => chain({ src: numbers.source, out: same }).run(undefined, { deadlineMs: deadlineMs as number })
    expect((await failureOf(run)).code).toBe('PLB_OPTION_INVALID')
    expect(numbers.read).toBe(0)
  })
})
