import { at } from './arrays.js'
import { Dominators, NONE } from './dominators.js'

/**
 * Which packets a join pairs, decided once per graph.
 *
 * A join with a common dominator of its inputs, its *fork*, pairs by lineage: every output of the fork opens a *frame*,
 * and the join receives what descends from one frame. Frames are linked, not stacked: a packet carries one pointer to
 * its innermost open frame, a frame points to the one around it, and every edge knows how many steps outwards its
 * packets take (`up`). A frame counts, per join of its fork, the *tokens* still on their way there; the tables below say
 * which tokens an item at a node holds and how many copies an output makes.
 *
 * A packet holds a token only at the joins it can reach without passing another open join; behind those, the nearer
 * join's share of the frame holds it. That keeps the tables small and still exact.
 *
 * Everything here is iterative and independent of node names.
 */

/** The shape of a graph as the analysis needs it. */
export interface RegionGraph {
  readonly nodes: readonly { readonly joins: boolean; readonly workers: number }[]
  readonly edges: readonly { readonly from: number; readonly to: number; readonly port: string }[]
  /** Node numbers in topological order. */
  readonly order: readonly number[]
}

/** A counter of a frame, seen from a packet: so many frames outwards, that join of the frame's fork. */
export interface Token {
  readonly hops: number
  readonly share: number
  readonly copies: number
}

/** What an output on one port does to the frames around it. */
export interface PortRegions {
  /** Whether it opens a frame of this node. */
  readonly opens: boolean
  /** Tokens that the copies add in the frames of the input. */
  readonly adds: readonly Token[]
  /** First count of each share of the opened frame. */
  readonly first: readonly number[]
}

/** A node at, or inside, a region. */
export interface NodeRegions {
  /** Tokens that an item inside the node holds, given back when its last output has left. */
  readonly holds: readonly Token[]
  /** Frames in front of the node: whether its packets carry one. */
  readonly framed: boolean
  /** By port that has edges; an output on any other port opens and adds nothing. */
  readonly ports: ReadonlyMap<string, PortRegions>
}

export interface EdgeRegions {
  /** Steps outwards that a packet takes on this edge; -1: it carries no frame. */
  readonly up: number
  /** Tokens that a packet on this edge holds, given back where it is lost. */
  readonly tokens: readonly Token[]
}

export interface Fork {
  readonly node: number
  /** The joins that pair by this fork, in topological order: a frame has one share for each. */
  readonly joins: readonly number[]
  /** Sum of the workers of the nodes inside. */
  readonly workers: number
}

export interface Regions {
  /** Fork number of each lineage join, by node. */
  readonly forkOf: ReadonlyMap<number, number>
  readonly forks: ReadonlyMap<number, Fork>
  /** Joins that pair by position: no two of their inputs are connected in any way but by the join. */
  readonly positional: ReadonlySet<number>
  /** Joins that cannot pair: their inputs are connected, but nothing dominates them all. */
  readonly uneven: readonly number[]
  /** Absent where no frame is in front of the node and none is opened: such nodes pay nothing. */
  readonly nodes: ReadonlyMap<number, NodeRegions>
  readonly edges: ReadonlyMap<number, EdgeRegions>
}

/** Analyses an acyclic graph. Costs about the size of the graph, times how deep its regions nest. */
export function analyseRegions(graph: RegionGraph): Regions {
  const ins: number[][] = graph.nodes.map(() => [])
  const outs: number[][] = graph.nodes.map(() => [])
  graph.edges.forEach((edge, number) => {
    at(ins, edge.to).push(number)
    at(outs, edge.from).push(number)
  })
  const joins = graph.order.filter((node) => at(graph.nodes, node).joins && at(ins, node).length > 1)
  if (joins.length === 0) return NO_REGIONS
  const dominators = new Dominators(graph, ins)
  const forkOf = new Map<number, number>()
  const positional = new Set<number>()
  const uneven: number[] = []
  for (const join of joins) {
    const fork = dominators.of(join)
    if (fork !== NONE) forkOf.set(join, fork)
    else if (isSeparable(graph, ins, join)) positional.add(join)
    else uneven.push(join)
  }
  const forks = collectForks(graph, ins, forkOf)
  const tables = new Tables({ graph, ins, outs, dominators, forkOf, forks })
  return { forkOf, forks, positional, uneven, nodes: tables.nodes, edges: tables.edges }
}

