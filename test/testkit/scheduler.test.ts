import { Scheduler, StalledError } from '@pipelines/testkit'
import { playable, randomGraph } from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import { range } from '../support/blackbox.js'
import { stillClock } from '../support/still-clock.js'

stillClock()

/** Runs the graph of one seed in the order of another, and gives the order of releases. */
async function orderOf(graphSeed: number, seed: number): Promise<readonly string[]> {
  const scheduler = new Scheduler(seed)
  const { plumber, input } = playable(randomGraph(graphSeed, { kind: 'any' }), scheduler)
  await scheduler.drive(plumber.run(input))
  return scheduler.order
}

test('the same seed releases the same calls in the same order', async () => {
  for (const seed of range(40)) expect(await orderOf(seed, seed)).toEqual(await orderOf(seed, seed))
})

test('another seed releases them in another order', async () => {
  const orders = await Promise.all(range(20).map(async (seed) => (await orderOf(4, seed)).join()))
  expect(new Set(orders).size).toBe(20)
})

test('the same seed draws the same graph, another one another', () => {
  const [first, again, other] = [7, 7, 8].map((seed) => JSON.stringify(randomGraph(seed)))
  expect(again).toBe(first)
  expect(other).not.toBe(first)
})

test('one call goes on at a time, when everything before it has happened, where no wake-up is late', async () => {
  const scheduler = new Scheduler(3, { synchronous: 0, wakeUps: 0 })
  const happened: number[] = []
  const call = async (n: number) => {
    await scheduler.step(`call ${n}`)
    for (let microtask = 0; microtask < 50; microtask++) await undefined
    happened.push(n)
  }
  const calls = Promise.all(range(10).map(call))
  expect(await scheduler.drive(calls, { releases: 4 })).toBe(false)
  expect(happened.map((n) => `call ${n}`)).toEqual(scheduler.order)
  expect(scheduler.waiting).toHaveLength(6)
  expect(await scheduler.drive(calls)).toBe(true)
  expect(happened.toSorted()).toEqual(range(10))
})

test('some calls need not wait, and those are the same for the same seed', () => {
  const waits = (seed: number): boolean[] => {
    const scheduler = new Scheduler(seed)
    return range(100).map((n) => scheduler.step(`call ${n}`) !== undefined)
  }
  const synchronous = waits(1).filter((waiting) => !waiting).length
  expect(synchronous).toBeGreaterThan(10)
  expect(synchronous).toBeLessThan(50)
  expect(waits(1)).toEqual(waits(1))
  expect(waits(2)).not.toEqual(waits(1))
})

describe('a run that cannot go on', () => {
  test('is a stall, and names the seed', async () => {
    const scheduler = new Scheduler(5, { synchronous: 0 })
    const stuck = scheduler.step('first')?.then(() => new Promise<void>(() => {}))
    const driven = scheduler.drive(stuck ?? Promise.resolve())
    await expect(driven).rejects.toThrow(StalledError)
    await expect(driven).rejects.toThrow('Stalled after 1 releases, the last of them first (seed 5)')
  })

  test('may be granted some time', async () => {
    const soon = new Promise((resolve) => setTimeout(resolve, 5))
    expect(await new Scheduler(5).drive(soon, { patienceMs: 1_000 })).toBe(true)
  })
})

test('a signal takes back a call that waits', async () => {
  const scheduler = new Scheduler(1, { synchronous: 0 })
  const controller = new AbortController()
  const waiting = scheduler.step('call', controller.signal)
  controller.abort('enough')
  await expect(waiting).rejects.toBe('enough')
  expect(scheduler.waiting).toEqual([])
  await expect(scheduler.step('late', controller.signal)).rejects.toBe('enough')
})
