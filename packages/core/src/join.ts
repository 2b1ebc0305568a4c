import { at } from './arrays.js'
import type { BareRegion } from './bare-region.js'
import { PipelineError } from './errors.js'
import type { ForkWindow, FrameJoin, Share } from './frames.js'
import { type BareInput, Faulty, type Inlet, type Taken } from './inlet.js'
import { JoinEdge } from './join-edge.js'
import type { JoinOptions } from './join-options.js'
import { type Packet, type Scope, tupleOf, tupleOfBare } from './packet.js'
import { Product } from './product.js'
import type { Token } from './regions.js'
import { Ring } from './ring.js'
import { isOneOfEach, outcomeOf, slotsOf, tupleFor, type WrongCount } from './tuples.js'

/**
 * Joins by lineage: the tuple holds what descends from one output of the fork. It stores whatever arrives at once, so
 * its edges never hold anything and a branch never waits for another; the fork's window bounds what is stored. That an
 * input gave nothing, or everything it will, is known and not waited for: the count of the frame is zero.
 */
export class LineageJoin implements Inlet, FrameJoin {
  readonly edges: readonly JoinEdge[]
  readonly holds: readonly Token[]
  readonly #o: JoinOptions
  /** Shares to hand over, and items that failed where that has to wait its turn. */
  readonly #ready = new Ring<Share | Faulty>()
  /** The share that is being handed over tuple by tuple. */
  #product: Product | undefined
  /** The fork's window: its open frames are this join's store. */
  #window: ForkWindow | undefined
  /** Shares that were opened and are not done. */
  #pending = 0
  /** Where ordered handing over has got to; `undefined` when every frame so far is done. */
  #cursor: Share | undefined
  #openEdges: number
  #closed = false
  /** What lies between the fork and here, as long as nothing there carries a frame. */
  region: BareRegion | undefined

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
    return this.region?.bare || this.#ready.size > 0 || this.#product !== undefined
  }

  get over(): boolean {
    // Not before every frame is decided: a call upstream may still hold a token of one.
    return this.#closed || (this.#openEdges === 0 && this.#pending === 0 && !this.ready && !this.region?.open)
  }

  get bareInput(): BareInput | undefined {
    return this.region
  }

  take(): Taken | undefined {
    if (this.region?.bare) return tupleOfBare(this.region.takeBare(), this.#o.scope)
    if (this.#product !== undefined) return this.#takeNext(this.#product)
    const share = this.#ready.shift()
    if (share === undefined || share instanceof Faulty) return share
    if (this.#o.properties.collect === 'product' && !isOneOfEach(share, this.#o.inputs.length))
      return this.#takeNext(this.#begin(share))
    const packet = tupleFor(share, this.#o.inputs.length, this.#o.properties.collect)
    this.#finish(share)
    return packet
  }

  /** Its edges hold nothing, so there is no place to give back. */
  ask(): void {}

  opened(share: Share): void {
    this.#pending++
    // The decision may fail a root of which nothing else is left by then.
    if (this.#o.properties.missing === 'fail') share.frame.scope.enter(1)
    if (this.#o.properties.ordered && !this.#closed) this.#cursor ??= share
  }

  complete(share: Share): void {
    if (share.state !== 'open') return
    if (this.#closed) {
      this.#skip(share)
      return
    }
    share.state = 'complete'
    if (!this.#o.properties.ordered) this.#decide(share)
    else this.#advance()
  }

  /** What has arrived will not be handed over; what is on its way was taken out elsewhere. */
  cancel(scope: Scope): boolean {
    const before = this.#o.counters.unprocessed
    const taken = (share: Share): boolean => share.frame.scope === scope
    if (this.#product !== undefined && taken(this.#product.share)) this.#takeBackProduct(this.#product)
    const gone: (Share | Faulty)[] = []
    this.#ready.remove((ready) => {
      const isGone = ready instanceof Faulty ? ready.packet.scope === scope : taken(ready)
      if (isGone) gone.push(ready)
      return isGone
    })
    for (const share of this.#stored()) if (taken(share)) this.#unprocessed(share)
    // Last: what these held may let others be handed over.
    for (const ready of gone) {
      if (ready instanceof Faulty) this.#o.onGivenUp(ready.packet)
      else this.#skip(ready)
    }
    return this.#o.counters.unprocessed > before
  }

  close(): void {
    if (this.#closed) return
    this.region?.end()
    this.#closed = true
    for (const edge of this.edges) edge.close()
    const product = this.#forget()
    for (const share of this.#stored()) {
      if (share === product?.share) this.#abandon(product)
      else this.#filter(share)
      this.#skip(share)
    }
  }

  clear(): void {
    if (this.#closed) return
    this.#closed = true
    for (const edge of this.edges) edge.clear()
    for (const packet of this.region?.clear() ?? []) this.#o.onGivenUp(packet)
    const product = this.#forget()
    for (const share of this.#stored()) {
      const left = share === product?.share ? product.left() : share.packets
      for (const packet of left) this.#o.onGivenUp(packet)
    }
  }

  /** Counts what arrived for a cancelled share as unprocessed; it is skipped when it is complete. */
  #unprocessed(share: Share): void {
    this.#lose(share.takeAll())
  }

  /** What arrived holds nothing any more: its tokens are the share's. */
  #lose(packets: readonly Packet[]): void {
    this.#o.counters.unprocessed += packets.length
    for (const packet of packets) packet.ended()
  }

  #takeBackProduct(product: Product): void {
    this.#product = undefined
    const left = product.left()
    const { share, tuples } = product
    this.#finish(share)
    this.#o.ledger.release(share.frame, this.holds, tuples)
    this.#lose(left)
  }

  /** Hands nothing over any more; gives the share that was only in part. */
  #forget(): Product | undefined {
    const product = this.#product
    for (let ready = this.#ready.shift(); ready; ready = this.#ready.shift())
      if (ready instanceof Faulty) this.#o.onGivenUp(ready.packet)
    this.#product = undefined
    this.#cursor = undefined
    return product
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
    if (share.frame.scope.counted && share.frame.scope.request?.over === true) {
      this.#unprocessed(share)
      this.#skip(share)
      return
    }
    share.sort()
    const outcome = outcomeOf(share, this.#o.inputs.length, this.#o.properties)
    if (outcome === 'hand') this.#offer(share)
    else if (outcome === 'filter') {
      this.#filter(share)
      this.#skip(share)
    } else this.#fault(share, outcome)
  }

  #offer(ready: Share | Faulty): void {
    this.#ready.push(ready)
    this.#o.wake()
  }

  /** Counts what arrived for a frame that gives no tuple. */
  #filter(share: Share): void {
    this.#o.counters.completed += share.packets.length
    if (share.packets.length > 0 && !this.#o.leaf) this.#o.counters.dropped++
  }

  #finish(share: Share): void {
    this.#pending--
    this.#o.ledger.finish(share)
    if (this.#o.properties.missing === 'fail') share.frame.scope.leave()
    if (this.#pending === 0) this.#o.wake()
  }

  #skip(share: Share): void {
    const { packets } = share
    this.#finish(share)
    this.#o.ledger.release(share.frame, this.holds)
    for (const packet of packets) packet.ended()
  }

  #fault(share: Share, { input, count }: WrongCount): void {
    const packet = tupleOf(share.packets, share.frame.scope, share.frame)
    // Where nothing arrived, the failure stands for itself.
    if (packet.weight === 0) packet.scope.enter(1)
    const details = { node: this.#o.node, input: at(this.#o.inputs, input), count }
    const error = new PipelineError('NODE_CARDINALITY', details)
    this.#finish(share)
    if (this.#o.faultsInTurn) this.#offer(new Faulty(packet, error))
    else this.#o.onFault(packet, error)
  }

  /** Starts to hand over a share tuple by tuple; each holds for itself what the share holds behind the join. */
  #begin(share: Share): Product {
    const product = new Product(share, slotsOf(share, this.#o.inputs.length))
    this.#o.ledger.add(share.frame, this.holds, product.tuples - 1)
    this.#product = product
    return product
  }

  #takeNext(product: Product): Packet {
    const packet = product.next()
    if (product.tuples === 0) {
      this.#product = undefined
      this.#finish(product.share)
    }
    return packet
  }

  /** The tuples of a share that were not handed over never will be. */
  #abandon(product: Product): void {
    const left = new Set(product.left())
    this.#o.counters.completed += left.size
    this.#o.ledger.release(product.share.frame, this.holds, product.tuples - 1)
    product.share.packets = product.share.packets.filter((packet) => left.has(packet))
  }

  /** How many items have come in part, and the inputs that the rest would come by. */
  get lacking(): { readonly items: number; readonly inputs: readonly string[] } {
    const open = this.#stored().filter((share) => share.state === 'open' && share.packets.length > 0)
    const sizes = this.region?.sizes ?? []
    const inputs = this.#o.inputs.filter(
      (_, input) => sizes[input] === 0 || open.some((share) => !share.inputs.includes(input)),
    )
    return { items: open.length + Math.max(0, ...sizes), inputs }
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
