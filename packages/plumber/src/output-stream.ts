import { type Output, packet, Queue } from '@pipelines/core'

/** What outputs come from. */
export interface Outpouring {
  /** Settles when no more will come; rejects unless that was a good end. */
  readonly ended: Promise<unknown>
  /** Nobody wants more: a good end. */
  leave(): void
  /** Nobody wants more: no good end, where there is such a thing. */
  cancel?(reason: unknown): void
}

/** Starts what outputs come from. `letGo`: what waits to be handed over will not be. */
export type Pour = (onOutput: (output: Output) => unknown, letGo: () => void) => Outpouring

/**
 * The outputs of a run, or of a request, as an async generator. It starts with the first `next`; an output waits while
 * `queueSize` others do, and its leaf with it. Leaving the loop ends the whole well, also while a `next` is waiting.
 */
export class OutputStream implements AsyncGenerator<Output, void, void> {
  readonly #pour: Pour
  readonly #outputs: Queue
  readonly #inner: AsyncGenerator<Output, void, void>
  #source: Outpouring | undefined
  /** Why it was cancelled before it began. */
  #early: { readonly reason: unknown } | undefined
  /** Whether whoever took outputs has left. */
  #left = false

  constructor(pour: Pour, queueSize = 1) {
    this.#pour = pour
    this.#outputs = new Queue(queueSize)
    this.#inner = this.#draw()
  }

  next(): Promise<IteratorResult<Output, void>> {
    return this.#inner.next()
  }

  return(): Promise<IteratorResult<Output, void>> {
    this.#left = true
    this.#leave()
    return this.#inner.return()
  }

  throw(error: unknown): Promise<IteratorResult<Output, void>> {
    this.#left = true
    this.#leave()
    return this.#inner.throw(error)
  }

  /** Ends it: what waits for the next output is rejected, and its calls are told `reason`. */
  cancel(reason?: unknown): void {
    if (this.#source === undefined) this.#early = { reason }
    else this.#source.cancel?.(reason)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** A generator would hear of `return` only after the `next` that waits. */
  #leave(): void {
    this.#source?.leave()
    this.#outputs.close()
  }

  async *#draw(): AsyncGenerator<Output, void, void> {
    const outputs = this.#outputs
    const source = this.#pour(
      (output) => outputs.put(packet(output)),
      () => outputs.letGo(),
    )
    this.#source = source
    if (this.#early !== undefined) this.cancel(this.#early.reason)
    const end = (): void => outputs.end()
    const over = source.ended.then(end, end)
    try {
      for await (const { value } of outputs) yield value as Output // only outputs are put above
      if (!this.#left) await source.ended
    } finally {
      this.#leave()
      await over
    }
  }
}
