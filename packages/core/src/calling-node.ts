import { Clock, delayAfter } from './attempt.js'
import { DROP } from './coro.js'
import { EmittingNode, type Way } from './emitting-node.js'
import { PipelineError } from './errors.js'
import { Faulty, type Taken } from './inlet.js'
import { Draw, isGenerator, isThenable } from './iterate.js'
import type { NodeOptions } from './node.js'
import { Bundle, type Packet } from './packet.js'
import { OUT } from './plan.js'
import { SlidingLog } from './rate.js'
import type { Token } from './regions.js'
import type { TraceStep } from './requests.js'
import type { Emission, WorkerSlot } from './slot.js'
import { Turns } from './turns.js'

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

/**
 * A node that calls its coroutine per item: how often, for how long, and what becomes of what the call gives. Where
 * nothing is said of attempts an item is one call, made on the spot; otherwise it is *treated*, attempt by attempt.
 *
 * The fate of an item is decided once. After that its slot is lapsed: what the call still does is of no use, but the slot
 * is held until it has really returned.
 */
export abstract class CallingNode extends EmittingNode {
  /** Whether an item is more than a call: see {@link treat}. */
  protected readonly treats: boolean
  /** Whether a call may have to wait before its item is taken. */
  protected readonly gated: boolean
  /** When calls started, where only so many may. */
  readonly #starts: SlidingLog | undefined
  /** Whose outputs may leave: absent where outputs leave as they come. */
  readonly #turns: Turns | undefined
  /** Whether a call returns a list with a result for each of its items. */
  readonly #each: boolean

  constructor(options: NodeOptions, holds: readonly Token[]) {
    super(options, holds)
    const { properties, partitionBy } = options.plan
    const { ordered, timeoutMs, retry, batch, window, emit, onError, rateLimit } = properties
    this.#turns = ordered ? new Turns() : undefined
    this.#starts = rateLimit && new SlidingLog(rateLimit)
    this.#each = batch?.returns === 'each'
    this.gated = rateLimit !== undefined || this.outlet.reserves
    const policies = [timeoutMs, retry, batch, window, emit, rateLimit, partitionBy]
    this.treats = onError === 'route' || policies.some((policy) => policy !== undefined)
  }

  protected override halted(_doomed: boolean): void {
    this.#turns?.clear()
  }

  protected override giveUp(slot: WorkerSlot): void {
    if (slot.packet !== undefined && !slot.lapsed) this.#trace(slot, slot.packet, 'cancelled')
    super.giveUp(slot)
    this.#turns?.pass(slot.index)
  }

  /** Makes the call. */
  protected call(slot: WorkerSlot, packet: Packet): unknown {
    const { runner } = this
    if (packet.scope === this.host.scope) return runner.run(packet.value, slot)
    return packet.scope.run(runner.run, runner, packet.value, slot)
  }

  /** Tries an item until its fate is decided, and then waits until its call has really returned. */
  protected async treat(slot: WorkerSlot, taken: Taken): Promise<void> {
    if (taken instanceof Faulty) await this.failed(slot, taken.packet, taken.error, true)
    else await this.#try(slot, taken)
    await this.#returned(slot)
  }

