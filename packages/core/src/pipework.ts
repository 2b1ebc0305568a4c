import { at } from './arrays.js'
import type { BatchInlet } from './batch.js'
import type { ChainFitter } from './chain-fitter.js'
import type { Counters } from './counters.js'
import type { StalledNode } from './errors.js'
import { Feed } from './feed.js'
import type { ForkWindow } from './frames.js'
import { isThenable } from './iterate.js'
import type { LineageJoin } from './join.js'
import type { JoinEdge } from './join-edge.js'
import type { RunningNode } from './node.js'
import type { Outlet } from './outlet.js'
import type { Scope } from './packet.js'
import { isShared, type Plan } from './plan.js'
import type { Queue } from './queue.js'
import { Relief } from './relief.js'
import type { EdgeCounts, NodeCounts, Snapshot } from './report.js'
import { waitsOf } from './waits.js'
import type { ZipInlet } from './zip.js'

/** What a network is made of, by number of node or edge. */
export interface Fittings {
  readonly nodes: readonly RunningNode[]
  /** The same, from the leaves to the sources. */
  readonly fromLeaves: readonly RunningNode[]
  readonly counters: readonly Counters[]
  readonly outlets: readonly Outlet[]
  readonly edges: readonly (Queue | JoinEdge)[]
  readonly windows: ReadonlyMap<number, ForkWindow>
  readonly batches: ReadonlyMap<number, BatchInlet>
  readonly joins: ReadonlyMap<number, LineageJoin>
  readonly zips: ReadonlyMap<number, ZipInlet>
  readonly chains: Pick<ChainFitter, 'takesBare'>
}

/** The nodes and edges of a network, connected. */
export class Pipework {
  readonly nodes: readonly RunningNode[]
  readonly outlets: readonly Outlet[]
  readonly sources: readonly RunningNode[]
  readonly #plan: Plan
  readonly #f: Fittings
  /** Absent where there are no batches. */
  readonly #relief: Relief | undefined

  constructor(plan: Plan, fittings: Fittings) {
    this.#plan = plan
    this.#f = fittings
    this.nodes = fittings.nodes
    this.outlets = fittings.outlets
    this.sources = fittings.nodes.filter((node) => node.plan.inputs.length === 0)
    if (fittings.batches.size > 0) this.#relief = new Relief(plan, fittings)
  }

  /** Starts every node, from the leaves to the sources, and these in the order of the graph; a promise where executors have to warm up. */
  start(): undefined | Promise<unknown> {
    const warming: PromiseLike<void>[] = []
    try {
      const start = (node: RunningNode): void => {
        const warm = node.start()
        if (isThenable(warm)) warming.push(warm)
      }
      for (const node of this.#f.fromLeaves) if (node.plan.inputs.length > 0) start(node)
      for (const node of this.sources) start(node)
    } catch (error) {
      // Nobody will wait for the others.
      for (const warm of warming) warm.then(undefined, () => {})
      throw error
    }
    return warming.length === 0 ? undefined : Promise.all(warming)
  }

  /** Whether nothing moves by itself, no inlet is open through which anything could come, and no batch could go ahead. */
  standsStill(): boolean {
    return this.nodes.every((node) => node.resting && !(node instanceof Feed && node.open)) && !this.#relief?.help()
  }

  /** Whether anything is inside, but for what waits for company in batches and windows. */
  get holds(): boolean {
    return this.nodes.some((node) => !node.resting) || this.#f.edges.some((edge) => edge.size > 0)
  }

  /** Whether something will move because a time comes that was set here. */
  get dozes(): boolean {
    return this.nodes.some((node) => node.dozes)
  }

  /** Grows with everything that happens to packets. */
  get progress(): number {
    let sum = 0
    for (const { received, completed, failed, unprocessed, emitted } of this.#f.counters)
      sum += received + completed + failed + unprocessed + emitted
    return sum
  }

  /** Who waits for what, from the sources on. */
  waits(): readonly StalledNode[] {
    return waitsOf(this.#plan, this.#f)
  }

  /** Takes everything of a cancelled request out; gives the names of the nodes where it was. */
  cancel(scope: Scope, reason: unknown): readonly string[] {
    // From the leaves: what a join holds is seen before it is let go because the rest of it is taken out.
    const found = new Set(this.#f.fromLeaves.filter((node) => node.cancel(scope, reason)))
    for (const window of this.#f.windows.values()) window.withdraw(scope)
    return this.nodes.filter((node) => found.has(node)).map((node) => node.name)
  }

  /** Lets go of everything that waits on an edge or for a credit; what is inside becomes unprocessed. */
  clear(): void {
    this.#relief?.end()
    for (const window of this.#f.windows.values()) window.clear()
    for (const edge of this.#f.edges) edge.clear()
  }

  /** Of the edges from a node, the one that its outputs wait for: with the least room; of those that share, with the most. */
  fullest(node: number): { readonly depth: number; readonly capacity: number } {
    const planned = at(this.#plan.nodes, node)
    const shared = isShared(planned, this.#plan.edges)
    let found: { readonly depth: number; readonly capacity: number } | undefined
    for (const number of planned.outputs) {
      const { size: depth, capacity } = at(this.#f.edges, number)
      const more = found === undefined ? 0 : capacity - depth - (found.capacity - found.depth)
      if (found === undefined || (shared ? more > 0 : more < 0)) found = { depth, capacity }
    }
    return found ?? { depth: 0, capacity: Number.POSITIVE_INFINITY }
  }

  counts(): { readonly nodes: Readonly<Record<string, NodeCounts>>; readonly edges: readonly EdgeCounts[] } {
    const nodes = this.nodes.map((node) => [node.name, { ...node.counters }] as const)
    return { nodes: Object.fromEntries(nodes), edges: this.#f.edges.map((_, number) => this.#edgeCounts(number)) }
  }

  snapshot(): Pick<Snapshot, 'nodes' | 'edges'> {
    const nodes = this.nodes.map(
      (node) => [node.name, { ...node.counters, state: node.state, inProgress: node.inProgress }] as const,
    )
    const edges = this.#f.edges.map((edge, number) => ({
      ...this.#edgeCounts(number),
      depth: edge.size,
      capacity: edge.capacity,
      oldestMs: edge.oldestMs,
    }))
    return { nodes: Object.fromEntries(nodes), edges }
  }

  #edgeCounts(number: number): EdgeCounts {
    const { from, port, to } = at(this.#plan.edges, number)
    const { unprocessed, waits } = at(this.#f.edges, number)
    const { entered, left } = this.#flow(number)
    return { from: this.#name(from), port, to: this.#name(to), entered, left, unprocessed, waits }
  }

  /** What has come by an edge: in its queue, or past it in a call chain. */
  #flow(number: number): { readonly entered: number; readonly left: number } {
    const { entered, left } = at(this.#f.edges, number)
    const { to } = at(this.#plan.edges, number)
    if (!this.#f.chains.takesBare(to)) return { entered, left }
    const { received } = at(this.#f.counters, to)
    return { entered: entered + received - left, left: received }
  }

  #name(node: number): string {
    return at(this.#plan.nodes, node).name
  }
}
