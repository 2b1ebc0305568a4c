/** Waits for others only for so long: between `begin` and `end`, what is waited for fails when the time is up. */
export class Patience {
  readonly #ms: number
  readonly #error: () => Error
  #timer: NodeJS.Timeout | undefined
  /** Why nothing is waited for any more. */
  #reason: { readonly reason: unknown } | undefined
  #giveUp: ((reason: unknown) => void) | undefined

  constructor(ms: number, error: () => Error) {
    this.#ms = ms
    this.#error = error
  }

  begin(): void {
    if (this.#timer !== undefined || this.#reason !== undefined) return
    this.#timer = setTimeout(() => this.abort(this.#error()), this.#ms)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** What is waited for fails now, and so does all that is waited for later. */
  abort(reason: unknown): void {
    this.end()
    this.#reason ??= { reason }
    this.#giveUp?.(reason)
  }

  wait<T>(work: Promise<T>): Promise<T> {
    if (this.#reason !== undefined) {
      work.catch(() => {}) // nobody waits for it
      return Promise.reject(this.#reason.reason)
    }
    // One promise per wait, not a race with one that lives as long as this does: that would hold all of them.
    return new Promise((resolve, reject) => {
      this.#giveUp = reject
      work.then(resolve, reject)
    })
  }
}
