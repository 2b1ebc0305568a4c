import { afterEach, beforeEach, expect } from 'vitest'

/**
 * Kinds of `process.getActiveResourcesInfo()` that a test may leave behind. File reads are missing on purpose: the test
 * runner loads modules while tests run. Timers are watched by `timers` below, which also sees those that are unref'd.
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
const patience = 20

// Kept here because a test may put fake timers in the place of the real ones.
const turn = globalThis.setImmediate

/** What a process holds at one moment: `'PipeWrap' → 2`, `'process.on("exit")' → 1`. */
export type Footprint = ReadonlyMap<string, number>

/**
 * Registers hooks that fail every test of this file after which a timer, a handle or a listener on `process` is left.
 * Rejections that nobody handles need no care here: the test runner fails the run for them; the hooks only wait long
 * enough for a rejection to be seen while its test is still the current one.
 */
export function leakCheck(): void {
  watchTimers()
  let before: Footprint = new Map()
  beforeEach(() => {
    timers.clear()
    before = footprint()
  })
  afterEach(async () => {
    expect(await leaks(before), 'left behind by this test').toEqual([])
  })
}

/** Describes what the process holds now and did not hold at `before`, after a few turns of grace; empty when all is well. */
export async function leaks(before: Footprint): Promise<string[]> {
  await nextTurn()
  for (let turns = 1; turns < patience && growth(before).length > 0; turns++) await nextTurn()
  return [...growth(before), ...pendingTimers()]
}

/** Takes stock of handles and of listeners on `process`. */
export function footprint(): Footprint {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (watchedKinds.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  for (const event of process.eventNames()) counts.set(`process.on(${String(event)})`, process.listenerCount(event))
  return counts
}

function growth(before: Footprint): string[] {
  return [...footprint()]
    .map(([what, count]) => [what, count - (before.get(what) ?? 0)] as const)
    .filter(([, more]) => more > 0)
    .map(([what, more]) => `${more} × ${what}`)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    turn(resolve)
  })
}

/** Timers made by the current test, with the place where they were made. */
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
  const watched = new Proxy(original, {
    apply(target, self, args) {
      const timer: Timer = Reflect.apply(target, self, args)
      timers.set(timer, new Error('timer'))
      return timer
    },
  })
  watching.add(watched)
  return watched
}

function pendingTimers(): string[] {
  return [...timers]
    .filter(([timer]) => timer._destroyed === false)
    .map(([, { stack = '' }]) => `a pending timer, made ${stack.split('\n')[2]?.trim() ?? 'somewhere'}`)
}
