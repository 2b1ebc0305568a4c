/** Most items in one message. */
const MOST = 256
/** Milliseconds of work that one message should not exceed: others wait behind it, and other workers may be idle. */
const WORK_MS = 1
/** Bytes of large buffers that one message should not exceed. */
const BYTES = 2 ** 20
/**
 * Items that a worker has to have done before a message gets one item more. What a worker holds fails with it when it
 * dies, so a new one holds little.
 */
const EARNED = 16
/** Weight of the latest message in the averages. */
const WEIGHT = 0.25

/** How many items travel together: as many as were worked off in a short time so far. */
export class Pace {
  #done = 0
  #ms = 0
  #bytes = 0

  /** So many items were worked off, in a time and with large buffers. */
  note(count: number, ms: number, bytes: number): void {
    if (count === 0) return
    const weight = this.#done === 0 ? 1 : WEIGHT
    this.#done += count
    this.#ms += weight * (ms / count - this.#ms)
    this.#bytes += weight * (bytes / count - this.#bytes)
  }

  /** Items for one message. */
  get batch(): number {
    const most = Math.min(MOST, 1 + Math.floor(this.#done / EARNED), WORK_MS / this.#ms, BYTES / this.#bytes)
    return Math.max(1, Math.floor(most))
  }

  /** Messages that a worker may have: the next one waits there while this one is worked off, if that takes no time. */
  get messages(): number {
    return this.#done >= EARNED && this.#ms < WORK_MS / 2 && this.#bytes < BYTES / 2 ? 2 : 1
  }
}
