import type { Rate } from './defaults.js'
import { Ring } from './ring.js'

/**
 * A sliding log of when things happened. Exact: it knows each of them that still counts, at most `count`, so that no
 * stretch of `perMs` ever holds more. A counter per interval would let through twice as many around the end of one.
 */
export class SlidingLog {
  readonly #rate: Rate
  readonly #times = new Ring<number>()

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** Milliseconds until one more is allowed; 0 if it is now. */
  waitMs(): number {
    const { count, perMs } = this.#rate
    const now = this.#forget()
    const oldest = this.#times.first
    return oldest === undefined || this.#times.size < count ? 0 : oldest + perMs - now
  }

  note(): void {
    this.#times.push(this.#forget())
  }

  /** Drops what does not count any more; gives the time. */
  #forget(): number {
    const now = performance.now()
    for (let oldest = this.#times.first; oldest !== undefined; oldest = this.#times.first) {
      if (now - oldest < this.#rate.perMs) break
      this.#times.shift()
    }
    return now
  }
}
