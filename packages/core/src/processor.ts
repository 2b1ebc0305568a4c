import { DROP } from './coro.js'
import { QUANTUM } from './defaults.js'
import { EmittingNode } from './emitting-node.js'
import type { PipelineError } from './errors.js'
import type { Inlet } from './inlet.js'
import { isGenerator, isThenable } from './iterate.js'
import type { NodeOptions } from './node.js'
import { pacer } from './pacer.js'
import type { Packet } from './packet.js'
import type { Token } from './regions.js'
import type { WorkerSlot } from './slot.js'
import { Turns } from './turns.js'

/**
 * Microtask turns that a burst waits for more items: a burst costs 1 to 2 µs on p-queue, a turn 0.05. A producer that was
 * woken by this burst needs about six turns to put its next item.
 */
const LINGER = 8

export interface ProcessorOptions extends NodeOptions {
  readonly inlet: (wake: () => void, onFault: (packet: Packet, error: PipelineError) => void) => Inlet
  /** Tokens that an item inside the node holds: see `NodeRegions`. */
  readonly holds: readonly Token[]
}

/**
 * A node that is called once per item. Its p-queue runs *bursts*: one burst is one worker at work, which takes item
 * after item until there is none, or its quantum is used up. So p-queue decides how many workers there are, at a cost
 * per burst and not per item. A burst starts the next one before it waits for anything.
 */
export class Processor extends EmittingNode {
  readonly #inlet: Inlet
  /** A burst was asked for and has not started. */
  #scheduled = false
  /** Items taken so far. */
  #taken = 0
  /** Whose outputs may leave: absent where outputs leave as they come. */
  readonly #turns: Turns | undefined

  constructor(options: ProcessorOptions) {
    super(options, options.holds)
    this.#turns = options.plan.properties.ordered ? new Turns() : undefined
    this.#inlet = options.inlet(
      () => this.#wake(),
      (packet, error) => this.fault(packet, error),
    )
  }

  override setWorkers(count: number): void {
    super.setWorkers(count)
    this.#wake()
  }

  protected override begin(): void {
    this.#wake()
  }

  protected override halted(doomed: boolean): void {
    this.#turns?.clear()
    if (doomed) this.#inlet.clear()
    else this.#inlet.close()
  }

  /** Asks for a burst if one could do something, or ends the node if all is done. */
  #wake(): void {
    if (!this.running) return
    if (this.#inlet.ready) {
      if (this.#scheduled || this.active >= this.workers) return
      this.#scheduled = true
      // Not on this stack: a chain of nodes waking each other must not be as deep as the graph is long.
      queueMicrotask(this.#schedule)
    } else if (this.active === 0 && !this.#scheduled && this.#inlet.over) void this.finish()
  }

  readonly #schedule = (): void => this.schedule(this.#burst)

  readonly #burst = async (): Promise<void> => {
    this.#scheduled = false
    const started = pacer.look()
    this.active++
    try {
      if (!this.#mayTake()) return
      const found = this.slot()
      if (isThenable(found)) this.#wake()
      const slot = isThenable(found) ? await found : found
      if (slot === undefined) return
      await this.#work(slot)
      this.freeSlot(slot)
    } finally {
      this.active--
      this.counters.busyMs += pacer.look() - started
      this.burstEnded()
      this.#wake()
    }
  }

  protected override waits(): void {
    this.#wake()
  }

  #mayTake(): boolean {
    return this.running && this.wanted && !this.paused && this.active <= this.workers && this.#inlet.ready
  }

  async #work(slot: WorkerSlot): Promise<void> {
    for (let left = QUANTUM; left > 0 && (this.#mayTake() || (await this.#linger())); left--) {
      const packet = this.#inlet.take()
      if (packet === undefined) return
      const turn = this.#taken++
      slot.packet = packet
      slot.meta = packet.meta
      slot.index = turn
      let result: unknown
      let gave: 'one' | 'many' | 'error' = 'one'
      try {
        result = this.#call(slot, packet)
        if (isThenable(result)) {
          this.#wake()
          result = await result
        }
        if (slot.hasEmissions || isGenerator(result)) gave = 'many'
        else if (this.exactlyOne && result === DROP) throw this.wrongCount(0)
      } catch (error) {
        gave = 'error'
        result = error
      }
      if (this.#isTooLate()) return
      if (this.doomed && gave !== 'error') {
        this.counters.late++
        this.givenUp(packet)
        return
      }
      const leaving = gave === 'one' ? this.#leave(packet, turn, result) : this.#leaveOtherwise(gave, slot, result)
      if (leaving !== undefined) {
        this.#wake()
        await leaving
      }
      slot.packet = undefined
      if (pacer.due()) {
        this.#wake()
        await pacer.turn()
      }
    }
  }

  /** Before a burst ends for want of items: a few turns of the microtask queue, in case its producer is about to go on. */
  async #linger(): Promise<boolean> {
    for (let turns = LINGER; turns > 0 && this.running && !this.paused && !this.#inlet.over; turns--) {
      await undefined
      if (this.#mayTake()) return true
    }
    return false
  }

  #call(slot: WorkerSlot, packet: Packet): unknown {
    const { runner } = this
    if (packet.scope === this.host.scope) return runner.run(packet.value, slot)
    return packet.scope.run(runner.run, runner, packet.value, slot)
  }

  /** Hands the output of a call on, in turn. Synchronous where nothing has to wait. */
  #leave(packet: Packet, turn: number, result: unknown): void | Promise<void> {
    if (this.#turns !== undefined && !this.#turns.isNext(turn))
      return this.#leaveLater(this.#turns, packet, turn, result)
    return this.#leaveNow(packet, result)
  }

  #leaveLater(turns: Turns, packet: Packet, turn: number, result: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      turns.whenNext(turn, () => {
        try {
          resolve(this.#leaveNow(packet, result))
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #leaveNow(packet: Packet, result: unknown): void | Promise<void> {
    const sent = this.send(packet, result)
    if (typeof sent === 'boolean') return this.#settle(packet, sent)
    return this.room(sent).then((accepted) => this.#settle(packet, accepted))
  }

  /** Hands on what a generator yields or what was emitted besides the returned value; or reports the failure, in turn. */
  async #leaveOtherwise(gave: 'many' | 'error', slot: WorkerSlot, result: unknown): Promise<void> {
    const { packet, index } = slot
    if (packet === undefined) return
    let error = result
    if (gave === 'many') {
      try {
        const scope = packet.scope === this.host.scope ? undefined : packet.scope
        const way = { origin: () => packet, scope, gate: () => this.#turns?.come(index) }
        return this.#settle(packet, await this.sendAll(slot, result, way))
      } catch (thrown) {
        error = thrown
      }
    }
    slot.takeEmissions()
    // What ends the run must not wait for a call that only the end of the run would end.
    if (this.plan.properties.onError !== 'fail') await this.#turns?.come(index)
    if (this.#isTooLate()) return
    this.#itemFailed(packet, error)
    this.#turns?.done()
  }

  #settle(packet: Packet, accepted: boolean): void {
    if (this.#isTooLate()) return
    this.workedOff(packet, accepted)
    this.#turns?.done()
  }

  #itemFailed(packet: Packet, error: unknown): void {
    if (this.isAbort(error)) this.givenUp(packet)
    else this.fault(packet, this.failure(error, 'run'))
  }

  /** Whether the node was given up during the call: then its item is in the report as unprocessed already. */
  #isTooLate(): boolean {
    if (this.state !== 'ended') return false
    this.counters.late++
    return true
  }
}
