import type { Context } from '@pipelines/core'
import { apart, type Given, type GivenTogether } from './given.js'

/** What outputs are read by, and told of. */
export interface OutputsSource {
  /** So many were taken: the worker may go on. */
  taken(count: number): void
  /** Nobody wants more. */
  wantsNoMore(): void
}

/** What feeds a stream. */
export interface Feed {
  /** Inputs that the worker was sent and is not at. */
  readonly ahead: number
  /** The worker is at the input with this number, counted from 1. */
  advance(inputs: number): void | Promise<void>
  /**
   * It has none left.
   *
   * @param spentMs what it took for the last ones
   * @param allow lets the worker have made so many more outputs than were taken; gives how many that adds
   */
  give(spentMs: number, allow: (outputs: number) => number): void
}

export interface RemoteOutputsOptions {
  /** Absent where it is no stream. */
  readonly feed?: Feed
  /** Whether the worker makes nothing that there is no place for. */
  readonly inStep: boolean
  /** In step, for how many outputs there are places, of at most so many. One, if nobody says so. */
  readonly places?: (most: number) => number
}

/** Most outputs that a source in step may make before the next are asked for. */
const AHEAD = 64

/**
 * The outputs of a generator in a worker, drawn one by one. The worker is ahead by a bounded number of them. It is told
 * how many were taken each time they run out here; in step, how many more there are places for.
 */
export class RemoteOutputs {
  readonly #source: OutputsSource
  readonly #context: Pick<Context, 'emit'>
  readonly #feed: Feed | undefined
  readonly #inStep: boolean
  readonly #places: (most: number) => number
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
    { feed, inStep, places = () => 1 }: RemoteOutputsOptions,
  ) {
    this.#source = source
    this.#context = context
    this.#feed = feed
    this.#inStep = inStep
    this.#places = places
  }

  /** Some more have come. */
  add(given: GivenTogether): void {
    this.#given.push(...apart(given))
    this.#stir()
  }

  /** No more will come. */
  end(failure?: { readonly error: unknown }): void {
    this.#over = true
    this.#error = failure
    this.#stir()
  }

  /** The next output: at once if it is here, so that those that came together cost no promises. */
  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
    for (;;) {
      const given = this.#given[this.#next]
      if (given === undefined) {
        if (this.#next > 0) this.#taken()
        if (this.#over) return this.#ended()
        if (this.#inStep) this.#ask()
        return this.#more().then(() => this.next())
      }
      this.#next++
      const advancing = given.inputs === undefined ? undefined : this.#feed?.advance(given.inputs)
      if (advancing !== undefined) return advancing.then(() => this.#give(given) ?? this.next())
      const step = this.#give(given)
      if (step !== undefined) return step
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
      for (const { wants } of this.#given.slice(this.#next)) if (wants !== undefined) this.#feed?.give(wants, () => 0)
      this.#next = this.#given.length
      this.#taken()
      await this.#more()
    }
    const failure = this.#error
    this.#error = undefined
    if (failure !== undefined) throw failure.error
  }

  /** What was given is in hand; nothing, where it is not yielded. */
  #give({ wants, port, value, meta }: Given): IteratorResult<unknown> | undefined {
    if (wants !== undefined) {
      // It has kept what it needs for the output that it may be making, and no more.
      this.#allowed = Math.min(this.#allowed, this.#consumed + 1)
      this.#feed?.give(wants, (outputs) => this.#allow(outputs))
      return undefined
    }
    this.#consumed++
    if (port === undefined) return { done: false, value }
    this.#context.emit(port, value, meta && { meta })
    return undefined
  }

  #ended(): IteratorResult<unknown> | Promise<never> {
    const failure = this.#error
    this.#error = undefined
    return failure === undefined ? { done: true, value: undefined } : Promise.reject(failure.error)
  }

  #taken(): void {
    const count = this.#given.slice(0, this.#next).filter(({ wants }) => wants === undefined).length
    this.#given = []
    this.#next = 0
    if (count > 0 && !this.#over && !this.#inStep) this.#source.taken(count)
  }

  /**
   * In step: lets the worker go on, if it may have come to a stop. With one more output than it has inputs: it may be
   * asking for the next ones already, and then has use for one only.
   */
  #ask(): void {
    if (this.#allowed > this.#consumed) return
    const most = this.#feed === undefined ? AHEAD : this.#feed.ahead + 1
    this.#source.taken(this.#allow(this.#places(most)))
  }

  #allow(outputs: number): number {
    const more = Math.max(0, this.#consumed + outputs - this.#allowed)
    this.#allowed += more
    return more
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
