import type { Visit } from './visit.js'

/** Requests in progress. */
export class Visits {
  readonly #all = new Set<Visit>()
  /** Told when nothing is in progress any more. */
  #onEmpty: () => void = () => {}

  get size(): number {
    return this.#all.size
  }

  add(visit: Visit): void {
    this.#all.add(visit)
  }

  delete(visit: Visit): void {
    this.#all.delete(visit)
    if (this.size === 0) this.#onEmpty()
  }

  /**
   * Waits until there are none; then tells the others why they end; then ends the connections of those that did not.
   *
   * @param deadlineMs milliseconds for all that
   */
  async end(deadlineMs: number, reason: () => unknown): Promise<void> {
    await this.#emptied(deadlineMs * FLOW_OUT)
    for (const visit of this.#all) visit.cancel(reason())
    await this.#emptied(deadlineMs * SAY_WHY)
    for (const visit of this.#all) {
      visit.drop()
      visit.end(false)
    }
  }

  #emptied(ms: number): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** Parts of a deadline: for what may end by itself, and for its being told that it may not. */
const FLOW_OUT = 0.8
const SAY_WHY = 0.1
