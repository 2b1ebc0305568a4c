import { DROP, type Meta } from './coro.js'
import type { NodeProperties } from './defaults.js'
import { PipelineError } from './errors.js'
import { Draw, END, isGenerator, isThenable, OnlyOne } from './iterate.js'
import { type NodeOptions, RunningNode } from './node.js'
import { pacer } from './pacer.js'
import { Bundle, NO_META, Packet, type Scope } from './packet.js'
import { ERROR, OUT } from './plan.js'
import { SlidingLog } from './rate.js'
import type { Token } from './regions.js'
import type { Emission, WorkerSlot } from './slot.js'

/** How the outputs of one call leave. */
export interface Way {
  /** The packet that the next output descends from. */
  readonly origin: () => Packet
  /** Where a generator is drawn; absent where the caller is in that scope already. */
  readonly scope?: Scope | undefined
  /** What has to be waited for before the next value is drawn. */
  readonly before?: () => Promise<void> | undefined
  /** What an output has to wait for before it may leave. */
  readonly gate?: () => Promise<void> | undefined
  /** Takes the outputs instead: they leave when the call has succeeded. */
  readonly hold?: Emission[] | undefined
  /** Told about every drawn or emitted value, and whether anybody accepted it. */
  readonly onSent?: (value: unknown, accepted: boolean, meta: Meta) => void
}

/** A node that hands on what user code returns, yields and emits. */
export abstract class EmittingNode extends RunningNode {
  /** Tokens that an item inside the node holds: see `NodeRegions`. */
  protected readonly holds: readonly Token[]
  /** Whether each call has to give exactly one output. */
  protected readonly exactlyOne: boolean
  /** The failures that count against the budget; absent where there is none. */
  readonly #failures: SlidingLog | undefined

  constructor(options: NodeOptions, holds: readonly Token[] = []) {
    super(options)
    this.holds = holds
    this.exactlyOne = options.plan.coro?.oneToOne === true
    const { maxErrors } = options.plan.properties
    this.#failures = maxErrors && new SlidingLog(maxErrors)
  }

  /**
   * Sends everything that a call gave: a generator's outputs one by one, or what it emitted and then what it returned.
   *
   * @returns whether any of it was accepted
   */
  protected async sendAll(slot: WorkerSlot, result: unknown, way: Way): Promise<boolean> {
    if (isGenerator(result)) return this.expand(slot, new Draw(result, way.scope), way)
    if (this.exactlyOne && result === DROP) throw this.wrongCount(0)
    await way.gate?.()
    const emitted = slot.hasEmissions && (await this.sendEmissions(slot, way))
    const sent = result !== DROP && (await this.send(way.origin(), result))
    return emitted || sent
  }

  /** Draws values and sends them; stops when the node does, and closes what it drew from. */
  protected async expand(slot: WorkerSlot, draw: Draw, way: Way): Promise<boolean> {
    let accepted = false
    const only = this.exactlyOne ? new OnlyOne((count) => this.wrongCount(count)) : undefined
    const { clock } = slot
    this.draws.set(draw, slot)
    try {
      for (;;) {
        const before = way.before?.()
        if (before !== undefined) await before
        const next = draw.next()
        if (isThenable(next)) this.waits()
        const drawn = isThenable(next) ? await slot.whenGiven(next) : next
        const value = only === undefined || !this.live ? drawn : only.of(drawn)
        if (way.hold === undefined) {
          clock?.stop()
          const gate = way.gate?.()
          if (gate !== undefined) await gate
          if (slot.hasEmissions && (await this.sendEmissions(slot, way))) accepted = true
          if (value === END) break
          const sent = value === DROP ? false : this.#sendDrawn(value, way)
          if (typeof sent === 'boolean' ? sent : await sent) accepted = true
          clock?.run()
        } else {
          way.hold.push(...slot.takeEmissions())
          if (value === END) break
          if (this.#isOutput(value)) way.hold.push({ port: OUT, value, meta: way.origin().meta })
        }
        if (!this.live || slot.lapsed) break
        if (pacer.due()) await pacer.turn()
        slot.checkTime()
      }
      await draw.close()
      return accepted
    } catch (error) {
      const closed = draw.close().catch(() => {}) // the error that is known is the one to report
      if (clock?.expired === true) slot.leaveBehind(closed)
      else await closed
      throw error
    } finally {
      this.draws.delete(draw)
    }
  }

  /** What a call fails with that has to give exactly one output. */
  protected wrongCount(count: number): PipelineError {
    return new PipelineError('NODE_CARDINALITY', { node: this.name, count })
  }

  /** Also when the node was told to stop meanwhile: what was drawn is not lost unless everything is. */
  #sendDrawn(value: unknown, way: Way): boolean | Promise<boolean> {
    const origin = way.origin()
    const sent = this.doomed || this.state === 'ended' ? false : this.send(origin, value)
    if (typeof sent === 'boolean') {
      way.onSent?.(value, sent, origin.meta)
      return sent
    }
    return this.waiting(sent).then((taken) => {
      way.onSent?.(value, taken, origin.meta)
      return taken
    })
  }

