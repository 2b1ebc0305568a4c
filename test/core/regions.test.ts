import { analyseRegions, type RegionGraph, type Token } from '@pipelines/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { range } from '../support/plans.js'
import { expectedRegions, parseGraph, SHAPES, tokenText } from './model.js'

const texts = (tokens: readonly Token[]): string[] => tokens.map(tokenText).toSorted()

/** Compares all that the analysis says with what the slow model says. */
function expectAsModel(graph: RegionGraph): void {
  const found = analyseRegions(graph)
  const model = expectedRegions(graph)
  expect(found.forkOf).toEqual(model.forkOf)
  expect([[...found.positional].toSorted(), found.uneven.toSorted()]).toEqual([
    model.positional.toSorted(),
    model.uneven.toSorted(),
  ])
  expect(new Map([...found.forks].map(([fork, { joins }]) => [fork, joins]))).toEqual(model.joinsOf)
  expect(new Map([...found.forks].map(([fork, { window }]) => [fork, window]))).toEqual(model.windows)
  for (const node of graph.order) {
    const framed = (model.chains[node] ?? []).length > 0
    const entry = found.nodes.get(node)
    expect(entry !== undefined, `node ${node} is described`).toBe(framed || model.joinsOf.has(node))
    if (entry === undefined) continue
    expect({ framed: entry.framed, holds: texts(entry.holds) }).toEqual({ framed, holds: model.holds[node] })
    for (const [name, { opens, adds, first }] of entry.ports)
      expect({ opens, adds: texts(adds), first }, `node ${node}, port ${name}`).toEqual(model.port(node, name))
  }
  graph.edges.forEach(({ from, to }, number) => {
    const entry = found.edges.get(number)
    const expected = model.edges[number]
    if (entry !== undefined) expect({ up: entry.up, tokens: texts(entry.tokens) }).toEqual(expected)
    else expect(expected, `edge ${from}>${to} carries no frame`).toEqual({ up: -1, tokens: [] })
  })
}

/** Random acyclic graphs: several sources, ports, merges and joins. */
const randomGraph = fc
  .record({
    preds: fc.array(
      fc.array(fc.record({ back: fc.integer({ min: 1, max: 9 }), port: fc.nat(3) }), { minLength: 1, maxLength: 3 }),
      {
        minLength: 3,
        maxLength: 13,
      },
    ),
    joins: fc.array(fc.nat(3), { minLength: 13, maxLength: 13 }),
  })
  .map(({ preds, joins }): RegionGraph => {
    const edges = preds.flatMap((list, to) => {
      const made = list
        .filter(({ back }) => back <= to)
        .map(({ back, port }) => ({ from: to - back, to, port: port === 0 ? 'error' : 'out' }))
      return made.filter((edge, place) => made.findIndex((other) => other.from === edge.from) === place)
    })
    const nodes = preds.map((_, node) => ({ joins: joins[node] !== 0, workers: 1 + 7 * (node % 3) }))
    return { nodes, edges, order: range(preds.length) }
  })

describe('the analysis of joins', () => {
  test('says of random graphs what the slow model says', () => {
    fc.assert(fc.property(randomGraph, expectAsModel), { numRuns: 1500 })
  })

  test.each(Object.entries(SHAPES))('says of %s what the slow model says', (_, text) => {
    expectAsModel(parseGraph(text).graph)
  })

  test('finds lineage, positional and uneven joins in the random graphs', () => {
    const kinds = { lineage: 0, nested: 0, shared: 0, positional: 0, uneven: 0 }
    for (const graph of fc.sample(randomGraph, { numRuns: 1000, seed: 1 })) {
      const { forkOf, forks, positional, uneven } = analyseRegions(graph)
      if (forkOf.size > 0) kinds.lineage++
      if (forks.size > 1) kinds.nested++
      if ([...forks.values()].some(({ joins }) => joins.length > 1)) kinds.shared++
      if (positional.size > 0) kinds.positional++
      if (uneven.length > 0) kinds.uneven++
    }
    expect(Object.entries(kinds).filter(([, times]) => times < 5)).toEqual([])
  })

  test('costs a graph without joins nothing', () => {
    const regions = analyseRegions(parseGraph('S>A,B; A>M; B>M').graph)
    expect([regions.nodes.size, regions.edges.size, regions.forks.size]).toEqual([0, 0, 0])
  })

  test('leaves nodes outside of every region alone', () => {
    const { graph, names } = parseGraph('S>A; A>F; F>X,Y; X>J; Y>J; J>Z; Z>L')
    const { nodes } = analyseRegions(graph)
    expect([...nodes.keys()].map((node) => names[node]).toSorted()).toEqual(['F', 'J', 'X', 'Y'])
  })
})

