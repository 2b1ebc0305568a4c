import { Dominators, type RegionGraph } from '@pipelines/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { range } from '../support/plans.js'

type Pair = readonly [number, number]

/** A graph of these edges. */
function graphOf(count: number, pairs: readonly Pair[]): { graph: RegionGraph; ins: number[][] } {
  const edges = pairs.map(([from, to]) => ({ from, to, port: 'out' }))
  const nodes = range(count).map(() => ({ joins: true, workers: 1 }))
  const ins = range(count).map((node) => edges.flatMap((edge, number) => (edge.to === node ? [number] : [])))
  return { graph: { nodes, edges, order: range(count) }, ins }
}

const immediate = (count: number, pairs: readonly Pair[]): number[] => {
  const { graph, ins } = graphOf(count, pairs)
  const dominators = new Dominators(graph, ins)
  return range(count).map((node) => dominators.of(node))
}

/** Nodes that can be reached from a source when `without` is taken out. */
function reachable(count: number, pairs: readonly Pair[], without: number): Set<number> {
  const seen = new Set(range(count).filter((node) => node !== without && !pairs.some(([, to]) => to === node)))
  for (const node of seen) for (const [from, to] of pairs) if (from === node && to !== without) seen.add(to)
  return seen
}

const randomGraph = fc
  .integer({ min: 2, max: 14 })
  .chain((count) =>
    fc
      .uniqueArray(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 30, selector: (pair) => pair.join() })
      .map((pairs) => ({ count, pairs: pairs.filter(([from, to]) => from < to) })),
  )

test('a node dominates another exactly when taking it out cuts the other off', () => {
  const check = ({ count, pairs }: { count: number; pairs: Pair[] }): void => {
    const { graph, ins } = graphOf(count, pairs)
    const dominators = new Dominators(graph, ins)
    for (const node of range(count)) {
      const expected = range(count).filter((other) => other !== node && !reachable(count, pairs, other).has(node))
      const found: number[] = []
      for (let up = dominators.of(node); up !== -1; up = dominators.of(up)) found.push(up)
      expect(found.toSorted((a, b) => a - b)).toEqual(expected)
      expect(dominators.depth(node)).toBe(expected.length + 1)
    }
  }
  fc.assert(fc.property(randomGraph, check), { numRuns: 500 })
})

test('nothing dominates a source, nor what two sources reach', () => {
  expect(
    immediate(3, [
      [0, 2],
      [1, 2],
    ]),
  ).toEqual([-1, -1, -1])
})

test('the fork of a diamond dominates its join', () => {
  expect(
    immediate(4, [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
    ]),
  ).toEqual([-1, 0, 0, 0])
})

test('a short cut past the inner fork moves the dominator outwards', () => {
  const diamond: Pair[] = [
    [0, 1],
    [1, 2],
    [1, 3],
    [2, 4],
    [3, 4],
  ]
  expect(immediate(5, diamond)[4]).toBe(1)
  expect(immediate(5, [...diamond, [0, 4]])[4]).toBe(0)
})

test('the order of the nodes may be any topological one', () => {
  const edges = [
    { from: 3, to: 1, port: 'out' },
    { from: 3, to: 2, port: 'out' },
    { from: 1, to: 0, port: 'out' },
    { from: 2, to: 0, port: 'out' },
  ]
  const nodes = range(4).map(() => ({ joins: true, workers: 1 }))
  const dominators = new Dominators({ nodes, edges, order: [3, 2, 1, 0] }, [[2, 3], [0], [1], []])
  expect(range(4).map((node) => dominators.of(node))).toEqual([3, 3, 3, -1])
})

test('a ladder of 20,000 diamonds is analysed in a moment', () => {
  const rungs = range(20_000)
  const pairs = rungs.flatMap((rung): Pair[] => {
    const top = 3 * rung
    return [
      [top, top + 1],
      [top, top + 2],
      [top + 1, top + 3],
      [top + 2, top + 3],
    ]
  })
  const edges = pairs.map(([from, to]) => ({ from, to, port: 'out' }))
  const ins: number[][] = range(60_001).map(() => [])
  edges.forEach(({ to }, number) => void ins[to]?.push(number))
  const nodes = range(60_001).map(() => ({ joins: true, workers: 1 }))
  const started = performance.now()
  const dominators = new Dominators({ nodes, edges, order: range(60_001) }, ins)
  expect([dominators.of(60_000), dominators.depth(60_000)]).toEqual([59_997, 20_001])
  expect(performance.now() - started).toBeLessThan(3_000)
})
