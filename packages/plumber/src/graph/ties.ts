import { ERROR, type NodeProperties, OUT, type Regions, type Tie } from '@pipelines/core'
import { behindSuspects, type Wiring } from './check.js'
import type { BoundNode } from './definitions.js'
import type { Findings } from './findings.js'
import { mergesBy } from './groups.js'
import { pointer } from './names.js'
import type { Draft } from './normalize.js'
import { sharingIn } from './sharing.js'

/** What the check looks at. */
export interface Tying {
  readonly draft: Draft
  readonly wiring: Wiring
  readonly regions: Regions
  /** The nodes whose coroutines are known. */
  readonly nodes: readonly BoundNode[]
  readonly findings: Findings
}

/**
 * Joins with `match: "position"` whose inputs are connected: the n-th of one is the counterpart of the n-th of another
 * only if everything between gives one output per input, in order. Then such a join cannot lock either: the graph
 * between is a marked graph in which every circle holds a free place.
 */
export function checkTies({ draft, wiring, regions, nodes, findings }: Tying): void {
  if (regions.tied.size === 0) return
  const obstacles = new Obstacles(draft, wiring, nodes)
  const uncertain = behindSuspects(wiring)
  for (const [join, ties] of regions.tied) {
    if (uncertain.has(join)) continue
    const node = wiring.names[join] ?? ''
    const path = pointer('nodes', node, 'properties', 'match')
    const why = ties.map((tie) => obstacles.before(join, tie)).find((found) => found !== undefined)
    if (why !== undefined) findings.add('GRAPH_UNEVEN_JOIN', path, { node, ...why })
    else if ((regions.nodes.get(join)?.holds.length ?? 0) > 0)
      findings.add('GRAPH_UNEVEN_JOIN', path, {
        node,
        why: 'what it pairs by position belongs to no single item, while a join behind it pairs by item',
        hint: 'Let it pair by lineage, or set "match": "position" at the join behind it too.',
      })
  }
}

interface Obstacle {
  readonly why: string
  readonly hint: string
}

/** Nodes and edges behind which the n-th output need not belong to the n-th input. */
class Obstacles {
  readonly #wiring: Wiring
  readonly #draft: Draft
  readonly #coros: ReadonlyMap<number, BoundNode>
  readonly #sharing: ReadonlySet<number>
  /** Place of each node in topological order. */
  readonly #place: number[] = []
  /**
   * By node, the latest obstacle at it or above it, as a place in the order. What lies above a node and after something
   * that dominates it lies between the two, so one number per node answers for every tie.
   */
  readonly #latest: number[] = []
  readonly #ports = new Map<number, ReadonlyMap<number, ReadonlySet<string>>>()

  constructor(draft: Draft, wiring: Wiring, nodes: readonly BoundNode[]) {
    this.#draft = draft
    this.#wiring = wiring
    this.#coros = new Map(nodes.map((node) => [node.number, node]))
    this.#sharing = sharingIn(draft, wiring)
    wiring.order.forEach((node, place) => {
      this.#place[node] = place
    })
    for (const node of wiring.order) {
      const own = this.#atNode(node) === undefined ? -1 : this.#placeOf(node)
      this.#latest[node] = Math.max(own, this.#latestOf(wiring.inputs[node] ?? []))
    }
  }

