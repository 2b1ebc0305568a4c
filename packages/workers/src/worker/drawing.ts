import { type AnyIterator, DROP, isThenable } from '@pipelines/core/coro'
import type { Emitted } from '../messages.js'
import type { Outputs } from './outputs.js'

/** What a drawing has to know. */
interface Surroundings {
  /** How many inputs a stream has taken; `undefined` where there is no stream. */
  readonly inputs: () => number | undefined
  /** Told of each output. */
  readonly given: () => void
}

/** Draws what a call gives one by one, no faster than there is room for it, until it ends or nobody wants more. */
export class Drawing {
  readonly #outputs: Outputs
  readonly #surroundings: Surroundings
  #iterator: AnyIterator | undefined
  /** Set when nobody wants more: settles when the iterator has cleaned up. */
  #ending: Promise<unknown> | undefined

  constructor(outputs: Outputs, surroundings: Surroundings) {
    this.#outputs = outputs
    this.#surroundings = surroundings
  }

  async draw(iterator: AnyIterator): Promise<void> {
    this.#iterator = iterator
    if (this.#ending !== undefined) this.#close()
    try {
      while (this.#ending === undefined) {
        if (this.#outputs.isFull) {
          await this.#outputs.room()
          continue
        }
        const stepping = iterator.next()
        if (isThenable(stepping)) this.#outputs.flushSoon()
        const step = isThenable(stepping) ? await stepping : stepping
        if (step.done === true) return
        const value = isThenable(step.value) ? await step.value : step.value
        if (value !== DROP) this.put(value)
      }
      await this.#ending
    } catch (error) {
      this.#close()
      throw error
    }
  }

  put(value: unknown): void {
    this.#outputs.add({ value, inputs: this.#surroundings.inputs() })
    this.#surroundings.given()
  }

  emit({ port, value, meta }: Emitted): void {
    this.#outputs.add({ port, value, meta, inputs: this.#surroundings.inputs() })
  }

  /** Nobody wants more. */
  end(): void {
    this.#ending ??= Promise.resolve()
    this.#close()
    this.#outputs.end()
  }

  /** Lets the iterator clean up, once. */
  #close(): void {
    const iterator = this.#iterator
    if (iterator === undefined) return
    this.#iterator = undefined
    // Not awaited here: one that waits for something is told at once, and ends when that has come.
    this.#ending = new Promise((resolve) => resolve(iterator.return?.()))
    this.#ending.catch(() => {}) // whoever draws from it sees that
  }
}
