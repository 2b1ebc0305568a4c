import { at } from './arrays.js'
import { Counters } from './counters.js'
import { PipelineError } from './errors.js'
import { Feed } from './feed.js'
import { ForkWindow } from './frames.js'
import type { Host } from './host.js'
import { type Inlet, MergeInlet, SingleInlet, type Wake } from './inlet.js'
import { LineageJoin } from './join.js'
import type { JoinEdge } from './join-edge.js'
import type { RunningNode } from './node.js'
import { type Deliver, Outlet } from './outlet.js'
import type { Packet } from './packet.js'
import type { Plan, PlanEdge } from './plan.js'
import { Processor } from './processor.js'
import { Queue } from './queue.js'
import type { EdgeCounts, NodeCounts, Snapshot } from './report.js'
import { Source } from './source.js'
import { StreamProcessor } from './stream-processor.js'
import { ZipInlet } from './zip.js'

export interface PipeworkOptions {
  readonly host: Host
  readonly inputs: ReadonlyMap<number, Iterable<unknown> | AsyncIterable<unknown>> | undefined
  readonly deliver: Deliver | undefined
}

/** The nodes and edges of a network, connected and not yet started. */
export interface Pipework {
  /** By node number. */
  readonly nodes: readonly RunningNode[]
  /** The same, in the order in which they are started. */
  readonly fromLeaves: readonly RunningNode[]
  readonly sources: readonly RunningNode[]
  /** By node number. */
  readonly outlets: readonly Outlet[]
  /** Lets go of everything that waits on an edge or for a credit; what is inside becomes unprocessed. */
  clear(): void
  counts(): { readonly nodes: Readonly<Record<string, NodeCounts>>; readonly edges: readonly EdgeCounts[] }
  snapshot(): Pick<Snapshot, 'nodes' | 'edges'>
}

type OnFault = (packet: Packet, error: PipelineError) => void

/** Connects the nodes of a plan: makes each edge, window, inlet, outlet and node once. */
export function connect(plan: Plan, options: PipeworkOptions): Pipework {
  return new Fitter(plan, options)
}

class Fitter implements Pipework {
  readonly nodes: readonly RunningNode[]
  readonly fromLeaves: readonly RunningNode[]
  readonly sources: readonly RunningNode[]
  readonly outlets: Outlet[] = []
  readonly #plan: Plan
  readonly #o: PipeworkOptions
  /** By edge number; a node makes its input edges, so they exist before the nodes that write to them. */
  readonly #edges: (Queue | JoinEdge)[] = []
  readonly #joins = new Map<number, LineageJoin>()
  readonly #windows: ForkWindow[] = []
  readonly #counters: readonly Counters[]

