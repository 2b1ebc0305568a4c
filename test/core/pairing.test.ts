import { analyseRegions, type RegionGraph } from '@pipelines/core'
import { type Random, randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { range } from '../support/plans.js'

type Edge = RegionGraph['edges'][number]

const graphOf = (size: number, edges: readonly Edge[]): RegionGraph => ({
  nodes: range(size).map(() => ({ joins: true, workers: 1 })),
  edges,
  order: range(size),
})

const edge = (from: number, to: number, port = 'out'): Edge => ({ from, to, port })

/** Whether no two inputs of a join are connected once it is taken out, directions ignored: by walking. */
function isSeparable({ edges }: RegionGraph, join: number): boolean {
  const near = new Map<number, number[]>()
  for (const { from, to } of edges) {
    if (from === join || to === join) continue
    near.set(from, [...(near.get(from) ?? []), to])
    near.set(to, [...(near.get(to) ?? []), from])
  }
  const seen = new Set<number>()
  return edges.every(({ from, to }) => {
    if (to !== join) return true
    if (seen.has(from)) return false
    const reached = new Set([from])
    for (const node of reached) for (const other of near.get(node) ?? []) reached.add(other)
    for (const node of reached) seen.add(node)
    return true
  })
}

/** Many sources and few edges, so that there are trees, rings and both; some edges are there by two ports. */
function sparseGraph(random: Random): RegionGraph {
  const size = random.integer(3, 24)
  const edges = range(random.integer(2, size + 4)).flatMap((): Edge[] => {
    const [a, b] = [random.integer(0, size - 1), random.integer(0, size - 1)]
    if (a === b) return []
    const made = edge(Math.min(a, b), Math.max(a, b))
    return random.chance(0.05) ? [made, { ...made, port: 'other' }] : [made]
  })
  return graphOf(size, edges)
}

describe('a join without a common dominator', () => {
  test('pairs by position exactly if nothing but the join connects two of its inputs', () => {
    const counts = { positional: 0, uneven: 0 }
    for (const seed of range(6_000)) {
      const graph = sparseGraph(randomOf(seed))
      const { positional, uneven } = analyseRegions(graph)
      counts.positional += positional.size
      counts.uneven += uneven.length
      for (const join of [...positional, ...uneven])
        expect(positional.has(join), `join ${join} of seed ${seed}`).toBe(isSeparable(graph, join))
    }
    expect(Math.min(counts.positional, counts.uneven)).toBeGreaterThan(3_000)
  })

  test('is uneven with two edges from one node, by whatever ports', () => {
    const { positional, uneven } = analyseRegions(graphOf(3, [edge(0, 2), edge(0, 2, 'other'), edge(1, 2)]))
    expect([positional.size, uneven]).toEqual([0, [2]])
  })

  test('is told apart in a moment, also where there are 5,000 of them in a graph as long', () => {
    const chain = range(5_000).flatMap((n) => [edge(2 * n, 2 * n + 1), edge(2 * n + 1, 2 * n + 3)])
    const comb = graphOf(10_002, chain)
    const pair = graphOf(
      5_002,
      range(5_000).flatMap((n) => [edge(0, n + 2), edge(1, n + 2)]),
    )
    const started = process.cpuUsage()
    expect(analyseRegions(comb).positional.size).toBe(4_999)
    expect(analyseRegions(pair).uneven.length).toBe(5_000)
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(3_000)
  })

  test('is found in a ring of 200,000 nodes without recursion', () => {
    const size = 200_000
    const ring = graphOf(size, [edge(1, 2), ...range(size - 3).map((n) => edge(n + 2, n + 3)), edge(0, size - 1)])
    const closed = { ...ring, edges: [...ring.edges, edge(0, 1)] }
    expect([...analyseRegions(ring).positional]).toEqual([size - 1])
    expect(analyseRegions(closed).forkOf.get(size - 1)).toBe(0)
  })
})