const NO_REGIONS: Regions = Object.freeze<Regions>({
  forkOf: new Map(),
  forks: new Map(),
  positional: new Set(),
  uneven: [],
  nodes: new Map(),
  edges: new Map(),
})

/** Whether no two inputs of `join` are connected once it is taken out, directions ignored. */
function isSeparable(graph: RegionGraph, ins: readonly (readonly number[])[], join: number): boolean {
  const group = graph.nodes.map((_, node) => node)
  const find = (node: number): number => {
    let root = node
    while (at(group, root) !== root) root = at(group, root)
    for (let step = node; step !== root; ) {
      const next = at(group, step)
      group[step] = root
      step = next
    }
    return root
  }
  for (const { from, to } of graph.edges) if (from !== join && to !== join) group[find(from)] = find(to)
  const sides = at(ins, join).map((edge) => find(at(graph.edges, edge).from))
  return new Set(sides).size === sides.length
}

function collectForks(
  graph: RegionGraph,
  ins: readonly (readonly number[])[],
  forkOf: ReadonlyMap<number, number>,
): Map<number, Fork> {
  const joinsOf = new Map<number, number[]>()
  for (const [join, fork] of forkOf) {
    const joins = joinsOf.get(fork)
    if (joins === undefined) joinsOf.set(fork, [join])
    else joins.push(join)
  }
  const forks = new Map<number, Fork>()
  for (const [node, joins] of joinsOf) {
    // Backwards from the joins; every way leads to the fork, so the walk stays inside the region.
    const inside = new Set(joins)
    for (const v of inside)
      for (const edge of at(ins, v)) if (at(graph.edges, edge).from !== node) inside.add(at(graph.edges, edge).from)
    let workers = 0
    for (const v of inside) workers += at(graph.nodes, v).workers
    forks.set(node, { node, joins, workers })
  }
  return forks
}

interface Analysed {
  readonly graph: RegionGraph
  readonly ins: readonly (readonly number[])[]
  readonly outs: readonly (readonly number[])[]
  readonly dominators: Dominators
  readonly forkOf: ReadonlyMap<number, number>
  readonly forks: ReadonlyMap<number, Fork>
}

/** Builds the token tables, from the leaves to the sources. A token is named by the join it counts for. */
class Tables {
  readonly nodes: Map<number, NodeRegions> = new Map()
  readonly edges: Map<number, EdgeRegions> = new Map()
  readonly #a: Analysed
  /** Joins at which an item inside a node holds a token. */
  readonly #behind: ReadonlySet<number>[]
  /** The fork whose frame a packet in front of a node points to, or -1. */
  readonly #innermost: number[]
  /** Token lists by their joins, and by the fork of the frame they are seen from. */
  readonly #lists = new Map<ReadonlySet<number>, Map<number, readonly Token[]>>()
  /** Place of each join among the joins of its fork. */
  readonly #share: ReadonlyMap<number, number>

