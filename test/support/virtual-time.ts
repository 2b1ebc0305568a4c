import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, imbalances, type Output } from '@pipelines/core'
import type { Plumber } from '@pipelines/plumber'
import { Scheduler, type VirtualClock } from '@pipelines/testkit'
import { expect } from 'vitest'
import type { Report } from './blackbox.js'
import { expectBalancedBooks } from './books.js'

/** Helpers of tests in which time matters: they run on a clock that jumps from timer to timer. */

/**
 * Runs `work` in virtual time: only when nothing else can go on, the timer that is due next goes off, and the clock is
 * as late as that. `now()` and `sleep` are virtual too, so that times are exact. Asserts that no timer is left.
 *
 * @param seed makes wake-ups late by a few microtasks, other ones for every seed
 */
export async function inVirtualTime<T>(work: (clock: VirtualClock) => T | Promise<T>, seed?: number): Promise<T> {
  const scheduler = new Scheduler(seed ?? 0, { wakeUps: seed === undefined ? 0 : 3 })
  const restore = scheduler.install()
  try {
    const result = (async () => work(scheduler.clock))()
    await scheduler.drive(result)
    const value = await result
    expectNoTimers(scheduler.clock)
    return value
  } finally {
    restore()
  }
}

/** Asserts that nothing is set to happen later. */
export function expectNoTimers({ timers }: VirtualClock): void {
  expect(
    timers.map(({ label }) => label),
    'timers that are left',
  ).toEqual([])
}

/** What the clock says, in milliseconds. */
export const now = (): number => performance.now()

/** A run from its start to its end, whatever that was. */
export interface Played {
  readonly report: Report
  readonly outputs: readonly (Output & { readonly atMs: number })[]
  readonly values: readonly unknown[]
  /** The values that a leaf gave. */
  readonly valuesOf: (leaf: string) => readonly unknown[]
  /** When it had settled. */
  readonly settledMs: number
}

/** Runs a graph without inlets, and checks its books. */
export async function played(plumber: Plumber, options: Readonly<Record<string, unknown>> = {}): Promise<Played> {
  const outputs: (Output & { readonly atMs: number })[] = []
  const onOutput = (output: Output): void => void outputs.push({ ...output, atMs: now() })
  const pipeline = plumber.createPipeline({ onOutput, ...options })
  const report = await pipeline.settled
  const settledMs = now()
  expectSound(report)
  const valuesOf = (leaf: string) => outputs.filter(({ node }) => node === leaf).map(({ value }) => value)
  return { report, outputs, values: outputs.map(({ value }) => value), valuesOf, settledMs }
}

/** Asserts that the books balance: by what the engine knows of them, and by what the tests do. */
export function expectSound(report: Report, inlets: readonly string[] = []): void {
  expect(imbalances(report)).toEqual([])
  expectBalancedBooks(report, inlets)
}

/** A coroutine that takes its time, and stops when it is told to. */
export const obedient =
  (ms: number | ((value: never) => number)) =>
  <T>(value: T, { signal }: Context): Promise<T> =>
    sleep(msOf(ms, value), value, { signal })

/** A coroutine that takes its time whatever its signal says. */
export const deaf =
  (ms: number | ((value: never) => number)) =>
  <T>(value: T): Promise<T> =>
    sleep(msOf(ms, value), value)

const msOf = (ms: number | ((value: never) => number), value: unknown): number =>
  typeof ms === 'number' ? ms : ms(value as never)

/** A source that gives each value at its time. */
export const timed = (...items: readonly (readonly [atMs: number, value: unknown])[]) =>
  async function* (_output: unknown, { signal }: Context): AsyncGenerator<unknown> {
    for (const [atMs, value] of items) {
      if (atMs > now()) await sleep(atMs - now(), undefined, { signal })
      yield value
    }
  }

/** The same coroutine, and when its calls began: `[value, ms]`. */
export function watched(coro: (value: never, context: Context) => unknown): {
  readonly starts: (readonly [value: unknown, atMs: number])[]
  readonly coro: (value: unknown, context: Context) => unknown
  /** The most calls that were in progress at once. */
  readonly most: () => number
} {
  const starts: (readonly [unknown, number])[] = []
  let running = 0
  let most = 0
  const noted = async (value: unknown, context: Context): Promise<unknown> => {
    starts.push([value, now()])
    most = Math.max(most, ++running)
    try {
      return await coro(value as never, context)
    } finally {
      running--
    }
  }
  return { starts, coro: noted, most: () => most }
}
