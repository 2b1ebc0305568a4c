import type { Rate } from './defaults.js'

/**
 * A sliding log of when things happened. Exact: it knows each of the last `count` times, so that no stretch of `perMs`
 * ever holds more. A counter per interval would let through twice as many around the end of one.
 */
export class SlidingLog {
  readonly #rate: Rate
  /** The last `count` times; circular once it is full. */
  readonly #times: number[] = []
  #next = 0

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** Milliseconds until one more is allowed; 0 if it is now. */
  waitMs(): number {
    const oldest = this.#times.length < this.#rate.count ? undefined : this.#times[this.#next]
    return oldest === undefined ? 0 : Math.max(0, oldest + this.#rate.perMs - performance.now())
  }

  note(): void {
    this.#times[this.#next] = performance.now()
    this.#next = (this.#next + 1) % this.#rate.count
  }
}
