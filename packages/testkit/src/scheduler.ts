import { type Choices, seededChoices } from './choices.js'
import { hashOf, seeded } from './random.js'
import { VirtualClock } from './virtual-clock.js'
import { pretend } from './virtual-globals.js'

/** One call that waits to be released. */
interface Step {
  readonly label: string
  readonly go: () => void
}

export interface SchedulerOptions {
  /** The share of calls that need not wait at all. @defaultValue 0.25 */
  readonly synchronous?: number
  /**
   * By how many microtask turns `queueMicrotask` may be late while the scheduler is installed; with 0 the engine never
   * lets the event loop go round by itself either.
   *
   * @defaultValue 3
   */
  readonly wakeUps?: number
}

/** How a run is driven. */
export interface Driving {
  /** Stop after so many releases, even if the work has not settled. @defaultValue no limit */
  readonly releases?: number
  /** Milliseconds that the work may take by itself whenever nothing is left to release. @defaultValue 0 */
  readonly patienceMs?: number
}

/** Nothing is left to release, and the work has not settled. */
export class StalledError extends Error {
  /** Calls that were released and have not come to an end. */
  readonly inProgress: readonly string[]

  constructor({ order, choices, inProgress }: Scheduler) {
    const last = order.slice(-5).join(', ')
    const waits = inProgress.length === 0 ? '' : `; not finished: ${inProgress.join(', ')}`
    super(`Stalled after ${order.length} releases, the last of them ${last} (${choices.name})${waits}`)
    this.name = 'StalledError'
    this.inProgress = inProgress
  }
}

// Kept here because `install` and the tests' own fake timers may replace them.
const turn = globalThis.setImmediate
const now = performance.now.bind(performance)

/** One in so many releases, and one more, is followed by another before everything has happened that follows from it. */
const ALONGSIDE = 3

/** Turns of the event loop without anything new after which everything that can move has moved. */
const QUIET_TURNS = 2
/** Turns that work gets to settle by itself when nothing is left to release. */
const LAST_TURNS = 20

/**
 * Decides in which order the calls of the work under test go on. Each of them waits at {@link step}; the scheduler lets
 * one go, waits until everything that follows from it has happened, lets the next one go, and so on. All its decisions
 * come from a seed, or from a schedule: the same seed releases the same calls in the same order.
 *
 * That needs a clock that does not run: {@link install} it, unless the work looks at no clock and sets no timer.
 *
 * @example
 * const scheduler = new Scheduler(17)
 * const work = Promise.all(['a', 'b'].map((name) => scheduler.after(name, () => append(name))))
 * await scheduler.drive(work)
 */
export class Scheduler {
  readonly choices: Choices
  /** Labels in the order in which they were released. */
  readonly order: string[] = []
  /** Stands at 0 unless installed. */
  readonly clock: VirtualClock = new VirtualClock()
  readonly #synchronous: number
  readonly #wakeUps: number
  #pending: Step[] = []
  readonly #inProgress = new Set<{ readonly label: string }>()
  /** Calls of `step` so far, by label. */
  readonly #calls = new Map<string, number>()
  /** Grows with everything that happens. */
  #happened = 0

  /** @param choices a seed, or other decisions */
  constructor(choices: number | Choices, { synchronous = 0.25, wakeUps = 3 }: SchedulerOptions = {}) {
    this.choices = typeof choices === 'number' ? seededChoices(choices) : choices
    this.#synchronous = synchronous
    this.#wakeUps = wakeUps
  }

  /** What else is to be drawn for this run is drawn from this; 0 where a schedule decides. */
  get seed(): number {
    return this.choices.seed
  }

  /** Labels of the calls that wait, in alphabetical order. */
  get waiting(): readonly string[] {
    return this.#pending.map(({ label }) => label).toSorted()
  }

