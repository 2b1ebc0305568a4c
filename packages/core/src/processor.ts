import { BUSY, Link, type Stumble } from './chain.js'
import { QUANTUM } from './defaults.js'
import { PipelineError } from './errors.js'
import { Faulty, type Inlet, type InletHooks, SingleInlet } from './inlet.js'
import { isThenable } from './iterate.js'
import type { NodeOptions } from './node.js'
import { pacer } from './pacer.js'
import { Bundle, type Packet, type Scope } from './packet.js'
import type { Queue } from './queue.js'
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
  /** The context in which keys are asked for. */
  #asking: WorkerSlot | undefined
  /** The only input, where its values may come bare: then calls are made in a chain, as long as nothing has to wait. */
  readonly #queue: Queue | undefined
  /** Makes the calls from which nothing is asked but that they are made. */
  readonly #link: Link
  /** Whether there are such calls. */
  #chains: boolean
  /** A packet that was taken and cannot be passed in a chain. */
  #odd: Packet | undefined

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
    this.#queue = this.#inlet instanceof SingleInlet ? this.#inlet.bareQueue : undefined
    this.#link = new Link(this, this.outlet, new WorkerSlot(this, 0))
    this.#chains = !this.tries && !this.#tells && !this.#gated && !this.demanding
  }

  /** Where its predecessor may call it on the spot, if values may come bare. */
  get link(): Link | undefined {
    return this.#queue && this.#link
  }

  goOn(slot: WorkerSlot, packet: Packet, stumble: Stumble): Promise<void> | undefined {
    slot.packet = packet
    this.skipTurnsTo(slot.index)
    if (this.movement.active > 0) return this.#goesOn(slot, packet, stumble)
    this.slots.claim(slot)
    this.#burst({ slot, end: () => this.#goesOn(slot, packet, stumble) }).catch((error) => this.broken(error))
    return undefined
  }

  /** What has given a promise once will do so again. */
  #demote(): void {
    this.#link.close()
    this.#chains = false
  }

  async #goesOn(slot: WorkerSlot, packet: Packet, stumble: Stumble): Promise<void> {
    if ('error' in stumble) return this.failed(slot, packet, stumble.error)
    if ('sent' in stumble) {
      const { sent } = stumble
      return this.settle(slot, packet, typeof sent === 'boolean' ? sent : await this.movement.until(sent))
    }
    let { result } = stumble
    try {
      if (isThenable(result)) {
        this.#demote()
        this.waits()
        result = await result
      }
    } catch (error) {
      return this.failed(slot, packet, error)
    }
    return this.given(slot, packet, result)
  }

  /** Lets its predecessor call it on the spot, if it is idle. */
  #reopen(): void {
    const link = this.#link
    if (this.#queue === undefined || link.inCall) return
    const idle = this.#chains && this.running && this.wanted && !this.paused && !this.#scheduled && this.movement.active === 0
    const slot = idle && this.workers === 1 && this.#queue.isIdle ? this.slots.idle(this.runner) : undefined
    if (slot === undefined) link.close()
    else link.open(this.runner, slot)
  }

  override setWorkers(count: number): void {
    super.setWorkers(count)
    this.#reopen()
    this.waits()
  }

  override pause(): void {
    super.pause()
    this.#link.close()
  }

  override resume(): void {
    super.resume()
    this.#reopen()
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
    this.#reopen()
    this.waits()
  }

  protected override unwanted(): void {
    super.unwanted()
    this.#link.close()
  }

  protected override get inChain(): boolean {
    return this.#link.inCall
  }

  override get inProgress(): number {
    if (this.#queue === undefined || !this.#chains) return super.inProgress
    const { received, completed, failed, unprocessed } = this.counters
    return received - completed - failed - unprocessed
  }

  protected override halted(doomed: boolean): void {
    super.halted(doomed)
    this.#link.close()
    if (doomed) this.#inlet.clear()
    else this.#inlet.close()
  }

  /** Asks for a burst if one could do something, or ends the node if all is done. */
  protected override waits(): void {
    if (!this.running) return
    if (this.#inlet.ready) {
      this.#link.queued()
      if (this.#scheduled || this.movement.active >= this.workers) return
      this.#scheduled = true
      // Not on this stack: a chain of nodes waking each other must not be as deep as the graph is long.
      queueMicrotask(this.#schedule)
    } else if (this.movement.active === 0 && !this.#scheduled && this.#inlet.over) void this.finish()
  }

  readonly #schedule = (): void => this.schedule(this.#start)

  readonly #start = (): Promise<void> => {
    this.#scheduled = false
    return this.#burst()
  }

  /** @param begun a call that was made already */
  async #burst(begun?: { readonly slot: WorkerSlot; readonly end: () => Promise<void> }): Promise<void> {
    this.#link.close()
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
        if (this.movement.active === 1) this.skipTurnsTo(this.#link.taken)
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
      this.#reopen()
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
      if (this.#chains && this.workers === 1 && this.movement.active === 1) {
        const before = this.#link.taken
        const leaving = this.#stretch(slot, left)
        const calls = this.#link.taken - before
        left -= calls
        if (leaving !== undefined) {
          this.waits()
          await leaving
          this.#itemEnded(slot)
        }
        if (pacer.late) {
          this.waits()
          await pacer.turn()
        }
        if (this.#odd === undefined) {
          if (calls === 0) return
          left++ // the loop counts one more
          continue
        }
      }
      const taken = this.#odd ?? this.#inlet.take()
      this.#odd = undefined
      if (taken === undefined) {
        if (this.#gated) this.outlet.places?.unreserve()
        return
      }
      // Only where items are tried can one have failed before its call.
      const packet = this.tries && taken instanceof Faulty ? taken.packet : (taken as Packet)
      slot.begin(packet, this.#link.taken++)
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

  #itemEnded(slot: WorkerSlot): void {
    slot.packet = undefined
    if (!slot.deaf) return
    slot.deaf = false
    this.movement.deaf--
  }

  /** Takes items for as long as nothing has to wait; a promise where something has. */
  #stretch(slot: WorkerSlot, most: number): Promise<void> | undefined {
    const link = this.#link
    link.begin(this.runner, slot)
    let leaving: Promise<void> | undefined
    for (let left = most; left > 0 && this.#inlet.ready; left--) {
      leaving = this.#queue?.bare ? link.pass(this.#queue.takeBare()) : this.#passPacket(link)
      if (leaving !== undefined || link.state !== BUSY || this.#odd !== undefined || pacer.due()) break
    }
    link.end()
    if (leaving === undefined) this.skipTurnsTo(link.taken)
    return leaving
  }

  #passPacket(link: Link): Promise<void> | undefined {
    const packet = this.#inlet.take() as Packet | undefined // nothing fails before its call where nothing is tried
    if (packet === undefined) return undefined
    if (packet.scope === this.host.scope && !(packet instanceof Bundle)) return link.passPacket(packet)
    this.#odd = packet
    return undefined
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
    this.#asking.begin(packet, this.#link.taken)
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
