import { QUANTUM } from './defaults.js'
import { PipelineError } from './errors.js'
import { Faulty, type Inlet, type InletHooks } from './inlet.js'
import { isThenable } from './iterate.js'
import type { NodeOptions } from './node.js'
import { pacer } from './pacer.js'
import type { Packet, Scope } from './packet.js'
import type { Token } from './regions.js'
import { Ring } from './ring.js'
import { WorkerSlot } from './slot.js'
import { TryingNode } from './trying-node.js'

/**
 * Microtask turns that a burst waits for more items: a burst costs 1 to 2 µs on p-queue, a turn 0.05. A producer that was
 * woken by this burst needs about six turns to put its next item.
 */
const LINGER = 8

export interface ProcessorOptions extends NodeOptions {
  readonly inlet: (hooks: InletHooks) => Inlet
  /** Tokens that an item inside the node holds: see `NodeRegions`. */
  readonly holds: readonly Token[]
  /** Whether the inlet has to know when a packet is worked off. */
  readonly tells: boolean
}

/**
 * A node that is called once per item. Its p-queue runs *bursts*: one burst is one worker at work, which takes item
 * after item until there is none, or its quantum is used up. So p-queue decides how many workers there are, at a cost
 * per burst and not per item. A burst starts the next one before it waits for anything.
 */
export class Processor extends TryingNode {
  readonly #inlet: Inlet
  readonly #tells: boolean
  /** Whether a call may have to wait before its item is taken. */
  readonly #gated: boolean
  /** A burst was asked for and has not started. */
  #scheduled = false
  /** Workers that wait for a place for their output. */
  readonly #seekers = new Ring<() => void>()
  /** Packets that were worked off, of which no next one was asked for yet. */
  readonly #toAsk = new Ring<Packet>()
  /** Places for outputs that were taken when the next items were asked for. */
  #placesAhead = 0
  /** Items taken so far. */
  #taken = 0
  /** The context in which keys are asked for. */
  #asking: WorkerSlot | undefined

