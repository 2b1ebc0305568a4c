/** How far back the present pace is measured: shorter and the number flickers, longer and it lags behind. */
const WINDOW_MS = 5_000

/** How fast a count has been going up lately. */
export class Pace {
  /** From the youngest that is as old as the window, or else from the first, up to now. */
  readonly #counts: { readonly atMs: number; readonly count: number }[] = []

  /** Adds what the count was at a moment of the run; moments come in their order. */
  add(atMs: number, count: number): void {
    this.#counts.push({ atMs, count })
    while ((this.#counts[1]?.atMs ?? atMs) <= atMs - WINDOW_MS) this.#counts.shift()
  }

  /** How much it went up per second; 0 where no time has passed. */
  get perSecond(): number {
    const [first] = this.#counts
    const last = this.#counts.at(-1)
    return first === undefined || last === undefined ? 0 : perSecond(last.count - first.count, last.atMs - first.atMs)
  }
}

/** So many in so many milliseconds, per second; 0 where that is no number. */
export function perSecond(count: number, ms: number): number {
  return ms > 0 && count > 0 ? (count / ms) * 1000 : 0
}
