import { analyseRegions, type Plan, type RegionGraph } from '@pipelines/core'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { ForkWindow } from '../../packages/core/src/frames.js'
import { range } from '../support/plans.js'
import { type Behaviour, runGraph } from './shapes.js'

interface RandomNetwork {
  readonly graph: RegionGraph
  readonly behaviours: readonly Behaviour[]
  readonly window: number
}

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  body: fc.oneof(
    { weight: 6, arbitrary: fc.constant('map' as const) },
    { weight: 2, arbitrary: fc.constant('filter' as const) },
    { weight: 1, arbitrary: fc.constant('expand' as const) },
  ),
  workers: fc.constantFrom(1, 1, 2, 4),
  ordered: fc.constantFrom(true, true, false),
  queueSize: fc.integer({ min: 1, max: 3 }),
  delay: fc.constantFrom('none', 'microtasks', 'turns'),
})

const network: fc.Arbitrary<RandomNetwork> = fc
  .record({
    preds: fc.array(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }), {
      minLength: 3,
      maxLength: 10,
    }),
    joins: fc.array(fc.nat(4), { minLength: 10, maxLength: 10 }),
    behaviours: fc.array(behaviour, { minLength: 10, maxLength: 10 }),
    window: fc.constantFrom(1, 1, 2, 32),
  })
  .map(({ preds, joins, behaviours, window }) => {
    const edges = preds.flatMap((backs, to) =>
      [...new Set(backs.map((back) => Math.max(0, to - back)))]
        .filter((from) => from < to)
        .map((from) => ({ from, to, port: 'out' })),
    )
    const order = range(preds.length)
    const wanted = order.map((node) => ({ joins: joins[node] !== 0, workers: 1 }))
    // Joins that could not pair by lineage are merged: those that pair by position are another test's matter.
    const { forkOf } = analyseRegions({ nodes: wanted, edges, order })
    const nodes = wanted.map(({ workers }, node) => ({ joins: forkOf.has(node), workers }))
    return { graph: { nodes, edges, order }, behaviours, window }
  })

/** Gives every fork of the plan a window of this size: the fewest frames that the engine itself would allow are 32. */
const withWindow =
  (size: number) =>
  (plan: Plan): Plan => {
    const forks = new Map([...plan.regions.forks].map(([node, fork]) => [node, { ...fork, window: size }]))
    return { ...plan, regions: { ...plan.regions, forks } }
  }

test('random networks give what the norm says, whatever the windows, workers and queues are', async () => {
  const starts = vi.spyOn(ForkWindow.prototype, 'start')
  let frames = 0
  const check = async ({ graph, behaviours, window }: RandomNetwork): Promise<void> => {
    starts.mockClear()
    await runGraph(graph, behaviours, { count: 20, adapt: withWindow(window) })
    frames += starts.mock.calls.length
    for (const found of new Set(starts.mock.contexts as ForkWindow[])) {
      expect([found.open, found.size]).toEqual([0, window])
      expect(found.peak).toBeLessThanOrEqual(window)
    }
  }
  await fc.assert(fc.asyncProperty(network, check), { numRuns: 250 })
  expect(frames).toBeGreaterThan(2_000)
  starts.mockRestore()
})
