import type { Context } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  edgeOf,
  endless,
  nodeOf,
  outputs,
  range,
  same,
  settlesSoon,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** An inlet, and a coroutine that works until its signal aborts. */
const patient = () =>
  chain({
    in: unfused('std.inlet'),
    wait: unfused((_: unknown, ctx: Context) => aborted(ctx.signal), { queueSize: 8 }),
  })

/** An inlet, and a coroutine that fails on its first item. */
const broken = () =>
  chain({
    in: 'std.inlet',
    out: () => {
      throw new Error('boom')
    },
  })

describe('drain', () => {
  test('closes endless sources and lets everything inside flow out', async () => {
    const numbers = endless()
    const seen = outputs()
    const pipeline = chain({ src: unfused(numbers.source), mid: unfused(same), out: unfused(same) }).createPipeline(
      seen.options,
    )
    await until(() => seen.values.length > 50)
    const report = await pipeline.drain()
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
    expect(seen.values).toEqual(range(nodeOf(report, 'src').emitted))
    expect(numbers.closed).toBe(true)
    expectBalancedBooks(report, [])
  })

  test('waits for what is in progress', async () => {
    const open = gate()
    const seen = outputs()
    const wait = async (n: number) => {
      await open.opened
      return n
    }
    const pipeline = chain({ in: 'std.inlet', wait }).createPipeline(seen.options)
    for (const n of [1, 2, 3]) await pipeline.put(n)
    const draining = pipeline.drain()
    expect(await settlesSoon(draining)).toBe(false)
    expect(pipeline.snapshot().state).toBe('draining')
    open.open()
    expectBalancedBooks(await draining, ['in'])
    expect(seen.values).toEqual([1, 2, 3])
  })

  test('becomes doomsday when its time is up', async () => {
    const pipeline = patient().createPipeline()
    for (const n of [1, 2, 3]) await pipeline.put(n)
    const report = await pipeline.drain({ deadlineMs: 40 })
    expect(report.outcome).toBe('doomed')
    expect(report.unprocessed.map(({ value }) => value)).toEqual(expect.arrayContaining([2, 3]))
    expectBalancedBooks(report, ['in'])
  })

  test('of a pipeline that failed gives its report and does not reject', async () => {
    const pipeline = broken().createPipeline()
    await pipeline.put(1)
    await pipeline.settled
    expect((await pipeline.drain()).outcome).toBe('failed')
  })

  test('twice is one ending', async () => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    const reports = await Promise.all([pipeline.drain(), pipeline.drain(), pipeline.settled])
    for (const report of reports) expect(report).toEqual(reports[0])
  })
})

