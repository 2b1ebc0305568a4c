import type { BareRegion } from './bare-region.js'
import { DROP } from './coro.js'
import type { Counters } from './counters.js'
import { NO_RUNNER, type Runner } from './executor.js'
import type { Frame } from './frames.js'
import { isGenerator, isThenable } from './iterate.js'
import { type LinkOwner, type Stumble, WORKED_OFF } from './link-owner.js'
import type { Outlet } from './outlet.js'
import { accepted, NO_META, Packet, type Scope, tupleOfBare } from './packet.js'
import type { WorkerSlot } from './slot.js'

/** What a link is at. */
export const OPEN = 0
/** In a call. */
const BUSY = 1
const CLOSED = 2
/** In a call during which it was closed. */
const BROKEN = 3
/** Between two calls of its own worker. */
export const STRETCH = 4

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
   * Calls its coroutine with a packet, in the scope of that, and those behind it. A promise where its own worker, who has
   * taken the packet, has to wait for what comes of the call.
   */
  passPacket(input: Packet): Promise<void> | undefined {
    let link: Link = this
    let packet = input
    for (;;) {
      const { slot, scope, run, outlet } = link
      slot.begin(packet, link.taken++)
      let result: unknown
      link.state = BUSY
      try {
        const { value } = packet
        result = packet.scope === scope ? run(value, slot) : packet.scope.run(run, undefined, value, slot)
        const isPlain = typeof result !== 'object' && typeof result !== 'function' && link.state === BUSY
        if ((!isPlain || slot.lapsed) && link.needsMore(result)) return link.goesOn(packet, { result })
      } catch (error) {
        return link.goesOn(packet, { error })
      }
      const { next } = outlet
      if (next === undefined || next.state !== OPEN || packet.frame !== undefined || result === DROP)
        return link.leavesWith(packet, result)
      // Done with it before the next node is called, which is no part of this call: see `pass`.
      link.counters.emitted++
      if (packet.meta === NO_META && packet.scope === scope) {
        link.endsPacket(packet, true)
        next.enter(result)
        return undefined
      }
      const output = accepted(result, packet.meta, packet.scope)
      const rest = link.endsPacket(packet, true)
      if (!next.admits(output)) return rest
      if (rest !== undefined) {
        next.passPacket(output)
        return rest
      }
      link = next
      packet = output
    }
  }

  /** What a call with a packet gave leaves by the outlet. */
  private leavesWith(packet: Packet, result: unknown): Promise<void> | undefined {
    const sent = this.outlet.sendPlain(packet, result)
    // Who took it may have cancelled the request.
    if (typeof sent !== 'boolean' || this.state !== BUSY || this.slot.lapsed) return this.goesOn(packet, { sent })
    return this.endsPacket(packet, sent)
  }

  private endsPacket(packet: Packet, accepted: boolean): Promise<void> | undefined {
    const { slot, owner } = this
    // Before the rest: whoever is told may cancel the request, which must not find the item again.
    slot.packet = undefined
    slot.meta = NO_META // the next one may come bare
    if (packet.scope.request !== undefined) owner.trace(slot, packet, 'completed')
    const isClosed = this.state !== BUSY
    if (!isClosed) this.state = this.between
    owner.workedOff(packet, accepted)
    return isClosed ? this.goesOn(packet, WORKED_OFF) : undefined
  }

  /** Takes a packet from its predecessor. */
  enterPacket(packet: Packet): void {
    if (this.admits(packet)) this.passPacket(packet)
  }

  /** Whether it is called with a packet that its predecessor is done with: something may have happened since it was open. */
  private admits(packet: Packet): boolean {
    const admitted = this.state === OPEN && packet.scope.request?.over !== true
    if (admitted) this.counters.received++
    else this.owner.land(packet)
    return admitted
  }

  /** Whether a result is not just handed on. */
  private needsMore(result: unknown): boolean {
    return this.state !== BUSY || this.slot.lapsed || isThenable(result) || isGenerator(result)
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
    this.run = Object.hasOwn(runner, 'run') ? runner.run : runner.run.bind(runner)
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
