import type { BareRegion } from './bare-region.js'
import { DROP } from './coro.js'
import type { Counters } from './counters.js'
import { NO_RUNNER, type Runner } from './executor.js'
import type { Frame } from './frames.js'
import type { Host } from './host.js'
import { isGenerator, isThenable } from './iterate.js'
import type { Outlet } from './outlet.js'
import { NO_META, Packet, type Scope, tupleOfBare } from './packet.js'
import type { WorkerSlot } from './slot.js'

/** A call that could not go on in the chain. */
export type Stumble =
  | { readonly error: unknown }
  | { readonly result: unknown }
  | { readonly sent: boolean | Promise<boolean> }

/** The node of a link. */
export interface LinkOwner {
  readonly counters: Counters
  readonly host: Pick<Host, 'scope'>
  /**
   * Goes on with a call as a worker of its own does; a promise where the chain was entered by such a worker, who has to
   * wait for it.
   */
  goOn(slot: WorkerSlot, packet: Packet, stumble: Stumble): Promise<void> | undefined
  /** The call of a packet has ended without error, and its output has left or never will. */
  workedOff(packet: Packet, accepted: boolean): void
}

/** What a link is at. */
export const OPEN = 0
/** In a call. */
const BUSY = 1
const CLOSED = 2
/** In a call during which it was closed. */
const BROKEN = 3
/** Between two calls of its own worker. */
export const STRETCH = 4

/** Most packets that are passed on one stack. */
const DEEPEST = 32
let depth = 0

type LinkState = typeof OPEN | typeof BUSY | typeof CLOSED | typeof BROKEN | typeof STRETCH

/**
 * A node as part of a call chain. As long as nothing has to wait, a value goes from coroutine to coroutine on one stack,
 * bare, without packet, queue or burst; its only traces are counts. Whatever else happens (a promise, a generator, an
 * error, an emission, a full queue, an end) makes the node go on with that item by itself, as if a worker of its own had
 * made the call, and closes the link: what comes next waits in the queue in front of it. It opens again when the node is
 * idle and its queue is empty.
 *
 * @see Flink's operator chaining, from which the idea is taken; there it is decided once, when the job is built.
 */
export class Link {
  state: LinkState = CLOSED
  // Not `#private`: with that a chain of two links took a tenth longer.
  private readonly owner: LinkOwner
  /** What it is at between two calls: open, or busy with its own worker, or closed because something waits in its queue. */
  private between: LinkState = OPEN
  private run: Runner['run'] = NO_RUNNER.run
  private slot: WorkerSlot
  private readonly counters: Counters
  private readonly outlet: Outlet
  /** What bare values are in. */
  private readonly scope: Scope
  /** Items that calls were made for so far. */
  taken = 0
  /** The region that it lies in, as long as nothing there carries a frame. */
  region: BareRegion | undefined
  /** Whether its bare values are tuples. */
  private readonly isJoin: boolean
  /** What a call counts: what comes to a join is counted when it comes. */
  private readonly receives: number
  readonly completes: number

  /** @param inputs how many parts its bare values have; absent where they have none */
  constructor(owner: LinkOwner, outlet: Outlet, { slot, inputs }: { slot: WorkerSlot; inputs: number | undefined }) {
    this.isJoin = inputs !== undefined
    this.receives = inputs === undefined ? 1 : 0
    this.completes = inputs ?? 1
    this.scope = owner.host.scope
    this.owner = owner
    this.counters = owner.counters
    this.outlet = outlet
    this.slot = slot
  }

  /** Lets its predecessor in. */
  open(runner: Runner, slot: WorkerSlot): void {
    this.use(runner, slot, OPEN)
  }

  /** Begins a stretch of calls of its own worker. */
  begin(runner: Runner, slot: WorkerSlot): void {
    this.use(runner, slot, STRETCH)
  }

  /** Lets nobody in; the call in progress, if any, does not end in the chain. */
  close(): void {
    this.state = this.isCalling ? BROKEN : CLOSED
  }

  /** Something waits in the queue: nothing may overtake it. */
  queued(): void {
    if (this.between === OPEN) this.between = CLOSED
    if (this.state === OPEN) this.state = CLOSED
  }

  /** Its own worker makes no more calls for now. */
  end(): void {
    this.state = CLOSED
  }

  get isOpen(): boolean {
    return this.state === OPEN
  }

  /** Whether it is in a call. */
  get isCalling(): boolean {
    return this.state === BUSY || this.state === BROKEN
  }

  /** Takes a value from its predecessor; only while it is open. */
  enter(value: unknown): void {
    this.pass(value)
  }