  constructor(analysed: Analysed) {
    this.#a = analysed
    this.#share = new Map(
      [...analysed.forks.values()].flatMap(({ joins }) => joins.map((join, place) => [join, place])),
    )
    this.#behind = analysed.graph.nodes.map(() => EMPTY)
    this.#innermost = analysed.graph.nodes.map(() => NONE)
    for (const node of analysed.graph.order.toReversed()) this.#visit(node)
    for (const node of analysed.graph.order) this.#describe(node)
  }

  #visit(node: number): void {
    const { forkOf, dominators } = this.#a
    const behind = this.#joinsBehind(node)
    this.#behind[node] = behind
    let innermost = forkOf.get(node) ?? NONE
    if (innermost === NONE)
      for (const join of behind) {
        const fork = forkOf.get(join) ?? NONE
        if (dominators.depth(fork) > dominators.depth(innermost)) innermost = fork
      }
    this.#innermost[node] = innermost
  }

  #joinsBehind(node: number): ReadonlySet<number> {
    const { outs, forks } = this.#a
    const [only, ...others] = at(outs, node)
    const fork = forks.get(node)
    if (only === undefined) return EMPTY
    // A chain shares one set, so that its length does not multiply with the joins behind it.
    if (others.length === 0 && fork === undefined) return this.#onEdge(only)
    const behind = new Set<number>()
    for (const edge of at(outs, node)) for (const join of this.#onEdge(edge)) behind.add(join)
    for (const join of fork?.joins ?? []) for (const other of at(this.#behind, join)) behind.add(other)
    for (const join of fork?.joins ?? []) behind.delete(join)
    return behind
  }

  /** Joins at which a packet on this edge holds a token. */
  #onEdge(edge: number): ReadonlySet<number> {
    const { to } = at(this.#a.graph.edges, edge)
    return this.#a.forkOf.has(to) ? new Set([to]) : at(this.#behind, to)
  }

  #describe(node: number): void {
    const { outs, forks, graph } = this.#a
    const framed = at(this.#innermost, node) !== NONE
    if (!framed && !forks.has(node)) return
    const ports = new Map<string, PortRegions>()
    const byPort = new Map<string, number[]>()
    for (const edge of at(outs, node)) {
      const { port } = at(graph.edges, edge)
      const edges = byPort.get(port)
      if (edges === undefined) byPort.set(port, [edge])
      else edges.push(edge)
    }
    for (const [port, edges] of byPort) ports.set(port, this.#port(node, edges))
    this.nodes.set(node, { holds: this.#tokens(at(this.#behind, node), node), framed, ports })
  }

  #port(node: number, edges: readonly number[]): PortRegions {
    const { graph, forks } = this.#a
    const own = forks.get(node)?.joins ?? []
    const reached = edges.map((edge) => this.#onEdge(edge))
    const opens = reached.some((joins) => own.some((join) => joins.has(join)))
    // A nearer join of the opened frame holds, from the start, the tokens of what comes after it.
    const holders = opens ? [...reached, ...own.map((join) => at(this.#behind, join))] : reached
    const counts = new Map<number, number>()
    for (const joins of holders) for (const join of joins) counts.set(join, (counts.get(join) ?? 0) + 1)
    const copies = (join: number): number => counts.get(join) ?? 0
    const start = opens ? node : at(this.#innermost, node)
    for (const edge of edges) {
      const { to } = at(graph.edges, edge)
      const target = at(this.#innermost, to)
      const up = target === NONE ? NONE : this.#steps(start, target)
      this.edges.set(edge, { up, tokens: this.#tokens(this.#onEdge(edge), to) })
    }
    return { opens, adds: this.#adds(node, reached.length === 1 && !opens, copies), first: own.map(copies) }
  }

  #adds(node: number, single: boolean, copies: (join: number) => number): readonly Token[] {
    const behind = at(this.#behind, node)
    const holds = this.#tokens(behind, node)
    // On one edge, the copy takes over exactly what the input holds, unless other ports lead elsewhere.
    if (single && [...behind].every((join) => copies(join) === 1)) return holds
    const adds = [...behind].map((join) => this.#token(join, node, copies(join)))
    return adds.filter((token) => token.copies > 0)
  }

  /** One token at each of these joins; the same list for the same set, seen from the same frame. */
  #tokens(joins: ReadonlySet<number>, node: number): readonly Token[] {
    const innermost = at(this.#innermost, node)
    const lists = this.#lists.get(joins) ?? new Map<number, readonly Token[]>()
    this.#lists.set(joins, lists)
    const known = lists.get(innermost)
    if (known !== undefined) return known
    const tokens = [...joins].map((join) => this.#token(join, node, 1))
    lists.set(innermost, tokens)
    return tokens
  }

  /** How a packet in front of `node` finds the counter of `join`. */
  #token(join: number, node: number, copies: number): Token {
    const fork = this.#a.forkOf.get(join) ?? NONE
    return { hops: this.#steps(at(this.#innermost, node), fork), share: this.#share.get(join) ?? NONE, copies }
  }

  /** Steps outwards from a frame of fork `from` to one of fork `to`. */
  #steps(from: number, to: number): number {
    let steps = 0
    for (let fork = from; fork !== to; fork = at(this.#innermost, fork)) {
      if (fork === NONE) throw new Error('a region is not nested in its fork')
      steps++
    }
    return steps
  }
}

const EMPTY: ReadonlySet<number> = new Set()
