import { performance } from 'node:perf_hooks'

const PERIOD_MS = 10

/** By how many milliseconds a timer of 10 ms fired late, each time that it fired. */
export interface LagWatch {
  readonly lagsMs: readonly number[]
  /** Ends the watch; a timer that is due and did not fire yet counts as well. */
  stop(): void
}

/** Costs one reading of the clock every 10 ms. Work that never leaves the event loop a turn is late by all its time. */
export function watchLag(): LagWatch {
  const lagsMs: number[] = []
  let last = performance.now()
  const note = (): void => {
    const now = performance.now()
    lagsMs.push(Math.max(0, now - last - PERIOD_MS))
    last = now
  }
  const timer = setInterval(note, PERIOD_MS)
  return {
    lagsMs,
    stop: () => {
      clearInterval(timer)
      note()
    },
  }
}
