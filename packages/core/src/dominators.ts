import { at } from './arrays.js'
import type { RegionGraph } from './regions.js'

/** "No node": what dominates a source. */
export const NONE: number = -1

/**
 * Immediate dominators of an acyclic graph in one pass, with jump pointers so that the nearest common dominator of two
 * nodes takes logarithmic time however deep the graph is.
 *
 * @see E. W. Myers, "An applicative random-access stack" (1983), for the jump pointers.
 */
export class Dominators {
  readonly #parent: number[]
  readonly #jump: number[]
  readonly #depth: number[]

  constructor(graph: RegionGraph, ins: readonly (readonly number[])[]) {
    this.#parent = graph.nodes.map(() => NONE)
    this.#jump = graph.nodes.map(() => NONE)
    this.#depth = graph.nodes.map(() => 0)
    for (const node of graph.order) {
      const from = at(ins, node).map((edge) => at(graph.edges, edge).from)
      const parent = from.length === 0 ? NONE : from.reduce((a, b) => this.#common(a, b))
      this.#parent[node] = parent
      this.#depth[node] = this.depth(parent) + 1
      const jump = this.#jumpOf(parent)
      const even = this.depth(parent) - this.depth(jump) === this.depth(jump) - this.depth(this.#jumpOf(jump))
      this.#jump[node] = even ? this.#jumpOf(jump) : parent
    }
  }

  /** The immediate dominator, or -1 where there is none. */
  of(node: number): number {
    return at(this.#parent, node)
  }

  /** How many nodes dominate this one, itself included; 0 for "none". */
  depth(node: number): number {
    return node === NONE ? 0 : at(this.#depth, node)
  }

  #jumpOf(node: number): number {
    return node === NONE ? NONE : at(this.#jump, node)
  }

  #common(first: number, second: number): number {
    let [a, b] = this.depth(first) >= this.depth(second) ? [first, second] : [second, first]
    while (this.depth(a) > this.depth(b))
      a = this.depth(this.#jumpOf(a)) >= this.depth(b) ? this.#jumpOf(a) : this.of(a)
    while (a !== b) {
      const apart = this.#jumpOf(a) !== this.#jumpOf(b)
      a = apart ? this.#jumpOf(a) : this.of(a)
      b = apart ? this.#jumpOf(b) : this.of(b)
    }
    return a
  }
}