  constructor(plan: Plan, options: PipeworkOptions) {
    this.#plan = plan
    this.#o = options
    this.#counters = plan.nodes.map(() => new Counters())
    // From the leaves to the sources: a node makes its input edges, and its predecessors write to them.
    const made = new Map(plan.order.toReversed().map((number) => [number, this.#node(number)]))
    this.nodes = plan.nodes.map((_, number) => made.get(number) as RunningNode) // order names every node once
    this.fromLeaves = [...made.values()]
    this.sources = this.nodes.filter((node) => node.plan.inputs.length === 0)
  }

  clear(): void {
    for (const window of this.#windows) window.clear()
    for (const edge of this.#edges) edge.clear()
  }

  counts(): ReturnType<Pipework['counts']> {
    const nodes = this.nodes.map((node) => [node.name, { ...node.counters }] as const)
    return { nodes: Object.fromEntries(nodes), edges: this.#edges.map((_, number) => this.#edgeCounts(number)) }
  }

  snapshot(): Pick<Snapshot, 'nodes' | 'edges'> {
    const nodes = this.nodes.map(
      (node) => [node.name, { ...node.counters, state: node.state, inProgress: node.inProgress }] as const,
    )
    const edges = this.#edges.map((edge, number) => ({
      ...this.#edgeCounts(number),
      depth: edge.size,
      capacity: edge.capacity,
      oldestMs: edge.oldestMs,
    }))
    return { nodes: Object.fromEntries(nodes), edges }
  }

  #edgeCounts(number: number): EdgeCounts {
    const { from, port, to } = at(this.#plan.edges, number)
    const { entered, left, unprocessed, waits } = at(this.#edges, number)
    return { from: this.#name(from), port, to: this.#name(to), entered, left, unprocessed, waits }
  }

  #name(node: number): string {
    return at(this.#plan.nodes, node).name
  }

  #node(number: number): RunningNode {
    const { host, inputs } = this.#o
    const plan = at(this.#plan.nodes, number)
    const counters = at(this.#counters, number)
    const outlet = (onUnwanted: () => void): Outlet => this.#outlet(number, onUnwanted)
    const options = { plan, host, counters, outlet }
    const input = inputs?.get(number)
    if (plan.kind === 'inlet') return input === undefined ? new Feed(options) : new Source({ ...options, input })
    if (plan.kind === 'source') return new Source(options)
    const holds = this.#plan.regions.nodes.get(number)?.holds ?? []
    const inlet = (wake: Wake, onFault: OnFault): Inlet => this.#inlet(number, wake, onFault)
    if (plan.kind === 'stream') return new StreamProcessor({ ...options, holds, inlet })
    return new Processor({ ...options, holds, inlet })
  }

  #inlet(number: number, wake: Wake, onFault: OnFault): Inlet {
    const { inputs, properties, name } = at(this.#plan.nodes, number)
    const { host } = this.#o
    const counters = at(this.#counters, number)
    const names = inputs.map((edge) => this.#name(at(this.#plan.edges, edge).from))
    if (this.#plan.regions.forkOf.has(number)) return this.#join(number, names, wake, onFault)
    const queues = inputs.map((edge) => this.#queue(edge, at(this.#plan.edges, edge)))
    if (this.#plan.regions.positional.has(number)) {
      const onUnequal = (error: PipelineError): void => host.failAtEnd(error)
      const { unequal } = properties
      return new ZipInlet(queues, { node: name, inputs: names, unequal, counters, scope: host.scope, wake, onUnequal })
    }
    return queues.length === 1 ? new SingleInlet(at(queues, 0), counters, wake) : new MergeInlet(queues, counters, wake)
  }

  #queue(number: number, { capacity, to }: PlanEdge): Queue {
    const queue = new Queue(capacity)
    const name = this.#name(to)
    const tokens = this.#plan.regions.edges.get(number)?.tokens ?? []
    const { host } = this.#o
    queue.onLost = (packet: Packet): void => {
      host.lost(name, packet)
      if (host.doomed) return
      host.ledger.release(packet.frame, tokens)
      packet.ended()
    }
    this.#edges[number] = queue
    return queue
  }

  #join(number: number, inputs: readonly string[], wake: Wake, onFault: OnFault): LineageJoin {
    const { name, properties, outputs, inputs: edges } = at(this.#plan.nodes, number)
    const { forkOf, forks, nodes } = this.#plan.regions
    const { host } = this.#o
    const join = new LineageJoin({
      node: name,
      inputs,
      share: forks.get(forkOf.get(number) ?? -1)?.joins.indexOf(number) ?? -1,
      holds: nodes.get(number)?.holds ?? [],
      properties,
      leaf: outputs.length === 0,
      ledger: host.ledger,
      counters: at(this.#counters, number),
      wake,
      onFault,
      onLost: (packet) => host.lost(name, packet),
    })
    edges.forEach((edge, place) => {
      this.#edges[edge] = at(join.edges, place)
    })
    this.#joins.set(number, join)
    return join
  }

  #outlet(number: number, onUnwanted: () => void): Outlet {
    const { name, outputs } = at(this.#plan.nodes, number)
    const { regions, edges } = this.#plan
    const { host, deliver } = this.#o
    const outlet = new Outlet({
      node: name,
      edges: outputs.map((edge) => ({
        edge: at(this.#edges, edge),
        port: at(edges, edge).port,
        regions: regions.edges.get(edge),
      })),
      deliver,
      counters: at(this.#counters, number),
      logger: host.logger,
      ledger: host.ledger,
      regions: regions.nodes.get(number)?.ports,
      window: this.#window(number),
      isDoomed: () => host.doomed,
      onUnwanted,
    })
    this.outlets[number] = outlet
    return outlet
  }

  #window(number: number): ForkWindow | undefined {
    const fork = this.#plan.regions.forks.get(number)
    if (fork === undefined) return undefined
    const joins = fork.joins.map((join) => this.#joinOf(join))
    const window = new ForkWindow(fork.window, joins, this.#o.host.ledger)
    for (const join of joins) join.watch(window)
    this.#windows.push(window)
    return window
  }

  #joinOf(number: number): LineageJoin {
    const join = this.#joins.get(number)
    if (join !== undefined) return join
    throw new PipelineError('INTERNAL', { what: `join "${this.#name(number)}" was not made before its fork` })
  }
}
