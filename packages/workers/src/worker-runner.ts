import {
  type CallDone,
  type Context,
  type NodeBinding,
  PipelineError,
  type Runner,
  RunnerError,
  type SourceOutput,
} from '@pipelines/core'
import { Call } from './call.js'
import { encodeError } from './error-code.js'
import { Lane, type LaneOwner } from './lane.js'
import type { ToWorker } from './messages.js'
import type { ResolvedOptions } from './options.js'
import type { Pool } from './pool.js'
import { RemoteOutputs } from './remote-outputs.js'
import { type Session, sessionOf } from './session.js'
import { StreamFeed, type StreamInputs } from './stream-feed.js'

/**
 * Runs the coroutine of one node in workers. What waits when a worker is free travels to it as one message; no more than
 * that, so that a worker never holds much more than it works at.
 */
export class WorkerRunner implements Runner, LaneOwner {
  readonly ready: Promise<void>
  readonly flush?: (context: Context) => unknown
  readonly session: Session
  readonly logger: NodeBinding['run']['logger']
  readonly env: unknown
  readonly moves: boolean
  readonly stuckMs: number
  readonly #binding: NodeBinding
  readonly #pool: Pool
  readonly #lanes: Lane[] = []
  /** Calls that no worker has been sent yet. */
  #waiting: Call[] = []
  #scheduled = false
  /** Those that wait for a worker that has nothing to do. */
  readonly #forFree: (() => void)[] = []
  /** Why no more calls can be made. */
  #broken: unknown
  #closing = false
  #callsPerWorker = 1
  /** Whether calls may be sent to a worker before it has answered others. */
  readonly #pipelines: boolean

