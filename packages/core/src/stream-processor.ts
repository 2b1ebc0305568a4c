import { DROP } from './coro.js'
import { EmittingNode, type Way } from './emitting-node.js'
import { PipelineError } from './errors.js'
import { Faulty, type Inlet, type InletHooks } from './inlet.js'
import { isThenable } from './iterate.js'
import type { NodeOptions } from './node-options.js'
import { ownPlaceOf } from './own-place.js'
import { pacer } from './pacer.js'
import { NO_META, Packet, type Scope } from './packet.js'
import type { Token } from './regions.js'
import { Ring } from './ring.js'
import type { WorkerSlot } from './slot.js'
import { havingPlaces, type StreamCall } from './stream-call.js'
import { END_OF_INPUTS, inputsOf, type StreamInputs } from './stream-inputs.js'

export interface StreamProcessorOptions extends NodeOptions {
  readonly inlet: (hooks: InletHooks) => Inlet
  readonly holds: readonly Token[]
}

/**
 * A node whose coroutine consumes its input as one async iterable for the whole run, one instance per worker; the
 * instances share the input. An item is completed when its instance asks for the next one, or returns. An output
 * descends from the input that was taken last. Where outputs need places, an instance has one whenever its code goes on.
 *
 * @see pipeline-lib's generators, from which the idea is taken.
 */
export class StreamProcessor extends EmittingNode {
  readonly #inlet: Inlet
  /** Instances that wait for an item. */
  readonly #waiting = new Ring<() => void>()
  readonly #calls = new Map<WorkerSlot, StreamCall>()
  #instances = 0
  #taken = 0

