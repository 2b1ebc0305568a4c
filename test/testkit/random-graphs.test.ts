import { Scheduler } from '@pipelines/testkit'
import {
  type Expected,
  expectedOf,
  fedBy,
  KINDS,
  playable,
  randomGraph,
  type Shape,
} from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'

/*
 * Random graphs whose joins may do everything, run in random orders on a virtual clock, compared with the reference.
 * Replay a seed with: SEED=123 npx vitest run --project testkit test/testkit/random-graphs.test.ts
 */
const seeds = seedsOf(100, 1_000)

/** Runs a random graph in an order drawn from the same seed, and compares everything that it did. */
async function expectAsComputed(seed: number, shape: Shape): Promise<void> {
  const graph = randomGraph(seed, { joins: 'all', ...shape })
  const scheduler = new Scheduler(seed)
  const { plumber, input } = playable(graph, scheduler)
  const outputs = new Map<string, unknown[]>()
  const restore = scheduler.install()
  try {
    const running = plumber.run(input, {
      ledger: true,
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
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [], roots: expected.roots })
    for (const [name, counts] of expected.nodes)
      expect(report.nodes[name], `node "${name}"`).toMatchObject({ ...counts, unprocessed: 0, retried: 0, late: 0 })
    expect(report.errors).toHaveLength(Math.min(100, expected.failures))
  } finally {
    restore()
  }
}

function expectOutputs(outputs: ReadonlyMap<string, readonly unknown[]>, expected: Expected): void {
  for (const [leaf, values] of expected.outputs) {
    const given = outputs.get(leaf) ?? []
    if (expected.inOrder.has(leaf)) expect(given, `outputs of "${leaf}", in order`).toEqual(values)
    else expect(given.toSorted(), `outputs of "${leaf}", in any order`).toEqual(values.toSorted())
  }
}

describe.each(KINDS)(
  'random graphs (%s) whose joins do everything give what the reference computes,',
  manySeeds,
  (kind) => {
    test('in any order of events', async () => {
      for (const seed of seeds) await withSeed(seed, () => expectAsComputed(seed, { kind }))
    })

    test('also where items fail and are skipped', async () => {
      for (const seed of seeds) await withSeed(seed, () => expectAsComputed(seed, { kind, onError: 'skip' }))
    })
  },
)

test('the random graphs have what they are made for', () => {
  if (process.env.SEED !== undefined) return
  const graphs = seeds.slice(0, 100).flatMap((seed) => {
    return KINDS.map((kind) => randomGraph(seed, { kind, joins: 'all', onError: 'skip' }))
  })
  const joins = graphs.flatMap(({ nodes }) => nodes).filter(({ fork }) => fork !== undefined)
  const has = (what: object) =>
    joins.filter(({ properties }) =>
      Object.entries(what).every(([key, value]) => Reflect.get(properties, key) === value),
    )
  for (const missing of ['skip', 'partial', 'fail'])
    for (const collect of ['one', 'all', 'product']) expect(has({ missing, collect }).length).toBeGreaterThan(20)
  expect(joins.filter(({ anyOrder }) => anyOrder).length).toBeGreaterThan(20)
  const roots = graphs.map((graph) => expectedOf(graph).roots)
  for (const verdict of ['delivered', 'filtered', 'errored'] as const)
    expect(roots.filter((counts) => counts[verdict] > 0).length, verdict).toBeGreaterThan(100)
  for (const { nodes } of graphs) expect(nodes.length).toBeGreaterThanOrEqual(3)
})
