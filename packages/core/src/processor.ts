import { AheadCalls, type AheadOwner } from './ahead-calls.js'
import { ChainedNode, type ChainedNodeOptions } from './chained-node.js'
import { QUANTUM } from './defaults.js'
import { Faulty } from './inlet.js'
import { isThenable } from './iterate.js'
import { pacer } from './pacer.js'
import type { Packet, Scope } from './packet.js'
import { PlaceSeeker } from './place-seeker.js'
import type { WorkerSlot } from './slot.js'

/**
 * Microtask turns that a burst waits for more items: a burst costs 1 to 2 µs on p-queue, a turn 0.05. A producer that was
 * woken by this burst needs about six turns to put its next item.
 */
const LINGER = 8

export type ProcessorOptions = ChainedNodeOptions

/**
 * A node that is called once per item. Its p-queue runs *bursts*: one burst is one worker at work, which takes item
 * after item until there is none, or its quantum is used up. So p-queue decides how many workers there are, at a cost
 * per burst and not per item. A burst starts the next one before it waits for anything.
 */
export class Processor extends ChainedNode implements AheadOwner {
  /** A burst was asked for and has not started. */
  #scheduled = false
  /** Absent where nothing is asked before an item is taken, and nobody told after it. */
  readonly #places: PlaceSeeker | undefined
  /** Absent where each call is waited for by the burst that has made it. */
  #ahead: AheadCalls | undefined

