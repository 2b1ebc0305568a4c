import { getEventListeners } from 'node:events'
import { analyseRegions, type Context, Network } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { chain, having, type Report, type SourceOutput, same, turns } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { gate } from '../support/gate.js'
import { manySeeds, randomOf, seedsOf, withSeed } from '../support/random.js'
import { feed, playable, type RandomGraph, randomGraph, type Shape } from '../support/random-graph.js'
import { expectedOf } from '../support/reference.js'
import { Scheduler, stillClock } from '../support/scheduler.js'
import { Tracked } from '../support/tracked.js'

/*
 * The end of a run at any moment. A random graph runs in an order drawn from the seed, and after a number of steps that
 * is drawn too, it is doomed, drained or both.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/doomsday.test.ts
 */
const seeds = seedsOf(100, 600)
const GRACE_MS = 15

stillClock()

/** A tracked random graph, driven for a random number of steps. */
async function underWay(seed: number, shape: Shape, options: Readonly<Record<string, unknown>> = {}) {
  const graph = randomGraph(seed, { mapOnly: true, ...shape })
  const scheduler = new Scheduler(seed)
  const tracked = new Tracked(graph, scheduler, { graceMs: GRACE_MS, ...options })
  const random = randomOf(seed)
  const ended = await scheduler.drive(tracked.pipeline.settled, { releases: random.integer(0, stepsOf(graph)) })
  return { graph, scheduler, tracked, random, ended }
}

/** About how many steps a run takes. */
function stepsOf(graph: RandomGraph): number {
  let steps = 0
  for (const { received, emitted } of expectedOf(graph).nodes.values()) steps += received === 0 ? emitted : received
  return Math.floor(steps * 0.7)
}

/** What must hold after doomsday, whatever the graph and the moment. */
function expectDoomed(report: Report, tracked: Tracked, graph: RandomGraph, reason: unknown): void {
  expect(report).toMatchObject({ outcome: 'doomed', reason, errors: [] })
  expectBalancedBooks(report, fedBy(graph))
  tracked.expectNothingLost(report)
  tracked.expectListsAsCounted(report)
  for (const name of fedBy(graph)) expect(report.nodes[name]?.received).toBe(tracked.made.get(name)?.length ?? 0)
}

const fedBy = ({ nodes }: RandomGraph): string[] => nodes.filter(({ style }) => style === 'fed').map(({ name }) => name)

/** Lets everything go that the run has given up, and asserts that nothing more is delivered. */
async function expectLateCallsIgnored(scheduler: Scheduler, tracked: Tracked): Promise<void> {
  tracked.over = true
  const delivered = [...tracked.delivered.values()].flat().length
  await scheduler.releaseAll()
  expect([...tracked.delivered.values()].flat()).toHaveLength(delivered)
}

/**
 * Asserts that the nodes in which something was stuck are abandoned, and no others; a node whose teardown had to wait
 * for the scheduler may have been given up as well.
 */
function expectAbandoned(report: Report, scheduler: Scheduler, stuck: readonly string[]): void {
  const slow = scheduler.order.filter((label) => label.includes(' teardown ')).map((label) => label.split(' ')[0])
  expect(report.abandoned, 'nodes that did not obey').toEqual(expect.arrayContaining([...stuck]))
  expect([...stuck, ...slow], 'nodes that may be abandoned').toEqual(expect.arrayContaining([...report.abandoned]))
}

function expectNoListeners(tracked: Tracked): void {
  for (const signal of tracked.signals) expect(getEventListeners(signal, 'abort')).toEqual([])
}

/** A random graph of any kind, driven for a random number of steps; and what it gave. */
async function playing(seed: number, shape: Shape) {
  const graph = randomGraph(seed, shape)
  const scheduler = new Scheduler(seed)
  const { plumber, thrown } = playable(graph, scheduler)
  const outputs = new Map<string, unknown[]>()
  const pipeline = plumber.createPipeline({
    onOutput: ({ node, value }) => {
      outputs.set(node, [...(outputs.get(node) ?? []), value])
      return scheduler.step(`${node} hands over ${String(value)}`)
    },
  })
  void feed(graph, scheduler, pipeline)
  const releases = randomOf(seed).integer(0, 2 * stepsOf(graph))
  const ended = await scheduler.drive(pipeline.settled, { releases })
  return { graph, scheduler, pipeline, outputs, thrown, ended }
}

/** Asserts that nothing came out that a whole run would not have given, nor more of it. */
function expectAmongExpected({
  graph,
  outputs,
}: {
  graph: RandomGraph
  outputs: ReadonlyMap<string, unknown[]>
}): void {
  const expected = expectedOf(graph).outputs
  for (const [leaf, values] of outputs) {
    const rest = [...(expected.get(leaf) ?? [])]
    for (const value of values) {
      const place = rest.indexOf(String(value))
      expect(place, `${leaf} gave ${String(value)}`).toBeGreaterThanOrEqual(0)
      rest.splice(place, 1)
    }
  }
}

