import { at } from './arrays.js'

/** "No node": what dominates a source. */
export const NONE: number = -1

/** An acyclic graph as far as dominators care. */
export interface Ordered {
  /** How many nodes there are. */
  readonly size: number
  /** Node numbers in topological order. */
  readonly order: readonly number[]
  /** Where the edges into a node come from. */
  readonly predecessors: (node: number) => readonly number[]
}

/**
 * Immediate dominators of an acyclic graph in one pass, with jump pointers so that the nearest common dominator of two
 * nodes takes logarithmic time however deep the graph is.
 *
 * @see E. W. Myers, "An applicative random-access stack" (1983), for the jump pointers.
 */
export class Dominators {
  readonly #order: readonly number[]
  readonly #parent: number[]
  readonly #jump: number[]
  readonly #depth: number[]

  constructor({ size, order, predecessors }: Ordered) {
    this.#order = order
    this.#parent = new Array<number>(size).fill(NONE)
    this.#jump = new Array<number>(size).fill(NONE)
    this.#depth = new Array<number>(size).fill(0)
    for (const node of order) {
      const from = predecessors(node)
      const parent = from.length === 0 ? NONE : from.reduce((a, b) => this.common(a, b))
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

  /** The nearest node that dominates both; a node dominates itself. -1 where there is none. */
  common(first: number, second: number): number {
    let a = this.#upTo(first, this.depth(second))
    let b = this.#upTo(second, this.depth(first))
    while (a !== b) {
      const apart = this.#jumpOf(a) !== this.#jumpOf(b)
      a = apart ? this.#jumpOf(a) : this.of(a)
      b = apart ? this.#jumpOf(b) : this.of(b)
    }
    return a
  }

  /** The dominator of `node` right below `above`, which dominates it; `node` itself if that is the one. */
  below(above: number, node: number): number {
    return this.#upTo(node, this.depth(above) + 1)
  }

  /** A number for each node, such that all that a node dominates comes right behind it. */
  preorder(): number[] {
    const sizes = this.#parent.map(() => 1)
    for (const node of this.#order.toReversed()) {
      const parent = this.of(node)
      if (parent !== NONE) sizes[parent] = at(sizes, parent) + at(sizes, node)
    }
    const numbers = this.#parent.map(() => 0)
    const free = this.#parent.map(() => 0)
    let roots = 0
    for (const node of this.#order) {
      const parent = this.of(node)
      const number = parent === NONE ? roots : at(free, parent)
      if (parent === NONE) roots += at(sizes, node)
      else free[parent] = number + at(sizes, node)
      numbers[node] = number
      free[node] = number + 1
    }
    return numbers
  }

  /** The dominator of `node` at this depth; the node itself if it is not deeper. */
  #upTo(node: number, depth: number): number {
    let up = node
    while (this.depth(up) > depth) up = this.depth(this.#jumpOf(up)) >= depth ? this.#jumpOf(up) : this.of(up)
    return up
  }

  #jumpOf(node: number): number {
    return node === NONE ? NONE : at(this.#jump, node)
  }
}