  constructor(options: StreamProcessorOptions) {
    super(options, options.holds)
    this.#inlet = options.inlet({
      wake: () => this.#wake(),
      onFault: (packet, error) => void this.fault(packet, error, 0),
      onGivenUp: (packet) => this.givenUp(packet),
      onPassed: (packet) => this.passed(packet),
      keyOf: () => undefined,
    })
  }

  override resume(): void {
    super.resume()
    this.#wake()
  }

  override setWorkers(count: number): void {
    super.setWorkers(count)
    while (this.running && this.#instances < count) this.#startInstance()
    this.#wake()
  }

  override cancel(scope: Scope, reason: unknown): boolean {
    const inCall = super.cancel(scope, reason)
    return this.#inlet.cancel(scope) || inCall
  }

  override get inProgress(): number {
    let ahead = 0
    for (const call of this.#calls.values()) ahead += call.ahead.length
    return super.inProgress + ahead
  }

  protected override giveUp(slot: WorkerSlot): void {
    super.giveUp(slot)
    // A request that is cancelled gives up what is its own: the call goes on, with what it has of others.
    const call = this.state === 'stopping' ? this.#calls.get(slot) : undefined
    if (call !== undefined) this.#leave(call)
  }

  /** The call is everybody's, and goes on. */
  protected override interrupt(): void {}

  protected override isOver(): boolean {
    return false
  }

  protected override begin(): void {
    for (let worker = 0; worker < this.workers; worker++) this.#startInstance()
  }

  protected override halted(doomed: boolean): void {
    if (doomed) this.#inlet.clear()
    else this.#inlet.close()
    this.#wake()
  }

  /** Lets every waiting instance look again. */
  #wake(): void {
    for (let waiting = this.#waiting.size; waiting > 0; waiting--) this.#waiting.shift()?.()
  }

  #startInstance(): void {
    this.#instances++
    this.movement.active++
    this.schedule(this.#instance)
  }

  readonly #instance = async (): Promise<void> => {
    const started = pacer.look()
    const place = ownPlaceOf(this.outlet.places, this.movement)
    const call: StreamCall = { retired: false, over: false, accepted: false, ahead: [], place }
    try {
      if (this.running) await this.#consume(call)
    } finally {
      if (!call.retired) this.#instances--
      this.movement.active--
      this.counters.busyMs += pacer.look() - started
      this.burstEnded()
      if (this.running && this.movement.active === 0) {
        this.#leaveInput()
        void this.finish()
      }
    }
  }

  /** Returned before its input ended: it wants no more, and neither does whoever feeds only it. */
  #leaveInput(): void {
    if (this.running && !this.#inlet.over) this.#inlet.close()
  }

  async #consume(call: StreamCall): Promise<void> {
    const slot = await this.slot()
    if (slot === undefined) return
    this.#calls.set(slot, call)
    try {
      const way = this.#way(slot, call)
      const result = this.runner.run(this.#inputs(slot, call, way), slot)
      const returned = isThenable(result) ? await result : result
      if (await this.sendAll(slot, returned === undefined ? DROP : returned, way)) call.accepted = true
      // First, or the place of its item would be given back, and taken for a wish for another.
      if (this.#instances === 1 && !call.retired) this.#leaveInput()
      this.#settle(slot, call.accepted)
      if (this.state !== 'ended') for (const { packet } of call.ahead.splice(0)) this.passed(packet)
    } catch (error) {
      this.#failed(slot, error)
    } finally {
      call.over = true
      call.place?.close()
      this.#leave(call)
      this.#calls.delete(slot)
      this.#wake()
      this.slots.release(slot)
    }
  }

  #way(slot: WorkerSlot, call: StreamCall): Way {
    return {
      origin: () => this.#origin(slot),
      place: call.place,
      onSent: (_, accepted) => {
        if (accepted) call.accepted = true
      },
    }
  }

  /** What the coroutine consumes. */
  #inputs(slot: WorkerSlot, call: StreamCall, way: Way): StreamInputs {
    return inputsOf({
      next: async (ahead) => {
        const leaving = this.#leaveHand(slot, call, way)
        if (leaving !== undefined) await leaving
        call.place?.giveBack()
        const packet = await this.#take(call)
        if (packet === undefined) {
          await call.place?.taken()
          return END_OF_INPUTS
        }
        slot.begin(packet, this.#taken++)
        if (ahead > 0) this.#takeAhead(call, ahead)
        return { done: false, value: packet.value }
      },
      taken: (value) => ({
        inputs: [{ value, meta: slot.meta }, ...call.ahead.map(({ packet }) => packet)],
        places: call.place?.held ?? 1,
      }),
      advance: () => {
        const next = (): void => {
          const first = call.ahead.shift()
          if (first !== undefined) slot.begin(first.packet, first.index)
        }
        const leaving = this.#leaveHand(slot, call, way)
        return leaving === undefined ? next() : leaving.then(next)
      },
      places: (most) => call.place?.takeMore(most, this.#instances - havingPlaces(this.#calls.values())) ?? 1,
      left: () => {
        call.over = true
        this.#wake()
      },
    })
  }

  /** The next item is asked for. */
  #leaveHand(slot: WorkerSlot, call: StreamCall, way: Way): void | Promise<void> {
    const settle = (): void => {
      this.#settle(slot, call.accepted)
      call.accepted = false
    }
    // With a place for what comes of that one: so a whole chain goes in step.
    if (!slot.hasEmissions) return call.place?.take() === false ? call.place.taken().then(settle) : settle()
    return this.sendEmissions(slot, way)
      .then(() => call.place?.taken())
      .then(settle)
  }

  #takeAhead(call: StreamCall, wanted: number): void {
    const { ahead, place } = call
    // One place is left over, if there are several: who has it may ask for the next inputs, and need not wait for that.
    const places = place?.takeMore(wanted + 2, this.#instances - havingPlaces(this.#calls.values())) ?? 1
    const most = places === 1 ? wanted : Math.min(wanted, places - 2)
    while (ahead.length < most && this.#mayTake(call) && this.#inlet.ready) {
      const taken = this.#inlet.take()
      if (taken === undefined || taken instanceof Faulty) break
      ahead.push({ packet: taken, index: this.#taken++ })
      if (taken.scope !== this.host.scope) break // a request may be cancelled, and its item with it
    }
    place?.giveBack(ahead.length + 2)
  }

  #mayTake(call: StreamCall): boolean {
    return this.running && !this.bursts.paused && !call.over && this.#instances <= this.workers
  }

  /** What a call had taken ahead and will not work off. */
  #leave(call: StreamCall): void {
    for (const { packet } of call.ahead.splice(0)) this.givenUp(packet)
  }

  async #take(call: StreamCall): Promise<Packet | undefined> {
    for (;;) {
      if (!this.running) throw this.signal.reason
      if (call.retired || call.over) return undefined
      if (this.#instances > this.workers) {
        // Fewer workers than instances: this one sees the end of its input, the others go on.
        call.retired = true
        this.#instances--
        return undefined
      }
      if (pacer.due()) {
        await pacer.turn()
        continue // anything may have happened meanwhile
      }
      if (!this.bursts.paused) {
        if (this.#inlet.ready && call.place?.take() === false) {
          await call.place.taken()
          continue // another one may have taken it
        }
        const taken = this.#inlet.ready ? this.#inlet.take() : undefined
        if (taken instanceof Faulty) throw taken.error // its policies are refused, so there is none
        if (taken !== undefined) return taken
        if (this.#inlet.over) return undefined
      }
      call.place?.giveBack() // see OwnPlace
      this.movement.asking++
      await this.movement.until(new Promise<void>((resume) => this.#waiting.push(resume)))
      this.movement.asking--
    }
  }

  #origin(slot: WorkerSlot): Packet {
    if (slot.packet !== undefined) return slot.packet
    if (this.holds.length > 0)
      throw new PipelineError('CORO_TYPE', {
        node: this.name,
        what: 'gave an output that descends from no input, and a join behind it pairs by descent',
        hint: 'Give outputs between an input and the next one, or move the node behind the join.',
      })
    return new Packet(undefined, NO_META, this.host.scope)
  }

  /** The item in hand, if any, is worked off. */
  #settle(slot: WorkerSlot, accepted: boolean): void {
    const { packet } = slot
    if (packet === undefined || this.state === 'ended') return
    slot.packet = undefined
    this.#inlet.ask(packet)
    if (slot.lapsed) return
    this.trace(slot, packet, 'completed')
    this.workedOff(packet, accepted)
  }

  /** An instance that fails ends the run: with its state gone, no later item can be told from a lost one. */
  #failed(slot: WorkerSlot, error: unknown): void {
    const packet = slot.lapsed ? undefined : slot.packet
    slot.packet = undefined
    if (this.state === 'ended') return
    if (this.isAbort(error)) {
      if (packet !== undefined) this.givenUp(packet)
      return
    }
    if (packet !== undefined) this.counters.failed += packet.weight
    packet?.mark('errored')
    this.host.fail(this.failure(error, 'run'))
  }
}
