import { DROP } from './coro.js'
import { EmittingNode, type Way } from './emitting-node.js'
import { PipelineError } from './errors.js'
import { isRunnerError } from './executor.js'
import { isGenerator } from './iterate.js'
import type { NodeOptions } from './node-options.js'
import { accepted, Bundle, NO_META, type Packet } from './packet.js'
import type { Token } from './regions.js'
import type { Emission, WorkerSlot } from './slot.js'
import { Turns } from './turns.js'

/**
 * A node that calls its coroutine per item: what becomes of what a call gives, or of its failure, in turn.
 *
 * The fate of an item is decided once. After that its slot is lapsed: what the call still does is of no use, but the slot
 * is held until it has really returned.
 */
export abstract class CallingNode extends EmittingNode {
  /** Whose outputs may leave: absent where outputs leave as they come. */
  readonly #turns: Turns | undefined
  /** Whether a call returns a list with a result for each of its items. */
  protected readonly each: boolean
  /** Whether more than one output is asked of a call, or exactly one. */
  protected readonly demanding: boolean

  constructor(options: NodeOptions, holds: readonly Token[]) {
    super(options, holds)
    const { ordered, batch } = options.plan.properties
    this.#turns = ordered ? new Turns() : undefined
    this.each = batch?.returns === 'each'
    this.demanding = this.each || this.exactlyOne
  }

  /** Calls before `index` were made where no turns are kept. */
  protected skipTurnsTo(index: number): void {
    this.#turns?.skipTo(index)
  }

  protected override halted(_doomed: boolean): void {
    this.#turns?.clear()
  }

  protected override giveUp(slot: WorkerSlot): void {
    if (slot.packet !== undefined && !slot.lapsed) this.trace(slot, slot.packet, 'cancelled')
    super.giveUp(slot)
    this.#turns?.pass(slot.index)
  }

  /** Makes the call. */
  protected call(slot: WorkerSlot, packet: Packet, value: unknown = packet.value): unknown {
    const { runner } = this
    if (packet.scope === this.host.scope) return runner.run(value, slot)
    return packet.scope.run(runner.run, runner, value, slot)
  }

  /** The call has ended without error: hands on what it gave. Synchronous where nothing has to wait. */
  given(slot: WorkerSlot, packet: Packet, result: unknown): void | Promise<void> {
    if (slot.lapsed || this.doomed) return this.#late(slot)
    // Told apart here, because what most calls give needs no more than this.
    if (slot.hasEmissions || this.demanding || (typeof result === 'object' && result !== null))
      return this.#givenOtherwise(slot, packet, result)
    if (this.#turns === undefined || this.#turns.isNext(slot.index)) return this.#leave(slot, packet, result)
    return this.#leaveLater(this.#turns, slot, result)
  }

  /** A result that is of no use any more. */
  #late(slot: WorkerSlot): void {
    this.counters.late++
    if (!slot.lapsed) this.giveUp(slot)
  }

  /** Hands on what may be more, or less, than one output. */
  #givenOtherwise(slot: WorkerSlot, packet: Packet, result: unknown): void | Promise<void> {
    if (this.each && packet instanceof Bundle) return this.#leaveEach(slot, packet, result)
    try {
      if (slot.hasEmissions || isGenerator(result)) return this.#leaveMany(slot, packet, result)
    } catch (error) {
      return this.failed(slot, packet, error) // a getter threw
    }
    if (this.exactlyOne && result === DROP) return this.failed(slot, packet, this.wrongCount(0))
    if (this.#turns === undefined || this.#turns.isNext(slot.index)) return this.#leave(slot, packet, result)
    return this.#leaveLater(this.#turns, slot, result)
  }

