import { DROP, type Meta } from './coro.js'
import { PipelineError } from './errors.js'
import type { Runner } from './executor.js'
import { Draw, END, isGenerator, isThenable, OnlyOne } from './iterate.js'
import type { NodeOptions } from './node-options.js'
import type { OwnPlace } from './own-place.js'
import { pacer } from './pacer.js'
import { NO_META, Packet, type Scope } from './packet.js'
import { OUT } from './plan.js'
import type { Token } from './regions.js'
import { SettlingNode } from './settling-node.js'
import type { Emission, WorkerSlot } from './slot.js'

/** How the outputs of one call leave. */
export interface Way {
  /** The packet that the next output descends from. */
  readonly origin: () => Packet
  /** Where a generator is drawn; absent where the caller is in that scope already. */
  readonly scope?: Scope | undefined
  /** Draws the next value, where there is more to it; {@link AGAIN} when it has to be called again. */
  readonly next?: (draw: Draw) => unknown
  /** Taken before the next value is drawn, where each output needs one. */
  readonly place?: OwnPlace | undefined
  /** What an output has to wait for before it may leave. */
  readonly gate?: () => Promise<void> | undefined
  /** Takes the outputs instead: they leave when the call has succeeded. */
  readonly hold?: Emission[] | undefined
  /** Told about every drawn or emitted value, and whether anybody accepted it. */
  readonly onSent?: (value: unknown, accepted: boolean, meta: Meta) => void
}

/** See {@link Way.next}. */
export const AGAIN: unique symbol = Symbol('again') as never

/** A node that hands on what user code returns, yields and emits. */
export abstract class EmittingNode extends SettlingNode {
  /** Whether each call has to give exactly one output. */
  protected readonly exactlyOne: boolean

  constructor(options: NodeOptions, holds: readonly Token[] = []) {
    super(options, holds)
    this.exactlyOne = options.plan.coro?.oneToOne === true
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
    if (result === DROP) return emitted
    if (way.place?.take() === false) await way.place.taken()
    const origin = way.origin()
    way.place?.leaves(origin)
    const sent = await this.send(origin, result)
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
        if (way.place?.take() === false) await way.place.taken()
        const next = way.next === undefined ? draw.next() : way.next(draw)
        if (next === AGAIN) {
          if (!this.live || !this.wanted) break
          if (pacer.late) await pacer.turn()
          continue
        }
        if (isThenable(next)) this.waits()
        const drawn = isThenable(next) ? await slot.whenGiven(next) : next
        const value = only === undefined || !this.live ? drawn : only.of(drawn)
        if (way.hold === undefined) {
          clock?.stop()
          const gate = way.gate?.()
          if (gate !== undefined) await gate
          if (slot.hasEmissions && (await this.sendEmissions(slot, way))) accepted = true
          if (value === END) break
          if (value === DROP) way.place?.giveBack()
          const sent = value === DROP ? false : this.#sendDrawn(value, way)
          if (typeof sent === 'boolean' ? sent : await sent) accepted = true
          clock?.run()
        } else {
          way.hold.push(...slot.takeEmissions())
          if (value === END) break
          if (this.#isOutput(value)) way.hold.push({ port: OUT, value, meta: way.origin().meta })
        }
        // Told at once: who is stopped by a microtask could never come to one here.
        if (!this.live || !this.wanted || this.isOver(slot)) break
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

  /** Whether what a call still gives is of no use. */
  protected isOver(slot: WorkerSlot): boolean {
    return slot.lapsed
  }

  /** What a call fails with that has to give exactly one output. */
  protected wrongCount(count: number): PipelineError {
    return new PipelineError('NODE_CARDINALITY', { node: this.name, count })
  }

  /** Also when the node was told to stop meanwhile: what was drawn is not lost unless everything is. */
  #sendDrawn(value: unknown, way: Way): boolean | Promise<boolean> {
    // Something else may have left with the place that was taken before this was drawn.
    if (way.place?.take() === false) return way.place.taken().then(() => this.#sendDrawn(value, way))
    const origin = way.origin()
    way.place?.leaves(origin)
    const sent = this.doomed || this.state === 'ended' ? false : this.send(origin, value)
    if (typeof sent === 'boolean') {
      way.onSent?.(value, sent, origin.meta)
      return sent
    }
    const sentLate = (taken: boolean): boolean => {
      way.onSent?.(value, taken, origin.meta)
      return taken
    }
    if (way.next === undefined) return this.movement.until(sent).then(sentLate)
    // A source waits for every other item behind a slow consumer: here with two promises fewer. With that, and stretches
    // where packets wait, 16 asynchronous workers went from 331 to 267 ns per item.
    this.movement.waitBegins()
    return sent.then((taken) => {
      this.movement.waitEnds()
      return sentLate(taken)
    })
  }

  /** Sends one returned or yielded value. */
  protected send(origin: Packet, value: unknown): boolean | Promise<boolean> {
    return this.outlet.sendPlain(origin, value)
  }

  #isOutput(value: unknown): boolean {
    return value !== DROP && !(value === undefined && this.outlet.leaf)
  }

  /** A worker is about to wait: the place to let another one start. */
  protected waits(): void {}

  protected override async flush(runner: Runner): Promise<void> {
    // An aggregate of nothing is a result too: without items, one slot is set up for it.
    const ready = this.slots.ready()
    for (const slot of ready.length > 0 ? ready : [await this.slot()]) {
      if (slot === undefined || this.state !== 'ending') return
      slot.beginAlone()
      try {
        const result = this.host.scope.run(() => runner.flush?.(slot), undefined)
        await this.#flushed(slot, isThenable(result) ? await result : result)
      } catch (error) {
        this.hookFailed(error, 'flush')
      }
    }
  }

  async #flushed(slot: WorkerSlot, result: unknown): Promise<void> {
    slot.meta = NO_META
    const origin = new Packet(undefined, NO_META, this.host.scope)
    await this.sendAll(slot, result === undefined ? DROP : result, { origin: () => origin })
  }

  /** Sends what `ctx.emit` was given since the last time, in order. */
  protected async sendEmissions(slot: WorkerSlot, way: Way): Promise<boolean> {
    let accepted = false
    for (const { port, value, meta } of slot.takeEmissions()) {
      const place = port === OUT ? way.place : undefined
      if (place?.take() === false) await place.taken()
      const origin = this.state === 'ended' ? undefined : way.origin()
      if (origin !== undefined) place?.leaves(origin)
      const sent = origin !== undefined && this.outlet.send(origin, port, value, meta)
      const taken = typeof sent === 'boolean' ? sent : await this.movement.until(sent)
      if (taken) accepted = true
      way.onSent?.(value, taken, meta)
    }
    return accepted
  }
}
