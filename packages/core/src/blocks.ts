import { at } from './arrays.js'
import type { Incidence, RegionGraph } from './regions.js'

/** A node on the way of the search below. */
interface Visit {
  readonly node: number
  /** The edge that led here. */
  readonly via: number | undefined
  next: number
}

/**
 * The block of every edge, as a number: directions ignored, two edges are in one block if a simple cycle goes through
 * both. Two edges between the same two nodes are such a cycle. One search through the graph, iterative.
 *
 * @see J. Hopcroft and R. Tarjan, "Efficient algorithms for graph manipulation" (1973)
 */
export function blocksOf({ nodes, edges }: RegionGraph, { ins, outs }: Incidence): readonly number[] {
  const blocks: number[] = edges.map(() => -1)
  const index: number[] = nodes.map(() => -1)
  /** Lowest index that is reached from a node, or from below it in the search, by at most one edge back. */
  const low: number[] = nodes.map(() => -1)
  const stack: number[] = []
  const path: Visit[] = []
  let visited = 0
  let found = 0

  const enter = (node: number, via: number | undefined): void => {
    index[node] = visited
    low[node] = visited++
    path.push({ node, via, next: 0 })
  }
  const leave = ({ node, via }: Visit): void => {
    path.pop()
    const parent = path.at(-1)
    if (parent === undefined || via === undefined) return
    low[parent.node] = Math.min(at(low, parent.node), at(low, node))
    if (at(low, node) < at(index, parent.node)) return
    // Nothing below reaches past the parent, so the edges since the one that led here are a block.
    for (const edge of stack.splice(stack.lastIndexOf(via))) blocks[edge] = found
    found++
  }

  for (let start = 0; start < nodes.length; start++) {
    if (at(index, start) !== -1) continue
    enter(start, undefined)
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const { node, via } = visit
      const [into, from] = [at(ins, node), at(outs, node)]
      const edge = visit.next < into.length ? into[visit.next] : from[visit.next - into.length]
      visit.next++
      if (edge === undefined) leave(visit)
      if (edge === undefined || edge === via) continue
      const other = at(edges, edge).from === node ? at(edges, edge).to : at(edges, edge).from
      // An edge to a node further down was seen from there.
      if (at(index, other) > at(index, node)) continue
      stack.push(edge)
      if (at(index, other) === -1) enter(other, edge)
      else low[node] = Math.min(at(low, node), at(index, other))
    }
  }
  return blocks
}