  constructor(binding: NodeBinding, pool: Pool, options: ResolvedOptions) {
    const { run, properties, coro, holds, signal } = binding
    this.#binding = binding
    this.#pool = pool
    this.session = sessionOf(binding, options)
    this.logger = run.logger
    this.env = run.env
    this.moves = holds === 'nobody' || (holds === 'maker' && options.transfer)
    this.stuckMs = options.stuckMs
    const { timeoutMs, retry, rateLimit } = properties
    // Each of these is about the moment at which a call begins.
    this.#pipelines = [timeoutMs, retry, rateLimit].every((policy) => policy === undefined)
    if (coro.flush !== undefined) this.flush = (context) => this.#flush(context)
    signal.addEventListener('abort', () => this.#stop(signal.reason), { once: true })
    for (let index = 0; index < properties.workers; index++) this.#open(index)
    this.ready = Promise.all(this.#lanes.map((lane) => lane.ready)).then(() => {})
    this.ready.catch(() => {}) // the network waits for it
  }

  get graceMs(): number {
    return this.#binding.run.graceMs
  }

  run(value: unknown, context: Context): unknown {
    const { kind } = this.#binding
    if (kind === 'stream') return this.#runStream(value as StreamInputs, context)
    if (kind === 'source') return this.#runSource(value as SourceOutput, context)
    return new Promise((resolve, reject) => this.begin(value, context, { resolve, reject }))
  }

  begin(value: unknown, context: Context, done: CallDone): void {
    const call = new Call(value, context, done)
    if (this.#broken !== undefined) return void queueMicrotask(() => call.reject(this.#broken))
    this.#watch(call)
    this.#waiting.push(call)
    if (context.worker.count > this.#lanes.length) this.#open(this.#lanes.length)
    if (this.#scheduled) return
    this.#scheduled = true
    // Others may be about to call too, as what they waited for came in one message.
    queueMicrotask(() => {
      this.#scheduled = false
      this.#dispatch()
    })
  }

  /** Settles when a worker has nothing to do. */
  free(): undefined | Promise<void> {
    if (this.#broken !== undefined || this.#binding.signal.aborted || this.#lanes.some((lane) => lane.isIdle))
      return undefined
    return new Promise((resolve) => this.#forFree.push(resolve))
  }

  hasRoom(): void {
    if (this.#waiting.length > 0) this.#dispatch()
    this.#adapt()
    this.#tellFree()
  }

  died(lane: Lane, error: PipelineError, { held, left }: Parameters<LaneOwner['died']>[2]): void {
    const { coro, signal } = this.#binding
    const isOver = this.#closing || signal.aborted
    // What it had gathered is gone with it, and nobody could tell that from the outputs.
    const gathered = lane.used && coro.flush !== undefined
    // One that cannot be set up could not be another time either.
    const isUnready = coro.setup !== undefined && !lane.isSetUp
    if (!isOver && (gathered || isUnready)) this.#break(new RunnerError(isUnready ? 'setup' : 'run', error))
    for (const call of held) call.reject(this.#broken ?? error)
    if (isOver) for (const call of left) call.reject(call.told ?? error)
    else if (this.#broken !== undefined) for (const call of left) call.reject(this.#broken)
    else {
      if (held.length === 0) this.logger.warn({ err: error }, 'A worker died while it had nothing to do.')
      this.#waiting = [...left, ...this.#waiting]
      for (const call of left) this.#watch(call)
      this.#open(lane.index)
    }
  }

  async close(reason: unknown): Promise<void> {
    this.#closing = true
    const ends = await Promise.allSettled(this.#lanes.map((lane) => this.#closeLane(lane, reason)))
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async kill(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#lanes.map((lane) => lane.kill()))
  }

  #open(index: number): void {
    const lane = new Lane(index, this, this.#pool.take(this.session.node))
    this.#lanes[index] = lane
    // One that cannot start would not start another time either.
    lane.ready.catch((error) => this.#break(new RunnerError('setup', error)))
  }

  #tellFree(): void {
    for (const resolve of this.#forFree.splice(0)) resolve()
  }

  #break(error: RunnerError): void {
    this.#broken ??= error
    this.#tellFree()
    for (const call of this.#waiting.splice(0)) call.reject(this.#broken)
  }

  /** Lets a call hear of its own signal. */
  #watch(call: Call): void {
    const { signal } = call.context
    if (signal === this.#binding.signal) return
    call.watch(signal, () => this.#interrupt(call))
    if (signal.aborted) this.#interrupt(call)
  }

  #interrupt(call: Call): void {
    const place = this.#waiting.indexOf(call)
    if (place === -1) {
      const isLate = this.#binding.properties.timeoutMs !== undefined
      for (const lane of this.#lanes) lane.interrupt(call, isLate)
      return
    }
    this.#waiting.splice(place, 1)
    call.reject(call.told)
  }

  /** The node was told to stop. */
  #stop(reason: unknown): void {
    this.#tellFree()
    for (const call of this.#waiting.splice(0)) call.reject(call.told)
    for (const lane of this.#lanes) lane.interruptAll(reason)
  }

  /** Sends what waits to workers that are free: the first of them first, so that no more are set up than are needed. */
  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const idle = this.#lanes.filter((lane) => lane.isIdle)
      const lane = idle[0] ?? (this.#pipelines ? this.#lanes.find((one) => one.takesMore) : undefined)
      if (lane === undefined) return
      const share = Math.ceil(this.#waiting.length / Math.max(1, idle.length))
      lane.send(this.#waiting.splice(0, this.#pipelines ? Math.min(share, lane.pace.batch) : 1))
    }
  }

  /** Lets the node make as many calls as its workers could be sent. */
  #adapt(): void {
    if (!this.#pipelines || this.#binding.kind !== 'map') return
    const wanted = Math.max(...this.#lanes.map(({ pace }) => pace.batch * pace.messages))
    const now = this.#callsPerWorker
    // Not for every small change: it costs a look at the queue.
    if (wanted <= now && wanted > now / 2) return
    this.#callsPerWorker = wanted
    this.#binding.setCallsPerWorker(wanted)
  }

  async #runStream(inputs: StreamInputs, context: Context): Promise<RemoteOutputs> {
    const lane = await this.#laneFor(context.worker.index)
    const outputs = new RemoteOutputs(lane, context, new StreamFeed(lane, inputs, context))
    this.#begin(lane, outputs, context, { type: 'call', what: 'stream' })
    return outputs
  }

  async #runSource(output: SourceOutput, context: Context): Promise<RemoteOutputs> {
    const lane = await this.#laneFor(0)
    lane.onPut = ({ put, value, meta }) => {
      const done = (error?: unknown): void =>
        lane.post({ type: 'put-done', put, ...(error !== undefined && { error: encodeError(error) }) })
      output.put(value, meta && { meta }).then(() => done(), done)
    }
    const outputs = new RemoteOutputs(lane, context)
    this.#begin(lane, outputs, context, { type: 'call', what: 'source' })
    return outputs
  }

  /** Begins a call that gives its outputs one by one from the start. */
  #begin(lane: Lane, outputs: RemoteOutputs, context: Context, message: Extract<ToWorker, { type: 'call' }>): void {
    const call = new Call(undefined, context, { resolve: () => {}, reject: () => {} })
    call.outputs = outputs
    lane.sendAlone(call, message)
  }

  async #laneFor(index: number): Promise<Lane> {
    if (this.#lanes[index] === undefined) this.#open(index)
    const lane = this.#lanes[index]
    if (lane === undefined) throw new PipelineError('INTERNAL', { what: `there is no worker ${index}` })
    await lane.ready
    if (this.#broken !== undefined) throw this.#broken
    return lane
  }

  /** Flushes the worker that has the same index as the slot; where none was ever used, the first. */
  #flush(context: Context): unknown {
    if (this.#broken !== undefined) throw this.#broken
    const { index } = context.worker
    const lane = this.#lanes[index]
    const isOnly = index === 0 && this.#lanes.every(({ used }) => !used)
    if (lane === undefined || !(lane.used || isOnly)) return undefined
    return new Promise((resolve, reject) => {
      lane.sendAlone(new Call(undefined, context, { resolve, reject }), { type: 'call', what: 'flush' })
    })
  }

  async #closeLane(lane: Lane, reason: unknown): Promise<void> {
    try {
      if (lane.isIdle && lane.used && this.#binding.coro.teardown !== undefined) await this.#tearDown(lane, reason)
    } finally {
      const link = await lane.close()
      if (link !== undefined) await this.#pool.give(link, this.session.node)
    }
  }

  #tearDown(lane: Lane, reason: unknown): Promise<unknown> {
    const { run } = this.#binding
    // Nothing that it emits goes anywhere, as everywhere.
    const context = { index: 0, signal: this.#binding.signal, log: run.logger } as Context
    return new Promise((resolve, reject) => {
      lane.sendAlone(new Call(undefined, context, { resolve, reject }), {
        type: 'call',
        what: 'teardown',
        reason: reason === undefined ? undefined : encodeError(reason),
      })
    })
  }
}
