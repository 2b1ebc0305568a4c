import type { IncomingMessage } from 'node:http'

const EVENTS = ['readable', 'end', 'error', 'close'] as const

/**
 * The body of a request of `node:http`, as it comes; nothing is read ahead. Ending it early leaves the connection as it is.
 * Not the stream's own iterator: beside a handler that listens for `data` and `end`, a small body cost 15 µs of processor time
 * more with this and 22 with that.
 */
export class RequestBytes implements AsyncIterableIterator<Uint8Array, void, void> {
  readonly #request: IncomingMessage
  #error: Error | undefined
  #isOver: boolean
  /** Lets go whoever waits for something to happen. */
  #wake: () => void = () => {}

  constructor(request: IncomingMessage) {
    this.#request = request
    this.#isOver = request.readableEnded
    for (const event of EVENTS) request.on(event, this.#stirred)
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    for (;;) {
      const bytes: Uint8Array | null = this.#isOver ? null : this.#request.read()
      if (bytes !== null) return { done: false, value: bytes }
      if (this.#isOver || this.#request.readableEnded) break
      if (this.#request.destroyed) {
        this.#error ??= new Error('The client left before all of its body had come.')
        break
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#end()
    if (this.#error !== undefined) throw this.#error
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Uint8Array, void>> {
    this.#end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  readonly #stirred = (error?: unknown): void => {
    if (error instanceof Error) this.#error ??= error
    this.#wake()
  }

  #end(): void {
    this.#isOver = true
    for (const event of EVENTS) this.#request.off(event, this.#stirred)
    this.#wake()
  }
}
