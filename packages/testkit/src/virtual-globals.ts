import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers'
import promises from 'node:timers/promises'
import { promisify } from 'node:util'
import { pacer } from '@pipelines/core'
import { madeAbove } from './stack.js'
import type { VirtualClock, VirtualTimer } from './virtual-clock.js'

/** What a process is to be told in place of the truth. */
export interface Pretence {
  readonly clock: VirtualClock
  /** By how many microtask turns the next `queueMicrotask` is late. */
  readonly delay: () => number
  /** Whether the engine lets the event loop go round now. */
  readonly breathes: () => boolean
  /** A number from 0 up to, not including, 1. */
  readonly random: () => number
  /** Something has happened. */
  readonly onChange: () => void
}

/** The time that `Date.now()` starts from: 1 January 2000. */
const EPOCH = 946_684_800_000

const { queueMicrotask: queue, Date: RealDate } = globalThis
const { random: realRandom } = Math

let busy = false

/**
 * Puts a virtual clock in the place of the real one: `setTimeout`, `setInterval` and what clears them (also from
 * `node:timers`, and `setTimeout` from `node:timers/promises`), `Date`, `performance.now` and `queueMicrotask`; and
 * numbers that can be drawn again in the place of those of `Math.random`, by which the engine spreads its delays.
 * `setImmediate` stays, and so do `process.hrtime` and `AbortSignal.timeout`.
 *
 * @returns what puts everything back; calling it twice is harmless
 * @throws an Error while another pretence is on: there is one clock for the whole process
 */
export function pretend(pretence: Pretence): () => void {
  if (busy)
    throw new Error('Another scheduler is installed. There is one clock for the whole process: restore it first.')
  busy = true
  const undo = replacements(pretence).map(([target, key, value]) => replace(target, key, value))
  syncBuiltinESMExports()
  let over = false
  return () => {
    if (over) return
    over = true
    for (const put of undo.toReversed()) put()
    syncBuiltinESMExports()
    busy = false
  }
}

type Replacement = readonly [target: object, key: PropertyKey, value: unknown]

function replacements({ clock, delay, breathes, random, onChange }: Pretence): Replacement[] {
  const set = (repeats: boolean) => {
    const setTimer = (callback: (...args: never) => unknown, ms?: number, ...args: unknown[]): VirtualTimer => {
      onChange()
      return clock.set({ callback, ms, args, repeats, made: madeAbove(setTimer) })
    }
    return setTimer
  }
  const setTimeout = Object.assign(set(false), { [promisify.custom]: sleeper(clock, onChange) })
  const functions = { setTimeout, setInterval: set(true), clearTimeout: clearer(clock), clearInterval: clearer(clock) }
  const late = (task: () => void): void => {
    let turns = delay()
    const go = (): void => (turns-- > 0 ? queue(go) : task())
    queue(go)
  }
  return [
    ...Object.entries(functions).flatMap(([key, value]): Replacement[] => [
      [globalThis, key, value],
      [timers, key, value],
    ]),
    [promises, 'setTimeout', setTimeout[promisify.custom]],
    [globalThis, 'queueMicrotask', late],
    [globalThis, 'Date', virtualDate(clock)],
    [performance, 'now', () => clock.now],
    // Those who have put something else in its place know what they want to be drawn.
    [Math, 'random', Math.random === realRandom ? random : Math.random],
    // It looks at the clock after so many items of all runs in the process, which would differ from run to run.
    [pacer, 'due', breathes],
  ]
}

/** Clears timers of either kind: one that was made before the pretence began is a real one. */
function clearer(clock: VirtualClock): typeof clearTimeout {
  const clear = globalThis.clearTimeout
  return (timer) => {
    if (!clock.clear(timer)) clear(timer)
  }
}

interface Sleeping {
  readonly signal?: AbortSignal
}

/** `setTimeout` of `node:timers/promises`. */
function sleeper(clock: VirtualClock, onChange: () => void) {
  const sleep = <T>(ms?: number, value?: T, { signal }: Sleeping = {}): Promise<T | undefined> => {
    onChange()
    const made = madeAbove(sleep)
    if (signal?.aborted) return Promise.reject(abortError(signal))
    return new Promise((resolve, reject) => {
      const callback = (): void => {
        signal?.removeEventListener('abort', abort)
        resolve(value)
      }
      const timer = clock.set({ callback, ms, args: [], repeats: false, made })
      const abort = (): void => {
        onChange()
        clock.clear(timer)
        reject(abortError(signal))
      }
      signal?.addEventListener('abort', abort, { once: true })
    })
  }
  return sleep
}

function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason })
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
}

function virtualDate(clock: VirtualClock): DateConstructor {
  const now = (): number => EPOCH + clock.now
  return new Proxy(RealDate, {
    apply: () => new RealDate(now()).toString(),
    construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  })
}

/** Replaces one property; gives what puts the old one back. */
function replace(target: object, key: PropertyKey, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(target, key)
  Object.defineProperty(target, key, {
    configurable: true,
    writable: true,
    value,
    enumerable: before?.enumerable ?? true,
  })
  return () => {
    if (before === undefined) Reflect.deleteProperty(target, key)
    else Object.defineProperty(target, key, before)
  }
}