  #leaveLater(turns: Turns, slot: WorkerSlot, result: unknown): Promise<void> {
    const { packet } = slot
    this.movement.waitBegins()
    return new Promise((resolve, reject) => {
      turns.whenNext(slot.index, () => {
        this.movement.waitEnds()
        try {
          resolve(packet && this.#leave(slot, packet, result))
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #leave(slot: WorkerSlot, packet: Packet, result: unknown): void | Promise<void> {
    if (slot.lapsed) return
    const { next } = this.outlet
    const { meta, scope } = packet
    if (next?.isOpen && packet.frame === undefined && scope.request?.over !== true && result !== DROP) {
      // Done with it before the next node is called, which is no part of this call; in turn all the same.
      slot.gave = true
      slot.lapsed = true
      this.counters.emitted++
      const output = accepted(result, meta, scope)
      if (scope.counted) this.trace(slot, packet, 'completed')
      this.workedOff(packet, true)
      if (meta === NO_META && scope === this.host.scope) next.enter(result)
      else next.enterPacket(output)
      this.#turns?.pass(slot.index)
      return
    }
    const sent = this.send(packet, result)
    if (typeof sent === 'boolean') return this.settle(slot, packet, sent)
    this.movement.waitBegins()
    return sent.then((accepted) => {
      this.movement.waitEnds()
      this.settle(slot, packet, accepted)
    })
  }

  /** Hands on what a generator yields, or what was emitted besides the returned value. */
  async #leaveMany(slot: WorkerSlot, packet: Packet, result: unknown): Promise<void> {
    let accepted: boolean
    try {
      accepted = await this.sendAll(slot, result, this.way(slot, packet))
    } catch (error) {
      return this.failed(slot, packet, error)
    }
    this.settle(slot, packet, accepted)
  }

  /** Hands on what an attempt gave that could still have failed. */
  protected async leaveHeld(slot: WorkerSlot, packet: Packet, held: readonly Emission[]): Promise<void> {
    await this.#turn(slot)
    let accepted = false
    for (const { port, value, meta } of held) {
      if (slot.lapsed) return
      const sent = this.outlet.send(packet, port, value, meta)
      if (typeof sent === 'boolean' ? sent : await this.movement.until(sent)) accepted = true
    }
    this.settle(slot, packet, accepted)
  }

  /** Hands on the results of a batch, each as what became of its own item. */
  async #leaveEach(slot: WorkerSlot, batch: Bundle, result: unknown): Promise<void> {
    const results: readonly unknown[] = Array.isArray(result) ? result : [] // as checked
    await this.#turn(slot)
    for (const [place, member] of batch.members.entries()) {
      const sent = !batch.gone.has(member) && this.send(member, results[place])
      const accepted = typeof sent === 'boolean' ? sent : await this.movement.until(sent)
      if (slot.lapsed) {
        this.counters.late++
        return
      }
      if (accepted) slot.gave = true
      if (batch.settle(member)) {
        this.trace(slot, member, 'completed')
        this.workedOff(member, accepted)
      }
    }
    slot.lapsed = true
    this.#turns?.pass(slot.index)
  }

  /** Waits for the turn of a call. */
  #turn(slot: WorkerSlot): undefined | Promise<void> {
    const turn = this.#turns?.come(slot.index)
    return turn && this.movement.until(turn)
  }

  protected scopeOf(packet: Packet): Packet['scope'] | undefined {
    return packet.scope === this.host.scope ? undefined : packet.scope
  }

  protected way(slot: WorkerSlot, packet: Packet, hold?: Emission[]): Way {
    return {
      origin: () => packet,
      scope: this.scopeOf(packet),
      gate: () => this.#turn(slot),
      hold,
      onSent: (_, accepted) => {
        if (accepted) slot.gave = true
      },
    }
  }

  /** An item failed: decides what becomes of it, in turn. */
  async failed(slot: WorkerSlot, packet: Packet, error: unknown, own = false): Promise<void> {
    slot.takeEmissions()
    if (isRunnerError(error) && !slot.lapsed) {
      this.hookFailed(error, error.phase)
      return this.giveUp(slot)
    }
    const failure = own && error instanceof PipelineError ? error : this.failure(error, 'run', slot.attempt)
    // What ends the run must not wait for a call that only the end of the run would end.
    if (this.policyOf(failure) !== 'fail' && !slot.lapsed) await this.#turn(slot)
    if (slot.lapsed) return
    if (this.isAbort(error)) return this.giveUp(slot)
    slot.lapsed = true
    const batch = this.each && packet instanceof Bundle ? packet : undefined
    for (const one of batch?.left ?? [packet]) {
      if (batch?.settle(one) === false) continue // cancelled while another was on its way out
      this.trace(slot, one, 'failed')
      await this.fault(one, failure, slot.attempt)
    }
    this.#turns?.pass(slot.index)
  }

  protected settle(slot: WorkerSlot, packet: Packet, accepted: boolean): void {
    if (slot.lapsed) {
      this.counters.late++
      return
    }
    slot.gave = accepted
    // Before the rest: that may cancel the request, which must not find the item again.
    slot.lapsed = true
    if (packet.scope.counted) this.trace(slot, packet, 'completed')
    this.workedOff(packet, accepted)
    this.#turns?.pass(slot.index)
  }
}
