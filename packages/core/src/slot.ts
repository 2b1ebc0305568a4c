import type { Context, Logger } from './context.js'
import type { Meta, TeardownReason } from './coro.js'
import { PipelineError } from './errors.js'
import type { Runner } from './executor.js'
import { isThenable } from './iterate.js'
import { NO_META, type Packet, type Scope, withMeta } from './packet.js'
import { OUT, type PlanNode } from './plan.js'

/** What a node tells its worker slots. */
export interface SlotOwner {
  readonly name: string
  readonly plan: Pick<PlanNode, 'coro' | 'args'>
  readonly env: Readonly<Record<string, unknown>>
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly workers: number
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
  readonly attempt = 1
  /** Whether setup has succeeded, so that teardown is due. */
  ready = false
  /** What is in the call. */
  packet: Packet | undefined
  readonly #owner: SlotOwner
  readonly #index: number
  #emissions: Emission[] | undefined

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
    return this.#owner.env
  }

  get signal(): AbortSignal {
    return this.#owner.signal
  }

  get log(): Logger {
    return this.#owner.logger
  }

  get worker(): { readonly index: number; readonly count: number } {
    return { index: this.#index, count: this.#owner.workers }
  }

  emit(port: string, value: unknown, options?: { readonly meta?: Meta }): void {
    const { name, plan } = this.#owner
    const emits = plan.coro?.emits
    if (emits !== undefined && port !== OUT && !emits.includes(port))
      throw new PipelineError('GRAPH_PORT', { node: name, port, ports: [OUT, ...emits] })
    if (plan.coro?.oneToOne && port === OUT) throw new PipelineError('NODE_CARDINALITY', { node: name, count: 2 })
    this.#emissions ??= []
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

/** The worker slots of a node: made when first needed, set up before their first item, torn down once. */
export class WorkerSlots {
  readonly #owner: SlotOwner
  /** Hooks run in the scope of the run, whoever ends it. */
  readonly #scope: Scope
  readonly #onError: (error: unknown, hook: 'setup' | 'teardown') => void
  readonly #all: WorkerSlot[] = []
  readonly #idle: WorkerSlot[] = []
  #closed = false
  /** Set once the node has torn down: a setup that ends after that is torn down at once. */
  #over: { readonly runner: Runner | undefined; readonly reason: TeardownReason } | undefined

  constructor(owner: SlotOwner, scope: Scope, onError: (error: unknown, hook: 'setup' | 'teardown') => void) {
    this.#owner = owner
    this.#scope = scope
    this.#onError = onError
  }

  /** A free slot, set up; `undefined` when its setup failed. */
  acquire(runner: Runner): WorkerSlot | undefined | Promise<WorkerSlot | undefined> {
    const slot = this.#idle.pop() ?? this.#make()
    if (slot.ready) return slot
    try {
      const state = runner.setup?.(slot)
      if (isThenable(state)) return this.#setUpLate(slot, state)
      return this.#setUp(slot, state)
    } catch (error) {
      return this.#setUpFailed(error)
    }
  }

  release(slot: WorkerSlot): void {
    slot.packet = undefined
    this.#idle.push(slot)
  }

  ready(): readonly WorkerSlot[] {
    return this.#all.filter((slot) => slot.ready)
  }

  /** What is in calls now. */
  packets(): readonly Packet[] {
    return this.#all.map((slot) => slot.packet).filter((packet) => packet !== undefined)
  }

  /**
   * Tears down every slot that was set up and is not yet torn down, and then closes the runner; gives what has to be
   * waited for. Each of it happens once.
   */
  tearDown(runner: Runner | undefined, reason: TeardownReason): Promise<void>[] {
    this.#over = { runner, reason }
    const ends = this.ready().map((slot) => this.#tearDownSlot(slot, runner, reason))
    const waits = ends.filter((end) => end !== undefined)
    return runner?.close === undefined || this.#closed ? waits : [this.#close(runner, waits)]
  }

  #tearDownSlot(slot: WorkerSlot, runner: Runner | undefined, reason: TeardownReason): Promise<void> | undefined {
    slot.ready = false
    const fail = (error: unknown): void => this.#onError(error, 'teardown')
    try {
      const end = this.#scope.run(() => runner?.teardown?.(slot, reason), undefined)
      return isThenable(end) ? Promise.resolve(end).then(() => {}, fail) : undefined
    } catch (error) {
      fail(error)
      return undefined
    }
  }

  async #close(runner: Runner, teardowns: readonly Promise<void>[]): Promise<void> {
    await Promise.all(teardowns)
    if (this.#closed) return
    this.#closed = true
    try {
      await runner.close?.()
    } catch (error) {
      this.#onError(error, 'teardown')
    }
  }

  #make(): WorkerSlot {
    const slot = new WorkerSlot(this.#owner, this.#all.length)
    this.#all.push(slot)
    return slot
  }

  async #setUpLate(slot: WorkerSlot, state: PromiseLike<unknown>): Promise<WorkerSlot | undefined> {
    try {
      return this.#setUp(slot, await state)
    } catch (error) {
      return this.#setUpFailed(error)
    }
  }

  #setUp(slot: WorkerSlot, state: unknown): WorkerSlot | undefined {
    slot.state = state
    slot.ready = true
    if (this.#over === undefined) return slot
    this.tearDown(this.#over.runner, this.#over.reason)
    return undefined
  }

  #setUpFailed(error: unknown): undefined {
    this.#onError(error, 'setup')
    return undefined
  }
}
