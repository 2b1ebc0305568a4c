import { Scheduler } from '@pipelines/testkit'
import {
  expectedOf,
  fedBy,
  feed,
  isLeaf,
  playable,
  type RandomGraph,
  randomGraph,
  type Shape,
} from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import { nodeOf, range } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { countOf, LEDGER, NONE, type Roots, rootsOf } from '../support/ledger.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * The verdicts of random graphs, in an order of events drawn from the seed.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/ledger-random.test.ts
 */
const seeds = seedsOf(40, 300)

stillClock()

/** A random graph whose leaves give one output for each call, so that a delivery can be counted by its output. */
function drawn(seed: number, shape: Shape): RandomGraph {
  const graph = randomGraph(seed, shape)
  const nodes = graph.nodes.map((node) =>
    isLeaf(graph, node.name) && node.inputs.length > 0 ? { ...node, work: 'map' as const } : node,
  )
  return { ...graph, nodes }
}

/** The verdicts by the plainest way to compute them: how the counts of the nodes grow with one item more. */
function expectedRoots(graph: RandomGraph): Roots {
  const roots = { ...NONE }
  for (const { name, inputs, items } of graph.nodes) {
    if (inputs.length > 0) continue
    const seen = range(Math.max(0, items) + 1).map((count) => outcomeOf(limited(graph, name, count)))
    for (const [place, { failed, delivered }] of seen.entries()) {
      const before = seen[place - 1]
      if (before === undefined) continue
      const verdict = failed > before.failed ? 'errored' : delivered > before.delivered ? 'delivered' : 'filtered'
      Object.assign(roots, { [verdict]: roots[verdict] + 1 })
    }
  }
  return roots
}

function limited(graph: RandomGraph, source: string, items: number): RandomGraph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.name === source ? { ...node, items } : node)) }
}

function outcomeOf(graph: RandomGraph): { failed: number; delivered: number } {
  const counts = [...expectedOf(graph).nodes]
  const leaves = counts.filter(([name]) => isLeaf(graph, name))
  return {
    failed: counts.reduce((sum, [, { failed }]) => sum + failed, 0),
    delivered: leaves.reduce((sum, [, { emitted }]) => sum + emitted, 0),
  }
}

function start(graph: RandomGraph, seed: number) {
  const scheduler = new Scheduler(seed)
  const pipeline = playable(graph, scheduler).plumber.createPipeline(LEDGER)
  void feed(graph, scheduler, pipeline)
  return { scheduler, pipeline }
}

describe('random graphs', manySeeds, () => {
  test('give every root the verdict that it must have, whatever the order of events', async () => {
    const total = { ...NONE }
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const graph = drawn(seed, { onError: 'skip', size: 9 })
        const { scheduler, pipeline } = start(graph, seed)
        await scheduler.drive(pipeline.settled)
        const report = await pipeline.settled
        expectBalancedBooks(report, fedBy(graph))
        expect(rootsOf(report)).toEqual(expectedRoots(graph))
        for (const [verdict, count] of Object.entries(rootsOf(report)))
          Object.assign(total, { [verdict]: total[verdict as keyof Roots] + count })
      })
    if (process.env['SEED'] === undefined) {
      for (const verdict of ['delivered', 'filtered', 'errored'] as const) expect(total[verdict]).toBeGreaterThan(50)
      expect([total.aborted, total.deadLettered]).toEqual([0, 0])
    }
  })

  test('have one verdict for each root, whenever doomsday comes', async () => {
    let cut = 0
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const graph = drawn(seed, { onError: 'skip', size: 9 })
        const { scheduler, pipeline } = start(graph, seed)
        await scheduler.drive(pipeline.settled, { releases: seed % 60 })
        const doomed = pipeline.doomsday(seed)
        await scheduler.drive(doomed)
        const report = await doomed
        await scheduler.releaseAll()
        expectBalancedBooks(report, fedBy(graph))
        const roots = rootsOf(report)
        cut += roots.aborted
        const sources = graph.nodes.filter(({ inputs }) => inputs.length === 0).map(({ name }) => nodeOf(report, name))
        const emitted = sources.reduce((sum, source) => sum + source.emitted, 0)
        // A source's last output may have been accepted by some of its successors only.
        expect(countOf(roots)).toBeGreaterThanOrEqual(emitted)
        expect(countOf(roots)).toBeLessThanOrEqual(emitted + sources.length)
        const whole = expectedRoots(graph)
        expect(roots.delivered).toBeLessThanOrEqual(whole.delivered + whole.errored)
        expect(roots.errored).toBeLessThanOrEqual(whole.errored)
      })
    if (process.env['SEED'] === undefined) expect(cut).toBeGreaterThan(seeds.length)
  })
})
