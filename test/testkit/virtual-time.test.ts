import { AsyncLocalStorage } from 'node:async_hooks'
import timers, { setTimeout as namedSetTimeout } from 'node:timers'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'

/** Runs `work` with a scheduler that is installed meanwhile; its calls never wait, so that only timers do. */
async function installed<T>(seed: number, work: (scheduler: Scheduler) => T | Promise<T>): Promise<T> {
  const scheduler = new Scheduler(seed)
  const restore = scheduler.install()
  try {
    const result = (async () => work(scheduler))()
    await scheduler.drive(result)
    return await result
  } finally {
    restore()
  }
}

describe('while a scheduler is installed,', () => {
  test('timers go off in the order in which they are due, and the clocks are as late as they are', async () => {
    const seen: unknown[] = []
    await installed(1, async () => {
      const [wall, mono] = [Date.now(), performance.now()]
      const note = (name: string) =>
        seen.push([name, Date.now() - wall, performance.now() - mono, new Date().toISOString().slice(0, 23)])
      setTimeout(note, 500, 'third')
      setTimeout(note, 20, 'first')
      namedSetTimeout(note, 20, 'second')
      await sleep(1_000)
    })
    expect(seen).toEqual([
      ['first', 20, 20, '2000-01-01T00:00:00.020'],
      ['second', 20, 20, '2000-01-01T00:00:00.020'],
      ['third', 500, 500, '2000-01-01T00:00:00.500'],
    ])
  })

  test('a day passes at once', async () => {
    const started = performance.now()
    await installed(1, () => sleep(86_400_000))
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test('a timer that is cleared does not go off, whether it is known by itself or by its number', async () => {
    const seen: string[] = []
    await installed(1, async () => {
      clearTimeout(setTimeout(() => seen.push('itself'), 1))
      clearTimeout(Number(setTimeout(() => seen.push('number'), 1)))
      setTimeout(() => seen.push('closed'), 1).close()
      timers.clearInterval(setInterval(() => seen.push('interval'), 1))
      clearTimeout(undefined)
      await sleep(10)
    })
    expect(seen).toEqual([])
  })

  test('an interval goes on until it is cleared', async () => {
    const times: number[] = []
    await installed(1, (scheduler) => {
      return new Promise<void>((resolve) => {
        const interval = setInterval(() => {
          if (times.push(scheduler.clock.now) < 3) return
          clearInterval(interval)
          resolve()
        }, 7)
      })
    })
    expect(times).toEqual([7, 14, 21])
  })

  test('a timer can be refreshed, and is as long as it was', async () => {
    const went = await installed(1, async (scheduler) => {
      const late = new Promise<number>((resolve) => {
        const timer = setTimeout(() => resolve(scheduler.clock.now), 10).unref()
        setTimeout(() => timer.refresh(), 9)
      })
      return late
    })
    expect(went).toBe(19)
  })

  test('timers of promises give their value, and reject when their signal aborts', async () => {
    await installed(1, async () => {
      expect(await sleep(5, 'value')).toBe('value')
      expect(await promisify(setTimeout)(5, 'other')).toBe('other')
      const controller = new AbortController()
      setTimeout(() => controller.abort('enough'), 5)
      const error = { name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' }
      await expect(sleep(60_000, undefined, { signal: controller.signal })).rejects.toMatchObject(error)
      await expect(sleep(60_000, undefined, { signal: controller.signal })).rejects.toMatchObject(error)
    })
  })

  test('a callback runs in the async context of whoever set it', async () => {
    const context = new AsyncLocalStorage<string>()
    const seen = await installed(1, () => {
      return new Promise((resolve) => context.run('mine', () => setTimeout(() => resolve(context.getStore()), 5)))
    })
    expect(seen).toBe('mine')
  })

  test('a timer goes off before a call that was there first, or after it: the seed decides', async () => {
    const first = async (seed: number) => {
      const scheduler = new Scheduler(seed, { synchronous: 0 })
      const restore = scheduler.install()
      await scheduler.drive(Promise.all([scheduler.step('call'), sleep(1_000)]))
      restore()
      return scheduler.order[0]
    }
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
    const seen = await seeds.reduce<Promise<unknown[]>>(
      async (all, seed) => [...(await all), await first(seed)],
      Promise.resolve([]),
    )
    expect(new Set(seen)).toEqual(new Set(['call', 'timer of 1000 ms']))
  })

  test('wake-ups are late by some microtasks, the same for the same seed', async () => {
    const order = (seed: number) =>
      installed(seed, async () => {
        const seen: number[] = []
        for (const n of [1, 2, 3, 4]) queueMicrotask(() => seen.push(n))
        await sleep(1)
        return seen.join('')
      })
    const [one, again] = [await order(1), await order(1)]
    expect(again).toBe(one)
    const all = new Set([one, await order(2), await order(3), await order(4), await order(5)])
    expect(all.size).toBeGreaterThan(1)
  })

  test('random numbers are the same for the same seed, and others for another', async () => {
    const draw = (seed: number) => installed(seed, () => [1, 2, 3].map(() => Math.random()))
    const drawn = await draw(1)
    expect(await draw(1)).toEqual(drawn)
    expect(new Set([...drawn, ...(await draw(2))]).size).toBe(6)
    for (const number of drawn) expect(number >= 0 && number < 1, `${number}`).toBe(true)
  })

  test('random numbers that somebody else has put in their place stay', async () => {
    const { random } = Math
    Math.random = () => 0.25
    try {
      expect(await installed(1, () => Math.random())).toBe(0.25)
      expect(Math.random()).toBe(0.25)
    } finally {
      Math.random = random
    }
  })

  test('what a timer throws comes out where it is driven', async () => {
    const throwing = () => {
      setTimeout(() => {
        throw new Error('late')
      }, 1)
      return new Promise<void>(() => {})
    }
    await expect(installed(1, throwing)).rejects.toThrow('late')
  })
})

describe('afterwards', () => {
  const everything = () => ({
    ...{ setTimeout, setInterval, clearTimeout, clearInterval, queueMicrotask, Date, now: performance.now },
    ...{ named: namedSetTimeout, member: timers.setTimeout, sleep, random: Math.random },
  })

  test('everything is as it was, also after a failure', async () => {
    const before = everything()
    await expect(installed(1, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    expect(everything()).toEqual(before)
    expect(Object.hasOwn(performance, 'now')).toBe(false)
  })

  test('timers from before are still real ones: they go off, and can be cleared meanwhile', async () => {
    const seen: string[] = []
    const cleared = setTimeout(() => seen.push('cleared'), 5)
    const kept = new Promise<void>((resolve) => setTimeout(resolve, 10))
    await installed(1, () => clearTimeout(cleared))
    await kept
    expect(seen).toEqual([])
  })

  test('another scheduler may be installed, but not two at once', () => {
    const restore = new Scheduler(1).install()
    try {
      expect(() => new Scheduler(2).install()).toThrow('Another scheduler is installed')
    } finally {
      restore()
      restore()
    }
    const again = new Scheduler(2).install()
    restore()
    expect(() => new Scheduler(3).install()).toThrow('Another scheduler is installed')
    again()
  })
})