  constructor(options: ProcessorOptions) {
    super(options)
    const { movement, inlet } = this
    const { places } = this.outlet
    if (!this.gated && !this.tells) return
    this.#places = new PlaceSeeker({
      places,
      movement,
      ask: (packet) => inlet.ask(packet),
      waits: () => this.waits(),
    })
  }

  override setWorkers(count: number): void {
    super.setWorkers(count)
    this.waits()
  }

  override setCallsPerWorker(count: number): void {
    super.setCallsPerWorker(count)
    this.waits()
  }

  override get isCalm(): boolean {
    if (!super.isCalm || this.#scheduled || this.inlet.timed === true) return false
    return !this.#mayTake() || this.#isFull
  }

  get most(): number {
    return this.bursts.most
  }

  /** Whether no more calls may be made now. */
  get #isFull(): boolean {
    return this.#ahead === undefined ? this.movement.active >= this.most : !this.#ahead.hasRoom
  }

  override get dozes(): boolean {
    return super.dozes || this.inlet.timed === true
  }

  override cancel(scope: Scope, reason: unknown): boolean {
    const inCall = super.cancel(scope, reason)
    return this.inlet.cancel(scope) || inCall
  }

  protected override begin(): void {
    const { begin } = this.runner
    const isPlain = !this.tries && !this.tells && !this.gated
    if (begin !== undefined && isPlain) this.#ahead = new AheadCalls(this, begin.bind(this.runner))
    this.reopen()
    this.waits()
  }

  protected override get isIdle(): boolean {
    return this.running && this.wanted && !this.bursts.paused && !this.#scheduled && this.movement.active === 0
  }

  protected override takeOver(slot: WorkerSlot, end: () => Promise<void>): void {
    // In the scope of the run, and not of whoever has called on the spot: other items follow.
    this.host.scope.run(() => this.#burst({ slot, end }), undefined).catch((error) => this.broken(error))
  }

  /** Asks for a burst if one could do something, or ends the node if all is done. */
  protected override waits(): void {
    if (!this.running) return
    if (this.inlet.ready) {
      this.chain.queued()
      if (this.#scheduled || this.#isFull) return
      this.#scheduled = true
      // Not on this stack: a chain of nodes waking each other must not be as deep as the graph is long.
      queueMicrotask(this.#schedule)
    } else if (this.movement.active === 0 && !this.#scheduled && this.inlet.over) void this.finish()
  }

  readonly #schedule = (): void => this.schedule(this.#start)

  readonly #start = (): Promise<void> => {
    this.#scheduled = false
    return this.#ahead === undefined ? this.#burst() : this.#burstAhead(this.#ahead)
  }

  async #burstAhead(ahead: AheadCalls): Promise<void> {
    this.movement.active++
    try {
      ahead.begin(QUANTUM)
      if (pacer.late) await pacer.turn()
    } finally {
      this.movement.active--
      this.settled()
    }
  }

  next(): { readonly slot: WorkerSlot; readonly packet: Packet } | undefined {
    const mayTake = this.running && this.wanted && !this.bursts.paused && this.inlet.ready
    const slot = mayTake ? this.slot() : undefined
    if (slot === undefined || isThenable(slot)) return undefined
    // Only where items are tried can one have failed before its call.
    const packet = this.inlet.take() as Packet | undefined
    if (packet === undefined) {
      this.slots.release(slot)
      return undefined
    }
    this.movement.active++
    slot.begin(packet, this.chain.taken++)
    return { slot, packet }
  }

  ended(slot: WorkerSlot): void {
    this.#itemEnded(slot)
    this.slots.release(slot)
    this.movement.active--
  }

  settled(): void {
    this.waits()
    this.burstEnded()
  }

  /** @param begun a call that was made already */
  async #burst(begun?: { readonly slot: WorkerSlot; readonly end: () => Promise<void> }): Promise<void> {
    this.chain.close()
    const started = pacer.look()
    this.movement.active++
    try {
      let slot = begun?.slot
      if (begun !== undefined) {
        // Not on this stack: the next node may stumble over what this one gives, and so on.
        await undefined
        await begun.end()
        this.#itemEnded(begun.slot)
      } else if (this.#mayTake()) {
        if (this.movement.active === 1) this.skipTurnsTo(this.chain.taken)
        const found = this.slot()
        if (isThenable(found)) this.waits()
        slot = isThenable(found) ? await found : found
      }
      if (slot === undefined) return
      await this.#work(slot)
      this.slots.release(slot)
    } finally {
      this.movement.active--
      this.counters.busyMs += pacer.look() - started
      this.reopen()
      this.waits()
      this.burstEnded()
    }
  }

  #mayTake(): boolean {
    return this.running && this.wanted && !this.bursts.paused && this.movement.active <= this.most && this.inlet.ready
  }

  async #work(slot: WorkerSlot): Promise<void> {
    for (let left = QUANTUM; left > 0 && (this.#mayTake() || (await this.#linger())); left--) {
      if (this.gated) {
        if (!(await this.#hasPlace())) return
        // Looked at again on this stack: others may have been allowed to start meanwhile.
        while (this.startDelayMs > 0 && this.running) await this.untilAllowed(slot)
        if (!this.#mayTake()) {
          this.#places?.giveBack()
          return
        }
      }
      if (this.stretches) {
        const before = this.chain.taken
        const leaving = this.stretch(slot, left)
        const calls = this.chain.taken - before
        left -= calls
        if (leaving !== undefined) {
          this.waits()
          await leaving
          this.#itemEnded(slot)
        }
        if (this.odd === undefined) {
          if (calls === 0) return
          if (pacer.late) {
            this.waits()
            await pacer.turn()
          }
          left++ // the loop counts one more
          continue
        }
      }
      const taken = this.odd ?? this.inlet.take()
      this.odd = undefined
      if (taken === undefined) {
        if (this.gated) this.#places?.giveBack()
        return
      }
      // Only where items are tried can one have failed before its call.
      const packet = this.tries && taken instanceof Faulty ? taken.packet : (taken as Packet)
      slot.begin(packet, this.chain.taken++)
      let leaving: void | Promise<void>
      if (this.tries) leaving = this.try(slot, taken)
      else {
        // Here and not in a method: one more promise would cost a call that waits a tenth of its time.
        let result: unknown
        let failed = false
        try {
          result = this.call(slot, packet)
          if (isThenable(result)) {
            this.waits()
            result = await result
          }
        } catch (error) {
          failed = true
          result = error
        }
        leaving = failed ? this.failed(slot, packet, result) : this.given(slot, packet, result)
      }
      if (leaving !== undefined) {
        this.waits()
        await leaving
      }
      this.#itemEnded(slot)
      if (this.gated) {
        if (!slot.gave) this.#places?.giveBack()
        slot.gave = false
      }
      if (this.tells) {
        this.inlet.done?.(packet)
        this.#places?.ask(packet)
      }
      if (pacer.due()) {
        this.waits()
        await pacer.turn()
      }
    }
  }

  #itemEnded(slot: WorkerSlot): void {
    slot.packet = undefined
    if (!slot.deaf) return
    slot.deaf = false
    this.movement.deaf--
  }

  /** Waits for a place for the output, where that has to be taken first; tells whether there is still something to take. */
  async #hasPlace(): Promise<boolean> {
    await this.#places?.take()
    if (this.#mayTake()) return true
    this.#places?.giveBack()
    return false
  }

  /** Before a burst ends for want of items: a few turns of the microtask queue, in case its producer is about to go on. */
  async #linger(): Promise<boolean> {
    for (let turns = LINGER; turns > 0 && this.running && !this.bursts.paused && !this.inlet.over; turns--) {
      await undefined
      if (this.#mayTake()) return true
    }
    return false
  }
}
