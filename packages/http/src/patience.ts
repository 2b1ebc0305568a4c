/** Waits for others only for so long: between `begin` and `end`, what is waited for fails when the time is up. */
export class Patience {
  readonly #ms: number
  readonly #error: () => Error
  #timer: NodeJS.Timeout | undefined
  #expired = false
  #giveUp: ((error: Error) => void) | undefined

  constructor(ms: number, error: () => Error) {
    this.#ms = ms
    this.#error = error
  }

  begin(): void {
    if (this.#timer !== undefined || this.#expired) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#expired = true
      this.#giveUp?.(this.#error())
    }, this.#ms)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** What is waited for fails now, and so does all that is waited for later. */
  abort(): void {
    this.end()
    this.#expired = true
    this.#giveUp?.(this.#error())
  }

  wait<T>(work: Promise<T>): Promise<T> {
    if (this.#expired) {
      work.catch(() => {}) // nobody waits for it
      return Promise.reject(this.#error())
    }
    // One promise per wait, not a race with one that lives as long as this does: that would hold all of them.
    return new Promise((resolve, reject) => {
      this.#giveUp = reject
      work.then(resolve, reject)
    })
  }
}
