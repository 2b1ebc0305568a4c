import { type CallDone, type Context, reasonOf } from '@pipelines/core'
import { type Buffers, buffersIn } from './buffers.js'
import { type Copy, cloneError, uncloneable } from './cloneable.js'
import { decodeError } from './error-code.js'
import type { Emitted, Oddity, Particulars } from './messages.js'
import type { RemoteOutputs } from './remote-outputs.js'

/** What most calls have as `env`. */
export interface CommonEnv {
  readonly env: unknown
  /** The part of another one that a worker can have. */
  copyOf(env: Context['env']): Context['env']
}

/** A call that a worker is to make, or makes. */
export class Call {
  readonly value: unknown
  readonly index: number
  /** Of this call as long as it goes on: what it emits and logs goes there. */
  readonly context: Context
  /** Whether its large buffers are in the worker now, and nowhere else. */
  moved = false
  /** Whether it was told to stop. */
  isTold = false
  /** What it gives one by one, if it is, or has turned out to be, a generator. */
  outputs: RemoteOutputs | undefined
  readonly #done: CallDone
  /** Whoever waits was told: a generator may still fail after that, which its outputs tell. */
  #isSettled = false
  #buffers: Buffers | undefined
  /** Its signal, where that is not the one of all calls, and who listens to it. */
  #watched: { readonly signal: AbortSignal; readonly onAbort: () => void } | undefined
  /** Ends its worker when it has not stopped in time. */
  #deadline: NodeJS.Timeout | undefined
  #stoppingMs: number | undefined

  constructor(value: unknown, context: Context, done: CallDone) {
    this.value = value
    this.index = context.index
    this.context = context
    this.#done = done
  }

  /** Large buffers in its value, as they were when it was first asked. */
  get buffers(): Buffers {
    this.#buffers ??= buffersIn(this.value)
    return this.#buffers
  }

  /** What it does not have in common with others; `undefined` where that is nothing. */
  particulars(common: CommonEnv): Particulars | undefined {
    const { meta, attempt, env } = this.context
    const [hasMeta, hasEnv] = [Object.keys(meta).length > 0, env !== common.env]
    if (!hasMeta && attempt === 1 && !hasEnv) return undefined
    return { ...(hasMeta && { meta }), ...(attempt !== 1 && { attempt }), ...(hasEnv && { env: common.copyOf(env) }) }
  }

  /** Calls `onAbort` when `signal` aborts, for as long as the call goes on. */
  watch(signal: AbortSignal, onAbort: () => void): void {
    this.#watched = { signal, onAbort }
    signal.addEventListener('abort', onAbort, { once: true })
  }

  /** Why it was told to stop. */
  get told(): unknown {
    return this.context.signal.reason
  }

  /** Gives it so much time to stop, since this was first called. */
  stopIn(ms: number, onLate: () => void): void {
    clearTimeout(this.#deadline)
    const now = performance.now()
    this.#stoppingMs ??= now
    this.#deadline = setTimeout(onLate, Math.max(0, this.#stoppingMs + ms - now))
  }

  /** It goes on no more. */
  over(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    this.#watched?.signal.removeEventListener('abort', this.#watched.onAbort)
    this.#watched = undefined
  }

  resolve(result: unknown): void {
    this.over()
    if (this.#isSettled) return
    this.#isSettled = true
    this.#done.resolve(result)
  }

  reject(error: unknown): void {
    this.over()
    this.outputs?.end({ error })
    if (this.#isSettled) return
    this.#isSettled = true
    this.#done.reject(error)
  }

  /** It has turned out to be a generator, and goes on. */
  begins(outputs: RemoteOutputs): void {
    this.outputs = outputs
    this.#isSettled = true
    this.#done.resolve(outputs)
  }

  /** It ended with more, or less, than a value. */
  settle(value: unknown, oddity: Exclude<Oddity, { is: 'generator' }>, dropped: unknown): void {
    switch (oddity.is) {
      case 'error':
        this.reject(decodeError(oddity.error, this.told))
        break
      case 'skipped':
        this.reject(this.told)
        break
      case 'emitted':
        this.#emits(oddity.emitted, oddity.drops ? dropped : value)
        break
      case 'list':
        for (const place of oddity.drops) (value as unknown[])[place] = dropped
        this.resolve(value)
        break
      default:
        oddity satisfies never
    }
  }

  /** The value cannot be sent. */
  refuse(node: string, error: unknown, copy: Copy): void {
    const inValue = uncloneable(this.value, copy)
    const inMeta = inValue === undefined ? uncloneable(this.context.meta, copy) : undefined
    const problem = inValue ?? inMeta ?? { path: '', why: reasonOf(error) }
    this.reject(cloneError({ node, what: inMeta === undefined ? 'An input' : 'The meta of an input', ...problem }))
  }

  #emits(emitted: readonly Emitted[], result: unknown): void {
    try {
      for (const { port, value, meta } of emitted) this.context.emit(port, value, meta && { meta })
    } catch (error) {
      this.reject(error)
      return
    }
    this.resolve(result)
  }
}
