import { Clock, delayAfter } from './attempt.js'
import { CallingNode } from './calling-node.js'
import { DROP } from './coro.js'
import type { NodeProperties } from './defaults.js'
import { PipelineError } from './errors.js'
import { isRunnerError } from './executor.js'
import { Faulty, type Taken } from './inlet.js'
import { Draw, isGenerator, isThenable } from './iterate.js'
import type { NodeOptions } from './node-options.js'
import { Bundle, type Packet } from './packet.js'
import { SlidingLog } from './rate.js'
import type { Token } from './regions.js'
import type { Emission, WorkerSlot } from './slot.js'

/** What came of an attempt: a result that has yet to leave, outputs that have left already, or a failure. */
type Given =
  | { readonly result: unknown }
  | { readonly held: readonly Emission[] }
  | { readonly accepted: boolean }
  | Failure

interface Failure {
  readonly error: unknown
  /** Whether something had been handed on before. */
  readonly sent: boolean
  /** Whether the error is ours: then it is told as it is. */
  readonly own: boolean
}

/** Whether the properties of a node ask for more than a call made on the spot. */
export function isTrying({ timeoutMs, retry, batch, window, emit, onError, rateLimit }: NodeProperties): boolean {
  return (
    onError === 'route' || [timeoutMs, retry, batch, window, emit, rateLimit].some((policy) => policy !== undefined)
  )
}

/**
 * A node that tries an item, attempt by attempt, where its properties ask for that: an attempt may take only so long,
 * only so many may start in a time, and one that fails may be followed by another. Composed from the inside out: the
 * attempt with its time, then retry, then what the node does with items that fail.
 */
export abstract class TryingNode extends CallingNode {
  /** Whether an item is more than a call made on the spot. */
  protected readonly tries: boolean
  /** When calls started, where only so many may. */
  readonly #starts: SlidingLog | undefined

  constructor(options: NodeOptions, holds: readonly Token[]) {
    super(options, holds)
    const { properties, partitionBy } = options.plan
    const { rateLimit } = properties
    this.#starts = rateLimit && new SlidingLog(rateLimit)
    this.tries = partitionBy !== undefined || isTrying(properties)
  }

  /** Tries an item until its fate is decided, and then waits until its call has really returned. */
  protected async try(slot: WorkerSlot, taken: Taken): Promise<void> {
    if (taken instanceof Faulty) await this.failed(slot, taken.packet, taken.error, true)
    else await this.#untilDone(slot, taken)
    await this.#returned(slot)
  }

  async #untilDone(slot: WorkerSlot, packet: Packet): Promise<void> {
    for (;;) {
      const given = await this.#attempt(slot, packet)
      if (!('error' in given)) return this.#leaves(slot, packet, given)
      const { error, sent, own } = given
      if (sent || !this.#mayTryAgain(slot, error)) return this.failed(slot, packet, error, own)
      if (!(await this.#returnedInTime(slot)) && this.running) return this.failed(slot, packet, error, own)
      await this.#delayed(slot)
      while (this.startDelayMs > 0 && this.#goesOn(slot)) await this.untilAllowed(slot)
      if (!this.#goesOn(slot)) return this.giveUp(slot)
      slot.again()
      this.counters.retried++
    }
  }

  /** One attempt, with what it draws from a generator. Never rejects. */
  async #attempt(slot: WorkerSlot, packet: Packet): Promise<Given> {
    const { timeoutMs, emit } = this.plan.properties
    let timeout: PipelineError | undefined
    slot.gave = false
    if (timeoutMs !== undefined)
      slot.clock = new Clock(timeoutMs, () => {
        timeout = new PipelineError('NODE_TIMEOUT', { node: this.name, attempts: slot.attempt, timeoutMs })
        slot.tell(timeout)
      })
    try {
      const wait = slot.clock && this.runner.free?.()
      if (wait !== undefined) await this.#free(slot, wait)
      slot.clock?.run()
      const called = this.#start(slot, packet)
      if (isThenable(called)) this.waits()
      const result = isThenable(called) ? await slot.whenGiven(called) : called
      const wrong = this.#mismatch(packet, result)
      if (wrong !== undefined || !isGenerator(result)) return wrong ?? { result }
      const held: Emission[] | undefined = emit === 'atomic' ? [] : undefined
      const accepted = await this.expand(slot, new Draw(result, this.scopeOf(packet)), this.way(slot, packet, held))
      return held === undefined ? { accepted } : { held }
    } catch (thrown) {
      if (timeout !== undefined) this.#watchReturn(slot)
      return { error: timeout ?? thrown, sent: slot.gave, own: timeout !== undefined }
    } finally {
      slot.clock?.end()
    }
  }

  /** Waits until the runner can begin a call, and one may start: others may have done so meanwhile. */
  async #free(slot: WorkerSlot, wait: Promise<void>): Promise<void> {
    await wait
    while (this.startDelayMs > 0 && this.#goesOn(slot)) {
      await this.untilAllowed(slot)
      await this.runner.free?.()
    }
  }

  #start(slot: WorkerSlot, packet: Packet): unknown {
    try {
      // A list that was made here is made anew for each attempt: the one before may have changed it.
      const { value } = packet
      const ours = packet.parts !== undefined || packet instanceof Bundle
      return this.call(slot, packet, ours && Array.isArray(value) ? [...value] : value)
    } finally {
      // Afterwards: noted before, the next start could be seen less than that apart from this one.
      this.#starts?.note()
    }
  }

  /** The failure of a call that gave another number of results than it must. */
  #mismatch(packet: Packet, result: unknown): Failure | undefined {
    if (!this.each || !(packet instanceof Bundle))
      return this.exactlyOne && result === DROP ? { error: this.wrongCount(0), sent: false, own: false } : undefined
    const size = packet.members.length
    const count = Array.isArray(result) ? result.length : undefined
    if (count === size) return undefined
    return { error: new PipelineError('NODE_CARDINALITY', { node: this.name, count, size }), sent: false, own: true }
  }