describe('doomsday', () => {
  test('aborts the signal of every call with its reason', async () => {
    const reasons: unknown[] = []
    const wait = async (_: unknown, ctx: Context) => {
      await aborted(ctx.signal).catch(() => {})
      reasons.push(ctx.signal.reason)
    }
    const pipeline = chain({ in: 'std.inlet', wait: unfused(wait, { workers: 2 }) }).createPipeline()
    for (const n of [1, 2]) await pipeline.put(n)
    await until(() => nodeOf(pipeline.snapshot(), 'wait').inProgress === 2)
    const reason = new Error('deploy')
    const report = await pipeline.doomsday(reason)
    expect(report.outcome).toBe('doomed')
    expect(report.reason).toBe(reason)
    expect(reasons).toEqual([reason, reason])
    expectBalancedBooks(report, ['in'])
  })

  test('names every item that waited, and where', async () => {
    const pipeline = patient().createPipeline()
    for (const n of range(6)) await pipeline.put(n, { meta: { n } })
    await until(() => edgeOf(pipeline.snapshot(), 'in', 'wait').depth === 5)
    const report = await pipeline.doomsday()
    for (const n of range(6).slice(1)) {
      expect(report.unprocessed).toContainEqual(expect.objectContaining({ node: 'wait', value: n, meta: { n } }))
    }
    expect(edgeOf(report, 'in', 'wait').unprocessed).toBe(5)
    expectBalancedBooks(report, ['in'])
  })

  test('lists at most a thousand items and counts all', async () => {
    const pipeline = chain({
      in: unfused('std.inlet'),
      wait: unfused((_: unknown, ctx: Context) => aborted(ctx.signal), { queueSize: 2_000 }),
    }).createPipeline()
    for (const n of range(1_500)) await pipeline.put(n)
    await until(() => edgeOf(pipeline.snapshot(), 'in', 'wait').depth === 1_499)
    const report = await pipeline.doomsday()
    expect(report.unprocessed).toHaveLength(1_000)
    expect(edgeOf(report, 'in', 'wait').unprocessed).toBe(1_499)
  })

  test('gives generators their return', async () => {
    const numbers = endless()
    const pipeline = chain({ in: 'std.inlet', many: unfused(numbers.source), out: unfused(same) }).createPipeline()
    await pipeline.put(1)
    await until(() => numbers.read > 20)
    expectBalancedBooks(await pipeline.doomsday(), ['in'])
    expect(numbers.closed).toBe(true)
  })

  test('abandons and names a coroutine that does not listen', async () => {
    const never = new Promise(() => {})
    const pipeline = chain({ in: 'std.inlet', deaf: unfused(() => never), out: unfused(same) }).createPipeline({
      graceMs: 20,
    })
    await pipeline.put(1)
    await until(() => nodeOf(pipeline.snapshot(), 'deaf').inProgress === 1)
    const report = await pipeline.doomsday()
    expect(report.abandoned).toEqual(['deaf'])
    expectBalancedBooks(report, ['in'])
  })

  test('is the same from any state and however often it comes', async () => {
    const pipeline = patient().createPipeline()
    await pipeline.put(1)
    const reports = await Promise.all([pipeline.doomsday('first'), pipeline.doomsday('second'), pipeline.settled])
    for (const report of reports) expect(report).toMatchObject({ outcome: 'doomed', reason: 'first' })
    expect(await pipeline.doomsday('third')).toEqual(reports[0])
  })

  test('can come before anything has started', async () => {
    const numbers = endless()
    const pipeline = chain({ src: numbers.source, out: same }).createPipeline()
    const report = await pipeline.doomsday()
    expect(report.outcome).toBe('doomed')
    expectBalancedBooks(report, [])
  })

  test('changes nothing once the pipeline has completed', async () => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    pipeline.end()
    await pipeline.settled
    expect((await pipeline.doomsday('late')).outcome).toBe('completed')
  })

  test('overtakes a drain', async () => {
    const pipeline = patient().createPipeline()
    await pipeline.put(1)
    const draining = pipeline.drain()
    expect(await settlesSoon(draining)).toBe(false)
    expect((await pipeline.doomsday('now')).outcome).toBe('doomed')
    expect((await draining).outcome).toBe('doomed')
  })
})

describe('settled', () => {
  test('resolves with the report of a failure and never rejects', async () => {
    const pipeline = broken().createPipeline()
    await pipeline.put(1)
    const report = await pipeline.settled
    expect(report.outcome).toBe('failed')
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: new Error('boom') })
    expectBalancedBooks(report, ['in'])
  })

  test('can be asked for as often as one likes', async () => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    pipeline.end()
    expect(await pipeline.settled).toBe(await pipeline.settled)
  })
})

describe('Symbol.asyncDispose', () => {
  test('drains', async () => {
    const seen = outputs()
    const pipeline = chain({ in: 'std.inlet', mid: same, out: same }).createPipeline(seen.options)
    for (const n of range(10)) await pipeline.put(n)
    await pipeline[Symbol.asyncDispose]()
    expect(seen.values).toEqual(range(10))
    expectBalancedBooks(await pipeline.settled, ['in'])
  })

  test('of a pipeline that failed ends quietly', async () => {
    const pipeline = broken().createPipeline()
    await pipeline.put(1)
    await pipeline[Symbol.asyncDispose]()
    expect((await pipeline.settled).outcome).toBe('failed')
  })
})
