import { expect, test } from 'vitest'
import { pacer } from '../../packages/core/src/pacer.js'
import { finish, line, range, same } from '../support/plans.js'

test('after a long synchronous stretch it is time for a turn, and not right after one', async () => {
  await pacer.turn()
  expect(range(64).some(() => pacer.due())).toBe(false)
  const until = performance.now() + 12
  while (performance.now() < until);
  expect(range(8).filter(() => pacer.due())).toHaveLength(1)
  await pacer.turn()
  expect(range(64).some(() => pacer.due())).toBe(false)
})

test('all who wait share one turn of the event loop', () => {
  const [first, second] = [pacer.turn(), pacer.turn()]
  expect(first).toBe(second)
  return first
})

test('timers fire while a run of synchronous work goes on (S34)', async () => {
  const busy = (n: number): number => {
    let sum = n
    for (let step = 0; step < 2_000; step++) sum += step % 7
    return sum
  }
  let ticks = 0
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    ticks++
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 5)
  const { report } = await finish(line({ src: () => range(60_000), work: busy, out: same }))
  clearInterval(timer)
  expect(report.nodes.out?.completed).toBe(60_000)
  expect(ticks).toBeGreaterThanOrEqual(3)
  expect(longest).toBeLessThan(report.durationMs / 2)
})
