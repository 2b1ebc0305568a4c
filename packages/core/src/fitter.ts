import { types } from 'node:util'
import { at } from './arrays.js'
import { BatchInlet } from './batch.js'
import { ChainFitter } from './chain-fitter.js'
import { Counters } from './counters.js'
import { PipelineError } from './errors.js'
import { Feed } from './feed.js'
import { ForkWindow } from './frames.js'
import type { Host } from './host.js'
import { InFlightQueue } from './in-flight-queue.js'
import { type Inlet, type InletHooks, MergeInlet, SingleInlet, type Wake } from './inlet.js'
import { LineageJoin } from './join.js'
import type { JoinEdge } from './join-edge.js'
import type { Deliver } from './leaf.js'
import type { RunningNode } from './node.js'
import { Outlet } from './outlet.js'
import type { Packet } from './packet.js'
import { PartitionInlet } from './partition.js'
import { type Fittings, Pipework } from './pipework.js'
import { isLeaf, isShared, OUT, type Plan, type PlanEdge } from './plan.js'
import { Processor } from './processor.js'
import { Queue } from './queue.js'
import { type Branch, SharedEdge } from './sharing.js'
import { Source } from './source.js'
import { StreamProcessor } from './stream-processor.js'
import { WindowInlet } from './window.js'
import { ZipInlet } from './zip.js'

export interface FitterOptions {
  readonly host: Host
  readonly inputs: ReadonlyMap<number, Iterable<unknown> | AsyncIterable<unknown>> | undefined
  readonly deliver: Deliver | undefined
  /** Whether neighbours may call each other on the spot. */
  readonly fuse: boolean
}

/** Connects the nodes of a plan: makes each edge, window, inlet, outlet and node once. Nothing is started. */
export function connect(plan: Plan, options: FitterOptions): Pipework {
  return new Pipework(plan, new Fitter(plan, options))
}

class Fitter implements Fittings {
  readonly nodes: readonly RunningNode[]
  readonly fromLeaves: readonly RunningNode[]
  readonly counters: readonly Counters[]
  readonly outlets: Outlet[] = []
  /** A node makes its input edges, so they exist before the nodes that write to them. */
  readonly edges: (Queue | JoinEdge)[] = []
  readonly chains: ChainFitter
  readonly windows: Map<number, ForkWindow> = new Map()
  readonly batches: Map<number, BatchInlet> = new Map()
  readonly joins: Map<number, LineageJoin> = new Map()
  readonly zips: Map<number, ZipInlet> = new Map()
  readonly #plan: Plan
  readonly #o: FitterOptions

