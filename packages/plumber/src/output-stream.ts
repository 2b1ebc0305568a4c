import { type Output, packet, Queue, type RunReport } from '@pipelines/core'
import type { Pipeline } from './pipeline.js'

/** A pipeline whose outputs go to `onOutput`, as `stream` starts it. */
export type StartPipeline = (onOutput: (output: Output) => unknown) => Pipeline

/**
 * The outputs of a run as an async generator. It starts with the first `next`; an output waits until the one before was
 * taken, and its leaf with it. Leaving the loop ends the run well, also while a `next` is waiting; `check` throws for a
 * run that did not complete.
 */
export class OutputStream implements AsyncGenerator<Output, void, void> {
  readonly #start: StartPipeline
  readonly #check: (report: RunReport) => void
  readonly #outputs = new Queue(1)
  readonly #inner: AsyncGenerator<Output, void, void>
  #pipeline: Pipeline | undefined

  constructor(start: StartPipeline, check: (report: RunReport) => void) {
    this.#start = start
    this.#check = check
    this.#inner = this.#draw()
  }

  next(): Promise<IteratorResult<Output, void>> {
    return this.#inner.next()
  }

  return(): Promise<IteratorResult<Output, void>> {
    this.#leave()
    return this.#inner.return()
  }

  throw(error: unknown): Promise<IteratorResult<Output, void>> {
    this.#leave()
    return this.#inner.throw(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** A generator would hear of `return` only after the `next` that waits. */
  #leave(): void {
    this.#pipeline?.closeOutputs()
    this.#outputs.close()
  }

  async *#draw(): AsyncGenerator<Output, void, void> {
    const outputs = this.#outputs
    const pipeline = this.#start((output) => outputs.put(packet(output)))
    this.#pipeline = pipeline
    // What waits for its turn when the run is doomed is in the report, so it must not be handed over as well.
    pipeline.on('state', ({ to }) => to === 'doomed' && outputs.letGo())
    void pipeline.settled.then(() => outputs.end())
    try {
      for await (const { value } of outputs) yield value as Output // only outputs are put above
      this.#check(await pipeline.settled)
    } finally {
      this.#leave()
      await pipeline.settled
    }
  }
}
