import {
  type CallDone,
  type Context,
  type NodeBinding,
  type PipelineError,
  type Runner,
  RunnerError,
  type SourceOutput,
  type StreamInputs,
} from '@pipelines/core'
import { Call } from './call.js'
import { type Copy, cloneablePart } from './cloneable.js'
import { encodeError, encodeUnlessTold } from './error-code.js'
import type { Lane } from './lane.js'
import type { Alone } from './messages.js'
import type { ResolvedOptions } from './options.js'
import type { Pool } from './pool.js'
import { RemoteOutputs, type RemoteOutputsOptions } from './remote-outputs.js'
import { type Session, sessionOf } from './session.js'
import { Staff, type StaffOwner } from './staff.js'
import { StreamFeed } from './stream-feed.js'

/** What runners are made with. */
export interface RunnerParts {
  readonly pool: Pool
  readonly options: ResolvedOptions
  /** How values reach the workers. */
  readonly copy: Copy
}

/**
 * Runs the coroutine of one node in workers. What waits when a worker is free travels to it as one message; no more than
 * that, so that a worker never holds much more than it works at.
 */
export class WorkerRunner implements Runner, StaffOwner {
  readonly flush?: (context: Context) => unknown
  readonly session: Session
  readonly logger: NodeBinding['run']['logger']
  readonly env: unknown
  readonly moves: boolean
  readonly stuckMs: number
  readonly #binding: NodeBinding
  readonly #staff: Staff
  readonly #copy: Copy
  /** Calls that no worker has been sent yet. */
  #waiting: Call[] = []
  #scheduled = false
  /** Those that wait for a worker that has nothing to do. */
  readonly #forFree: (() => void)[] = []
  /** Why no more calls can be made. */
  #broken: RunnerError | undefined
  #closing = false
  /** How many workers may be given calls at present, and how many each of them. */
  #workers: number
  #callsPerWorker = 1
  /** Whether calls may be sent to a worker before it has answered others. */
  readonly #pipelines: boolean
  /** The parts of environments that a worker can have. */
  readonly #envs = new WeakMap<Context['env'], Context['env']>()

