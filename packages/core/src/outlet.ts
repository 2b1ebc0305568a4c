import { type BareFork, bareEdgeOf, bareForkOf } from './bare-fork.js'
import type { BarePort } from './bare-region.js'
import { type Link, OPEN } from './chain.js'
import { DROP, type Meta } from './coro.js'
import type { Counters } from './counters.js'
import { packetOn } from './frames.js'
import type { InFlightQueue } from './in-flight-queue.js'
import { Leaf } from './leaf.js'
import type { OutletOptions, OutputEdge } from './outlet-options.js'
import { accepted, NO_META, Packet, type Scope } from './packet.js'
import { ERROR, OUT } from './plan.js'
import type { Queue } from './queue.js'
import type { EdgeRegions, PortRegions } from './regions.js'
import { type TapSettings, Taps } from './taps.js'

interface Port {
  readonly edges: OutputEdge[]
  readonly regions: PortRegions | undefined
}

const NO_PORT: Port = { edges: [], regions: undefined }

/**
 * Where a node's outputs go. An output is offered to every edge of its port at once, in the order of the graph; a full
 * edge makes it wait, and its node with it.
 */
export class Outlet {
  readonly leaf: boolean
  readonly isFork: boolean
  readonly #o: OutletOptions
  readonly #counters: Counters
  readonly #ports = new Map<string, Port>()
  readonly #out: Port
  /** Hands outputs to several edges without packets, where a region begins that allows that. */
  readonly #fork: BareFork | undefined
  /** What bare values descend from. */
  readonly #origin: Packet
  /** The node that may be called on the spot with what leaves: absent while somebody looks at it. */
  next: Link | undefined
  /** The only edge, if that takes values without packets: absent while somebody looks. */
  bare: Queue | BarePort | undefined
  readonly #only: Link | undefined // the same two, whoever looks
  readonly #bareEdge: Queue | BarePort | undefined
  #openEdges: number
  /** Of the last output that some edges had accepted while others made it wait. */
  #accepted: Scope | undefined
  #taps: Taps | undefined // absent while nobody looks
  readonly #leaf: Leaf

