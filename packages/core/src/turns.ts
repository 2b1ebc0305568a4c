/** Lets results leave in the order in which their inputs were taken, whatever order they are ready in. */
export class Turns {
  #next = 0
  readonly #waiting = new Map<number, () => void>()
  #cleared = false

  /** Whether it is this turn now, so that {@link come} need not be awaited. */
  isNext(turn: number): boolean {
    return turn === this.#next
  }

  /** Waits for `turn`; `undefined` if it is now, or if turns no longer matter. */
  come(turn: number): Promise<void> | undefined {
    if (turn === this.#next || this.#cleared) return undefined
    return new Promise((resume) => this.#waiting.set(turn, resume))
  }

  /** The present turn is over. */
  done(): void {
    this.#next++
    const resume = this.#waiting.get(this.#next)
    if (resume === undefined) return
    this.#waiting.delete(this.#next)
    resume()
  }

  /** Lets everybody go: the node stops. */
  clear(): void {
    this.#cleared = true
    for (const resume of this.#waiting.values()) resume()
    this.#waiting.clear()
  }
}
