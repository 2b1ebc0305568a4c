import type { Context } from '@pipelines/core'
import type { Given } from './messages.js'

/** What outputs are read by, and told of. */
export interface OutputsSource {
  /** So many were taken: the worker may go on. */
  taken(count: number): void
  /** Nobody wants more. */
  wantsNoMore(): void
}

/** What feeds a stream. */
export interface Feed {
  /** The worker is at the input with this number, counted from 1. */
  advance(inputs: number): Promise<void> | undefined
  /** It has none left. */
  give(): void
}

/**
 * The outputs of a generator in a worker, drawn one by one. The worker is ahead by a bounded number of them. It is told
 * how many were taken each time they run out here.
 */
export class RemoteOutputs implements AsyncIterableIterator<unknown> {
  readonly #source: OutputsSource
  readonly #context: Pick<Context, 'emit'>
  /** Absent where it is no stream. */
  readonly #feed: Feed | undefined
  /** Whether the worker makes nothing before it is asked for. */
  readonly #inStep: boolean
  /** In step: how many it may have made at most, and how many were taken. */
  #allowed = 0
  #consumed = 0
  #given: Given[] = []
  #next = 0
  #over = false
  #error: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(
    source: OutputsSource,
    context: Pick<Context, 'emit'>,
    { feed, inStep }: { readonly feed?: Feed; readonly inStep: boolean },
  ) {
    this.#source = source
    this.#context = context
    this.#feed = feed
    this.#inStep = inStep
  }

  /** Some more have come. */
  add(given: readonly Given[]): void {
    this.#given.push(...given)
    this.#stir()
  }

  /** No more will come. */
  end(failure?: { readonly error: unknown }): void {
    this.#over = true
    this.#error = failure
    this.#stir()
  }

  async next(): Promise<IteratorResult<unknown>> {
    for (;;) {
      const given = this.#given[this.#next]
      if (given === undefined) {
        if (this.#next > 0) this.#taken()
        if (!this.#over) {
          if (this.#inStep) this.#askForOne()
          await this.#more()
          continue
        }
        const failure = this.#error
        this.#error = undefined
        if (failure !== undefined) throw failure.error
        return { done: true, value: undefined }
      }
      this.#next++
      const advancing = given.inputs === undefined ? undefined : this.#feed?.advance(given.inputs)
      if (advancing !== undefined) await advancing
      if (given.wants) this.#feed?.give()
      else if (given.port === undefined) return { done: false, value: given.value }
      else this.#context.emit(given.port, given.value, given.meta && { meta: given.meta })
    }
  }

  /** Settles when the generator has cleaned up; rejects with what that threw. */
  async return(): Promise<IteratorResult<unknown>> {
    this.#closed ??= this.#close()
    await this.#closed
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #close(): Promise<void> {
    if (!this.#over) this.#source.wantsNoMore()
    while (!this.#over) {
      // A stream may ask once more, to hear that there is nothing.
      for (const { wants } of this.#given.slice(this.#next)) if (wants) this.#feed?.give()
      this.#next = this.#given.length
      this.#taken()
      await this.#more()
    }
    const failure = this.#error
    this.#error = undefined
    if (failure !== undefined) throw failure.error
  }

  #taken(): void {
    const count = this.#given.slice(0, this.#next).filter(({ wants }) => !wants).length
    this.#given = []
    this.#next = 0
    if (this.#inStep) this.#consumed += count
    else if (count > 0 && !this.#over) this.#source.taken(count)
  }

  /** In step: lets the worker make one more than were taken. It may have been told so already. */
  #askForOne(): void {
    const more = this.#consumed + 1 - this.#allowed
    if (more <= 0) return
    this.#allowed += more
    this.#source.taken(more)
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake
      this.#wake = () => {
        before?.()
        resolve()
      }
    })
  }

  #stir(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
