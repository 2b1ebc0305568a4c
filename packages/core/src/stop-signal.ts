import { setMaxListeners } from 'node:events'
import { followsFrom } from './errors.js'

/** Whether and why a node was told to stop, and the `AbortSignal` that tells its coroutine, made when first read. */
export class StopSignal {
  /** `early`: nobody wants more, a success. `doomed`: everything ends now. */
  #state: 'none' | 'early' | 'doomed' = 'none'
  #reason: unknown
  #controller: AbortController | undefined

  get doomed(): boolean {
    return this.#state === 'doomed'
  }

  get reason(): unknown {
    return this.#reason
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      // Every call in progress may listen; that is no leak.
      setMaxListeners(0, this.#controller.signal)
      if (this.#state !== 'none') this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Notes the reason; {@link fire} tells the coroutine. Doomsday may follow an early stop, and nothing follows it. */
  set(state: 'early' | 'doomed', reason: unknown): void {
    this.#state = state
    this.#reason = reason
  }

  fire(): void {
    this.#controller?.abort(this.#reason)
  }

  /** Whether `error` only says that a call obeyed. */
  explains(error: unknown): boolean {
    return this.#state !== 'none' && followsFrom(error, this.#reason)
  }
}