  /** What stands between the inputs of a tie and what they have in common. */
  before(join: number, { fork, inputs }: Tie): Obstacle | undefined {
    const edges = inputs.map((input) => this.#wiring.inputs[join]?.[input] ?? -1)
    const latest = this.#latestOf(edges)
    if (latest <= this.#placeOf(fork)) return this.#atFork(fork, edges)
    const node = this.#wiring.order[latest] ?? -1
    return this.#atNode(node) ?? this.#atPort(node)
  }

  /** Outputs of the fork that leave by different ports, or to different nodes: none of them need have a counterpart. */
  #atFork(fork: number, edges: readonly number[]): Obstacle | undefined {
    const reached = this.#portsOf(fork)
    const ports = new Set<string>()
    for (const edge of edges) {
      const { source = -1 } = this.#wiring.edges[edge] ?? {}
      if (source === fork) ports.add(this.#wayOf(edge))
      else for (const other of reached?.get(source) ?? []) ports.add(other)
    }
    if (ports.size < 2) return undefined
    if (this.#sharing.has(fork)) return this.#shares(fork)
    const listed = [...ports].map((port) => JSON.stringify(port)).join(' and ')
    return {
      why: `node ${JSON.stringify(this.#wiring.names[fork])} before it sends on the way by ${listed}`,
      hint: 'Let all of it leave by one port, or let the join pair by lineage.',
    }
  }

  /** What tells the outputs that take this edge from others: the port, and where the successors share them the successor. */
  #wayOf(edge: number): string {
    const { source = -1, port = OUT, to = '' } = this.#wiring.edges[edge] ?? {}
    return port === OUT && this.#sharing.has(source) ? `${port} ${to}` : port
  }

  #shares(node: number): Obstacle {
    return {
      why: `node ${JSON.stringify(this.#wiring.names[node])} before it shares its outputs, of which each goes only one way`,
      hint: 'Set "fanOut": "copy" there, or move the node that shares behind the join.',
    }
  }

  /** By node behind a fork, the ports of the fork that it can be reached from; absent where the fork has only one. */
  #portsOf(fork: number): ReadonlyMap<number, ReadonlySet<string>> | undefined {
    const known = this.#ports.get(fork)
    if (known !== undefined) return known
    const { outputs, edges } = this.#wiring
    const leaving = outputs[fork] ?? []
    if (new Set(leaving.map((edge) => this.#wayOf(edge))).size < 2) return undefined
    const reached = new Map<number, Set<string>>()
    for (const first of leaving) {
      const port = this.#wayOf(first)
      const list = [edges[first]?.target ?? -1]
      for (const node of list) {
        const ports = reached.get(node) ?? new Set<string>()
        if (ports.has(port)) continue
        reached.set(node, ports.add(port))
        for (const edge of outputs[node] ?? []) list.push(edges[edge]?.target ?? -1)
      }
    }
    this.#ports.set(fork, reached)
    return reached
  }

  #latestOf(edges: readonly number[]): number {
    return edges.reduce((latest, edge) => Math.max(latest, this.#behind(edge)), -1)
  }

  /** The latest obstacle at an edge or above it. */
  #behind(edge: number): number {
    const { source = -1, port } = this.#wiring.edges[edge] ?? {}
    const above = this.#latest[source] ?? -1
    return port === OUT ? above : Math.max(above, this.#placeOf(source))
  }

  #placeOf(node: number): number {
    return this.#place[node] ?? -1
  }

  #atNode(node: number): Obstacle | undefined {
    const name = this.#wiring.names[node] ?? ''
    const inputs = this.#wiring.inputs[node]?.length ?? 0
    const properties = this.#draft.nodes.get(name)?.properties
    if (properties === undefined || inputs === 0) return undefined
    if (this.#sharing.has(node)) return this.#shares(node)
    const quoted = JSON.stringify(name)
    if (inputs > 1 && !properties.aggregateInputs)
      return { why: `node ${quoted} before it merges its inputs`, hint: 'Move it behind the join.' }
    // Also with one worker: there may be more later.
    if (!properties.ordered)
      return { why: `at node ${quoted} before it items may overtake each other`, hint: 'Set "ordered": true there.' }
    for (const at of ['onError', 'onTimeout'] as const) {
      const policy = properties[at] ?? 'fail'
      if (policy === 'fail') continue
      const items = at === 'onError' ? 'items that fail' : 'items that run out of time'
      const what = policy === 'skip' ? `skips ${items}` : `sends ${items} to port "${ERROR}"`
      return { why: `node ${quoted} before it ${what}`, hint: `Set "${at}": "fail" there.` }
    }
    const grouped = obstacleOfGroups(quoted, properties)
    if (grouped !== undefined) return grouped
    const bound = this.#coros.get(node)
    if (bound === undefined || bound.coro?.oneToOne === true) return undefined
    return {
      why: `node ${quoted} before it may give more or fewer outputs than it gets items`,
      hint: 'Declare its coroutine with defineCoro({ oneToOne: true, … }), or let the join pair by lineage.',
    }
  }

  /** The only other obstacle at a node: some of its outputs on the way leave by another port. */
  #atPort(node: number): Obstacle {
    const name = JSON.stringify(this.#wiring.names[node])
    return {
      why: `node ${name} before it sends on the way by another port than ${JSON.stringify(OUT)}`,
      hint: 'Use the port "out", or let the join pair by lineage.',
    }
  }
}

/** Why a node that takes several items together must not be between. */
function obstacleOfGroups(name: string, properties: NodeProperties): Obstacle | undefined {
  const at = mergesBy(properties)
  if (at !== undefined)
    return {
      why: `node ${name} before it gives one output for several items, because it has "${at}"`,
      hint: 'Move it behind the join.',
    }
  const { batch } = properties
  // A batch keeps count and order. But what it waits for may be behind an item that waits for the join to take the first.
  if (batch === undefined || batch.size === 1 || batch.maxWaitMs !== undefined) return undefined
  return {
    why: `node ${name} before it waits for ${batch.size} items, which may not come while the other inputs are full`,
    hint: 'Set "maxWaitMs" in its "batch", or let the join pair by lineage.',
  }
}
