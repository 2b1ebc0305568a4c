import { at } from './arrays.js'
import { BareRegion, type Branch } from './bare-region.js'
import type { Link } from './chain.js'
import { type ChainPlan, chainPlanOf } from './chain-plan.js'
import type { Counters } from './counters.js'
import { PipelineError } from './errors.js'
import type { ForkWindow } from './frames.js'
import type { Host } from './host.js'
import type { Wake } from './inlet.js'
import type { LineageJoin } from './join.js'
import type { JoinEdge } from './join-edge.js'
import type { Plan } from './plan.js'
import { Queue } from './queue.js'

export interface ChainFitterOptions {
  readonly plan: Plan
  readonly host: Host
  /** Whether neighbours may call each other on the spot. */
  readonly fuse: boolean
  /** By number; filled while the network is fitted. */
  readonly edges: readonly (Queue | JoinEdge)[]
}

const NO_CALLS: readonly undefined[] = []

/** Ties what may be called on the spot to who may call it: from the leaves to the sources, as nodes are made. */
export class ChainFitter {
  /** By node, where values may come bare. */
  readonly links: Map<number, Link> = new Map()
  readonly #o: ChainFitterOptions
  readonly #may: ChainPlan
  /** By fork, what lies between it and its join. */
  readonly #forks = new Map<number, { readonly region: BareRegion; readonly join: number }>()
  /** By node on a branch of such a region. */
  readonly #inside = new Map<number, BareRegion>()

  constructor(options: ChainFitterOptions) {
    this.#o = options
    this.#may = chainPlanOf(options.plan)
  }

  takesBare(node: number): boolean {
    return at(this.#may.takesBare, node)
  }

  /** By output edge of a node, the node behind it where that may be called on the spot. */
  nextOf(node: number): readonly (Link | undefined)[] {
    if (!this.#o.fuse) return NO_CALLS
    return at(this.#may.calls, node).map((may, place) => {
      const edge = at(at(this.#o.plan.nodes, node).outputs, place)
      return may ? this.links.get(at(this.#o.plan.edges, edge).to) : undefined
    })
  }

  /** A join was made: gives it what lies between its fork and itself, where nothing has to carry a frame for now. */
  joined(node: number, join: LineageJoin, { counters, wake }: { counters: Counters; wake: Wake }): void {
    const between = this.#may.branches.get(node)
    if (between === undefined) return
    const region = new BareRegion(join.edges, counters, wake)
    join.region = region
    this.#forks.set(between.fork, { region, join: node })
    for (const branch of between.branches) for (const inside of branch) this.#inside.set(inside, region)
  }

  /** The region around a node, of that kind. */
  inside(node: number): BareRegion | undefined {
    return this.#inside.get(node)
  }

  /** The region of that kind that begins at a node: all that lies in it was made. */
  begun(node: number, window: ForkWindow | undefined): BareRegion | undefined {
    const fork = this.#forks.get(node)
    if (fork === undefined || window === undefined) return undefined
    const { region, join } = fork
    const { host, plan } = this.#o
    const mayCall = this.#o.fuse && at(plan.nodes, node).properties.fuse && at(plan.nodes, join).properties.fuse
    if (mayCall) region.join = this.links.get(join)
    const branches = this.#may.branches.get(join)?.branches ?? []
    region.enclose({
      branches: branches.map((nodes) => ({ steps: nodes.map((inside) => this.#step(inside, region)) })),
      window,
      ledger: host.ledger,
      scope: host.scope,
    })
    return region
  }

  #step(node: number, region: BareRegion): Branch['steps'][number] {
    const { name, inputs } = at(this.#o.plan.nodes, node)
    const [edge = -1] = inputs
    const link = this.links.get(node)
    const queue = this.#o.edges[edge]
    if (link === undefined || !(queue instanceof Queue))
      throw new PipelineError('INTERNAL', { what: `node "${name}" takes no bare values` })
    link.region = region
    return { link, queue }
  }
}
