/** Fewest and most items between two looks at the clock. */
const SHORT = 8
const LONG = 32
/** Milliseconds between two looks that are few enough to look less often. */
const SOON_MS = 0.05
/** Longest synchronous stretch, in milliseconds. */
const STRETCH_MS = 8

/**
 * Lets the event loop breathe: a run made only of microtasks would keep timers and sockets waiting for ever. Shared by
 * everything in the process, because the stretch that starves the loop is the sum of all runs.
 * Measured: a 10 ms timer beside a busy run fired after 233 ms without, 7 to 28 ms with it, at no measurable cost.
 */
class Pacer {
  /** When somebody last looked at the clock: the time for those who can do with that of some items ago. */
  lately = 0
  /** Items until the next look. */
  #left = SHORT
  #stride = SHORT
  #since = 0
  #turn: Promise<void> | undefined

  /** Call between two items; `true` when it is time to await {@link turn}. */
  due(): boolean {
    if (--this.#left > 0) return false
    const before = this.lately
    // A look costs 50 ns, as much as an item: quick items are looked at less often, slow ones at once more often again.
    this.#stride = this.look() - before < SOON_MS ? Math.min(LONG, this.#stride * 2) : SHORT
    this.#left = this.#stride
    return this.late
  }

  /** Whether it was time when somebody last looked. */
  get late(): boolean {
    return this.lately - this.#since >= STRETCH_MS
  }

  /** What `performance.now` says. */
  look(): number {
    this.lately = performance.now()
    return this.lately
  }

  /** Settles after the event loop went round. */
  turn(): Promise<void> {
    this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = undefined
        this.#since = this.look()
        resolve()
      })
    })
    return this.#turn
  }
}

export const pacer: Pacer = new Pacer()
export type { Pacer }
