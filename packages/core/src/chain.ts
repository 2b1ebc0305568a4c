import { DROP } from './coro.js'
import type { Counters } from './counters.js'
import { NO_RUNNER, type Runner } from './executor.js'
import type { Host } from './host.js'
import { isGenerator, isThenable } from './iterate.js'
import type { Outlet } from './outlet.js'
import { NO_META, Packet, type Scope } from './packet.js'
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
/** In a call, or between two of its own worker. */
export const BUSY = 1
const CLOSED = 2
/** In a call during which it was closed. */
const BROKEN = 3

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
  state: typeof OPEN | typeof BUSY | typeof CLOSED | typeof BROKEN = CLOSED
  // Not `#private`: with that a chain of two links took a tenth longer.
  private readonly owner: LinkOwner
  /** What it is at between two calls: open, or busy with its own worker, or closed because something waits in its queue. */
  private between: typeof OPEN | typeof BUSY | typeof CLOSED = OPEN
  private run: Runner['run'] = NO_RUNNER.run
  private slot: WorkerSlot
  private readonly counters: Counters
  private readonly outlet: Outlet
  /** What bare values are in. */
  private readonly scope: Scope
  /** Items that calls were made for so far. */
  taken = 0

  constructor(owner: LinkOwner, outlet: Outlet, slot: WorkerSlot) {
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
    this.use(runner, slot, BUSY)
  }

  /** Lets nobody in; the call in progress, if any, does not end in the chain. */
  close(): void {
    this.state = this.inCall ? BROKEN : CLOSED
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

  /** Whether it is in a call. */
  get inCall(): boolean {
    return this.state === BUSY || this.state === BROKEN
  }

  /** Takes a value from its predecessor; only while it is open. */
  enter(value: unknown): void {
    this.state = BUSY
    this.pass(value)
  }

  /** Calls its coroutine, and those behind it; a promise where its own worker has to wait for what comes of the call. */
  pass(input: unknown): Promise<void> | undefined {
    let link: Link = this
    let value = input
    try {
      for (;;) {
        const { run, slot, counters, outlet } = link
        slot.index = link.taken++
        counters.received++
        const result = run(value, slot)
        // Numbers and texts need no closer look.
        const kind = typeof result
        if (kind === 'object' || kind === 'function' || kind === 'symbol' || link.state !== BUSY) {
          if (link.needsMore(result)) return link.stumbles(link.wrap(value), { result })
          if (result === DROP) return link.leaves(value, result)
        }
        const { next } = outlet
        if (next === undefined || next.state !== OPEN) return link.leaves(value, result)
        counters.completed++
        counters.emitted++
        link.state = link.between
        next.state = BUSY
        link = next
        value = result
      }
    } catch (error) {
      return link.stumbles(link.wrap(value), { error })
    }
  }

  /** Calls its coroutine with a packet that its own worker has taken; what it gives leaves by the queues. */
  passPacket(packet: Packet): Promise<void> | undefined {
    const { slot } = this
    slot.index = this.taken++
    slot.packet = packet
    slot.meta = packet.meta
    let result: unknown
    try {
      result = this.run(packet.value, slot)
      if ((typeof result === 'object' || typeof result === 'function' || this.state !== BUSY) && this.needsMore(result))
        return this.stumbles(packet, { result })
    } catch (error) {
      return this.stumbles(packet, { error })
    }
    const sent = this.outlet.sendPlain(packet, result)
    if (typeof sent !== 'boolean' || this.state !== BUSY) return this.stumbles(packet, { sent })
    this.owner.workedOff(packet, sent)
    slot.packet = undefined
    return undefined
  }

  /** Whether a result is not just handed on. */
  private needsMore(result: unknown): boolean {
    return this.state !== BUSY || isThenable(result) || isGenerator(result)
  }

  private wrap(value: unknown): Packet {
    return new Packet(value, NO_META, this.scope)
  }

  /** The result leaves the chain. */
  private leaves(value: unknown, result: unknown): Promise<void> | undefined {
    const sent = this.outlet.sendBare(result)
    if (typeof sent !== 'boolean' || this.state !== BUSY) return this.stumbles(this.wrap(value), { sent })
    this.counters.completed++
    if (!sent && !this.outlet.leaf) this.counters.dropped++
    this.state = this.between
    return undefined
  }

  private use(runner: Runner, slot: WorkerSlot, between: typeof OPEN | typeof BUSY): void {
    this.state = between
    this.between = between
    this.run = runner.run
    this.slot = slot
    slot.beginBare(this)
  }

  private stumbles(packet: Packet, stumble: Stumble): Promise<void> | undefined {
    this.state = CLOSED
    return this.owner.goOn(this.slot, packet, stumble)
  }
}
