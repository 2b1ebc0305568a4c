import type { Visit } from './visit.js'

/** Requests in progress. */
export class Visits {
  /** No set: one that members go through quickly is made anew all the time, and what is left of the old one keeps them. */
  readonly #all: Visit[] = []
  /** Told when nothing is in progress any more. */
  #onEmpty: () => void = () => {}

  get size(): number {
    return this.#all.length
  }

  add(visit: Visit): void {
    visit.place = this.#all.push(visit) - 1
  }

  delete(visit: Visit): void {
    const last = this.#all.pop()
    if (last !== undefined && last !== visit) {
      this.#all[visit.place] = last
      last.place = visit.place
    }
    if (this.size === 0) this.#onEmpty()
  }

  /**
   * Waits until there are none; then tells the others why they end; then ends the connections of those that did not.
   *
   * @param deadlineMs milliseconds for all that
   */
  async end(deadlineMs: number, reason: () => unknown): Promise<void> {
    await this.#emptied(deadlineMs * FLOW_OUT)
    for (const visit of [...this.#all]) visit.cancel(reason())
    await this.#emptied(deadlineMs * SAY_WHY)
    for (const visit of [...this.#all]) {
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
