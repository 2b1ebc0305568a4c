import { PipelineError } from './errors.js'
import { isThenable } from './iterate.js'
import type { Deliver, Output } from './leaf.js'

/** For whom outputs are handed over. */
export interface DeliveryOwner {
  /** Whether nobody waits for outputs any more. */
  isOver(): boolean
  fail(error: PipelineError): void
}

/**
 * Hands outputs of leaves to `onOutput`, one at a time and first come first served: what it returns is awaited
 * before it is called again, and what it throws fails its owner. When that is over, nobody waits for it any longer.
 */
export class Delivery {
  readonly #onOutput: (output: Output) => unknown
  readonly #owner: DeliveryOwner
  /** The last delivery under way; the next one follows it. */
  #last: Promise<boolean> | undefined
  /** Lets go whoever waits for the present call. */
  #release: () => void = () => {}

  constructor(onOutput: (output: Output) => unknown, owner: DeliveryOwner) {
    this.#onOutput = onOutput
    this.#owner = owner
  }

  readonly deliver: Deliver = (output) => {
    if (this.#last !== undefined)
      return this.#follow(this.#last.then(() => !this.#owner.isOver() && (this.#hand(output) ?? true)))
    const handed = this.#hand(output)
    return handed === undefined ? undefined : this.#follow(handed)
  }

  /** Whether an output is in the hands of `onOutput`. */
  get busy(): boolean {
    return this.#last !== undefined
  }

  clear(): void {
    this.#release()
  }

  #hand(output: Output): Promise<boolean> | undefined {
    try {
      const handed = this.#onOutput(output)
      if (!isThenable(handed)) return undefined
      return new Promise((resolve) => {
        const release = (): void => resolve(false)
        this.#release = release
        Promise.resolve(handed).then(
          () => resolve(!this.#owner.isOver()),
          (error) => resolve(this.#fail(error)),
        )
      })
    } catch (error) {
      return Promise.resolve(this.#fail(error))
    }
  }

  #follow(delivery: Promise<boolean>): Promise<boolean> {
    this.#last = delivery
    void delivery.then(() => {
      if (this.#last === delivery) this.#last = undefined
    })
    return delivery
  }

  #fail(cause: unknown): false {
    this.#owner.fail(new PipelineError('RUN_FAILED', { what: 'onOutput', cause }, cause))
    return false
  }
}
