import { type AnyIterator, isThenable } from '@pipelines/core/coro'

/**
 * What an iterator gives, each value changed on its way. Not a generator: one that waits would make `return` wait too, and
 * closing must reach the iterator at once. Its steps are promises only where those of the iterator are.
 */
export class Elements {
  readonly #iterator: AnyIterator
  readonly #change: (value: unknown) => unknown

  /** @param change gives what to give in the place of a value */
  constructor(iterator: AnyIterator, change: (value: unknown) => unknown = (value) => value) {
    this.#iterator = iterator
    this.#change = change
  }

  next(): unknown {
    const step = this.#iterator.next()
    return isThenable(step) ? step.then((late) => this.#changed(late)) : this.#changed(step)
  }

  return(): unknown {
    return this.#iterator.return?.()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #changed(step: IteratorResult<unknown, unknown>): IteratorResult<unknown, unknown> {
    if (step.done === true) return step
    const { value } = step
    return { done: false, value: isThenable(value) ? value.then(this.#change) : this.#change(value) }
  }
}
