import { randomOf, Scheduler } from '@pipelines/testkit'
import { ancestorsByNode, type Expected, expectedOf, fedBy, feed, isBetween, isLeaf, KINDS, playable, type RandomGraph, type RandomNode, randomGraph, type Shape } from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import { turns } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

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
  expectBalancedBooks(report, fedBy(graph))
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

describe.each(KINDS)('random graphs (%s) give what the reference computes,', manySeeds, (kind) => {
  test('in any order of events', async () => {
    for (const seed of seeds) await withSeed(seed, () => expectAsComputed(seed, { kind }))
  })

  test('also where every seventh value of some nodes fails and is skipped', async () => {
    for (const seed of seeds) await withSeed(seed, () => expectAsComputed(seed, { kind, onError: 'skip' }))
  })
})

/** As above, but from time to time nothing is taken for a while, and the number of workers of a node changes. */
async function expectAsComputedInSpurts(seed: number): Promise<void> {
  const graph = randomGraph(seed)
  const scheduler = new Scheduler(seed)
  const random = randomOf(seed)
  const outputs = new Map<string, unknown[]>()
  const pipeline = playable(graph, scheduler).plumber.createPipeline({
    onOutput: ({ node, value }) => void outputs.set(node, [...(outputs.get(node) ?? []), value]),
  })
  const fed = feed(graph, scheduler, pipeline)
  while (!(await scheduler.drive(pipeline.settled, { releases: random.integer(0, 30) }))) {
    pipeline.pause()
    for (let releases = random.integer(0, 10); releases > 0; releases--) {
      scheduler.release()
      await turns(3)
    }
    const { name, inputs } = random.pick(graph.nodes)
    if (inputs.length > 0) pipeline.setWorkers(name, random.integer(1, 8))
    pipeline.resume()
  }
  const report = await pipeline.settled
  await fed
  const expected = expectedOf(graph)
  expectOutputs(outputs, { ...expected, inOrder: new Set() })
  expectBalancedBooks(report, fedBy(graph))
  expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
  for (const [name, counts] of expected.nodes) expect(report.nodes[name], `node "${name}"`).toMatchObject(counts)
}

test('random graphs that pause, go on and change their workers give the same', manySeeds, async () => {
  for (const seed of seeds) await withSeed(seed, () => expectAsComputedInSpurts(seed))
})

/** Nodes between the fork of a join and the join. */
function regionOf({ nodes }: RandomGraph, { fork, name: join }: RandomNode): RandomNode[] {
  const above = ancestorsByNode(nodes)
  return nodes.filter(({ name }) => isBetween(above, fork, name, join))
}

/** Whether something inside the region of a join also goes somewhere else, and never comes to the join. */
function isLeftEarly(graph: RandomGraph, join: RandomNode): boolean {
  const inside = regionOf(graph, join).map(({ name }) => name)
  return graph.nodes.some(
    ({ name, inputs }) =>
      name !== join.name && !inside.includes(name) && inputs.some((input) => inside.includes(input)),
  )
}

test('the random graphs have what they are made for', () => {
  if (process.env.SEED !== undefined) return
  const graphs = seeds.slice(0, 100).flatMap((seed) => KINDS.map((kind) => randomGraph(seed, { kind })))
  const nodes = graphs.flatMap((graph) => graph.nodes.map((node) => ({ graph, node })))
  const joins = nodes.filter(({ node }) => node.fork !== undefined)
  const counts = {
    joins: joins.length,
    joinsThatAreLeaves: joins.filter(({ graph, node }) => isLeaf(graph, node.name)).length,
    nestedJoins: joins.filter(({ graph, node }) => regionOf(graph, node).some(({ fork }) => fork !== undefined)).length,
    regionsLeftEarly: joins.filter(({ graph, node }) => isLeftEarly(graph, node)).length,
    filtersInRegions: joins.filter(({ graph, node }) => regionOf(graph, node).some(({ work }) => work === 'filter'))
      .length,
    merges: nodes.filter(({ node }) => node.inputs.length > 1 && node.fork === undefined).length,
    flatMaps: nodes.filter(({ node }) => node.work === 'flatMap').length,
    workersThatOvertake: nodes.filter(({ node: { properties } }) => properties.workers > 1 && !properties.ordered)
      .length,
    inlets: nodes.filter(({ node }) => node.style === 'fed').length,
  }
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThanOrEqual(50)
  const packets = graphs.map((graph) => [...expectedOf(graph).nodes.values()].reduce((sum, n) => sum + n.received, 0))
  expect(packets.toSorted((a, b) => a - b)[Math.floor(packets.length / 2)], 'median').toBeGreaterThanOrEqual(30)
  expect(packets.filter((count) => count > 200).length, 'large ones').toBeGreaterThanOrEqual(50)
})