  /** Labels of the calls that were let go and have not settled, in alphabetical order; see {@link watch}. */
  get inProgress(): readonly string[] {
    return [...this.#inProgress].map(({ label }) => label).toSorted()
  }

  /**
   * Puts a virtual clock in the place of the real one, for the whole process. No time passes by itself: whenever the
   * scheduler decides, the timer that is due next is one of those that may go on, and when it does, it is that late.
   * So a timeout may strike at any moment that the order of events allows. `queueMicrotask` runs its task up to
   * `wakeUps` microtask turns late.
   *
   * Virtual are `setTimeout`, `setInterval` and what clears them (also from `node:timers`), `setTimeout` from
   * `node:timers/promises`, `Date` and `performance.now`; neither `setImmediate` nor `AbortSignal.timeout`. `Math.random`
   * gives the same numbers for the same seed, unless something else was put in its place before.
   *
   * @returns what puts everything back; call it in any case
   * @throws an Error while another scheduler is installed
   */
  install(): () => void {
    const lateAtAll = this.#wakeUps > 0
    const onChange = (): void => {
      this.#happened++
    }
    return pretend({
      clock: this.clock,
      delay: () => (lateAtAll ? this.choices.delay(this.#wakeUps) : 0),
      breathes: () => {
        const breathes = lateAtAll && this.choices.breathes()
        if (breathes) onChange()
        return breathes
      },
      random: seeded(hashOf(`random numbers of ${this.seed}`)),
      onChange,
    })
  }

  /**
   * Waits to be released. `undefined` where the seed says that this call need not wait, so that the caller can stay
   * synchronous. With a signal, it rejects with the signal's reason as soon as that aborts.
   *
   * @param label what waits; calls that may wait at the same time should differ in it
   */
  step(label: string, signal?: AbortSignal): Promise<void> | undefined {
    this.#happened++
    const call = (this.#calls.get(label) ?? 0) + 1
    this.#calls.set(label, call)
    // Not drawn in the order of the calls, which is up to the engine.
    if (seeded(hashOf(`${this.seed} ${label} ${call}`))() < this.#synchronous) return undefined
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const step: Step = {
        label,
        go: () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
      }
      const abort = (): void => {
        this.#happened++
        this.#pending = this.#pending.filter((other) => other !== step)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#pending.push(step)
    })
  }

  /** Runs `work` once it is released; at once where the seed says so. */
  after<T>(label: string, work: () => T, signal?: AbortSignal): T | Promise<T> {
    const released = this.step(label, signal)
    return released === undefined ? this.watch(label, work()) : released.then(() => this.watch(label, work()))
  }

  /** Names the call that gave `result` among those in progress, until it settles; gives `result` back. */
  watch<T>(label: string, result: T): T {
    if (!(result instanceof Promise)) return result
    const call = { label }
    const over = (): void => {
      this.#inProgress.delete(call)
    }
    this.#inProgress.add(call)
    result.then(over, over)
    return result
  }

  /**
   * Releases one call or timer after the other until `work` settles, or the given number is released.
   *
   * @returns whether `work` has settled
   * @throws StalledError when nothing waits and `work` does not settle; or what the callback of a timer throws
   */
  async drive(
    work: PromiseLike<unknown>,
    { releases = Number.POSITIVE_INFINITY, patienceMs = 0 }: Driving = {},
  ): Promise<boolean> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    work.then(settle, settle)
    for (let released = 0; ; ) {
      await this.#runDry()
      if (settled || released >= releases) return settled
      if (this.release()) {
        released++
        while (!settled && released < releases && (await this.#releaseAlongside())) released++
        continue
      }
      if (!(await this.#settlesAlone(() => settled, patienceMs))) throw new StalledError(this)
    }
  }

  /** Releases one of the calls that wait, or the timer that is due next; `false` if there is none. */
  release(): boolean {
    const steps = this.#sorted()
    const [timer] = this.clock.timers
    const ways = steps.length + (timer === undefined ? 0 : 1)
    if (ways === 0) return false
    const step = steps[this.choices.choose(ways)]
    if (step !== undefined) this.#let(step)
    else if (timer !== undefined) {
      this.#happened++
      this.order.push(timer.label)
      this.clock.advance()
    }
    return true
  }

  /** Releases every call that waits, and whatever comes to wait because of it; no timers. */
  async releaseAll(): Promise<void> {
    do {
      for (const step of this.#sorted()) this.#let(step)
      await this.#runDry()
    } while (this.#pending.length > 0)
  }

  get #canRelease(): boolean {
    return this.#pending.length > 0 || this.clock.timers.length > 0
  }

  #sorted(): Step[] {
    return this.#pending.toSorted((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0))
  }

  #let(step: Step): void {
    this.#pending = this.#pending.filter((other) => other !== step)
    this.#happened++
    this.order.push(step.label)
    step.go()
  }

  /**
   * Now and then, lets some of what follows from the last release happen, and then another call go on in the middle of
   * it. Only calls: no timer strikes between two microtasks.
   */
  async #releaseAlongside(): Promise<boolean> {
    if (this.#wakeUps === 0 || this.choices.delay(ALONGSIDE) < ALONGSIDE) return false
    for (let turns = this.choices.delay(this.#wakeUps); turns > 0; turns--) await undefined
    const steps = this.#sorted()
    const step = steps.length === 0 ? undefined : steps[this.choices.choose(steps.length)]
    if (step !== undefined) this.#let(step)
    return step !== undefined
  }

  /** Lets everything happen that follows from the last release. */
  async #runDry(): Promise<void> {
    for (let quiet = 0, seen = this.#happened; quiet < QUIET_TURNS; quiet++) {
      await new Promise<void>((resolve) => turn(resolve))
      if (seen === this.#happened) continue
      seen = this.#happened
      quiet = -1
    }
  }

  /** Gives the work some more turns, or the time that it is granted, until it settles or something comes to wait. */
  async #settlesAlone(settled: () => boolean, patienceMs: number): Promise<boolean> {
    const latest = now() + patienceMs
    for (let turns = 0; turns < LAST_TURNS || now() < latest; turns++) {
      if (settled() || this.#canRelease) return true
      await new Promise<void>((resolve) => turn(resolve))
    }
    return settled() || this.#canRelease
  }
}