  constructor(plan: Plan, options: FitterOptions) {
    this.#plan = plan
    this.#o = options
    this.chains = new ChainFitter({ ...options, plan, edges: this.edges })
    this.counters = plan.nodes.map(() => new Counters())
    // From the leaves to the sources: a node makes its input edges, and its predecessors write to them.
    const made = new Map(plan.order.toReversed().map((number) => [number, this.#node(number)]))
    this.nodes = plan.nodes.map((_, number) => made.get(number) as RunningNode) // order names every node once
    this.fromLeaves = [...made.values()]
  }

  #name(node: number): string {
    return at(this.#plan.nodes, node).name
  }

  #node(number: number): RunningNode {
    const { host, inputs } = this.#o
    const plan = at(this.#plan.nodes, number)
    const counters = at(this.counters, number)
    const outlet = (onUnwanted: () => void): Outlet => this.#outlet(number, onUnwanted)
    const options = { plan, host, counters, outlet }
    const input = inputs?.get(number)
    if (plan.kind === 'inlet') return input === undefined ? new Feed(options) : new Source({ ...options, input })
    if (plan.kind === 'source') return new Source(options)
    const holds = this.#plan.regions.nodes.get(number)?.holds ?? []
    const inlet = (hooks: InletHooks): Inlet => this.#gathered(number, hooks)
    if (plan.kind === 'stream') return new StreamProcessor({ ...options, holds, inlet })
    const bounded = plan.inputs.some(
      (edge) => this.#plan.nodes[at(this.#plan.edges, edge).from]?.properties.packetsInFlight,
    )
    const tells = bounded || plan.partitionBy !== undefined
    const processor = new Processor({ ...options, holds, inlet, tells })
    if (processor.link !== undefined) this.chains.links.set(number, processor.link)
    return processor
  }

  /** The inputs of a node in the form in which its calls get them. */
  #gathered(number: number, hooks: InletHooks): Inlet {
    const { properties, partitionBy } = at(this.#plan.nodes, number)
    const { batch, window, queueSize } = properties
    const inlet = (wake: Wake): Inlet => this.#inlet(number, { ...hooks, wake })
    const { wake, onGivenUp: giveUp, onPassed, keyOf } = hooks
    const { scope } = this.#o.host
    if (batch !== undefined) {
      const batches = new BatchInlet({ inlet, wake, giveUp, scope, batch })
      this.batches.set(number, batches)
      return batches
    }
    if (window !== undefined) return new WindowInlet({ inlet, wake, giveUp, scope, window, onPassed })
    if (partitionBy !== undefined)
      return new PartitionInlet({ inlet, wake, giveUp, most: queueSize, ordered: properties.ordered, keyOf })
    return inlet(wake)
  }

  #inlet(number: number, hooks: InletHooks): Inlet {
    const { inputs, properties, name } = at(this.#plan.nodes, number)
    const { host } = this.#o
    const { wake } = hooks
    const counters = at(this.counters, number)
    const names = inputs.map((edge) => this.#name(at(this.#plan.edges, edge).from))
    if (this.#plan.regions.forkOf.has(number)) return this.#join(number, names, hooks)
    const queues = inputs.map((edge) => this.#queue(edge, at(this.#plan.edges, edge)))
    if (this.#plan.regions.positional.has(number)) {
      const onUnequal = (error: PipelineError): void => host.failAtEnd(error)
      const { unequal } = properties
      const zip = new ZipInlet(queues, {
        node: name,
        inputs: names,
        unequal,
        counters,
        scope: host.scope,
        wake,
        onUnequal,
      })
      this.zips.set(number, zip)
      return zip
    }
    return queues.length === 1 ? new SingleInlet(at(queues, 0), counters, wake) : new MergeInlet(queues, counters, wake)
  }

  #queue(number: number, { capacity, from, to }: PlanEdge): Queue {
    const { packetsInFlight } = at(this.#plan.nodes, from).properties
    const scope = this.chains.takesBare(to) ? this.#o.host.scope : undefined
    const queue =
      packetsInFlight === undefined ? new Queue(capacity, { scope }) : new InFlightQueue(capacity, packetsInFlight)
    const name = this.#name(to)
    const tokens = this.#plan.regions.edges.get(number)?.tokens ?? []
    const { host } = this.#o
    const onLost = (packet: Packet): void => {
      host.lost(name, packet)
      if (host.doomed) return
      host.ledger.release(packet.frame, tokens)
      packet.ended()
    }
    const onDiscarded = (packet: Packet): void => {
      host.ledger.release(packet.frame, tokens)
      packet.ended()
    }
    queue.onLost = onLost
    queue.onDiscarded = onDiscarded
    this.edges[number] = queue
    return queue
  }

  #join(number: number, inputs: readonly string[], { wake, onFault, onGivenUp }: InletHooks): LineageJoin {
    const { name, properties, inputs: edges } = at(this.#plan.nodes, number)
    const { forkOf, forks, nodes } = this.#plan.regions
    const { host } = this.#o
    const join = new LineageJoin({
      node: name,
      inputs,
      share: forks.get(forkOf.get(number) ?? -1)?.joins.indexOf(number) ?? -1,
      holds: nodes.get(number)?.holds ?? [],
      properties,
      faultsInTurn: properties.onError === 'route',
      leaf: isLeaf(at(this.#plan.nodes, number), this.#plan.edges),
      ledger: host.ledger,
      scope: host.scope,
      counters: at(this.counters, number),
      wake,
      onFault,
      onGivenUp,
    })
    edges.forEach((edge, place) => {
      this.edges[edge] = at(join.edges, place)
    })
    this.joins.set(number, join)
    this.chains.joined(number, join, { counters: at(this.counters, number), wake })
    return join
  }

  #outlet(number: number, onUnwanted: () => void): Outlet {
    const { name, outputs } = at(this.#plan.nodes, number)
    const { regions, edges } = this.#plan
    const { host, deliver } = this.#o
    const window = this.#window(number)
    const shared = this.#shared(number)
    const own = shared === undefined ? outputs : outputs.filter((edge) => at(edges, edge).port !== OUT)
    const single = own.map((edge) => ({
      edge: at(this.edges, edge),
      port: at(edges, edge).port,
      regions: regions.edges.get(edge),
    }))
    const outlet = new Outlet({
      node: name,
      leaf: isLeaf(at(this.#plan.nodes, number), edges),
      edges: shared === undefined ? single : [{ edge: shared, port: OUT, regions: undefined }, ...single],
      shared,
      deliver,
      counters: at(this.counters, number),
      logger: host.logger,
      ledger: host.ledger,
      regions: regions.nodes.get(number)?.ports,
      window,
      fork: this.chains.begun(number, window),
      inside: this.chains.inside(number),
      places: this.#places(number),
      scope: host.scope,
      next: this.chains.nextOf(number),
      isDoomed: () => host.doomed,
      onUnwanted,
    })
    this.outlets[number] = outlet
    return outlet
  }

  /** The edges of which each output of a node takes one, as one edge. */
  #shared(number: number): SharedEdge | undefined {
    const node = at(this.#plan.nodes, number)
    const { edges, regions } = this.#plan
    if (!isShared(node, edges)) return undefined
    const branches = node.outputs.flatMap((output): Branch[] => {
      const { port, to } = at(edges, output)
      const edge = this.edges[output]
      if (port !== OUT) return []
      if (edge instanceof Queue) return [{ edge, to: this.#name(to), regions: regions.edges.get(output) }]
      throw new PipelineError('INTERNAL', { what: `node "${node.name}" shares its outputs with a join` })
    })
    const { ledger, logger } = this.#o.host
    return new SharedEdge({ node: node.name, branches, ledger, logger, isDoomed: () => this.#o.host.doomed })
  }

  /** The only edge of a node, where that node may take a place on it before it makes an item. */
  #places(number: number): InFlightQueue | undefined {
    const { outputs, kind, coro } = at(this.#plan.nodes, number)
    const [only = -1] = outputs
    const edge = this.edges[only]
    if (outputs.length !== 1 || !(edge instanceof InFlightQueue)) return undefined
    if (at(this.#plan.edges, only).port !== OUT) return undefined
    if (at(this.#plan.nodes, at(this.#plan.edges, only).to).inputs.length !== 1) return undefined
    // Whoever may give several outputs for one place could wait for those that others hold, who wait for it.
    return kind === 'map' && coro !== undefined && types.isGeneratorFunction(coro.run) ? undefined : edge
  }

  #window(number: number): ForkWindow | undefined {
    const fork = this.#plan.regions.forks.get(number)
    if (fork === undefined) return undefined
    const joins = fork.joins.map((join) => this.#joinOf(join))
    const window = new ForkWindow(fork.window, joins, this.#o.host.ledger)
    for (const join of joins) join.watch(window)
    this.windows.set(number, window)
    return window
  }

  #joinOf(number: number): LineageJoin {
    const join = this.joins.get(number)
    if (join !== undefined) return join
    throw new PipelineError('INTERNAL', { what: `join "${this.#name(number)}" was not made before its fork` })
  }
}
