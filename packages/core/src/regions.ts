import { at } from './arrays.js'
import { FRAMES } from './defaults.js'
import { Dominators, NONE } from './dominators.js'
import { pairingOf, type Tie } from './pairing.js'
import { type Analysed, Budget, Reach } from './reach.js'
import { Tables } from './tokens.js'

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

/** A node as the analysis needs it. */
export interface RegionNode {
  /** Whether it joins its inputs, where it has several. */
  readonly joins: boolean
  /** Whether it shall pair by position, whatever connects its inputs. */
  readonly byPosition?: boolean
  readonly workers: number
  /** Items in a full batch, where the node takes several together. */
  readonly batch?: number | undefined
}

/** The shape of a graph as the analysis needs it. */
export interface RegionGraph {
  readonly nodes: readonly RegionNode[]
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
  /** Frames it may have open at once: more where the nodes whose packets carry its frames have many workers or batches. */
  readonly window: number
}

export interface Regions {
  /** Fork number of each lineage join, by node. */
  readonly forkOf: ReadonlyMap<number, number>
  readonly forks: ReadonlyMap<number, Fork>
  /** Joins that pair by position: nothing connects their inputs but the join, or they ask for it. */
  readonly positional: ReadonlySet<number>
  /** What connects the inputs of joins that pair by position all the same. */
  readonly tied: ReadonlyMap<number, readonly Tie[]>
  /** Joins that cannot pair: their inputs are connected, but nothing dominates them all. */
  readonly uneven: readonly number[]
  /** Absent where no frame is in front of the node and none is opened: such nodes pay nothing. */
  readonly nodes: ReadonlyMap<number, NodeRegions>
  readonly edges: ReadonlyMap<number, EdgeRegions>
  /** Set where the tables would have more entries than allowed; `nodes` and `edges` are empty then. */
  readonly tooLarge?: Overflow
}

/** Where the tables became too large. */
export interface Overflow {
  /** The fork in whose region it was. */
  readonly fork: number
  /** The node that was too much. */
  readonly node: number
  /** At how many joins an item there counts. */
  readonly joins: number
}

/** Numbers of the edges into and out of each node. */
export interface Incidence {
  readonly ins: readonly (readonly number[])[]
  readonly outs: readonly (readonly number[])[]
}

/** Lists the edges of every node, in their order. */
function incidenceOf({ nodes, edges }: Pick<RegionGraph, 'nodes' | 'edges'>): Incidence {
  const ins: number[][] = nodes.map(() => [])
  const outs: number[][] = nodes.map(() => [])
  edges.forEach((edge, number) => {
    at(ins, edge.to).push(number)
    at(outs, edge.from).push(number)
  })
  return { ins, outs }
}

export interface RegionOptions {
  /** The edges of every node, where they have been listed already. */
  readonly incidence?: Incidence | undefined
  /**
   * Most entries that the tables may have. Where there would be more, the analysis stops and says so.
   *
   * @defaultValue no limit
   */
  readonly entries?: number | undefined
}

/**
 * Analyses an acyclic graph. Takes about linear time, but for the tables: these have an entry for every join at which
 * an item at a node counts, where no other node has the same joins behind it.
 */
export function analyseRegions(graph: RegionGraph, options: RegionOptions = {}): Regions {
  const { incidence = incidenceOf(graph), entries = Infinity } = options
  const { ins } = incidence
  const joins = graph.order.filter((node) => at(graph.nodes, node).joins && at(ins, node).length > 1)
  if (joins.length === 0) return NO_REGIONS
  const predecessors = (node: number): number[] => at(ins, node).map((edge) => at(graph.edges, edge).from)
  const dominators = new Dominators({ size: graph.nodes.length, order: graph.order, predecessors })
  const { forkOf, ...others } = pairingOf({ graph, incidence, joins, dominators })
  const joinsOf = groupByFork(forkOf)
  const analysed = { graph, incidence, dominators, forkOf, joinsOf }
  const budget = new Budget(entries)
  const reach = new Reach(analysed, budget)
  const { nodes, edges } = new Tables(analysed, reach, budget)
  const found = { forkOf, forks: forksOf(analysed, reach), ...others }
  if (budget.spentAt === undefined) return { ...found, nodes, edges }
  return { ...NO_REGIONS, ...found, tooLarge: overflowAt(budget.spentAt, analysed, reach) }
}

const NO_REGIONS: Regions = Object.freeze<Regions>({
  forkOf: new Map(),
  forks: new Map(),
  positional: new Set(),
  tied: new Map(),
  uneven: [],
  nodes: new Map(),
  edges: new Map(),
})

function groupByFork(forkOf: ReadonlyMap<number, number>): Map<number, number[]> {
  const joinsOf = new Map<number, number[]>()
  for (const [join, fork] of forkOf) {
    const joins = joinsOf.get(fork)
    if (joins === undefined) joinsOf.set(fork, [join])
    else joins.push(join)
  }
  return joinsOf
}

function forksOf({ graph, joinsOf }: Analysed, reach: Reach): Map<number, Fork> {
  // By fork, of the nodes inside, those of regions in it included.
  const workers: number[] = graph.nodes.map(() => 0)
  const batch: number[] = graph.nodes.map(() => 0)
  for (const node of graph.order.toReversed()) {
    const fork = reach.innermost(node)
    if (fork === NONE) continue
    const own = at(graph.nodes, node)
    workers[fork] = at(workers, fork) + at(workers, node) + own.workers
    batch[fork] = Math.max(at(batch, fork), at(batch, node), own.batch ?? 0)
  }
  const forks = new Map<number, Fork>()
  for (const [node, joins] of joinsOf)
    forks.set(node, { node, joins, window: Math.max(FRAMES, 2 * at(workers, node), 2 * at(batch, node)) })
  return forks
}

function overflowAt(node: number, { joinsOf }: Analysed, reach: Reach): Overflow {
  const own = joinsOf.get(node)?.length ?? 0
  const behind = reach.behind(node).length
  return own > behind ? { fork: node, node, joins: own } : { fork: reach.innermost(node), node, joins: behind }
}
