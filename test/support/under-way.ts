import { getEventListeners } from 'node:events'
import { randomOf, Scheduler } from '@pipelines/testkit'
import {
  expectedOf,
  fedBy,
  feed,
  playable,
  type RandomGraph,
  randomGraph,
  type Shape,
} from '@pipelines/testkit/random-graphs'
import { expect } from 'vitest'
import type { Report } from './blackbox.js'
import { expectBalancedBooks } from './books.js'
import { Tracked } from './tracked.js'

/** Runs of random graphs that are under way, for tests that end them; and what must hold afterwards. */

/** Time that coroutines get to obey. */
export const GRACE_MS = 15

/** A tracked random graph, driven for a random number of steps. */
export async function underWay(seed: number, shape: Shape, options: Readonly<Record<string, unknown>> = {}) {
  const graph = randomGraph(seed, { mapOnly: true, ...shape })
  const scheduler = new Scheduler(seed)
  const tracked = new Tracked(graph, scheduler, { graceMs: GRACE_MS, ...options })
  const random = randomOf(seed)
  const ended = await scheduler.drive(tracked.pipeline.settled, { releases: random.integer(0, stepsOf(graph)) })
  return { graph, scheduler, tracked, random, ended }
}

/** About how many steps a run takes. */
export function stepsOf(graph: RandomGraph): number {
  let steps = 0
  for (const { received, emitted } of expectedOf(graph).nodes.values()) steps += received === 0 ? emitted : received
  return Math.floor(steps * 0.7)
}

/** What must hold after doomsday, whatever the graph and the moment. */
export function expectDoomed(report: Report, tracked: Tracked, graph: RandomGraph, reason: unknown): void {
  expect(report).toMatchObject({ outcome: 'doomed', reason, errors: [] })
  expectBalancedBooks(report, fedBy(graph))
  tracked.expectNothingLost(report)
  tracked.expectListsAsCounted(report)
  for (const name of fedBy(graph)) expect(report.nodes[name]?.received).toBe(tracked.made.get(name)?.length ?? 0)
}

/** Lets everything go that the run has given up, and asserts that nothing more is delivered. */
export async function expectLateCallsIgnored(scheduler: Scheduler, tracked: Tracked): Promise<void> {
  tracked.over = true
  const delivered = [...tracked.delivered.values()].flat().length
  await scheduler.releaseAll()
  expect([...tracked.delivered.values()].flat()).toHaveLength(delivered)
}

/**
 * Asserts that the nodes in which something was stuck are abandoned, and no others; a node whose teardown had to wait
 * for the scheduler may have been given up as well.
 */
export function expectAbandoned(report: Report, scheduler: Scheduler, stuck: readonly string[]): void {
  const slow = scheduler.order.filter((label) => label.includes(' teardown ')).map((label) => label.split(' ')[0])
  expect(report.abandoned, 'nodes that did not obey').toEqual(expect.arrayContaining([...stuck]))
  expect([...stuck, ...slow], 'nodes that may be abandoned').toEqual(expect.arrayContaining([...report.abandoned]))
}

export function expectNoListeners(tracked: Tracked): void {
  for (const signal of tracked.signals) expect(getEventListeners(signal, 'abort')).toEqual([])
}

/** A random graph of any kind, driven for a random number of steps; and what it gave. */
export async function playing(seed: number, shape: Shape) {
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
export function expectAmongExpected({
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
export function madeOnly(graph: RandomGraph, report: Report): RandomGraph {
  const nodes = graph.nodes.map((node) => ({ ...node, items: report.nodes[node.name]?.emitted ?? 0 }))
  return { ...graph, nodes }
}
