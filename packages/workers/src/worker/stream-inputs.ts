import type { Meta } from '@pipelines/core/coro'
import { decodeError } from '../error-code.js'
import type { ToWorker } from '../messages.js'
import type { WorkerContext } from './worker-context.js'

const NO_META: Meta = Object.freeze({})

interface Input {
  readonly value: unknown
  readonly meta: Meta
  readonly index: number
}

/** What inputs have to know. */
interface Surroundings {
  /** Says that there is nothing left, after so many, of which the last have taken so long. */
  readonly ask: (taken: number, spentMs: number) => void
  /** For how long it was held up for others so far. */
  readonly waitedMs: () => number
  /** What has to be waited for before the coroutine may go on with an input. */
  readonly held: () => Promise<void> | undefined
}

/** The inputs of a stream coroutine: it consumes what has come, and asks the host for more when that is used up. */
export class StreamInputs implements AsyncIterableIterator<unknown> {
  /** How many it was given so far. */
  taken = 0
  readonly #context: WorkerContext
  readonly #surroundings: Surroundings
  #inputs: Input[] = []
  #over = false
  /** When the last ones have come, not counting the time for which it was held up. */
  #sinceMs = 0
  #error: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  /** Of the last call of `next`: they are answered one after the other, as those of a generator. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(context: WorkerContext, surroundings: Surroundings) {
    this.#context = context
    this.#surroundings = surroundings
  }

  received(message: Extract<ToWorker, { type: 'inputs' | 'inputs-over' | 'inputs-failed' }>): void {
    if (message.type === 'inputs') {
      const { values, metas = [], index } = message
      this.#sinceMs = performance.now() - this.#surroundings.waitedMs()
      values.forEach((value, place) => {
        this.#inputs.push({ value, meta: metas[place] ?? NO_META, index: index + place })
      })
    } else {
      this.#over = true
      if (message.type === 'inputs-failed') this.#error = { error: decodeError(message.error, this.#context.told) }
    }
    this.#stir()
  }

  next(): Promise<IteratorResult<unknown>> {
    const step = this.#last.then(() => this.#next())
    this.#last = step.catch(() => {})
    return step
  }

  /** The coroutine wants no more. */
  async return(): Promise<IteratorResult<unknown>> {
    this.#over = true
    this.#inputs = []
    this.#stir()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #next(): Promise<IteratorResult<unknown>> {
    if (this.#inputs.length === 0 && !this.#over) {
      this.#surroundings.ask(this.taken, performance.now() - this.#surroundings.waitedMs() - this.#sinceMs)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    for (let held = this.#surroundings.held(); held !== undefined; held = this.#surroundings.held()) await held
    const input = this.#inputs.shift()
    if (input === undefined) {
      const failure = this.#error
      this.#error = undefined
      if (failure !== undefined) throw failure.error
      return { done: true, value: undefined }
    }
    this.taken++
    this.#context.index = input.index
    this.#context.meta = input.meta
    return { done: false, value: input.value }
  }

  #stir(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
