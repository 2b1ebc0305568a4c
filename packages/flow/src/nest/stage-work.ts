import { isThenable } from '@pipelines/core/coro'

/** A call that may take its time. */
export class StageWork {
  /** Settles when the call has; never rejects. */
  readonly settled: Promise<void>
  isOver = false
  #failure: { readonly error: unknown } | undefined

  /** Makes the call; `onOver` is called when it has settled, unless that is at once. */
  constructor(call: () => unknown, onOver: () => void) {
    this.settled = this.#make(call, onOver)
  }

  /** Throws what the call has thrown. */
  assertDone(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #make(call: () => unknown, onOver: () => void): Promise<void> {
    try {
      const result = call()
      if (isThenable(result)) {
        const over = (failure?: { readonly error: unknown }): void => {
          this.isOver = true
          this.#failure = failure
          onOver()
        }
        return Promise.resolve(result).then(
          () => over(),
          (error: unknown) => over({ error }),
        )
      }
    } catch (error) {
      this.#failure = { error }
    }
    this.isOver = true
    return DONE
  }
}

const DONE: Promise<void> = Promise.resolve()
