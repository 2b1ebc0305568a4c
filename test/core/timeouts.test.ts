import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Timed, Timeouts, type TimeSlot } from '../../packages/core/src/timeouts.js'

class Waiting implements Timed {
  slot: TimeSlot | undefined
  place = 0
  expiredMs: number | undefined

  expire(): void {
    this.expiredMs = performance.now()
  }
}

describe('times', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const added = (timeouts: Timeouts, ms: number): Waiting => {
    const waiting = new Waiting()
    timeouts.add(waiting, ms)
    return waiting
  }

  test.each([1, 20, 63, 64, 100, 1_000, 30_000, 3_600_000])(
    'of %i ms are up then, or a little later, and never before',
    (ms) => {
      const began = performance.now()
      const waiting = added(new Timeouts(), ms)
      vi.advanceTimersByTime(ms - 1)
      expect(waiting.expiredMs).toBeUndefined()
      vi.advanceTimersByTime(ms / 32 + 2)
      expect(waiting.expiredMs).toBeGreaterThanOrEqual(began + ms)
    },
  )

  test('of many are measured by one timer', () => {
    const timeouts = new Timeouts()
    const all = Array.from({ length: 1_000 }, () => added(timeouts, 30_000))
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(31_000)
    expect(all.every(({ expiredMs }) => expiredMs !== undefined)).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that are shorter than those before are up before them', () => {
    const timeouts = new Timeouts()
    const [long, short] = [added(timeouts, 1_000), added(timeouts, 10)]
    vi.advanceTimersByTime(12)
    expect([short.expiredMs !== undefined, long.expiredMs]).toEqual([true, undefined])
    vi.advanceTimersByTime(1_100)
    expect(long.expiredMs).toBeGreaterThanOrEqual(1_000)
  })

  test('that were removed are never up, and others of the same moment are', () => {
    const timeouts = new Timeouts()
    const all = Array.from({ length: 5 }, () => added(timeouts, 500))
    const removed = all.filter((_, index) => index % 2 === 0)
    for (const waiting of removed) timeouts.remove(waiting)
    for (const waiting of removed) timeouts.remove(waiting) // without effect
    vi.advanceTimersByTime(600)
    expect(all.map(({ expiredMs }) => expiredMs !== undefined)).toEqual([false, true, false, true, false])
  })

  test('that all were removed leave no timer once theirs has fired', () => {
    const timeouts = new Timeouts()
    for (const waiting of [100, 2_000].map((ms) => added(timeouts, ms))) timeouts.remove(waiting)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(110)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('may be added and removed by those whose time is up', () => {
    const timeouts = new Timeouts()
    const [first, second, later] = [new Waiting(), new Waiting(), new Waiting()]
    vi.spyOn(first, 'expire').mockImplementation(() => {
      timeouts.remove(second)
      timeouts.add(later, 10)
    })
    timeouts.add(first, 10)
    timeouts.add(second, 20)
    vi.advanceTimersByTime(40)
    expect([second.expiredMs, later.expiredMs !== undefined]).toEqual([undefined, true])
  })

  test('are all forgotten when the run has settled', () => {
    const timeouts = new Timeouts()
    const waiting = added(timeouts, 10)
    timeouts.clear()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(100)
    expect(waiting.expiredMs).toBeUndefined()
  })
})

test('that nobody waits for do not keep the process alive', () => {
  const timeouts = new Timeouts()
  const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const waiting = new Waiting()
  timeouts.add(waiting, 10_000)
  expect(timers()).toBe(before + 1)
  timeouts.remove(waiting)
  expect(timers()).toBe(before)
  timeouts.clear()
})