  /** Calls its coroutine, and those behind it; a promise where its own worker has to wait for what comes of the call. */
  pass(input: unknown): Promise<void> | undefined {
    let link: Link = this
    let value = input
    this.state = BUSY
    try {
      for (;;) {
        const { run, slot, counters, outlet } = link
        slot.index = link.taken++
        counters.received += link.receives
        const result = run(value, slot)
        // Numbers and texts need no closer look.
        const kind = typeof result
        if (kind === 'object' || kind === 'function' || kind === 'symbol' || link.state !== BUSY) {
          if (link.needsMore(result)) return link.stumbles(value, { result })
          if (result === DROP) return link.drops(value)
        }
        const { next } = outlet
        if (next === undefined || next.state !== OPEN) {
          if (result !== undefined || !outlet.leaf) return link.leaves(value, result)
          // What most sinks give, told here: another call would cost as much as theirs.
          counters.completed += link.completes
          link.state = link.between
          return undefined
        }
        counters.completed += link.completes
        counters.emitted++
        link.state = link.between
        next.state = BUSY
        link = next
        value = result
      }
    } catch (error) {
      return link.stumbles(value, { error })
    }
  }

  /**
   * Calls its coroutine with a packet, in the scope of that; what it gives leaves by its outlet. A promise where its own
   * worker, who has taken the packet, has to wait for what comes of the call.
   */
  passPacket(packet: Packet): Promise<void> | undefined {
    const { slot, scope, run } = this
    slot.index = this.taken++
    slot.packet = packet
    slot.meta = packet.meta
    let result: unknown
    this.state = BUSY
    try {
      result = packet.scope === scope ? run(packet.value, slot) : packet.scope.run(run, undefined, packet.value, slot)
      if ((typeof result === 'object' || typeof result === 'function' || this.state !== BUSY) && this.needsMore(result))
        return this.goesOn(packet, { result })
    } catch (error) {
      return this.goesOn(packet, { error })
    }
    const { next } = this.outlet
    // Done with it before the next node is called, which is no part of this call: see `pass`.
    if (next?.takesPackets && packet.frame === undefined && result !== DROP) {
      this.counters.emitted++
      this.endsPacket(packet, true)
      if (packet.meta === NO_META && packet.scope === scope) next.enter(result)
      else next.enterPacket(new Packet(result, packet.meta, packet.scope))
      return undefined
    }
    const sent = this.outlet.sendPlain(packet, result)
    if (typeof sent !== 'boolean' || this.state !== BUSY) return this.goesOn(packet, { sent })
    this.endsPacket(packet, sent)
    return undefined
  }

  private endsPacket(packet: Packet, accepted: boolean): void {
    this.owner.workedOff(packet, accepted)
    this.slot.packet = undefined
    this.slot.meta = NO_META // the next one may come bare
    this.state = this.between
  }

  /** Whether a packet may be passed on the stack of whoever has it: each packet that is makes the stack deeper. */
  get takesPackets(): boolean {
    return this.state === OPEN && depth < DEEPEST
  }

  /** Takes a packet from its predecessor; only while it {@link takesPackets}. */
  enterPacket(packet: Packet): void {
    this.counters.received++
    depth++
    try {
      this.passPacket(packet)
    } finally {
      depth--
    }
  }

  /** Whether a result is not just handed on. */
  private needsMore(result: unknown): boolean {
    return this.state !== BUSY || isThenable(result) || isGenerator(result)
  }

  /** The packet that a bare value would have come in. */
  private wrap(value: unknown, frame?: Frame): Packet {
    if (this.isJoin) return tupleOfBare(value as unknown[], this.scope)
    return new Packet(value, NO_META, this.scope, frame)
  }

  private drops(value: unknown): Promise<void> | undefined {
    if (this.region !== undefined) return this.stumbles(value, { result: DROP })
    this.counters.completed += this.completes
    if (!this.outlet.leaf) this.counters.dropped++
    this.state = this.between
    return undefined
  }

  /** The result leaves the chain. */
  private leaves(value: unknown, result: unknown): Promise<void> | undefined {
    const { outlet, counters } = this
    // What most edges do at once, told here. Measured in a diamond of call chains: a tenth of its time.
    if (outlet.bare?.offerBare(result)) {
      counters.completed += this.completes
      counters.emitted++
      this.state = this.between
      return undefined
    }
    if (outlet.isFork) {
      // Done with it before the nodes behind are called: they are not part of this call.
      counters.completed += this.completes
      this.state = this.between
      if (outlet.passBare(result)) return undefined
      counters.completed -= this.completes
      this.state = BUSY
    }
    const sent = outlet.sendBare(result)
    if (typeof sent !== 'boolean' || this.state !== BUSY) return this.goesOn(this.wrap(value), { sent })
    counters.completed += this.completes
    if (!sent && !outlet.leaf) counters.dropped++
    this.state = this.between
    return undefined
  }

  private use(runner: Runner, slot: WorkerSlot, between: LinkState): void {
    this.state = between
    this.between = between
    this.run = runner.run
    this.slot = slot
    slot.beginBare(this)
  }

  /** The node goes on with a bare value by itself. */
  private stumbles(value: unknown, stumble: Stumble): Promise<void> | undefined {
    return this.goesOn(this.wrap(value, this.region?.frameOfCall()), stumble)
  }

  private goesOn(packet: Packet, stumble: Stumble): Promise<void> | undefined {
    this.state = CLOSED
    return this.owner.goOn(this.slot, packet, stumble)
  }
}