describe('a join', () => {
  const kindOf = (text: string): string => {
    const { graph, names } = parseGraph(text)
    const { forkOf, positional } = analyseRegions(graph)
    const join = names.indexOf('J')
    const fork = forkOf.get(join)
    return fork === undefined ? (positional.has(join) ? 'position' : 'uneven') : `lineage of ${names[fork]}`
  }

  test.each([
    ['S>A,B; A>J; B>J', 'lineage of S'],
    ['S>F; F>A,B; A>J; B>J', 'lineage of F'],
    ['S>J; T>J', 'position'],
    ['S>A; T>B; A>J; B>J', 'position'],
    ['S>A,B; T>B; A>J; B>J', 'uneven'],
    ['S>A,X; T>B,X; A>J; B>J', 'uneven'],
  ])('in %s pairs by %s', (text, kind) => {
    expect(kindOf(text)).toBe(kind)
  })
})

test('a window has room for two frames per worker of all whose packets carry the frames', () => {
  const { graph, names } = parseGraph('S>F; F>G,J1; G>X,J2; X>J1,J2; J1>Z; J2>Z')
  const nodes = graph.nodes.map(({ joins }, node) => ({ joins, workers: names[node] === 'X' ? 40 : 1 }))
  const { forks } = analyseRegions({ ...graph, nodes })
  // In F: G, X, J1 and, behind the frames of G, J2. In G: X and J2.
  const windows = [...forks].map(([fork, { window }]) => [names[fork], window])
  expect(Object.fromEntries(windows)).toEqual({ F: 86, G: 82 })
})

test('a window has room for two of the largest batches of all whose packets carry the frames', () => {
  const { graph, names } = parseGraph('S>F; F>G,J1; G>X,J2; X>J1,J2; J1>Z; J2>Z; S>T')
  const windowsOf = (batches: Readonly<Record<string, number>>) => {
    const nodes = graph.nodes.map((node, number) => ({ ...node, workers: 1, batch: batches[names[number] ?? ''] }))
    return Object.fromEntries(
      [...analyseRegions({ ...graph, nodes }).forks].map(([fork, { window }]) => [names[fork], window]),
    )
  }
  expect(windowsOf({})).toEqual({ F: 32, G: 32 })
  expect(windowsOf({ X: 16 })).toEqual({ F: 32, G: 32 })
  expect(windowsOf({ X: 50, G: 40 })).toEqual({ F: 100, G: 100 })
  expect(windowsOf({ G: 40 })).toEqual({ F: 80, G: 32 })
  // Neither in front of the fork, nor beside or behind the region.
  expect(windowsOf({ S: 90, F: 90, T: 90, Z: 90 })).toEqual({ F: 32, G: 32 })
})

/** Processor time in milliseconds. */
function cost(action: () => void): number {
  const started = process.cpuUsage()
  action()
  const { user, system } = process.cpuUsage(started)
  return (user + system) / 1000
}

const every = (count: number, joins: (node: number) => boolean, edges: RegionGraph['edges']): RegionGraph => ({
  nodes: range(count).map((node) => ({ joins: joins(node), workers: 1 })),
  edges,
  order: range(count),
})
const to = (from: number, targets: readonly number[], port = 'out') =>
  targets.map((target) => ({ from, to: target, port }))

test('10,000 nodes with regions one after the other are analysed in a moment', () => {
  const edges = range(3333).flatMap((block) => {
    const top = 3 * block
    return [...to(top, [top + 1, top + 2]), ...to(top + 1, [top + 3]), ...to(top + 2, [top + 3])]
  })
  const ms = cost(() => expect(analyseRegions(every(10_000, () => true, edges)).forkOf.size).toBe(3333))
  expect(ms).toBeLessThan(3_000)
})