  /** Sends one returned or yielded value. */
  protected send(origin: Packet, value: unknown): boolean | Promise<boolean> {
    return this.#isOutput(value) && this.outlet.send(origin, OUT, value, origin.meta)
  }

  #isOutput(value: unknown): boolean {
    return value !== DROP && !(value === undefined && this.outlet.leaf)
  }

  /** A packet that was received needs no call, and nothing comes of it. */
  protected passed(packet: Packet): void {
    this.counters.completed += packet.weight
    this.#over(packet)
  }

  /** A worker is about to wait: the place to let another one start. */
  protected waits(): void {}

  protected override async flushed(slot: WorkerSlot, result: unknown): Promise<void> {
    slot.meta = NO_META
    const origin = new Packet(undefined, NO_META, this.host.scope)
    await this.sendAll(slot, result === undefined ? DROP : result, { origin: () => origin })
  }

  /** Sends what `ctx.emit` was given since the last time, in order. */
  protected async sendEmissions(slot: WorkerSlot, way: Way): Promise<boolean> {
    let accepted = false
    for (const { port, value, meta } of slot.takeEmissions()) {
      const sent = this.state === 'ended' ? false : this.outlet.send(way.origin(), port, value, meta)
      const taken = typeof sent === 'boolean' ? sent : await this.waiting(sent)
      if (taken) accepted = true
      way.onSent?.(value, taken, meta)
    }
    return accepted
  }

  /** The call of `packet` has ended without error, and its outputs have left or never will. */
  protected workedOff(packet: Packet, accepted: boolean): void {
    if (this.doomed) {
      this.givenUp(packet)
      return
    }
    this.counters.completed += packet.weight
    const { leaf } = this.outlet
    if (!accepted && !leaf) this.counters.dropped++
    this.host.ledger.release(packet.frame, this.holds)
    if (packet.scope.counted) packet.ended(leaf ? 'delivered' : undefined)
  }

  /**
   * An item failed for good. A promise where its way out by port `error` has to wait for room.
   *
   * @param attempts how often its call was made
   */
  protected fault(packet: Packet, error: PipelineError, attempts: number): void | Promise<void> {
    this.counters.failed += packet.weight
    const policy = this.doomed ? 'fail' : this.#policyNow()
    if (policy === 'route') return this.#route(packet, error, attempts)
    const { request } = packet.scope
    packet.mark('errored')
    if (policy === 'skip') this.#leftOut(packet, error)
    else if (request === undefined || this.doomed) this.host.fail(error)
    else request.fail(error) // before its last packet may end: it would be answered then
    this.#over(packet)
  }

  /** What a failure does now: more of them than allowed end the run, whatever the policy says. */
  #policyNow(): NodeProperties['onError'] {
    const exceeded = this.#failures !== undefined && this.#failures.waitMs() > 0
    this.#failures?.note()
    return exceeded ? 'fail' : this.plan.properties.onError
  }

  /** Sends the item and its error to the successors on port `error`. */
  #route(packet: Packet, error: PipelineError, attempts: number): void | Promise<void> {
    const { value: input, meta } = packet
    const { code, message } = error
    const letter = { error: { code, message, node: this.name, attempts }, input, meta }
    const sent = this.outlet.send(packet, ERROR, letter, meta)
    if (typeof sent === 'boolean') return this.#routed(packet, error, sent)
    return this.waiting(sent).then((accepted) => this.#routed(packet, error, accepted))
  }

  #routed(packet: Packet, error: PipelineError, accepted: boolean): void {
    packet.mark(accepted ? 'deadLettered' : 'errored')
    this.#leftOut(packet, error)
    this.#over(packet)
  }

  #leftOut({ scope }: Packet, error: PipelineError): void {
    if (scope.request !== undefined) scope.request.skipped ??= error
    this.host.skip(error)
  }

  #over(packet: Packet): void {
    if (this.doomed) return
    this.host.ledger.release(packet.frame, this.holds)
    packet.ended()
  }

  protected override givenUp(packet: Packet): void {
    if (packet instanceof Bundle) {
      for (const member of packet.left) this.givenUp(member)
      return
    }
    super.givenUp(packet)
    if (this.doomed) return
    this.host.ledger.release(packet.frame, this.holds)
    packet.ended()
  }
}
