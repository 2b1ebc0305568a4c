import { madeAbove, placeOf } from './stack.js'

/**
 * Kinds of `process.getActiveResourcesInfo()` that work may leave behind. File reads are missing on purpose: test runners
 * load modules while tests run. Timers are watched by `timers` below, which also sees those that are unref'd.
 */
const watchedKinds = new Set([
  'FSEventWrap',
  'Immediate',
  'MessagePort',
  'PipeServerWrap',
  'PipeWrap',
  'ProcessWrap',
  'SignalWrap',
  'StatWatcher',
  'TCPServerWrap',
  'TCPSocketWrap',
  'UDPWrap',
  'Worker',
])

/** Turns of the event loop that a closing handle may take until it counts as leaked. */
const PATIENCE = 20

// Kept here because a test may put fake timers in the place of the real ones.
const turn = globalThis.setImmediate

/** What a process holds at one moment. */
export interface Footprint {
  /** How much of each kind: `'PipeWrap' → 2`, `'process.on("exit")' → 1`. */
  readonly counts: ReadonlyMap<string, number>
  /** Timers that were pending already. */
  readonly timers: ReadonlySet<object>
}

/**
 * Takes stock of handles, of timers, and of listeners on `process`. From the first call on, `setTimeout` and
 * `setInterval` remember the timers that they make; those made before are not known.
 */
export function footprint(): Footprint {
  watchTimers()
  return { counts: countsNow(), timers: new Set(pendingTimers().keys()) }
}

/**
 * Describes what the process holds now and did not hold at `before`, after some turns of the event loop in which what is
 * about to close may do so.
 *
 * @returns a line for each kind, and one for each timer, with the place where it was made; none when all is well
 */
export async function leaks(before: Footprint): Promise<string[]> {
  await nextTurn()
  for (let turns = 1; turns < PATIENCE && growth(before).length > 0; turns++) await nextTurn()
  const made = [...pendingTimers()].filter(([timer]) => !before.timers.has(timer))
  return [...growth(before), ...made.map(([, error]) => `a pending timer, made ${placeOf(error)}`)]
}

/**
 * Checks that nothing is left behind: no timer, no handle, no listener on `process`. With `work`, it runs that and gives
 * its result; without, it gives a function to call at the end.
 *
 * @throws (rejects) an Error that names everything that was left; or with what `work` throws
 *
 * @example
 * await noLeaks(() => plumber.run())
 */
export function noLeaks(): () => Promise<void>
export function noLeaks<T>(work: () => T | PromiseLike<T>): Promise<T>
export function noLeaks<T>(work?: () => T | PromiseLike<T>): (() => Promise<void>) | Promise<T> {
  const before = footprint()
  const check = async (): Promise<void> => {
    const left = await leaks(before)
    if (left.length > 0) throw new Error(`Left behind: ${left.join('; ')}.`)
  }
  if (work === undefined) return check
  return (async () => {
    const result = await work()
    await check()
    return result
  })()
}

function countsNow(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo())
    if (watchedKinds.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  for (const event of process.eventNames()) counts.set(`process.on(${String(event)})`, process.listenerCount(event))
  return counts
}

function growth({ counts }: Footprint): string[] {
  return [...countsNow()]
    .map(([what, count]) => [what, count - (counts.get(what) ?? 0)] as const)
    .filter(([, more]) => more > 0)
    .map(([what, more]) => `${more} × ${what}`)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    turn(resolve)
  })
}

/** Timers made since they are watched, with the place where they were made. */
const timers = new Map<Timer, Error>()

interface Timer {
  /** Not documented, but the only way to ask an unref'd timer whether it is still pending; true once fired or cleared. */
  _destroyed?: boolean
}

/** Replaces the global timer functions by ones that remember their timers; calling it again changes nothing. */
function watchTimers(): void {
  globalThis.setTimeout = remembering(globalThis.setTimeout)
  globalThis.setInterval = remembering(globalThis.setInterval)
}

const watching = new WeakSet<object>()

function remembering<F extends typeof setTimeout | typeof setInterval>(original: F): F {
  if (watching.has(original)) return original
  const apply = (target: F, self: unknown, args: unknown[]): Timer => {
    const timer: Timer = Reflect.apply(target, self, args)
    timers.set(timer, madeAbove(apply))
    return timer
  }
  const watched = new Proxy(original, { apply })
  watching.add(watched)
  return watched
}

/** Those that are still pending; the others are forgotten. */
function pendingTimers(): ReadonlyMap<Timer, Error> {
  for (const timer of timers.keys()) if (timer._destroyed !== false) timers.delete(timer)
  return timers
}
