import { at } from './arrays.js'
import { type Dominators, NONE } from './dominators.js'
import type { Incidence, RegionGraph } from './regions.js'

/** What the tables of a graph are made from. */
export interface Analysed {
  readonly graph: RegionGraph
  readonly incidence: Incidence
  readonly dominators: Dominators
  /** Fork of each join that pairs by lineage. */
  readonly forkOf: ReadonlyMap<number, number>
  /** The joins of each fork, in topological order. */
  readonly joinsOf: ReadonlyMap<number, readonly number[]>
}

/** Counts the entries of tables while they are made, so that too many are noticed before there is no memory left. */
export class Budget {
  #left: number
  #spentAt: number | undefined

  constructor(entries: number) {
    this.#left = entries
  }

  /** The node at which there were too many. */
  get spentAt(): number | undefined {
    return this.#spentAt
  }

  /** Entries that were made, or read again, for a node. */
  spend(entries: number, node: number): void {
    this.#left -= entries
    if (this.#left < 0) this.#spentAt ??= node
  }
}

/** Joins, each once. Equal lists are often the same list, so that a long chain needs no more room than one node. */
export type JoinList = readonly number[]

const NOWHERE: JoinList = []

/** At which joins the items at a node or edge hold a token, found from the leaves to the sources. */
export class Reach {
  readonly #a: Analysed
  readonly #budget: Budget
  /** Joins at which an item inside a node holds a token. */
  readonly #behind: JoinList[]
  /** The fork whose frame a packet in front of a node points to, or -1. */
  readonly #innermost: number[]
  /** The list of a join alone. */
  readonly #alone = new Map<number, JoinList>()
  /** Lists that were put together, by the numbers of the lists they are made of: in layers they are often the same. */
  readonly #unions = new Map<string, JoinList>()
  readonly #numbers = new Map<JoinList, number>()
  /** The innermost of the forks of the joins in a list. */
  readonly #forks = new Map<JoinList, number>()
  /** By node: the node for which it was marked last. */
  readonly #marks: number[]

  constructor(analysed: Analysed, budget: Budget) {
    this.#a = analysed
    this.#budget = budget
    this.#behind = analysed.graph.nodes.map(() => NOWHERE)
    this.#innermost = analysed.graph.nodes.map(() => NONE)
    this.#marks = analysed.graph.nodes.map(() => NONE)
    for (const node of analysed.graph.order.toReversed()) {
      if (budget.spentAt !== undefined) return
      this.#visit(node)
    }
  }

  behind(node: number): JoinList {
    return at(this.#behind, node)
  }

  /** Joins at which a packet on this edge holds a token. */
  onEdge(edge: number): JoinList {
    const { to } = at(this.#a.graph.edges, edge)
    if (!this.#a.forkOf.has(to)) return this.behind(to)
    const alone = this.#alone.get(to) ?? [to]
    this.#alone.set(to, alone)
    return alone
  }

  innermost(node: number): number {
    return at(this.#innermost, node)
  }

  /** The lists of what leaves on these edges, and how many of the edges have each; empty ones are left out. */
  listsOn(edges: readonly number[]): Map<JoinList, number> {
    const lists = new Map<JoinList, number>()
    for (const edge of edges) count(lists, this.onEdge(edge))
    return lists
  }

  /** The lists of what comes after the joins of a fork, and how many of the joins have each. */
  listsAfter(fork: number): Map<JoinList, number> {
    const lists = new Map<JoinList, number>()
    for (const join of this.#a.joinsOf.get(fork) ?? []) count(lists, this.behind(join))
    return lists
  }

  #visit(node: number): void {
    const { incidence, joinsOf, forkOf } = this.#a
    const lists = this.listsOn(at(incidence.outs, node))
    const own = joinsOf.get(node)
    if (own !== undefined) for (const list of this.listsAfter(node).keys()) count(lists, list)
    const behind = own === undefined ? this.#shared(node, [...lists.keys()]) : this.#union(node, lists.keys(), own)
    this.#behind[node] = behind
    this.#innermost[node] = forkOf.get(node) ?? this.#nearest(behind)
  }

  /** The deepest of the forks of these joins: all of them dominate the nodes that have the joins behind them. */
  #nearest(joins: JoinList): number {
    const known = this.#forks.get(joins)
    if (known !== undefined) return known
    const { dominators, forkOf } = this.#a
    let nearest = NONE
    for (const join of joins) {
      const fork = forkOf.get(join) ?? NONE
      if (dominators.depth(fork) > dominators.depth(nearest)) nearest = fork
    }
    this.#forks.set(joins, nearest)
    return nearest
  }

  /** The joins in any of these lists. */
  #shared(node: number, lists: readonly JoinList[]): JoinList {
    if (lists.length < 2) return lists[0] ?? NOWHERE
    const key = lists.map((list) => this.#numberOf(list)).join()
    const union = this.#unions.get(key) ?? this.#union(node, lists, [])
    this.#unions.set(key, union)
    return union
  }

  #numberOf(list: JoinList): number {
    const number = this.#numbers.get(list) ?? this.#numbers.size
    this.#numbers.set(list, number)
    return number
  }

  /** The joins in any of these lists, but for the node's own. */
  #union(node: number, lists: Iterable<JoinList>, own: readonly number[]): JoinList {
    const marks = this.#marks
    for (const join of own) marks[join] = node
    const union: number[] = []
    for (const list of lists) {
      for (const join of list) {
        if (marks[join] === node) continue
        marks[join] = node
        union.push(join)
      }
      this.#budget.spend(list.length, node)
    }
    this.#budget.spend(own.length + union.length, node)
    return union.length === 0 ? NOWHERE : union
  }
}

function count(lists: Map<JoinList, number>, list: JoinList): void {
  if (list.length > 0) lists.set(list, (lists.get(list) ?? 0) + 1)
}
