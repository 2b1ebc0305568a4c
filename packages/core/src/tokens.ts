import { at } from './arrays.js'
import { NONE } from './dominators.js'
import type { Analysed, Budget, JoinList, Reach } from './reach.js'
import type { EdgeRegions, NodeRegions, PortRegions, Token } from './regions.js'

/** The outputs of a node by one port. */
interface Port {
  readonly node: number
  readonly edges: readonly number[]
}

/** Writes down, for every node and edge near a join, which tokens are counted there. Not complete once the budget is spent. */
export class Tables {
  readonly nodes: Map<number, NodeRegions> = new Map()
  readonly edges: Map<number, EdgeRegions> = new Map()
  readonly #a: Analysed
  readonly #reach: Reach
  readonly #budget: Budget
  /** By node: how many frames a packet in front of it has around it. */
  readonly #nesting: number[]
  /** Place of each join among the joins of its fork. */
  readonly #share: ReadonlyMap<number, number>
  /** Token lists by their joins, and by how deep they are seen from. */
  readonly #lists = new Map<JoinList, Map<number, readonly Token[]>>()
  /** Tokens of one copy, by hops and share: most are needed very often. */
  readonly #single: Token[][] = []
  /** By join: copies that the port at hand makes. */
  readonly #copies: number[]

  constructor(analysed: Analysed, reach: Reach, budget: Budget) {
    const { graph, joinsOf } = analysed
    this.#a = analysed
    this.#reach = reach
    this.#budget = budget
    this.#share = new Map([...joinsOf.values()].flatMap((joins) => joins.map((join, place) => [join, place])))
    this.#nesting = graph.nodes.map(() => 0)
    for (const node of graph.order) {
      const fork = reach.innermost(node)
      if (fork !== NONE) this.#nesting[node] = at(this.#nesting, fork) + 1
    }
    this.#copies = graph.nodes.map(() => 0)
    for (const node of graph.order) {
      if (budget.spentAt !== undefined) return
      this.#describe(node)
    }
  }

  #describe(node: number): void {
    const { incidence, joinsOf, graph } = this.#a
    const framed = this.#reach.innermost(node) !== NONE
    if (!framed && !joinsOf.has(node)) return
    const byPort = new Map<string, number[]>()
    for (const edge of at(incidence.outs, node)) {
      const { port } = at(graph.edges, edge)
      const edges = byPort.get(port)
      if (edges === undefined) byPort.set(port, [edge])
      else edges.push(edge)
    }
    const ports = new Map<string, PortRegions>()
    this.nodes.set(node, { holds: this.#tokens(this.#reach.behind(node), node), framed, ports })
    for (const [port, edges] of byPort) {
      if (this.#budget.spentAt !== undefined) return
      ports.set(port, this.#port({ node, edges }))
    }
  }

  #port({ node, edges }: Port): PortRegions {
    const { graph, joinsOf } = this.#a
    const reached = this.#reach.listsOn(edges)
    const opens = joinsOf.has(node) && this.#leadsToJoinOf(node, reached.keys())
    const start = opens ? at(this.#nesting, node) + 1 : at(this.#nesting, node)
    for (const edge of edges) {
      const { to } = at(graph.edges, edge)
      const up = this.#reach.innermost(to) === NONE ? NONE : start - at(this.#nesting, to)
      if (up < NONE) throw new Error('a region is not nested in its fork')
      this.edges.set(edge, { up, tokens: this.#tokens(this.#reach.onEdge(edge), to) })
    }
    if (!opens)
      return { opens, adds: this.#takenOver(node, reached) ?? this.#counted(node, reached, []).adds, first: [] }
    // A nearer join of the opened frame holds, from the start, the tokens of what comes after it.
    for (const [list, times] of this.#reach.listsAfter(node)) reached.set(list, (reached.get(list) ?? 0) + times)
    return { opens, ...this.#counted(node, reached, joinsOf.get(node) ?? []) }
  }

  #leadsToJoinOf(fork: number, lists: Iterable<JoinList>): boolean {
    for (const list of lists) {
      this.#budget.spend(list.length, fork)
      if (list.some((join) => this.#a.forkOf.get(join) === fork)) return true
    }
    return false
  }

  /** On one edge the copy takes over exactly what the input holds, unless other ports lead elsewhere. */
  #takenOver(node: number, reached: ReadonlyMap<JoinList, number>): readonly Token[] | undefined {
    const behind = this.#reach.behind(node)
    return reached.size === 1 && reached.get(behind) === 1 ? this.#tokens(behind, node) : undefined
  }

  /** Counts the copies at each join: what is added around the node, and what an opened frame begins with. */
  #counted(
    node: number,
    lists: ReadonlyMap<JoinList, number>,
    own: readonly number[],
  ): Pick<PortRegions, 'adds' | 'first'> {
    const copies = this.#copies
    const behind = this.#reach.behind(node)
    for (const [list, times] of lists) {
      this.#budget.spend(list.length, node)
      for (const join of list) copies[join] = at(copies, join) + times
    }
    this.#budget.spend(behind.length + own.length, node)
    const adds: Token[] = []
    for (const join of behind) if (at(copies, join) > 0) adds.push(this.#token(join, node, at(copies, join)))
    const first = own.map((join) => at(copies, join))
    for (const list of lists.keys()) for (const join of list) copies[join] = 0
    return { adds, first }
  }

  /** One token at each of these joins; the same list for the same joins, seen from equally deep. */
  #tokens(joins: JoinList, node: number): readonly Token[] {
    const nesting = at(this.#nesting, node)
    const lists = this.#lists.get(joins) ?? new Map<number, readonly Token[]>()
    this.#lists.set(joins, lists)
    const known = lists.get(nesting)
    if (known !== undefined) return known
    this.#budget.spend(joins.length, node)
    const tokens = joins.map((join) => this.#token(join, node, 1))
    lists.set(nesting, tokens)
    return tokens
  }

  /** How a packet in front of `node` finds the counter of `join`. */
  #token(join: number, node: number, copies: number): Token {
    const hops = at(this.#nesting, node) - at(this.#nesting, join)
    const share = this.#share.get(join) ?? NONE
    if (hops < 0) throw new Error('a region is not nested in its fork')
    if (copies !== 1) return { hops, share, copies }
    this.#single[hops] ??= []
    const tokens = at(this.#single, hops)
    tokens[share] ??= { hops, share, copies }
    return at(tokens, share)
  }
}