  constructor(binding: NodeBinding, { pool, options, copy }: RunnerParts) {
    const { run, properties, coro, holds, control } = binding
    const { signal } = control
    this.#binding = binding
    this.#copy = copy
    this.#workers = properties.workers
    this.session = sessionOf(binding, options, copy)
    this.logger = run.logger
    this.env = run.env
    this.moves = holds === 'nobody' || (holds === 'maker' && options.transfer)
    this.stuckMs = options.stuckMs
    const { timeoutMs, retry, rateLimit } = properties
    // Each of these is about the moment at which a call begins.
    this.#pipelines = [timeoutMs, retry, rateLimit].every((policy) => policy === undefined)
    if (coro.flush !== undefined) this.flush = (context) => this.#flush(context)
    signal.addEventListener('abort', () => this.#stop(signal.reason), { once: true })
    this.#staff = new Staff(binding, pool, this)
  }

  get ready(): Promise<void> {
    return this.#staff.ready
  }

  get graceMs(): number {
    return this.#binding.run.graceMs
  }

  /** Settles when a worker has nothing to do. */
  free(): undefined | Promise<void> {
    const isOver = this.#broken !== undefined || this.#binding.control.signal.aborted
    if (isOver || this.#staff.usable(this.#workers).some((lane) => lane.isIdle)) return undefined
    this.#staff.prepareMore(1, this.#workers)
    return new Promise((resolve) => this.#forFree.push(resolve))
  }

  run(value: unknown, context: Context): unknown {
    const { kind } = this.#binding
    if (kind === 'stream') return this.#runStream(value as StreamInputs, context)
    if (kind === 'source') return this.#runSource(value as SourceOutput, context)
    return new Promise((resolve, reject) => this.begin(value, context, { resolve, reject }))
  }

  begin(value: unknown, context: Context, done: CallDone): void {
    const call = new Call(value, context, done)
    this.#workers = context.worker.count
    this.#watch(call)
    this.#waiting.push(call)
    if (this.#scheduled) return
    this.#scheduled = true
    // Others may be about to call too, as what they waited for came in one message.
    queueMicrotask(() => {
      this.#scheduled = false
      this.#dispatch()
    })
  }

  activeBeside(lane: Lane): number {
    return this.#staff.activeBeside(lane)
  }

  hasRoom(): void {
    if (this.#waiting.length > 0) this.#dispatch()
    this.#adapt()
    this.#tellFree()
  }

  copyOf(env: Context['env']): Context['env'] {
    const copied = this.#envs.get(env) ?? (cloneablePart(env, this.#copy) as Context['env'])
    this.#envs.set(env, copied)
    return copied
  }

  async setUp(lane: Lane): Promise<void> {
    await this.#callAlone(lane, { type: 'call', what: 'setup' })
  }

  died(lane: Lane, error: PipelineError, { held, left }: { held: readonly Call[]; left: readonly Call[] }): void {
    const { coro, control } = this.#binding
    const isOver = this.#closing || control.signal.aborted
    // What it had gathered is gone with it, and nobody could tell that from the outputs.
    if (!isOver && lane.isSetUp && coro.flush !== undefined) this.broken(new RunnerError('run', error))
    for (const call of held) call.reject(this.#broken ?? error)
    if (isOver) for (const call of left) call.reject(call.told ?? error)
    else {
      if (held.length === 0) this.logger.warn({ err: error }, 'A worker died while it had nothing to do.')
      for (const call of left) this.#watch(call)
      this.#waiting = [...left, ...this.#waiting]
      // One that could not be set up is not replaced: whoever waits for it ends the run.
      if (coro.setup === undefined || lane.isSetUp) this.#dispatch()
    }
  }

  broken(error: RunnerError): void {
    this.#broken ??= error
    this.#tellFree()
    this.#dispatch()
  }

  async close(reason: unknown): Promise<void> {
    this.#closing = true
    const { coro } = this.#binding
    await this.#staff.close(async (lane) => {
      if (coro.teardown === undefined) return
      const encoded = reason === undefined ? undefined : encodeError(reason)
      await this.#callAlone(lane, { type: 'call', what: 'teardown', reason: encoded })
    })
  }

  kill(): Promise<void> {
    this.#closing = true
    return this.#staff.kill()
  }

  /** Lets a call hear of its own signal. */
  #watch(call: Call): void {
    const { signal } = call.context
    if (signal === this.#binding.control.signal) return
    call.watch(signal, () => this.#interrupt(call))
    if (signal.aborted) queueMicrotask(() => this.#interrupt(call))
  }

  #interrupt(call: Call): void {
    const place = this.#waiting.indexOf(call)
    if (place === -1) {
      const isLate = this.#binding.properties.timeoutMs !== undefined
      for (const lane of this.#staff.lanes) lane.interrupt(call, isLate)
      return
    }
    this.#waiting.splice(place, 1)
    call.reject(call.told)
  }

  /** The node was told to stop. */
  #stop(reason: unknown): void {
    this.#tellFree()
    for (const call of this.#waiting.splice(0)) call.reject(call.told)
    for (const lane of this.#staff.lanes) lane.interruptAll(reason)
  }

  #tellFree(): void {
    for (const resolve of this.#forFree.splice(0)) resolve()
  }

  /** Sends what waits to workers that are free. */
  #dispatch(): void {
    if (this.#broken !== undefined) for (const call of this.#waiting.splice(0)) call.reject(this.#broken)
    const usable = this.#waiting.length === 0 ? [] : this.#staff.usable(this.#workers)
    while (this.#waiting.length > 0) {
      const idle = usable.filter((lane) => lane.isIdle)
      const lane = idle[0] ?? (this.#pipelines ? usable.find((one) => one.takesMore) : undefined)
      if (lane === undefined) break
      const share = Math.ceil(this.#waiting.length / Math.max(1, idle.length))
      lane.send(this.#waiting.splice(0, this.#pipelines ? Math.min(share, lane.pace.batch) : 1))
    }
    const wanted = this.#waiting.length + this.#forFree.length
    if (wanted > 0) this.#staff.prepareMore(wanted, this.#workers)
  }

  /** Lets the node make as many calls as its workers could be sent. */
  #adapt(): void {
    if (!this.#pipelines || this.#binding.kind !== 'map') return
    const wanted = Math.max(1, ...this.#staff.lanes.map(({ pace }) => pace.batch * pace.messages))
    const now = this.#callsPerWorker
    // Not for every small change: it costs a look at the queue.
    if (wanted <= now && wanted > now / 2) return
    this.#callsPerWorker = wanted
    this.#binding.control.setCallsPerWorker(wanted)
  }

  async #runStream(inputs: StreamInputs, context: Context): Promise<RemoteOutputs> {
    const lane = await this.#staff.prepare(context.worker.index)
    const feed = new StreamFeed(lane, inputs, { context, moves: this.moves, inStep: this.session.inStep })
    return this.#begin(lane, { context, feed, places: inputs.places }, 'stream')
  }

  async #runSource(output: SourceOutput, context: Context): Promise<RemoteOutputs> {
    const lane = await this.#staff.prepare(0)
    const { signal } = context
    lane.onPut = ({ put, value, meta }) => {
      const done = (error?: unknown): void =>
        lane.post({ type: 'put-done', put, ...(error !== undefined && { error: encodeUnlessTold(error, signal) }) })
      output.put(value, meta && { meta }).then(() => done(), done)
    }
    const { places } = output as Partial<StreamInputs> // of a source that the engine runs
    return this.#begin(lane, { context, ...(places && { places }) }, 'source')
  }

  /** Begins a call that gives its outputs one by one from the start. */
  #begin(
    lane: Lane,
    { context, ...more }: { readonly context: Context } & Omit<RemoteOutputsOptions, 'inStep'>,
    what: 'stream' | 'source',
  ): RemoteOutputs {
    const { inStep } = this.session
    const call = new Call(undefined, context, { resolve: () => {}, reject: () => {} })
    const outputs = new RemoteOutputs(lane.outputsOf(call), context, { inStep, ...more })
    call.begins(outputs)
    lane.sendAlone(call, { type: 'call', what })
    return outputs
  }

  /** Flushes the worker that has the same index as the slot; where none was ever set up, the first. */
  async #flush(context: Context): Promise<unknown> {
    if (this.#broken !== undefined) throw this.#broken
    const { index } = context.worker
    const isOnly = index === 0 && this.#staff.lanes.every(({ isSetUp }) => !isSetUp)
    if (!isOnly && !this.#staff.lanes[index]?.isSetUp) return undefined
    return this.#callAlone(await this.#staff.prepare(index), { type: 'call', what: 'flush' }, context)
  }

  /** @param context where what it emits goes; nowhere, where there is none */
  #callAlone(lane: Lane, message: Alone, context?: Context): Promise<unknown> {
    const { run, control } = this.#binding
    const nowhere = { index: 0, signal: control.signal, log: run.logger, emit: () => {} } as unknown as Context
    return new Promise((resolve, reject) => {
      lane.sendAlone(new Call(undefined, context ?? nowhere, { resolve, reject }), message)
    })
  }
}
