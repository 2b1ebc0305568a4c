import { afterEach, beforeEach } from 'vitest'
import { seeded } from './blackbox.js'

/** One call that waits to be released. */
interface Step {
  readonly label: string
  readonly go: () => void
}

/** How a run is driven. */
export interface Driving {
  /** Stop after so many releases, even if the work has not settled. */
  readonly releases?: number
  /** How long the work may take by itself when nothing is left to release: for grace periods, which are timers. */
  readonly patienceMs?: number
}

/** Nothing is left to release, and the work has not settled. */
export class StalledError extends Error {
  constructor(scheduler: Scheduler) {
    const last = scheduler.order.slice(-5).join(', ')
    super(`Stalled after ${scheduler.order.length} releases, the last of them ${last} (seed ${scheduler.seed})`)
  }
}

const turn = globalThis.setImmediate
const now = performance.now.bind(performance)

/** Turns of the event loop without anything new after which everything that can move has moved. */
const QUIET_TURNS = 2

/**
 * Decides in which order the calls of a graph under test go on. Each of them waits at {@link step}; the scheduler lets
 * one go, waits until everything that follows from it has happened, lets the next one go, and so on. Everything that it
 * decides is drawn from the seed: the same seed releases the same calls in the same order.
 * That needs {@link stillClock}.
 */
export class Scheduler {
  readonly seed: number
  /** Labels in the order in which they were released. */
  readonly order: string[] = []
  readonly #random: () => number
  readonly #synchronous: number
  #pending: Step[] = []
  /** Calls of `step` so far, by label. */
  readonly #calls = new Map<string, number>()
  /** Grows with everything that happens. */
  #happened = 0

  /** @param synchronous the share of calls that need not wait at all */
  constructor(seed: number, { synchronous = 0.25 }: { readonly synchronous?: number } = {}) {
    this.seed = seed
    this.#random = seeded(seed)
    this.#synchronous = synchronous
  }

  /** Labels of the calls that wait, in alphabetical order. */
  get waiting(): readonly string[] {
    return this.#pending.map(({ label }) => label).toSorted()
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
    return released === undefined ? work() : released.then(work)
  }

  /**
   * Releases one call after the other until `work` settles, or the given number is released.
   *
   * @returns whether `work` has settled
   * @throws StalledError when nothing waits and `work` does not settle
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
    const latest = now() + patienceMs
    for (let released = 0; ; ) {
      await this.#runDry()
      if (settled || released >= releases) return settled
      if (this.release()) released++
      else if (!(await this.#settlesAlone(() => settled, latest))) throw new StalledError(this)
    }
  }

  /** Releases one of the calls that wait; `false` if none does. */
  release(): boolean {
    if (this.#pending.length === 0) return false
    const sorted = this.#pending.toSorted((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0))
    const step = sorted[Math.floor(this.#random() * sorted.length)]
    if (step === undefined) return false
    this.#pending = this.#pending.filter((other) => other !== step)
    this.#happened++
    this.order.push(step.label)
    step.go()
    return true
  }

  /** Releases everything that waits, and whatever comes to wait because of it. */
  async releaseAll(): Promise<void> {
    do {
      while (this.release());
      await this.#runDry()
    } while (this.#pending.length > 0)
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
  async #settlesAlone(settled: () => boolean, latest: number): Promise<boolean> {
    for (let turns = 0; turns < 20 || now() < latest; turns++) {
      if (settled() || this.#pending.length > 0) return true
      await new Promise<void>((resolve) => turn(resolve))
    }
    return settled() || this.#pending.length > 0
  }
}

/**
 * Makes `performance.now` stand still in every test of this file. The engine reads it to decide when to let the event
 * loop breathe, which would make the order of events depend on how fast the machine is.
 */
export function stillClock(): void {
  const { now: running } = performance
  beforeEach(() => {
    performance.now = () => 0
  })
  afterEach(() => {
    performance.now = running
  })
}

/** A number that is the same for the same text (FNV-1a). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let place = 0; place < text.length; place++) hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193)
  return hash >>> 0
}
