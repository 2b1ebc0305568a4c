import { describe, expect, test } from 'vitest'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/random.js'
import { isLeaf, KINDS, playable, type RandomGraph, randomGraph, type Shape } from '../support/random-graph.js'
import { type Expected, expectedOf } from '../support/reference.js'
import { Scheduler, stillClock } from '../support/scheduler.js'

/*
 * Random graphs, run in random orders, compared with a reference that has no queues, workers or time.
 *
 * Everything is drawn from a seed. A failure names it; to see only that one again:
 *     SEED=123 npx vitest run --project e2e test/e2e/random-graphs.test.ts
 * SOAK=1 tries ten times as many seeds.
 */
const seeds = seedsOf(100, 1_000)

stillClock()

/** Runs a random graph in an order drawn from the same seed, and compares everything that it did. */
async function expectAsComputed(seed: number, shape: Shape): Promise<void> {
  const graph = randomGraph(seed, shape)
  const scheduler = new Scheduler(seed)
  const { plumber, input } = playable(graph, scheduler)
  const outputs = new Map<string, unknown[]>()
  const running = plumber.run(input, {
    onOutput: ({ node, value }) => {
      outputs.set(node, [...(outputs.get(node) ?? []), value])
      return scheduler.step(`${node} hands over ${String(value)}`)
    },
  })
  await scheduler.drive(running)
  const report = await running
  const expected = expectedOf(graph)
  expectOutputs(outputs, expected)
  expectBalancedBooks(
    report,
    namesOf(graph, ({ style }) => style === 'fed'),
  )
  expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
  for (const [name, counts] of expected.nodes)
    expect(report.nodes[name], `node "${name}"`).toMatchObject({ ...counts, unprocessed: 0, retried: 0, late: 0 })
  for (const { from, to, entered } of report.edges)
    expect(entered, `edge ${from} to ${to}`).toBe(expected.nodes.get(from)?.emitted)
}

function expectOutputs(outputs: ReadonlyMap<string, readonly unknown[]>, expected: Expected): void {
  for (const [leaf, values] of expected.outputs) {
    const given = outputs.get(leaf) ?? []
    if (expected.inOrder.has(leaf)) expect(given, `outputs of "${leaf}", in order`).toEqual(values)
    else expect(given.toSorted(), `outputs of "${leaf}", in any order`).toEqual(values.toSorted())
  }
}

function namesOf({ nodes }: RandomGraph, wanted: (node: RandomGraph['nodes'][number]) => boolean): string[] {
  return nodes.filter(wanted).map(({ name }) => name)
}

describe.each(KINDS)('random graphs (%s) give what the reference computes,', manySeeds, (kind) => {
  test('in any order of events', async () => {
    for (const seed of seeds) await withSeed(seed, () => expectAsComputed(seed, { kind }))
  })

  test('also where every seventh value of some nodes fails and is skipped', async () => {
    for (const seed of seeds) await withSeed(seed, () => expectAsComputed(seed, { kind, onError: 'skip' }))
  })
})

test('the random graphs have what they are made for', manySeeds, () => {
  const graphs = seeds.flatMap((seed) => KINDS.map((kind) => randomGraph(seed, { kind })))
  const nodes = graphs.flatMap((graph) => graph.nodes.map((node) => ({ graph, node })))
  const count = (wanted: (one: (typeof nodes)[number]) => boolean): number => nodes.filter(wanted).length
  if (process.env.SEED !== undefined) return
  expect(count(({ node }) => node.fork !== undefined)).toBeGreaterThan(200)
  expect(count(({ node }) => node.inputs.length > 1 && node.fork === undefined)).toBeGreaterThan(200)
  expect(count(({ node }) => node.work === 'flatMap')).toBeGreaterThan(200)
  expect(count(({ graph, node }) => node.fork !== undefined && isLeaf(graph, node.name))).toBeGreaterThan(50)
  expect(count(({ node }) => node.properties.workers > 1 && !node.properties.ordered)).toBeGreaterThan(200)
  const packets = graphs.map((graph) => [...expectedOf(graph).nodes.values()].reduce((sum, n) => sum + n.received, 0))
  expect(packets.toSorted((a, b) => a - b)[Math.floor(packets.length / 2)]).toBeGreaterThan(30)
})
