import type { Clock } from './attempt.js'
import type { Context, ContextWorker, Logger } from './context.js'
import type { Meta } from './coro.js'
import { PipelineError } from './errors.js'
import type { Host } from './host.js'
import { Bundle, NO_META, type Packet, withMeta } from './packet.js'
import { OUT, type PlanNode } from './plan.js'

/** What a node tells its worker slots. */
export interface SlotOwner {
  readonly name: string
  readonly plan: Pick<PlanNode, 'coro' | 'args' | 'properties'>
  readonly host: Pick<Host, 'env' | 'logger' | 'run'>
  readonly signal: AbortSignal
  readonly workers: number
  /** All of them, this one too: how many are set up, and not torn down. */
  readonly slots: { readonly active: number }
}

/** An output that a coroutine made by `ctx.emit`. */
export interface Emission {
  readonly port: string
  readonly value: unknown
  readonly meta: Meta
}

/** One worker of a node: the context that its calls see, one call at a time. */
export class WorkerSlot implements Context {
  meta: Meta = NO_META
  index = 0
  state: unknown = undefined
  attempt = 1
  /** Whether setup has succeeded, so that teardown is due. */
  ready = false
  /** What is in the call. */
  packet: Packet | undefined
  /** Whether that was given up while the call goes on: it was cancelled, or timed out for good. */
  lapsed = false
  /** When the call began, since its request was made. */
  startedMs = 0
  /** Whether the call was told to stop because its item was given up. */
  deaf = false
  /** Whether the call has handed anything on. */
  gave = false
  /** Whether the call ran out of time so long ago that nothing may wait for it any more. */
  overdue = false
  /** Measures the present attempt, where it may take only so long. */
  clock: Clock | undefined
  /** What the coroutine is still doing after its time was up. */
  unreturned: Promise<boolean> | undefined
  readonly #owner: SlotOwner
  readonly #index: number
  /** Where its calls are made in a chain: told when one needs more than that. */
  #chain: { close(): void } | undefined
  #emissions: Emission[] | undefined
  /** Of the present attempt, where it has a signal of its own and has read it. */
  #controller: AbortController | undefined
  /** Why the present attempt was told to stop. */
  #told: { readonly reason: unknown } | undefined
  /** Whether the call has left more behind than its result, that the next one must not see. */
  #used = false
  /** What the coroutine is at, where that may take only so long. */
  #given: PromiseLike<unknown> | undefined
  #sleep: { readonly timer: NodeJS.Timeout; readonly wake: () => void } | undefined

  constructor(owner: SlotOwner, index: number) {
    this.#owner = owner
    this.#index = index
  }

  get node(): string {
    return this.#owner.name
  }

  get args(): Readonly<Record<string, unknown>> {
    return this.#owner.plan.args
  }

  get env(): Readonly<Record<string, unknown>> {
    return this.packet?.scope.request?.env ?? this.#owner.host.env
  }