  constructor(options: OutletOptions) {
    this.#o = options
    this.leaf = options.leaf
    this.#counters = options.counters
    this.#leaf = new Leaf(options)
    this.#openEdges = options.edges.length
    for (const edge of options.edges) {
      const port = this.#ports.get(edge.port)
      if (port === undefined) this.#ports.set(edge.port, { edges: [edge], regions: options.regions?.get(edge.port) })
      else port.edges.push(edge)
    }
    this.#out = this.#ports.get(OUT) ?? NO_PORT
    const alone = options.edges.length === 1
    this.#bareEdge = alone ? bareEdgeOf(options, this.#out.edges[0]) : undefined
    this.bare = this.#bareEdge
    this.#fork = bareForkOf(options, (output, packet) => this.#putWatched(output, packet))
    this.isFork = this.#fork !== undefined
    this.#origin = new Packet(undefined, NO_META, options.scope)
    this.#only = alone ? options.next?.[0] : undefined
    this.next = this.#only
    // Kept in a variable first, as wherever a function is assigned in each run. V8 allocates one that is written right
    // behind `x.y =` as if it lived for ever: nothing it reaches is then collected as young. Measured: without, making
    // pipelines took 3 times as long, most of it in the garbage collector.
    const onClose = (): void => {
      this.#openEdges--
      if (this.#openEdges === 0 && !this.leaf) this.#o.onUnwanted()
    }
    for (const { edge } of options.edges) edge.onClose = onClose
  }

  /**
   * Hands one output on. `origin` is the packet it descends from.
   *
   * @returns whether anybody accepted it; a promise where somebody was full, which never rejects
   */
  send(origin: Packet, port: string, value: unknown, meta: Meta): boolean | Promise<boolean> {
    if (origin.scope.counted && origin.scope.request?.over === true) return false
    if (this.#taps !== undefined) this.#taps.see(port, value, meta)
    if (this.leaf && port !== ERROR) return this.#leaf.send(origin, port, value, meta)
    const to = port === OUT ? this.#out : (this.#ports.get(port) ?? NO_PORT)
    if (to.regions !== undefined) return this.#sendFramed(to, to.regions, origin, value, meta)
    const { scope } = origin
    const { next } = this
    if (next !== undefined && to === this.#out && next.state === OPEN) {
      this.#counters.emitted++
      if (meta === NO_META && scope === this.#o.scope) next.enter(value)
      else next.enterPacket(accepted(value, meta, scope))
      return true
    }
    if (scope.counted) this.#count(scope, to)
    return this.#offer(to, new Packet(value, meta, scope), scope.counted)
  }

  /** Hands on a value that carries nothing: see {@link send}. */
  sendBare(value: unknown): boolean | Promise<boolean> {
    if (value === DROP || (this.leaf && value === undefined)) return false
    if (this.bare?.offerBare(value)) {
      this.#counters.emitted++
      return true
    }
    if (!this.#o.inside?.active) return this.send(this.#origin, OUT, value, NO_META)
    this.#taps?.see(OUT, value, NO_META)
    const edge = this.#bareEdge as Queue | BarePort // inside such a region there is one
    return this.#tallyAll(this.#o.scope, [edge.offerBare(value) || edge.put(new Packet(value, NO_META, this.#o.scope))])
  }

  /** Hands on what a call gave: see {@link send}. */
  sendPlain(origin: Packet, value: unknown): boolean | Promise<boolean> {
    return value !== DROP && !(value === undefined && this.leaf) && this.send(origin, OUT, value, origin.meta)
  }

  /** Hands on a value that carries nothing, if that can be done at once. */
  passBare(value: unknown): boolean {
    const { next } = this
    if (next !== undefined && next.state === OPEN) {
      this.#counters.emitted++
      next.enter(value)
      return true
    }
    if (this.bare !== undefined) {
      const taken = this.bare.offerValue(value, this.#o.scope)
      if (taken) this.#counters.emitted++
      return taken
    }
    if (this.#taps !== undefined || this.#fork === undefined || !this.#fork.takesNow()) return false
    this.#counters.emitted++
    this.#fork.spread(value)
    return true
  }

  /** Takes back an output that nobody has accepted yet; `false` if somebody has. */
  withdraw(scope: Scope): boolean {
    if (this.leaf) return false
    if (this.#o.window?.withdraw(scope)) return true
    const { edges } = this.#out
    // An edge that is closed may have accepted it before.
    if (scope === this.#accepted || !edges.some(({ edge }) => edge.isWaiting(scope))) return false
    if (!edges.every(({ edge }) => edge.closed || edge.isWaiting(scope))) return false
    for (const { edge } of edges) edge.withdraw(scope)
    return true
  }

  /** Nothing more comes: ends every edge. */
  end(): void {
    for (const { edge } of this.#o.edges) edge.end()
  }

  /** Nobody wants the outputs of this leaf any more. */
  closeLeaf(): void {
    if (!this.leaf || this.#leaf.closed) return
    this.#leaf.closed = true
    this.#o.onUnwanted()
  }

  /** Shows a sample of the outputs to `listener`; the function that comes back ends that. */
  tap(settings: TapSettings): () => void {
    const { to, port } = settings.target
    if (to !== undefined && port === OUT && this.#o.shared !== undefined) return this.#o.shared.tap(settings)
    const taps = this.#taps ?? new Taps(this.#o.node, this.#o.logger)
    this.#taps = taps
    this.next = undefined
    this.bare = undefined
    const remove = taps.add(settings)
    return () => {
      remove()
      if (!taps.none || this.#taps !== taps) return
      this.#taps = undefined
      this.next = this.#only
      this.bare = this.#bareEdge
    }
  }

  /** Where each output needs a place that can be taken before it is made. */
  get places(): InFlightQueue | undefined {
    return this.#o.places
  }

  /** Where a ledger is kept: the copies are counted before the first of them can end. */
  #count(scope: Scope, { edges }: Port): void {
    scope.enter(Math.max(1, edges.length))
    if (edges.length === 0) scope.leave()
  }

  /**
   * Near a join: counts all copies, takes the credit, then puts them. In this order, because whoever sends may be done
   * with the origin while the output waits, as a stream is that reads ahead.
   */
  #sendFramed(to: Port, regions: PortRegions, origin: Packet, value: unknown, meta: Meta): boolean | Promise<boolean> {
    const { ledger, window } = this.#o
    if (origin.scope.counted) this.#count(origin.scope, to)
    ledger.add(origin.frame, regions.adds)
    if (!regions.opens || window === undefined) return this.#spread(to, regions, origin, value, meta)
    const credit = window.credit(origin.scope)
    if (credit === true) return this.#spread(to, regions, origin, value, meta)
    if (credit === false) return this.#takeBack(to, regions, origin)
    return credit.then((granted) =>
      granted ? this.#spread(to, regions, origin, value, meta) : this.#takeBack(to, regions, origin),
    )
  }

  /** Near a join: opens a frame where one begins here, and puts the copies, all of which have been counted. */
  #spread(to: Port, regions: PortRegions, origin: Packet, value: unknown, meta: Meta): boolean | Promise<boolean> {
    const { window, scope } = this.#o
    if (this.#fork !== undefined) {
      const { region } = this.#fork
      const isPlain = meta === NO_META && origin.scope === scope && origin.frame === undefined
      if (isPlain && region.takes) return this.#tallyAll(scope, this.#fork.spread(value) ?? [true])
      region.end()
    }
    const frame = regions.opens && window !== undefined ? window.start(origin, regions.first) : origin.frame
    return this.#offer(to, new Packet(value, meta, origin.scope, frame), true)
  }

  /** An output that was counted will not leave. */
  #takeBack({ edges }: Port, regions: PortRegions, origin: Packet): false {
    if (this.#o.isDoomed()) return false
    this.#o.ledger.release(origin.frame, regions.adds)
    for (const _ of edges) origin.scope.leave()
    return false
  }

  /**
   * Puts a copy on every edge of a port; waits for those that are full. `watched`: near a join, or where a ledger is kept,
   * it matters what becomes of each copy.
   */
  #offer({ edges }: Port, packet: Packet, watched: boolean): boolean | Promise<boolean> {
    const [only, second] = edges
    if (only !== undefined && second === undefined) {
      const took = watched ? this.#putWatched(only, packet) : only.edge.put(packet)
      if (took === true) this.#counters.emitted++
      return typeof took === 'boolean' ? took : this.#waited(packet.scope, [took], false)
    }
    return this.#tallyAll(
      packet.scope,
      edges.map((output) => (watched ? this.#putWatched(output, packet) : output.edge.put(packet))),
    )
  }

  /** Whether any edge has taken an output; a promise where some make it wait. */
  #tallyAll(scope: Scope, took: readonly (boolean | Promise<boolean>)[]): boolean | Promise<boolean> {
    const accepted = took.includes(true)
    const waits = took.filter((taken) => typeof taken !== 'boolean')
    if (waits.length > 0) return this.#waited(scope, waits, accepted)
    if (accepted) this.#counters.emitted++
    return accepted
  }

  /** Near a join the copy steps out of the frames that no join behind this edge needs; if nobody takes it, it ends here. */
  #putWatched({ edge, regions }: OutputEdge, packet: Packet): boolean | Promise<boolean> {
    const copy = packetOn(packet, regions)
    const took = edge.put(copy)
    return typeof took === 'boolean'
      ? this.#settled(copy, regions, took)
      : took.then((accepted) => this.#settled(copy, regions, accepted))
  }

  /** A copy was accepted, or went to a closed edge and ends there. */
  #settled(copy: Packet, regions: EdgeRegions | undefined, accepted: boolean): boolean {
    if (accepted) {
      if (copy.scope.counted) copy.scope.accepted()
      copy.scope.request?.arrived(copy)
    } else if (!this.#o.isDoomed()) {
      if (regions !== undefined) this.#o.ledger.release(copy.frame, regions.tokens)
      copy.ended()
    }
    return accepted
  }

  /** Settles when every wait has; most often there is one, which then costs one promise. */
  #waited(scope: Scope, waits: readonly Promise<boolean>[], acceptedSome: boolean): Promise<boolean> {
    const [first, ...others] = waits
    if (acceptedSome) this.#accepted = scope
    if (first === undefined) return Promise.resolve(this.#tally(acceptedSome))
    if (others.length === 0) return first.then((accepted) => this.#tally(accepted || acceptedSome))
    const noted = waits.map((wait) =>
      wait.then((accepted) => {
        if (accepted) this.#accepted = scope
        return accepted
      }),
    )
    return Promise.all(noted).then((accepted) => this.#tally(accepted.includes(true) || acceptedSome))
  }

  #tally(accepted: boolean): boolean {
    // Interrupted by doomsday: some successor never got it, so it does not count as handed on.
    if (this.#o.isDoomed()) return false
    if (accepted) this.#counters.emitted++
    return accepted
  }
}
