import { at } from './arrays.js'
import type { Counters } from './counters.js'
import { PipelineError } from './errors.js'
import type { ForkWindow, FrameJoin, Ledger, Share } from './frames.js'
import type { Inlet, Wake } from './inlet.js'
import { type Packet, type Scope, tupleOf } from './packet.js'
import type { Edge } from './queue.js'
import type { Token } from './regions.js'
import { Ring } from './ring.js'

export interface JoinOptions {
  readonly node: string
  /** Names of the predecessors, in tuple order. */
  readonly inputs: readonly string[]
  /** Which share of a frame is this join's. */
  readonly share: number
  readonly holds: readonly Token[]
  /** Hand over in the order in which the fork's outputs left, or as frames become complete. */
  readonly ordered: boolean
  /** Whether the node has no outgoing edges: a leaf drops nothing. */
  readonly leaf: boolean
  readonly ledger: Ledger
  readonly counters: Counters
  /** Scope of a tuple without parts. */
  readonly scope: Scope
  readonly wake: Wake
  /** An item that failed before its call. */
  readonly onFault: (packet: Packet, error: PipelineError) => void
  /** A packet that will not be processed. */
  readonly onLost: (packet: Packet) => void
}

/**
 * Joins by lineage: the tuple holds what descends from one output of the fork. It stores whatever arrives at once, so
 * its edges never hold anything and a branch never waits for another; the fork's window bounds what is stored. A frame
 * into which an input gave nothing is skipped, by knowledge: its count is zero.
 */
export class LineageJoin implements Inlet, FrameJoin {
  readonly edges: readonly JoinEdge[]
  readonly holds: readonly Token[]
  readonly #o: JoinOptions
  readonly #ready = new Ring<Share>()
  /** The fork's window: its open frames are this join's store. */
  #window: ForkWindow | undefined
  /** Shares that were opened and are not done. */
  #pending = 0
  /** Where ordered handing over has got to; `undefined` when every frame so far is done. */
  #cursor: Share | undefined
  #openEdges: number
  #closed = false

  constructor(options: JoinOptions) {
    this.#o = options
    this.holds = options.holds
    this.#openEdges = options.inputs.length
    this.edges = options.inputs.map(
      (_, input) =>
        new JoinEdge(
          (packet) => this.#accept(input, packet),
          () => this.#ended(),
        ),
    )
  }

  watch(window: ForkWindow): void {
    this.#window = window
    for (const edge of this.edges) edge.capacity = window.size
  }

  get closed(): boolean {
    return this.#closed
  }

  get ready(): boolean {
    return this.#ready.size > 0
  }

  get over(): boolean {
    // Not before every frame is decided: a call upstream may still hold a token of one.
    return this.#closed || (this.#openEdges === 0 && this.#pending === 0)
  }

  take(): Packet | undefined {
    const share = this.#ready.shift()
    if (share === undefined) return undefined
    const packet = this.#tuple(share)
    this.#finish(share)
    return packet
  }