/** The graph as if its sources had had only the items that they gave. */
function madeOnly(graph: RandomGraph, report: Report): RandomGraph {
  const nodes = graph.nodes.map((node) => ({ ...node, items: report.nodes[node.name]?.emitted ?? 0 }))
  return { ...graph, nodes }
}

describe('doomsday at any moment,', manySeeds, () => {
  test('with coroutines that are never heard of again: it settles within the grace and accounts for every item', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const reason = `doomsday of ${seed}`
        const { graph, scheduler, tracked, ended } = await underWay(seed, {})
        const started = Date.now()
        const doomed = tracked.pipeline.doomsday(reason)
        const report = await doomed
        expect(Date.now() - started).toBeLessThan(GRACE_MS + 1_000)
        if (ended) expect(report.outcome).toBe('completed')
        else {
          expectDoomed(report, tracked, graph, reason)
          expectAbandoned(report, scheduler, tracked.stuck)
        }
        await expectLateCallsIgnored(scheduler, tracked)
        tracked.expectTornDown(reason)
        expectNoListeners(tracked)
      })
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

/** Numbers without end, yielded. */
function* pulled() {
  for (let n = 0; ; n++) yield n
}

/** Numbers without end, put. */
async function pushed(output: SourceOutput, { signal }: Context) {
  for (let n = 0; !signal.aborted; n++) await output.put(n)
}

describe('a drain at any moment', manySeeds, () => {
  test('completes: all that was made flows out, and nothing is abandoned', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { graph, scheduler, tracked } = await underWay(seed, {}, { graceMs: 5_000 })
        tracked.over = true
        const drained = tracked.pipeline.drain()
        await scheduler.drive(drained)
        const report = await drained
        expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [], errors: [] })
        expectBalancedBooks(report, fedBy(graph))
        tracked.expectNothingLost(report)
        await expectLateCallsIgnored(scheduler, tracked)
        tracked.expectTornDown(undefined)
        expectNoListeners(tracked)
      })
  })

  test('takes along what a source was about to give when it began', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { scheduler, tracked } = await underWay(seed, {}, { graceMs: 5_000 })
        const drained = tracked.pipeline.drain()
        await scheduler.drive(drained)
        tracked.expectNothingLost(await drained)
      })
  })

  test('goes on without a source that does not obey, and names it', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { graph, scheduler, tracked } = await underWay(seed, {})
        tracked.over = true
        const drained = tracked.pipeline.drain()
        await new Promise((resolve) => setTimeout(resolve, 2 * GRACE_MS))
        const { stuck } = tracked
        await scheduler.drive(drained)
        const report = await drained
        expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], errors: [] })
        expectBalancedBooks(report, fedBy(graph))
        tracked.expectNothingLost(report)
        const slow = scheduler.order.filter((label) => label.includes(' teardown ')).map((label) => label.split(' ')[0])
        expect([...stuck, ...slow], 'nodes that may be abandoned').toEqual(
          expect.arrayContaining([...report.abandoned]),
        )
        await expectLateCallsIgnored(scheduler, tracked)
        tracked.expectTornDown(undefined)
      })
  })

  test('waits as long as it takes: who waits for room is not one who does not obey', async () => {
    for (const ordered of [true, false])
      for (const coro of [pulled, pushed]) {
        const slow = gate()
        const sink = { coro: (n: number) => slow.opened.then(() => n), properties: { ordered, workers: 2 } }
        const nodes = {
          src: { coro, properties: { fuse: false } },
          mid: having({ fuse: false, workers: 2, ordered }, same),
        }
        const pipeline = chain({
          ...nodes,
          sink: { ...sink, properties: { ...sink.properties, queueSize: 1 } },
        }).createPipeline({
          graceMs: GRACE_MS,
        })
        await turns()
        const drained = pipeline.drain()
        await new Promise((resolve) => setTimeout(resolve, 3 * GRACE_MS))
        slow.open()
        expect(await drained).toMatchObject({ outcome: 'completed', abandoned: [], unprocessed: [] })
        expectBalancedBooks(await drained, [])
      }
  })

  test('gives exactly what the reference computes for the items that the sources had made', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const run = await playing(seed, { onError: 'skip' })
        const drained = run.pipeline.drain()
        await run.scheduler.drive(drained)
        const report = await drained
        await run.scheduler.releaseAll()
        expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
        expectBalancedBooks(report, fedBy(run.graph))
        const expected = expectedOf(madeOnly(run.graph, report))
        for (const [name, counts] of expected.nodes) expect(report.nodes[name], `node "${name}"`).toMatchObject(counts)
        for (const [leaf, values] of expected.outputs)
          expect((run.outputs.get(leaf) ?? []).toSorted(), `outputs of "${leaf}"`).toEqual(values.toSorted())
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
