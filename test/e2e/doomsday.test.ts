import { getEventListeners } from 'node:events'
import { analyseRegions, Network } from '@pipelines/core'
import { Scheduler } from '@pipelines/testkit'
import { fedBy, randomGraph } from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import { plumberOf } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'
import { Tracked } from '../support/tracked.js'
import {
  expectAbandoned,
  expectAmongExpected,
  expectDoomed,
  expectLateCallsIgnored,
  expectNoListeners,
  GRACE_MS,
  playing,
  underWay,
} from '../support/under-way.js'

/*
 * The end of a run at any moment. A random graph runs in an order drawn from the seed, and after a number of steps that
 * is drawn too, it is doomed, drained or both.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/doomsday.test.ts
 */
const seeds = seedsOf(100, 600)

stillClock()

describe('doomsday at any moment,', manySeeds, () => {
  test('with coroutines that are never heard of again: it settles within the grace and accounts for every item', async () => {
    let cut = 0
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const reason = `doomsday of ${seed}`
        const { graph, scheduler, tracked, ended } = await underWay(seed, {})
        const started = Date.now()
        const doomed = tracked.pipeline.doomsday(reason)
        const report = await doomed
        expect(Date.now() - started).toBeLessThan(GRACE_MS + 2_000)
        if (ended) expect(report.outcome).toBe('completed')
        else {
          cut++
          expectDoomed(report, tracked, graph, reason)
          expectAbandoned(report, scheduler, tracked.stuck)
        }
        await expectLateCallsIgnored(scheduler, tracked)
        tracked.expectTornDown(reason)
        expectNoListeners(tracked)
      })
    if (process.env.SEED === undefined) expect(cut, 'runs that were cut short').toBeGreaterThan(seeds.length / 2)
  })

  test('with coroutines that end in the end: it waits for them, and abandons nobody', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const reason = { seed }
        const { graph, scheduler, tracked, ended } = await underWay(seed, {}, { graceMs: 5_000 })
        await scheduler.drive(tracked.pipeline.doomsday(reason))
        const report = await tracked.pipeline.settled
        if (!ended) expectDoomed(report, tracked, graph, reason)
        expect(report.abandoned).toEqual([])
        await expectLateCallsIgnored(scheduler, tracked)
        tracked.expectTornDown(reason)
        expectNoListeners(tracked)
      })
  })

  test('on a chain: every item is at exactly one place', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { graph, scheduler, tracked, ended } = await underWay(seed, { kind: 'chain' })
        const report = await tracked.pipeline.doomsday(seed)
        if (!ended) expectDoomed(report, tracked, graph, seed)
        tracked.expectEachOnce(report)
        await expectLateCallsIgnored(scheduler, tracked)
      })
  })

  test("by the caller's signal: it is the reason, and nothing listens to it afterwards", async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const controller = new AbortController()
        const reason = new Error('enough')
        const { graph, scheduler, tracked, ended } = await underWay(seed, {}, { signal: controller.signal })
        controller.abort(reason)
        const report = await tracked.pipeline.settled
        if (!ended) {
          expectDoomed(report, tracked, graph, reason)
          expect(report.error).toMatchObject({ code: 'PLB_RUN_DOOMED', name: 'AbortError', cause: reason })
        }
        expect(getEventListeners(controller.signal, 'abort')).toEqual([])
        await expectLateCallsIgnored(scheduler, tracked)
        tracked.expectTornDown(reason)
      })
  })

  test('with filters, generators and joins: the outputs so far are ones that were to come', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const run = await playing(seed, {})
        const doomed = run.pipeline.doomsday(seed)
        await run.scheduler.drive(doomed)
        const report = await doomed
        expectBalancedBooks(report, fedBy(run.graph))
        expect(report).toMatchObject({ outcome: run.ended ? 'completed' : 'doomed', errors: [], abandoned: [] })
        expectAmongExpected(run)
        await run.scheduler.releaseAll()
      })
  })
})