  opened(share: Share): void {
    this.#pending++
    if (this.#o.ordered && !this.#closed) this.#cursor ??= share
  }

  complete(share: Share): void {
    if (share.state !== 'open') return
    if (this.#closed) {
      this.#skip(share)
      return
    }
    share.state = 'complete'
    if (!this.#o.ordered) this.#decide(share)
    else this.#advance()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const edge of this.edges) edge.close()
    this.#forget()
    for (const share of this.#stored()) {
      this.#filter(share)
      this.#skip(share)
    }
  }

  clear(): void {
    if (this.#closed) return
    this.#closed = true
    for (const edge of this.edges) edge.clear()
    this.#forget()
    for (const share of this.#stored())
      for (const { packet } of share.arrived) {
        this.#o.counters.unprocessed++
        this.#o.onLost(packet)
      }
  }

  /** Hands nothing over any more. */
  #forget(): void {
    this.#ready.remove(() => true)
    this.#cursor = undefined
  }

  #accept(input: number, packet: Packet): void {
    this.#o.counters.received++
    const share = packet.frame?.shares[this.#o.share]
    if (share === undefined || share.state !== 'open')
      throw new PipelineError('INTERNAL', { what: `a packet came to join "${this.#o.node}" after its frame` })
    share.arrive(input, packet)
    this.#o.ledger.drop(share)
  }

  #ended(): void {
    this.#openEdges--
    this.#o.wake()
  }

  /** Decides on every complete frame up to the first that is not. */
  #advance(): void {
    while (this.#cursor !== undefined && this.#cursor.state !== 'open') {
      const share = this.#cursor
      // Read before deciding: a frame that closes leaves the list.
      this.#cursor = share.frame.next?.shares[this.#o.share]
      if (share.state === 'complete') this.#decide(share)
    }
  }

  #decide(share: Share): void {
    if (isOneOfEach(share, this.#o.inputs.length)) {
      this.#ready.push(share)
      this.#o.wake()
      return
    }
    const counts = this.#o.inputs.map(() => 0)
    for (const { input } of share.arrived) counts[input] = at(counts, input) + 1
    if (counts.includes(0)) {
      this.#filter(share)
      this.#skip(share)
    } else this.#fault(share, counts)
  }

  /** Counts what arrived for a frame that gives no tuple. */
  #filter(share: Share): void {
    this.#o.counters.completed += share.arrived.length
    if (share.arrived.length > 0 && !this.#o.leaf) this.#o.counters.dropped++
  }

  #finish(share: Share): void {
    this.#pending--
    this.#o.ledger.finish(share)
    if (this.#pending === 0) this.#o.wake()
  }

  #skip(share: Share): void {
    this.#finish(share)
    this.#o.ledger.release(share.frame, this.holds)
  }

  #fault(share: Share, counts: readonly number[]): void {
    const input = counts.findIndex((count) => count > 1)
    const packet = this.#tuple(share)
    const details = { node: this.#o.node, input: at(this.#o.inputs, input), count: at(counts, input) }
    this.#finish(share)
    this.#o.onFault(packet, new PipelineError('NODE_CARDINALITY', details))
  }

  #tuple(share: Share): Packet {
    const parts = share.arrived.map((arrival) => arrival.packet)
    return tupleOf(parts, this.#o.scope, share.frame)
  }

  /** Shares that hold something or may still get it. */
  #stored(): Share[] {
    const stored: Share[] = []
    for (let frame = this.#window?.first; frame !== undefined; frame = frame.next) {
      const share = frame.shares[this.#o.share]
      if (share !== undefined && share.state !== 'done') stored.push(share)
    }
    return stored
  }
}

/** The usual case, told without counting: arrivals are kept in the order of inputs. */
function isOneOfEach({ arrived }: Share, inputs: number): boolean {
  if (arrived.length !== inputs) return false
  for (let input = 0; input < inputs; input++) if (arrived[input]?.input !== input) return false
  return true
}

/** An edge into a lineage join: accepts at once and holds nothing, so what entered has left. */
export class JoinEdge implements Edge {
  entered = 0
  readonly unprocessed = 0
  readonly waits = 0
  readonly size = 0
  /** What it lets in is bounded by the window of the fork, in frames. */
  capacity = 0
  onClose: () => void = () => {}
  readonly #accept: (packet: Packet) => void
  readonly #onEnd: () => void
  #state: 'open' | 'ended' | 'closed' = 'open'

  constructor(accept: (packet: Packet) => void, onEnd: () => void) {
    this.#accept = accept
    this.#onEnd = onEnd
  }

  get left(): number {
    return this.entered
  }

  put(packet: Packet): boolean {
    if (this.#state === 'closed') return false
    this.entered++
    this.#accept(packet)
    return true
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  isWaiting(): boolean {
    return false
  }

  withdraw(): void {}

  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#onEnd()
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.onClose()
  }

  clear(): void {
    this.#state = 'closed'
  }
}