  /** That of the node, unless this call may have to stop alone. */
  get signal(): AbortSignal {
    const { signal, plan } = this.#owner
    const { packet } = this
    if (packet === undefined || plan.coro?.kind === 'stream') return signal
    const alone = packet.scope.request !== undefined || packet instanceof Bundle
    if (!alone && plan.properties.timeoutMs === undefined) return signal
    if (this.#controller === undefined) {
      this.#used = true
      this.#controller = new AbortController()
      if (this.#told !== undefined) this.#controller.abort(this.#told.reason)
      else if (signal.aborted) this.#controller.abort(signal.reason)
    }
    return this.#controller.signal
  }

  get log(): Logger {
    return this.packet?.scope.request?.options.logger ?? this.#owner.host.logger
  }

  get worker(): ContextWorker {
    const { workers, slots } = this.#owner
    return { index: this.#index, count: workers, active: slots.active - (this.ready ? 1 : 0) }
  }

  get idempotencyKey(): string {
    return `${this.#owner.host.run}/${this.#owner.name}/${this.index}`
  }

  /** A call without a packet is about to begin. */
  beginAlone(): void {
    this.packet = undefined
    this.lapsed = false
    this.#reset()
  }

  /** A call with `packet` is about to begin. */
  begin(packet: Packet, index: number): void {
    this.packet = packet
    this.meta = packet.meta
    this.index = index
    this.lapsed = false
    const { request } = packet.scope
    if (request?.isTraced === true) this.startedMs = request.now()
    if (this.#used) this.#reset()
  }

  /** Calls with values that carry nothing are about to be made in `chain`. */
  beginBare(chain: { close(): void }): void {
    this.#chain = chain
    this.packet = undefined
    this.meta = NO_META
    this.lapsed = false
    if (this.#used) this.#reset()
  }

  /** Another attempt of the same call is about to begin. */
  again(): void {
    const attempt = this.attempt + 1
    this.#reset()
    this.attempt = attempt
    this.#used = true
  }

  #reset(): void {
    this.#used = false
    this.clock = undefined
    this.attempt = 1
    this.gave = false
    this.overdue = false
    this.#given = undefined
    this.#emissions = undefined
    this.#controller = undefined
    this.#told = undefined
  }

  /** Tells the present call to stop: its signal aborts, and it waits for no delay any more. */
  tell(reason: unknown): void {
    this.#used = true
    this.#told ??= { reason }
    this.#controller?.abort(reason)
    this.stir()
  }

  /** Whether it waits for a time to come. */
  get sleeps(): boolean {
    return this.#sleep !== undefined
  }

  /** Waits for so long; less if the slot is stirred. */
  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#sleep = { timer: setTimeout(() => this.stir(), Math.ceil(ms)), wake }
    })
  }

  /** Waits for user code, as long as the attempt has time. */
  whenGiven<T>(work: PromiseLike<T>): PromiseLike<T> {
    if (this.clock === undefined) return work
    this.#used = true
    this.#given = work
    return this.clock.within(work)
  }

  /** Throws if the attempt has no time left. */
  checkTime(): void {
    if (this.clock?.expired === true) throw new Error('out of time')
  }

  /**
   * Notes what the coroutine still does after its time was up; settles when that is over, with whether it gave a result.
   *
   * @param closing the end of a generator that was told to end
   */
  leaveBehind(closing?: Promise<unknown>): Promise<boolean> {
    const given = this.#given
    const end =
      this.unreturned ??
      Promise.resolve(given).then(
        () => given !== undefined,
        () => false,
      )
    this.unreturned = closing === undefined ? end : Promise.all([end, closing]).then(([late]) => late)
    return this.unreturned
  }

  /** Ends what it waits for. */
  stir(): void {
    const sleep = this.#sleep
    if (sleep === undefined) return
    this.#sleep = undefined
    clearTimeout(sleep.timer)
    sleep.wake()
  }

  emit(port: string, value: unknown, options?: { readonly meta?: Meta }): void {
    const { name, plan } = this.#owner
    const emits = plan.coro?.emits
    if (emits !== undefined && port !== OUT && !emits.includes(port))
      throw new PipelineError('GRAPH_PORT', { node: name, port, ports: [OUT, ...emits] })
    if (plan.coro?.oneToOne && port === OUT) throw new PipelineError('NODE_CARDINALITY', { node: name, count: 2 })
    if (plan.properties.batch?.returns === 'each')
      throw new PipelineError('CORO_TYPE', {
        node: name,
        what: 'emits while it has a batch, and of which of its items that is the output is not known',
        hint: 'Return the outputs, or set "returns" of the batch to "one".',
      })
    // What it still gives after its time is of no use.
    if (this.lapsed || this.clock?.expired === true) return
    this.#used = true
    this.#emissions ??= []
    this.#chain?.close()
    this.#emissions.push({ port, value, meta: withMeta(this.meta, options?.meta) })
  }

  get hasEmissions(): boolean {
    return this.#emissions !== undefined
  }

  /** The emissions since the last call, in order. */
  takeEmissions(): readonly Emission[] {
    const emissions = this.#emissions ?? NOTHING
    this.#emissions = undefined
    return emissions
  }
}

const NOTHING: readonly Emission[] = []
