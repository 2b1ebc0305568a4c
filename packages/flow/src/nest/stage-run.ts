import { setTimeout as wait } from 'node:timers/promises'
import { type Context, isThenable, type Meta, PipelineError } from '@pipelines/core/coro'
import type { QueueInfo, Stage, StageInfo } from './stage.js'
import { enter } from './stage-runs.js'
import { StageWork } from './stage-work.js'
import { timing } from './timings.js'

/** An item that was put and has not left yet. */
interface Put {
  readonly item: unknown
  readonly port: string | undefined
  /** What of its meta differs from that of the item in hand; absent where nothing does. */
  readonly meta: Meta | undefined
  readonly taken: () => void
  readonly refused: (reason: unknown) => void
}

/** What a stage consumes. */
export interface StageInputs extends AsyncIterable<unknown> {
  /** Nothing more is wanted. */
  readonly end: () => unknown
}

/** How full the queues of a pipeline are. */
export type QueuesOf = () => readonly QueueInfo[]

const queues = new WeakMap<object, QueuesOf>()

/** Lets a stage tell how full its queues are. */
export function showQueues(stage: object, of: QueuesOf): void {
  queues.set(stage, of)
}

const nothing = (): void => {}

/**
 * One stage at work in one run: an async generator that its puts feed. It gives `put` to a call that has not returned yet
 * only when the output before has been accepted, so backpressure reaches into a `do`.
 */
export class StageRun {
  readonly context: Context
  readonly #stage: Stage
  readonly #drop: unknown
  readonly #timed: boolean
  /** Lets the stage go. */
  readonly #release: () => void
  readonly #puts: Put[] = []
  /** The one that has left, and is not accepted yet. */
  #inHand: Put | undefined
  #work: StageWork | undefined
  #meta: Record<string, unknown> | undefined
  #wake: () => void = nothing
  #inputs: StageInputs | undefined
  /** Why puts are refused; absent while they are not. */
  #refusal: { readonly reason: unknown } | undefined
  /** Whether puts go nowhere: `teardown` is called though the run has failed. */
  #mute = false
  #isTornDown = false
  /** When the present call began. */
  #begun = 0
  isStopped = false
  isOver = false

  /** @param drop what is yielded when there is no output */
  constructor(stage: Stage, context: Context, { drop, timed }: { readonly drop: unknown; readonly timed: boolean }) {
    this.#stage = stage
    this.context = context
    this.#drop = drop
    this.#timed = timed
    this.#release = enter(stage, this)
  }

