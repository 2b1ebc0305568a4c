import type { Retry } from './defaults.js'

/** Milliseconds to wait after attempt number `attempt`, which has failed. @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter */
export function delayAfter(attempt: number, { minDelayMs, maxDelayMs, factor, jitter }: Retry): number {
  // Bounded before it is multiplied: zero times infinity is no number.
  const longest = Math.min(maxDelayMs, minDelayMs * Math.min(factor ** (attempt - 1), Number.MAX_VALUE))
  return jitter === 'full' ? Math.random() * longest : longest
}

/**
 * The time that an attempt has left. It runs while the coroutine is at work, and stands while its outputs wait for room
 * or for their turn: that is the engine's time.
 */
export class Clock {
  /** Whether the time is up. */
  expired = false
  readonly #onExpired: () => void
  #leftMs: number
  #since = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined
  /** Lets go whoever waits for the coroutine. */
  #release: (() => void) | undefined

  /** @param onExpired told once, when the time is up; the attempt has failed then */
  constructor(limitMs: number, onExpired: () => void) {
    this.#leftMs = limitMs
    this.#onExpired = onExpired
  }

  run(): void {
    if (this.#timer !== undefined || this.expired || this.#ended) return
    this.#since = performance.now()
    this.#timer = setTimeout(() => this.#expire(), Math.ceil(this.#leftMs))
  }

  stop(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#since))
  }

  /** It does not matter any more how long it takes. */
  end(): void {
    this.#ended = true
    this.stop()
  }

  /** Settles as `work` does; rejects when the time is up before that. */
  within<T>(work: PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const release = (): void => reject(new Error('out of time'))
      this.#release = release
      work.then(resolve, reject)
    })
  }

  #expire(): void {
    this.#timer = undefined
    this.expired = true
    this.#onExpired()
    this.#release?.()
  }
}
