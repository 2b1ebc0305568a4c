import { pacer } from './pacer.js'

/** Milliseconds that may pass before another packet of a queue is timed. */
const APART_MS = 1

interface Mark {
  readonly number: number
  readonly at: number
}

/**
 * When the packets of a queue entered it, as far as that is known. Looking at the clock for each would cost a fifth of a
 * hop (50 ns of 250). So only those are timed that find the queue empty, and every eighth if some time has passed since
 * the last one, by the clock that somebody else looked at lately.
 */
export class Ages {
  /** When the last timed packet entered that has left, or is the oldest inside. */
  #at = 0
  /** Timed packets behind it, oldest first. */
  #later: Mark[] = []
  #last = 0

  /** Whether the next packet is worth another look at the clock. */
  get due(): boolean {
    return pacer.lately - this.#last >= APART_MS
  }

  /** A packet enters, and finds nothing inside. */
  first(): void {
    this.#last = pacer.look()
    this.#at = this.#last
    if (this.#later.length > 0) this.#later = []
  }

  /** Packet `number` enters; `oldest` is the first that is inside. */
  next(number: number, oldest: number): void {
    this.#pass(oldest)
    this.#last = pacer.look()
    this.#later.push({ number, at: this.#last })
  }

  /** Milliseconds since packet `number`, the oldest inside, entered; or since the last one before it that was timed. */
  ageOf(number: number): number {
    this.#pass(number)
    return performance.now() - this.#at
  }

  #pass(oldest: number): void {
    let past = 0
    for (let mark = this.#later[0]; mark !== undefined && mark.number <= oldest; mark = this.#later[past]) {
      this.#at = mark.at
      past++
    }
    if (past > 0) this.#later = this.#later.slice(past)
  }
}