test('10,000 nodes with regions inside each other are analysed in a moment', () => {
  const forks = range(4_999).flatMap((n) => to(n, [n + 1, 9_999 - n]))
  const joins = range(5_000).map((n) => ({ from: 4_999 + n, to: 5_000 + n, port: 'out' }))
  const graph = every(10_000, (node) => node >= 5_000, [...forks, ...joins])
  const ms = cost(() => expect(analyseRegions(graph).forks.size).toBe(4_999))
  expect(ms).toBeLessThan(3_000)
})

/** A ladder: the fork sends to the first rung and to every join, each rung to the next one and to its own join. */
function ladder(rungs: number): RegionGraph {
  const rung = (n: number): number => 1 + 2 * n
  const edges = range(rungs).flatMap((n) => to(rung(n), n + 1 < rungs ? [rung(n + 1), rung(n) + 1] : [rung(n) + 1]))
  return every(1 + 2 * rungs, () => true, [...to(0, [rung(0), ...range(rungs).map((n) => rung(n) + 1)]), ...edges])
}

describe('tables that would be too large', () => {
  test('are not made, and the fork is named', () => {
    let found: unknown
    const ms = cost(() => {
      const regions = analyseRegions(ladder(4_900), { entries: 100_000 })
      found = [regions.tooLarge, regions.nodes.size, regions.edges.size, regions.forkOf.size]
    })
    expect(found).toEqual([{ fork: 0, node: expect.any(Number), joins: expect.any(Number) }, 0, 0, 4_900])
    expect(ms).toBeLessThan(2_000)
  })

  test.each([
    [
      'of a fork with 1,000 joins',
      [
        ...to(0, [1, ...range(1_000).map((n) => n + 2)]),
        ...to(
          1,
          range(1_000).map((n) => n + 2),
        ),
      ],
      1_002,
    ],
    [
      'of 100 ports to each of 100 joins',
      range(100).flatMap((n) => range(100).flatMap((p) => to(0, [n + 1], `p${p}`))),
      101,
    ],
  ])('%s are not', (_, edges, size) => {
    expect(
      analyseRegions(
        every(size, () => true, edges),
        { entries: 100_000 },
      ).tooLarge,
    ).toBeUndefined()
  })

  test('of layers that are connected throughout are not: their nodes have the same joins behind them', () => {
    const wide = 60
    const layer = (n: number): number[] => range(wide).map((place) => 1 + n * wide + place)
    const edges = [...to(0, layer(0)), ...range(8).flatMap((n) => layer(n).flatMap((node) => to(node, layer(n + 1))))]
    const graph = every(1 + 9 * wide, (node) => Math.floor((node - 1) / wide) % 2 === 1, edges)
    expect(analyseRegions(graph, { entries: 200_000 }).tooLarge).toBeUndefined()
  })

  test('have as many entries as an item can hold tokens, where nothing is shared', () => {
    // The joins behind one rung are those of the next one and its own.
    const held = (rungs: number): number => {
      const { nodes } = analyseRegions(ladder(rungs))
      return [...nodes.values()].reduce((sum, { holds }) => sum + holds.length, 0)
    }
    expect([held(10), held(20)]).toEqual([55, 210])
  })
})

describe('a fork with very many joins', () => {
  test('is analysed', () => {
    const joins = range(2_000).map((n) => n + 2)
    const { forkOf, nodes } = analyseRegions(every(2_002, () => true, [...to(0, [1, ...joins]), ...to(1, joins)]))
    expect([forkOf.size, nodes.get(1)?.holds.length]).toEqual([2_000, 2_000])
  })

  test('has one list of tokens for all nodes of a chain', () => {
    const joins = range(50).map((n) => n + 21)
    const chain = range(20).flatMap((n) => to(n, [n + 1]))
    const { nodes, edges } = analyseRegions(every(71, () => true, [...chain, ...to(0, joins), ...to(20, joins)]))
    expect(nodes.get(1)?.holds).toHaveLength(50)
    const lists = range(19).flatMap((n) => [nodes.get(n + 1)?.holds, nodes.get(n + 1)?.ports.get('out')?.adds])
    expect(new Set([...lists, ...range(18).map((n) => edges.get(n + 1)?.tokens)]).size).toBe(1)
  })
})