  constructor(options: ProcessorOptions) {
    super(options, options.holds)
    this.#tells = options.tells
    this.#gated = this.plan.properties.rateLimit !== undefined || this.outlet.places !== undefined
    this.#inlet = options.inlet({
      wake: () => this.waits(),
      onFault: (packet, error) => void this.fault(packet, error, 0),
      onGivenUp: (packet) => this.givenUp(packet),
      onPassed: (packet) => this.passed(packet),
      keyOf: (packet) => this.#keyOf(packet),
    })
  }

  override setWorkers(count: number): void {
    super.setWorkers(count)
    this.waits()
  }

  override get isCalm(): boolean {
    if (!super.isCalm || this.#scheduled || this.#inlet.timed === true) return false
    return !this.#mayTake() || this.movement.active >= this.workers
  }

  override get dozes(): boolean {
    return super.dozes || this.#inlet.timed === true
  }

  override cancel(scope: Scope, reason: unknown): boolean {
    const inCall = super.cancel(scope, reason)
    return this.#inlet.cancel(scope) || inCall
  }

  protected override begin(): void {
    this.waits()
  }

  protected override halted(doomed: boolean): void {
    super.halted(doomed)
    if (doomed) this.#inlet.clear()
    else this.#inlet.close()
  }

  /** Asks for a burst if one could do something, or ends the node if all is done. */
  protected override waits(): void {
    if (!this.running) return
    if (this.#inlet.ready) {
      if (this.#scheduled || this.movement.active >= this.workers) return
      this.#scheduled = true
      // Not on this stack: a chain of nodes waking each other must not be as deep as the graph is long.
      queueMicrotask(this.#schedule)
    } else if (this.movement.active === 0 && !this.#scheduled && this.#inlet.over) void this.finish()
  }

  readonly #schedule = (): void => this.schedule(this.#burst)

  readonly #burst = async (): Promise<void> => {
    this.#scheduled = false
    const started = pacer.look()
    this.movement.active++
    try {
      if (!this.#mayTake()) return
      const found = this.slot()
      if (isThenable(found)) this.waits()
      const slot = isThenable(found) ? await found : found
      if (slot === undefined) return
      await this.#work(slot)
      this.slots.release(slot)
    } finally {
      this.movement.active--
      this.counters.busyMs += pacer.look() - started
      this.waits()
      this.burstEnded()
    }
  }

  #mayTake(): boolean {
    return this.running && this.wanted && !this.paused && this.movement.active <= this.workers && this.#inlet.ready
  }

  async #work(slot: WorkerSlot): Promise<void> {
    for (let left = QUANTUM; left > 0 && (this.#mayTake() || (await this.#linger())); left--) {
      if (this.#gated) {
        if (!(await this.#hasPlace())) return
        // Looked at again on this stack: others may have been allowed to start meanwhile.
        while (this.startDelayMs > 0 && this.running) await this.untilAllowed(slot)
        if (!this.#mayTake()) {
          this.outlet.places?.unreserve()
          return
        }
      }
      const taken = this.#inlet.take()
      if (taken === undefined) {
        if (this.#gated) this.outlet.places?.unreserve()
        return
      }
      // Only where items are tried can one have failed before its call.
      const packet = this.tries && taken instanceof Faulty ? taken.packet : (taken as Packet)
      slot.begin(packet, this.#taken++)
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
      slot.packet = undefined
      if (slot.deaf) {
        slot.deaf = false
        this.movement.deaf--
      }
      if (this.#gated) {
        if (!slot.gave) this.outlet.places?.unreserve()
        slot.gave = false
      }
      if (this.#tells) {
        this.#inlet.done?.(packet)
        this.#ask(packet)
      }
      if (pacer.due()) {
        this.waits()
        await pacer.turn()
      }
    }
  }

  /** Waits for a place for the output, where that has to be taken first; tells whether there is still something to take. */
  async #hasPlace(): Promise<boolean> {
    if (this.#placesAhead > 0) this.#placesAhead--
    else if (this.outlet.places !== undefined) {
      const granted = new Promise<void>((resume) => this.#seekers.push(resume))
      this.#seek()
      if (this.#seekers.size > 0) this.waits()
      await this.movement.until(granted)
    }
    if (this.#mayTake()) return true
    this.outlet.places?.unreserve()
    return false
  }

  /**
   * Asks for the next item, for the sake of who waits for that: with a place for its output, where that needs one. So a
   * whole chain goes in step.
   */
  #ask(packet: Packet): void {
    if (this.outlet.places === undefined) this.#inlet.ask(packet)
    else {
      this.#toAsk.push(packet)
      this.#seek()
    }
  }

  /** Takes a place: for the worker that has waited longest, or ahead of the next item, which is then asked for. */
  #seek(): void {
    const { places } = this.outlet
    const granted = (): void => {
      const seeker = this.#seekers.shift()
      const packet = this.#toAsk.shift()
      if (seeker !== undefined) seeker()
      else if (packet !== undefined) this.#placesAhead++
      else places?.unreserve()
      if (packet !== undefined) this.#inlet.ask(packet)
    }
    const place = places?.reserve()
    if (place === undefined) granted()
    else void place.then(granted)
  }

  /** Before a burst ends for want of items: a few turns of the microtask queue, in case its producer is about to go on. */
  async #linger(): Promise<boolean> {
    for (let turns = LINGER; turns > 0 && this.running && !this.paused && !this.#inlet.over; turns--) {
      await undefined
      if (this.#mayTake()) return true
    }
    return false
  }

  /** Asks for the key of a packet. It has failed where there is none, which waits its turn if it is to be routed. */
  #keyOf(packet: Packet): { readonly key: unknown } | Faulty | undefined {
    const { partitionBy, properties } = this.plan
    this.#asking ??= new WorkerSlot(this, 0)
    this.#asking.begin(packet, this.#taken)
    try {
      const key = packet.scope.run(() => partitionBy?.(packet.value, this.#asking as WorkerSlot), undefined)
      if (!isThenable(key)) return { key }
      key.then(undefined, () => {}) // it is not waited for
      throw new PipelineError('CORO_TYPE', { node: this.name, what: 'has a "partitionBy" that answers with a promise' })
    } catch (error) {
      const failure = this.failure(error, 'partitionBy')
      if (properties.onError === 'route') return new Faulty(packet, failure)
      void this.fault(packet, failure, 0)
      return undefined
    }
  }
}
