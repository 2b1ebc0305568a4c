import { afterEach, beforeEach } from 'vitest'

/** Time that passes when a test says so, in milliseconds. */
export interface HandClock {
  now: number
}

/**
 * Makes `performance.now` stand still in every test of this file, at 0. The engine reads it to decide when to let the
 * event loop breathe, which would make the order of events depend on how fast the machine is.
 */
export function stillClock(): void {
  handClock(0)
}

/** As above, but the tests may set what it says; it begins at `start` in each of them. */
export function handClock(start: number): HandClock {
  const { now: running } = performance
  const clock = { now: start }
  beforeEach(() => {
    clock.now = start
    performance.now = () => clock.now
  })
  afterEach(() => {
    performance.now = running
  })
  return clock
}