describe('doomsday', manySeeds, () => {
  test('is over when it has settled: what comes later changes nothing in the report', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { scheduler, tracked } = await underWay(seed, {})
        const report = await tracked.pipeline.doomsday(seed)
        const before = structuredClone({ ...report, error: undefined })
        await scheduler.releaseAll()
        expect({ ...report, error: undefined }).toEqual(before)
      })
  })

  test('a second time changes nothing', async () => {
    for (const seed of seeds.slice(0, 30))
      await withSeed(seed, async () => {
        const { scheduler, tracked, ended } = await underWay(seed, {})
        const first = tracked.pipeline.doomsday('first')
        const second = tracked.pipeline.doomsday('second')
        const report = await first
        expect(await second).toBe(report)
        expect(await tracked.pipeline.doomsday('third')).toBe(report)
        expect(await tracked.pipeline.drain()).toBe(report)
        if (!ended) expect(report).toMatchObject({ outcome: 'doomed', reason: 'first' })
        await scheduler.releaseAll()
        tracked.expectTornDown('first')
      })
  })

  test('before the start: it settles all the same, and then it cannot start any more', async () => {
    performance.now = () => 1_000
    const regions = analyseRegions({ nodes: [], edges: [], order: [] })
    const network = new Network({ name: 'never', nodes: [], edges: [], order: [], regions })
    const report = await network.doomsday('never mind')
    expect(report).toMatchObject({ outcome: 'doomed', reason: 'never mind', unprocessed: [], durationMs: 0 })
    expect(() => network.start()).toThrow('already')
  })

  test('right after the start: it accounts for the little that was made', async () => {
    for (const seed of seeds.slice(0, 30))
      await withSeed(seed, async () => {
        const graph = randomGraph(seed, { mapOnly: true })
        const scheduler = new Scheduler(seed)
        const tracked = new Tracked(graph, scheduler, { graceMs: GRACE_MS })
        const report = await tracked.pipeline.doomsday('at once')
        expectDoomed(report, tracked, graph, 'at once')
        expectAbandoned(report, scheduler, tracked.stuck)
        await expectLateCallsIgnored(scheduler, tracked)
        tracked.expectTornDown('at once')
      })
  })

  test('by a signal that has aborted before the start: no coroutine is called', async () => {
    for (const seed of seeds.slice(0, 30))
      await withSeed(seed, async () => {
        const scheduler = new Scheduler(seed)
        const signal = AbortSignal.abort('too late')
        const graph = randomGraph(seed, { mapOnly: true })
        const tracked = new Tracked(graph, scheduler, { signal })
        const report = await tracked.pipeline.settled
        expect(report).toMatchObject({ outcome: 'doomed', reason: 'too late', unprocessed: [], abandoned: [] })
        expect(scheduler.order).toEqual([])
        expect([...tracked.made.values()].flat()).toEqual([])
        expect(tracked.slots).toEqual([])
        expect(getEventListeners(signal, 'abort')).toEqual([])
        await scheduler.releaseAll()
      })
  })

  test('during a drain: it accounts for every item all the same', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { graph, scheduler, tracked, random } = await underWay(seed, {})
        tracked.over = true
        void tracked.pipeline.drain()
        const drained = await scheduler.drive(tracked.pipeline.settled, { releases: random.integer(0, 20) })
        const report = await tracked.pipeline.doomsday('not that slow')
        if (drained) expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
        else {
          expect(report).toMatchObject({ outcome: 'doomed', reason: 'not that slow', errors: [] })
          expectBalancedBooks(report, fedBy(graph))
        }
        tracked.expectNothingLost(report)
        await expectLateCallsIgnored(scheduler, tracked)
        tracked.expectTornDown('not that slow')
        expectNoListeners(tracked)
      })
  })
})

describe('a coroutine that throws at any moment', manySeeds, () => {
  test('fails the run: what it threw is the cause, and every throw is counted once', async () => {
    let failures = 0
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const run = await playing(seed, { onError: 'fail' })
        await run.scheduler.drive(run.pipeline.settled)
        const report = await run.pipeline.settled
        await run.scheduler.releaseAll()
        expectBalancedBooks(report, fedBy(run.graph))
        expectAmongExpected(run)
        const thrown = run.thrown
        const failed = Object.values(report.nodes).reduce((sum, node) => sum + node.failed, 0)
        expect(failed).toBe(thrown.reduce((sum, { weight }) => sum + weight, 0))
        if (thrown.length === 0) return expect(report.outcome).toBe('completed')
        failures++
        expect(report).toMatchObject({ outcome: 'failed', abandoned: [], error: { code: 'PLB_NODE_FAILED' } })
        expect(thrown.map(({ error }) => error)).toContain(report.error?.cause)
        expect(report.errors.map(({ cause }) => cause).toSorted()).toEqual(thrown.map(({ error }) => error).toSorted())
      })
    if (process.env.SEED === undefined) expect(failures).toBeGreaterThan(seeds.length / 4)
  })
})

test('doomsday is no difference in length, although it ends one side of a join before the other', async () => {
  const plumber = plumberOf({ a: 'std.inlet', b: 'std.inlet', j: (pair: unknown) => pair }, { a: ['j'], b: ['j'] })
  const pipeline = plumber.createPipeline()
  await pipeline.put(1, { node: 'b' })
  const report = await pipeline.doomsday('enough')
  expect(report.errors).toEqual([])
  expect(report.unprocessed).toEqual([expect.objectContaining({ node: 'j', value: 1 })])
})
