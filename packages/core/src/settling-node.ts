import type { NodeProperties } from './defaults.js'
import type { PipelineError } from './errors.js'
import { RunningNode } from './node.js'
import type { NodeOptions } from './node-options.js'
import { Bundle, type Packet, type Scope } from './packet.js'
import { ERROR } from './plan.js'
import { SlidingLog } from './rate.js'
import type { Token } from './regions.js'
import type { TraceStep } from './request.js'
import type { WorkerSlot } from './slot.js'

/** A node that has items, and settles what becomes of each: worked off, failed, or given up. */
export abstract class SettlingNode extends RunningNode {
  /** Tokens that an item inside the node holds: see `NodeRegions`. */
  protected readonly holds: readonly Token[]
  /** The failures that count against the budget; absent where there is none. */
  readonly #failures: SlidingLog | undefined

  constructor(options: NodeOptions, holds: readonly Token[]) {
    super(options)
    this.holds = holds
    const { maxErrors } = options.plan.properties
    this.#failures = maxErrors && new SlidingLog(maxErrors)
  }

  /** What the request has in calls is given up, and these are told. */
  override cancel(scope: Scope, reason: unknown): boolean {
    let found = false
    for (const slot of this.slots.all()) {
      const { packet } = slot
      if (packet === undefined || slot.lapsed) continue
      if (packet instanceof Bundle) {
        const own = packet.left.filter((member) => member.scope === scope && packet.settle(member))
        for (const member of own) this.givenUp(member)
        if (own.length === 0) continue
        found = true
        if (packet.left.length > 0) continue // a call for others too goes on
      } else if (packet.scope !== scope) continue
      found = true
      this.giveUp(slot)
      this.interrupt(slot, reason)
    }
    return found
  }

  /** Tells a call whose item was given up to stop. */
  protected interrupt(slot: WorkerSlot, reason: unknown): void {
    slot.clock?.end()
    slot.tell(reason)
    for (const [draw, drawer] of this.draws) if (drawer === slot) draw.close().catch(() => {})
    slot.deaf = true
    this.movement.deaf++
    this.movement.onRest()
  }

  /** Tells the requests that want to know of it what a call did. */
  trace({ index, attempt, startedMs }: WorkerSlot, packet: Packet, outcome: TraceStep['outcome']): void {
    const { request } = packet.scope
    if (request?.isTraced === true)
      request.step(packet, { node: this.name, index, attempts: attempt, startedMs, outcome })
  }

  /** A packet that was received needs no call, and nothing comes of it. */
  protected passed(packet: Packet): void {
    if (this.host.doomed) {
      this.givenUp(packet)
      return
    }
    this.counters.completed += packet.weight
    this.#over(packet)
  }

  /** The call of `packet` has ended without error, and its outputs have left or never will. */
  workedOff(packet: Packet, accepted: boolean): void {
    if (packet instanceof Bundle) packet.decide()
    if (this.doomed) {
      this.givenUp(packet)
      return
    }
    this.counters.completed += packet.weight
    const { leaf } = this.outlet
    if (!accepted && !leaf) this.counters.dropped++
    this.#giveBack(packet)
    if (packet.scope.counted) packet.ended(leaf ? 'delivered' : undefined)
  }

  /**
   * An item failed for good. A promise where its way out by port `error` has to wait for room.
   *
   * @param attempts how often its call was made
   */
  protected fault(packet: Packet, error: PipelineError, attempts: number): void | Promise<void> {
    if (packet instanceof Bundle) packet.decide()
    this.counters.failed += packet.weight
    const policy = this.doomed ? 'fail' : this.#policyNow(error)
    if (policy === 'route') return this.#route(packet, error, attempts)
    const { request } = packet.scope
    packet.mark('errored')
    if (policy === 'skip') this.#leftOut(packet, error)
    else if (request === undefined || this.doomed) this.host.fail(error)
    else request.fail(error) // before its last packet may end: it would be answered then
    this.#over(packet)
  }

  /** What the properties say of a failure. */
  protected policyOf({ code }: PipelineError): NodeProperties['onError'] {
    const { onError, onTimeout = onError } = this.plan.properties
    return code === 'PLB_NODE_TIMEOUT' ? onTimeout : onError
  }

  /** What a failure does now: more of them than allowed end the run, whatever the policy says. */
  #policyNow(error: PipelineError): NodeProperties['onError'] {
    const exceeded = this.#failures !== undefined && this.#failures.waitMs() > 0
    this.#failures?.note()
    return exceeded ? 'fail' : this.policyOf(error)
  }

  /** Sends the item and its error to the successors on port `error`. */
  #route(packet: Packet, error: PipelineError, attempts: number): void | Promise<void> {
    const { value: input, meta } = packet
    const { code, message } = error
    const letter = { error: { code, message, node: this.name, attempts }, input, meta }
    const sent = this.outlet.send(packet, ERROR, letter, meta)
    if (typeof sent === 'boolean') return this.#routed(packet, error, sent)
    return this.movement.until(sent).then((accepted) => this.#routed(packet, error, accepted))
  }

  #routed(packet: Packet, error: PipelineError, accepted: boolean): void {
    packet.mark(accepted ? 'deadLettered' : 'errored')
    // A letter that nobody has got is not lost without a word.
    if (!accepted && this.doomed) this.host.lost(this.name, packet)
    this.#leftOut(packet, error)
    this.#over(packet)
  }

  #leftOut({ scope }: Packet, error: PipelineError): void {
    if (scope.request !== undefined) scope.request.skipped ??= error
    this.host.skip(error)
  }

  #over(packet: Packet): void {
    if (this.doomed) return
    this.#giveBack(packet)
    packet.ended()
  }

  protected override givenUp(packet: Packet): void {
    if (packet instanceof Bundle) {
      packet.decide()
      for (const member of packet.left) this.givenUp(member)
      return
    }
    super.givenUp(packet)
    if (this.host.doomed) return
    this.#giveBack(packet)
    packet.ended()
  }

  /** Whether each of its packets has the frame that its tokens are in. */
  protected get isFramed(): boolean {
    return true
  }

  /** What the item held is free. */
  #giveBack(packet: Packet): void {
    if (packet.frame !== undefined || this.isFramed) this.host.ledger.release(packet.frame, this.holds)
  }
}
