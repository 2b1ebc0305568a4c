import type { Context } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expectedOf, fedBy } from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import { chain, having, type SourceOutput, same, turns } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'
import {
  expectLateCallsIgnored,
  expectNoListeners,
  GRACE_MS,
  madeOnly,
  playing,
  underWay,
} from '../support/under-way.js'

/*
 * Drains at any moment of runs of random graphs.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/drain.test.ts
 */
const seeds = seedsOf(100, 600)

stillClock()

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
        const released = scheduler.order.length
        const deaf = graph.nodes.filter(({ name, inputs }) => inputs.length === 0 && stuck.includes(name))
        await scheduler.drive(drained)
        const report = await drained
        expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], errors: [] })
        expectBalancedBooks(report, fedBy(graph))
        tracked.expectNothingLost(report)
        const moved = scheduler.order.slice(released).map((label) => label.split(' ')[0])
        // Whoever had a call that waited for longer than the grace: at first, in between, or still.
        expect([...stuck, ...moved, ...tracked.stuck], 'nodes that may be abandoned').toEqual(
          expect.arrayContaining([...report.abandoned]),
        )
        for (const { name } of deaf) expect(report.abandoned, 'sources that did not obey').toContain(name)
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