  async #try(slot: WorkerSlot, packet: Packet): Promise<void> {
    for (;;) {
      const given = await this.#attempt(slot, packet)
      if (!('error' in given)) return this.#leaves(slot, packet, given)
      const { error, sent, own } = given
      if (sent || !this.#mayTryAgain(slot, error)) return this.failed(slot, packet, error, own)
      if (!(await this.#returnedInTime(slot)) && this.running) return this.failed(slot, packet, error, own)
      if (!(await this.#delayed(slot))) return this.giveUp(slot)
      slot.again()
      this.counters.retried++
    }
  }

  /** One attempt, with what it draws from a generator. Never rejects. */
  async #attempt(slot: WorkerSlot, packet: Packet): Promise<Given> {
    const { timeoutMs, emit } = this.plan.properties
    const timeout = timeoutMs === undefined ? undefined : { node: this.name, attempts: slot.attempt, timeoutMs }
    const error = timeout && new PipelineError('NODE_TIMEOUT', timeout)
    slot.clock = timeoutMs === undefined ? undefined : new Clock(timeoutMs, () => slot.tell(error))
    slot.gave = false
    try {
      slot.clock?.run()
      const called = this.#start(slot, packet)
      if (isThenable(called)) this.waits()
      const result = isThenable(called) ? await slot.whenGiven(called) : called
      if (!isGenerator(result)) return { result: this.#checked(packet, result) }
      const held: Emission[] | undefined = emit === 'atomic' ? [] : undefined
      const accepted = await this.expand(slot, new Draw(result, this.#scopeOf(packet)), this.#way(slot, packet, held))
      return held === undefined ? { accepted } : { held }
    } catch (thrown) {
      const late = slot.clock?.expired === true
      if (late) this.#watchReturn(slot)
      return { error: late ? error : thrown, sent: slot.gave, own: late || isMismatch(thrown) }
    } finally {
      slot.clock?.end()
    }
  }

  #start(slot: WorkerSlot, packet: Packet): unknown {
    try {
      return this.call(slot, packet)
    } finally {
      // Afterwards: noted before, the next start could be seen less than that apart from this one.
      this.#starts?.note()
    }
  }

  /** Throws if the result has not as many values as it must have. */
  #checked(packet: Packet, result: unknown): unknown {
    if (this.exactlyOne && !this.#each && result === DROP) throw this.wrongCount(0)
    if (!this.#each || !(packet instanceof Bundle)) return result
    const size = packet.members.length
    const count = Array.isArray(result) ? result.length : undefined
    if (count === size) return result
    throw new PipelineError('NODE_CARDINALITY', { node: this.name, count, size })
  }

  #leaves(slot: WorkerSlot, packet: Packet, given: Exclude<Given, Failure>): void | Promise<void> {
    if ('result' in given) return this.given(slot, packet, given.result)
    if ('held' in given) return this.#leaveHeld(slot, packet, given.held)
    this.#settle(slot, packet, given.accepted)
  }

  /** Whether another attempt may follow the one that failed with `error`. */
  #mayTryAgain(slot: WorkerSlot, error: unknown): boolean {
    const attempts = this.plan.properties.retry?.attempts ?? 1
    return slot.attempt < attempts && !slot.lapsed && !this.isAbort(error)
  }

  /** Waits until the next attempt may start; `false` if the node was stopped or the item given up before that. */
  async #delayed(slot: WorkerSlot): Promise<boolean> {
    const { retry } = this.plan.properties
    if (retry !== undefined && this.running && !slot.lapsed) await slot.sleep(delayAfter(slot.attempt, retry))
    return this.running && !slot.lapsed && (await this.untilAllowed(slot))
  }

  /** Waits until one more call may start; `false` if the node was stopped or the item given up meanwhile. */
  protected async untilAllowed(slot: WorkerSlot): Promise<boolean> {
    for (let ms = this.#starts?.waitMs() ?? 0; ms > 0; ms = this.#starts?.waitMs() ?? 0) {
      this.waits()
      await slot.sleep(ms)
      if (!this.running || (slot.packet !== undefined && slot.lapsed)) return false
    }
    return this.running
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
    if (slot.unreturned !== undefined && !slot.overdue) await slot.sleep(this.host.graceMs)
    slot.overdue = slot.unreturned !== undefined
    return !slot.overdue
  }

  async #returned(slot: WorkerSlot): Promise<void> {
    if (slot.unreturned === undefined || (await this.#returnedInTime(slot))) return
    this.stuck++
    this.host.waiting++
    this.rests()
    await slot.unreturned
    this.stuck--
    this.host.waiting--
  }

  /** The call has ended without error: hands on what it gave. Synchronous where nothing has to wait. */
  protected given(slot: WorkerSlot, packet: Packet, result: unknown): void | Promise<void> {
    if (slot.lapsed) {
      this.counters.late++
      return
    }
    if (this.doomed) {
      this.counters.late++
      this.giveUp(slot)
      return
    }
    if (this.#each && packet instanceof Bundle) return this.#leaveEach(slot, packet, result)
    let many: boolean
    try {
      many = slot.hasEmissions || isGenerator(result)
    } catch (error) {
      return this.failed(slot, packet, error) // a getter threw
    }
    if (many) return this.#leaveMany(slot, packet, result)
    if (this.exactlyOne && result === DROP) return this.failed(slot, packet, this.wrongCount(0))
    if (this.#turns === undefined || this.#turns.isNext(slot.index)) return this.#leave(slot, packet, result)
    return this.#leaveLater(this.#turns, slot, result)
  }

  #leaveLater(turns: Turns, slot: WorkerSlot, result: unknown): Promise<void> {
    const { packet } = slot
    this.waitBegins()
    return new Promise((resolve, reject) => {
      turns.whenNext(slot.index, () => {
        this.waitEnds()
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
    const sent = this.send(packet, result)
    if (typeof sent === 'boolean') return this.#settle(slot, packet, sent)
    return this.waiting(sent).then((accepted) => this.#settle(slot, packet, accepted))
  }

  /** Hands on what a generator yields, or what was emitted besides the returned value. */
  async #leaveMany(slot: WorkerSlot, packet: Packet, result: unknown): Promise<void> {
    let accepted: boolean
    try {
      accepted = await this.sendAll(slot, result, this.#way(slot, packet))
    } catch (error) {
      return this.failed(slot, packet, error)
    }
    this.#settle(slot, packet, accepted)
  }

  /** Hands on what an attempt gave that could still have failed. */
  async #leaveHeld(slot: WorkerSlot, packet: Packet, held: readonly Emission[]): Promise<void> {
    await this.#turn(slot)
    let accepted = false
    for (const { port, value, meta } of held) {
      if (slot.lapsed) return
      const sent = this.outlet.send(packet, port, value, meta)
      if (typeof sent === 'boolean' ? sent : await this.waiting(sent)) accepted = true
    }
    this.#settle(slot, packet, accepted)
  }

  /** Hands on the results of a batch, each as what became of its own item. */
  async #leaveEach(slot: WorkerSlot, batch: Bundle, result: unknown): Promise<void> {
    const results: readonly unknown[] = Array.isArray(result) ? result : [] // as checked
    await this.#turn(slot)
    for (const [place, member] of batch.members.entries()) {
      const sent = this.send(member, results[place])
      const accepted = typeof sent === 'boolean' ? sent : await this.waiting(sent)
      if (slot.lapsed) {
        this.counters.late++
        return
      }
      if (accepted) slot.gave = true
      batch.settled++
      this.#trace(slot, member, 'completed')
      if (member.scope.request?.over === true) this.givenUp(member)
      else this.workedOff(member, accepted)
    }
    this.#turns?.pass(slot.index)
  }

  /** Waits for the turn of a call. */
  #turn(slot: WorkerSlot): undefined | Promise<void> {
    const turn = this.#turns?.come(slot.index)
    return turn && this.waiting(turn)
  }

  #scopeOf(packet: Packet): Packet['scope'] | undefined {
    return packet.scope === this.host.scope ? undefined : packet.scope
  }

  #way(slot: WorkerSlot, packet: Packet, hold?: Emission[]): Way {
    return {
      origin: () => packet,
      scope: this.#scopeOf(packet),
      gate: () => this.#turn(slot),
      hold,
      onSent: (_, accepted) => {
        if (accepted) slot.gave = true
      },
    }
  }

  /** An item failed: decides what becomes of it, in turn. */
  protected async failed(slot: WorkerSlot, packet: Packet, error: unknown, own = false): Promise<void> {
    slot.takeEmissions()
    // What ends the run must not wait for a call that only the end of the run would end.
    if (this.plan.properties.onError !== 'fail' && !slot.lapsed) await this.#turn(slot)
    if (slot.lapsed) return
    if (this.isAbort(error)) return this.giveUp(slot)
    slot.lapsed = true
    const failure = own && error instanceof PipelineError ? error : this.failure(error, 'run', slot.attempt)
    for (const one of this.#each && packet instanceof Bundle ? packet.members : [packet]) {
      this.#trace(slot, one, 'failed')
      if (one.scope.request?.over === true) this.givenUp(one)
      else await this.fault(one, failure, slot.attempt)
    }
    this.#turns?.pass(slot.index)
  }

  #settle(slot: WorkerSlot, packet: Packet, accepted: boolean): void {
    if (slot.lapsed) {
      this.counters.late++
      return
    }
    if (accepted) slot.gave = true
    this.#trace(slot, packet, 'completed')
    this.workedOff(packet, accepted)
    this.#turns?.pass(slot.index)
  }

  /** Tells the requests that want to know of it what a call did. */
  #trace({ index, attempt, startedMs }: WorkerSlot, packet: Packet, outcome: TraceStep['outcome']): void {
    const { request } = packet.scope
    if (request !== undefined) request.step(packet, { node: this.name, index, attempts: attempt, startedMs, outcome })
  }
}

/** Whether a batch gave another number of results than it had items. */
const isMismatch = (error: unknown): boolean =>
  error instanceof PipelineError && error.code === 'PLB_NODE_CARDINALITY' && 'size' in (error.details as object)