  #leaves(slot: WorkerSlot, packet: Packet, given: Exclude<Given, Failure>): void | Promise<void> {
    if ('result' in given) return this.given(slot, packet, given.result)
    if ('held' in given) return this.leaveHeld(slot, packet, given.held)
    this.settle(slot, packet, given.accepted)
  }

  /** Whether another attempt may follow the one that failed with `error`. */
  #mayTryAgain(slot: WorkerSlot, error: unknown): boolean {
    const attempts = this.plan.properties.retry?.attempts ?? 1
    return slot.attempt < attempts && !slot.lapsed && !this.isAbort(error) && !isRunnerError(error)
  }

  /** Whether the item may still be tried: neither was the node stopped nor the item given up. */
  #goesOn(slot: WorkerSlot): boolean {
    return this.running && !slot.lapsed
  }

  /** Waits between two attempts. */
  async #delayed(slot: WorkerSlot): Promise<void> {
    const { retry } = this.plan.properties
    if (retry !== undefined && this.#goesOn(slot)) await slot.sleep(delayAfter(slot.attempt, retry))
  }

  /** Milliseconds until one more call may start. */
  protected get startDelayMs(): number {
    return this.#starts?.waitMs() ?? 0
  }

  /** Waits until one more call may start, for all that is known now; less if the node is stopped or the item given up. */
  protected async untilAllowed(slot: WorkerSlot): Promise<void> {
    this.waits()
    await slot.sleep(this.startDelayMs)
  }

  /** The call goes on though its time is up: waits for what becomes of it. */
  #watchReturn(slot: WorkerSlot): void {
    const left = slot.leaveBehind()
    void left.then((late) => {
      if (late) this.counters.late++
      slot.unreturned = undefined
      slot.stir()
    })
  }

  /**
   * Waits until a call that ran out of time has returned, but no longer than one that is told to stop may take. Two calls
   * at once for one item would be more than there are workers.
   */
  async #returnedInTime(slot: WorkerSlot): Promise<boolean> {
    if (slot.unreturned !== undefined && !slot.overdue && this.running) await slot.sleep(this.host.graceMs)
    slot.overdue = slot.unreturned !== undefined
    return !slot.overdue
  }

  async #returned(slot: WorkerSlot): Promise<void> {
    if (slot.unreturned === undefined || (await this.#returnedInTime(slot))) return
    // A runner that can end calls will end this one: it is about to return.
    await (this.runner.kill === undefined ? this.movement.untilReturned(slot.unreturned) : slot.unreturned)
  }
}
