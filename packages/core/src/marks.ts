/** Of the packets that enter a queue which is not empty, those with a number that this divides are timed. */
export const MARKED = 16

/**
 * When the packets of a queue entered it, as far as that is known. Looking at the clock for each would cost an eighth of
 * a hop (45 ns of 350), so only those are timed that find the queue empty, and every 16th.
 */
export class Marks {
  /** Times of every 16th packet; as many as can be inside at once. */
  readonly #times: number[] = []
  readonly #places: number
  /** The last packet that found the queue empty. */
  #first = 0
  #firstAt = 0

  constructor(capacity: number) {
    this.#places = Math.ceil(capacity / MARKED) + 1
  }

  /** Packet `number`, which has entered, is timed; `alone` if nothing else was inside. */
  enter(number: number, alone: boolean): void {
    if (alone) {
      this.#first = number
      this.#firstAt = performance.now()
    } else this.#times[(number / MARKED) % this.#places] = performance.now()
  }

  /** Milliseconds since packet `number`, which is inside, entered; or since the last one before it that was timed. */
  ageOf(number: number): number {
    const timed = number - (number % MARKED)
    const at = this.#first >= timed ? this.#firstAt : (this.#times[(timed / MARKED) % this.#places] ?? this.#firstAt)
    return performance.now() - at
  }
}
