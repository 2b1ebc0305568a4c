import type { EdgeSnapshot, Snapshot } from '@pipelines/core'
import { fillOf } from './fill.js'

/**
 * From here on an edge counts as backed up. Not more, because between a fork and its join there are never more items than
 * the fork has frames, 32 unless more are needed, where a queue has room for 64 unless set.
 */
const BACKED_UP = 1 / 4

/**
 * The node that the others wait for, if one can be told: each edge into it is backed up, which is to say at least a
 * quarter full, and none out of it is. Of several, the one with the most in front of it.
 *
 * It names nobody rather than the wrong node. So a node whose outputs meet again is left out: it may wait for the join
 * behind it, which holds a limited number of items, and no edge shows that. A join itself takes whatever comes, and a call
 * chain has no queues: they are not named either.
 *
 * @see https://nightlies.apache.org/flink/flink-docs-stable/docs/ops/monitoring/back_pressure/ where the idea comes from
 */
export function bottleneck({ edges }: Pick<Snapshot, 'edges'>): string | undefined {
  const inputs = grouped(edges, ({ to }) => to)
  const outputs = grouped(edges, ({ from }) => from)
  return [...inputs]
    .map(([node, edges]) => ({ node, fill: Math.min(...edges.map(fillOf)) }))
    .filter(({ fill }) => fill >= BACKED_UP)
    .filter(({ node }) => !outputs.get(node)?.some((edge) => fillOf(edge) >= BACKED_UP))
    .sort((a, b) => b.fill - a.fill)
    .find(({ node }) => !meetAgain(node, outputs))?.node
}

/** Whether two edges out of a node lead to one and the same node, however far away. */
function meetAgain(node: string, outputs: ReadonlyMap<string, readonly EdgeSnapshot[]>): boolean {
  const ways = new Map<string, EdgeSnapshot>()
  for (const way of outputs.get(node) ?? []) {
    const ahead = [way.to]
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      const seen = ways.get(next)
      if (seen === way) continue
      if (seen !== undefined) return true
      ways.set(next, way)
      for (const { to } of outputs.get(next) ?? []) ahead.push(to)
    }
  }
  return false
}

function grouped(edges: readonly EdgeSnapshot[], nodeOf: (edge: EdgeSnapshot) => string): Map<string, EdgeSnapshot[]> {
  const groups = new Map<string, EdgeSnapshot[]>()
  for (const edge of edges) {
    const group = groups.get(nodeOf(edge))
    if (group === undefined) groups.set(nodeOf(edge), [edge])
    else group.push(edge)
  }
  return groups
}