  /** Everything that the stage does, from `setup` to `teardown`, and what it puts meanwhile. */
  async *run(inputs?: StageInputs): AsyncGenerator<unknown, void, void> {
    const stage = this.#stage
    const { signal } = this.context
    const onAbort = (): void => this.#refuse(signal.reason)
    signal.addEventListener('abort', onAbort)
    try {
      yield* this.#give(() => stage.setup(...stage.args))
      this.#inputs = inputs
      if (inputs !== undefined && !this.isStopped)
        for await (const item of inputs) {
          this.#meta = undefined
          this.#call(() => stage.do(item))
          // Like `#give`, written out: that is called with every item.
          for (let next = this.#next(); next !== undefined; next = this.#next()) {
            const put = isThenable(next) ? await next : next
            if (put === undefined) break
            yield this.#leaving(put)
            put.taken()
          }
          if (this.isStopped) break
        }
      this.isStopped = true
      this.#isTornDown = true
      this.#meta = {}
      yield* this.#give(() => stage.teardown())
      this.#over(undefined)
    } finally {
      if (!this.isOver) await this.#leave()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** The end, whatever led to it: tears the stage down unless that has been done. */
  async end(reason: unknown): Promise<void> {
    this.isStopped = true
    try {
      if (this.#isTornDown) return
      this.#isTornDown = true
      this.#mute = true
      this.#meta = {}
      await this.#stage.teardown()
    } finally {
      this.#over(reason)
    }
  }

  put(item: unknown, port?: string): Promise<void> {
    if (this.#mute) return Promise.resolve()
    if (this.#refusal !== undefined) return refused(this.#refusal.reason)
    const put = new Promise<void>((taken, refused) => {
      this.#puts.push({ item, port, meta: this.#changes(), taken, refused })
    })
    put.catch(nothing) // who does not wait for it has not to hear of the end either
    this.#wake()
    return put
  }

  /** Whether it is not over, or a call goes on though it is: who would take the stage now would get what that puts. */
  get isAtWork(): boolean {
    return !this.isOver || this.#work?.isOver === false
  }

  stop(): void {
    if (this.isStopped) return
    this.isStopped = true
    this.#inputs?.end()
  }

  get meta(): Record<string, unknown> {
    this.#meta ??= present(this.context.meta)
    return this.#meta
  }

  async sleep(ms: number): Promise<void> {
    const { signal } = this.context
    try {
      await wait(ms, undefined, { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  }

  info(): StageInfo {
    const { node: name } = this.context
    const all = queues.get(this.#stage)?.() ?? []
    return { name, inputs: all.filter(({ to }) => to === name), outputs: all.filter(({ from }) => from === name) }
  }

  /** Makes a call, and gives what is put until it has returned. */
  async *#give(call: () => unknown): AsyncGenerator<unknown, void, void> {
    this.#call(call)
    for (;;) {
      const put = await this.#next()
      if (put === undefined) return
      yield this.#leaving(put)
      put.taken()
    }
  }

  #call(call: () => unknown): void {
    if (this.#timed) this.#begun = performance.now()
    this.#work = new StageWork(call, () => this.#wake())
  }

  /** What leaves next; `undefined` when the call is over. Throws, or rejects with, what the call throws. */
  #next(): Put | undefined | Promise<Put | undefined> {
    this.#inHand = this.#puts.shift()
    if (this.#inHand !== undefined) return this.#inHand
    if (this.#refusal !== undefined) throw this.#refusal.reason
    if (this.#work?.isOver === false) return this.#later()
    this.#work?.assertDone()
    return undefined
  }

  async #later(): Promise<Put | undefined> {
    await new Promise<void>((wake) => {
      this.#wake = wake
    })
    return this.#next()
  }

  /** Told to end before the end: a call that goes on hears of it by its puts and its signal. */
  async #leave(): Promise<void> {
    this.#refuse(this.context.signal.reason ?? this.#ended)
    this.#inHand?.refused(this.#refusal?.reason)
    await this.#work?.settled
  }

  /** What is yielded for an item to leave. */
  #leaving({ item, port, meta }: Put): unknown {
    // At a leaf, `undefined` that is yielded is no output.
    if (port === undefined && meta === undefined && item !== undefined) return item
    this.context.emit(port ?? 'out', item, meta && { meta })
    return this.#drop
  }

  /** How the meta to put differs from that of the item in hand. What is taken out is `undefined` from there on. */
  #changes(): Meta | undefined {
    const { meta: inherited } = this.context
    const own = this.#meta
    const changes: Record<string, unknown> = {}
    if (own !== undefined) {
      for (const key of Object.keys(inherited)) if (!Object.hasOwn(own, key)) changes[key] = undefined
      for (const [key, value] of Object.entries(own)) if (inherited[key] !== value) changes[key] = value
    }
    if (this.#timed) Object.assign(changes, timing(this.context, performance.now() - this.#begun))
    return Object.keys(changes).length > 0 ? changes : undefined
  }

  #refuse(reason: unknown): void {
    this.#refusal ??= { reason }
    for (const put of this.#puts.splice(0)) put.refused(this.#refusal.reason)
    this.#wake()
  }

  #over(reason: unknown): void {
    this.isOver = true
    this.#mute = false
    this.#release()
    this.#refuse(reason ?? this.#ended)
  }

  get #ended(): PipelineError {
    return new PipelineError('STATE_NOT_RUNNING', { what: `Stage "${this.context.node}"`, state: 'ended' })
  }
}

function refused(reason: unknown): Promise<void> {
  const put = Promise.reject(reason)
  put.catch(nothing)
  return put
}

/** The keys that are there: one that was taken out on the way is `undefined`. */
function present(meta: Meta): Record<string, unknown> {
  return Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== undefined))
}
