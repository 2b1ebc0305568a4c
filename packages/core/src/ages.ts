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
  /** Oldest first; at most one of them for a packet that has left, or for the oldest inside. */
  #marks: Mark[] = []
  #last = 0

  /** Whether the next packet is worth another look at the clock. */
  get due(): boolean {
    return pacer.lately - this.#last >= APART_MS
  }

  /** Packet `number` enters now; `oldest` is the first that is inside. */
  set(number: number, oldest: number): void {
    this.#trim(oldest)
    this.#last = pacer.look()
    this.#marks.push({ number, at: this.#last })
  }

  /** Milliseconds since packet `number`, which is inside, entered; or since the last one before it that was timed. */
  ageOf(number: number): number {
    this.#trim(number)
    const [mark] = this.#marks
    return mark === undefined ? 0 : performance.now() - mark.at
  }

  #trim(oldest: number): void {
    let past = 0
    for (let next = this.#marks[1]; next !== undefined && next.number <= oldest; next = this.#marks[past + 1]) past++
    if (past > 0) this.#marks = this.#marks.slice(past)
  }
}
