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

test('10,000 nodes with nested regions are analysed in a moment', () => {
  const edges = range(3333).flatMap((block) => {
    const top = 3 * block
    return [
      { from: top, to: top + 1, port: 'out' },
      { from: top, to: top + 2, port: 'out' },
      { from: top + 1, to: top + 3, port: 'out' },
      { from: top + 2, to: top + 3, port: 'out' },
    ]
  })
  const nodes = range(10_000).map(() => ({ joins: true, workers: 1 }))
  const started = performance.now()
  const { forkOf } = analyseRegions({ nodes, edges, order: range(10_000) })
  expect(forkOf.size).toBe(3333)
  expect(performance.now() - started).toBeLessThan(3_000)
})

describe('a fork with very many joins', () => {
  const to = (from: number, targets: readonly number[]) => targets.map((join) => ({ from, to: join, port: 'out' }))
  const analysed = (count: number, edges: RegionGraph['edges']) => {
    const nodes = range(count).map(() => ({ joins: true, workers: 1 }))
    return analyseRegions({ nodes, edges, order: range(count) })
  }

  test('is analysed', () => {
    const joins = range(2_000).map((n) => n + 2)
    const { forkOf, nodes } = analysed(2_002, [...to(0, [1, ...joins]), ...to(1, joins)])
    expect([forkOf.size, nodes.get(1)?.holds.length]).toEqual([2_000, 2_000])
  })

  test('has one list of tokens for all nodes of a chain', () => {
    const joins = range(50).map((n) => n + 21)
    const chain = range(20).flatMap((n) => to(n, [n + 1]))
    const { nodes, edges } = analysed(71, [...chain, ...to(0, joins), ...to(20, joins)])
    expect(nodes.get(1)?.holds).toHaveLength(50)
    const lists = range(19).flatMap((n) => [nodes.get(n + 1)?.holds, nodes.get(n + 1)?.ports.get('out')?.adds])
    expect(new Set([...lists, ...range(18).map((n) => edges.get(n + 1)?.tokens)]).size).toBe(1)
  })
})
