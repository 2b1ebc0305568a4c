import { afterEach, beforeEach } from 'vitest'

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
