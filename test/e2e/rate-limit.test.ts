import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, defineCoro } from '@pipelines/core'
import { gate, type Random, randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  detailOf,
  edgeOf,
  endless,
  from,
  having,
  nodeOf,
  plumberOf,
  range,
  type Stage,
  same,
} from '../support/blackbox.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { deaf, expectSound, inVirtualTime, now, obedient, played, timed, watched } from '../support/virtual-time.js'

/*
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/rate-limit.test.ts
 */
const seeds = seedsOf(60, 600)

interface Rate {
  readonly count: number
  readonly perMs: number
}

const limited = (coro: Stage, count: number, perMs: number, properties: object = {}): Stage =>
  having({ rateLimit: { count, perMs }, ...properties }, coro)

/** Asserts that no stretch of time holds more starts than it may: that whoever is `count` places later is so much later. */
function expectRate(starts: readonly number[], { count, perMs }: Rate): void {
  const sorted = starts.toSorted((a, b) => a - b)
  for (const [place, start] of sorted.slice(count).entries())
    expect(start - Number(sorted[place]), `from start ${place} to start ${place + count}`).toBeGreaterThanOrEqual(perMs)
}

/** When the calls begin for values that come at these times. */
const startsFor = (times: readonly number[], count: number, perMs: number, properties: object = {}) =>
  inVirtualTime(async () => {
    const { starts, coro } = watched(same)
    const src = timed(...times.map((ms, place) => [ms, place] as const))
    const mid = limited(coro, count, perMs, properties)
    const { report, values } = await played(chain({ src, mid, out: same }))
    expect(values).toEqual(times.map((_, place) => place))
    expect(nodeOf(report, 'mid')).toMatchObject({ received: times.length, completed: times.length, failed: 0 })
    return starts.map(([, atMs]) => atMs)
  })

describe('rateLimit', () => {
  test('lets so many calls start at once, and the next ones when their time has come', async () => {
    const starts = await startsFor(Array(8).fill(0), 3, 100)
    expect(starts).toEqual([0, 0, 0, 100, 100, 100, 200, 200])
  })

  test('of one is a distance', async () => {
    expect(await startsFor(Array(6).fill(0), 1, 10)).toEqual([0, 10, 20, 30, 40, 50])
  })

  test('looks at every stretch of time, not at those of a clock', async () => {
    expect(await startsFor([0, 90, 95, 96, 300], 2, 100)).toEqual([0, 90, 100, 190, 300])
  })

  test('has one start for two workers that wait for it, not two', async () => {
    expect(await startsFor([0, 10, 50, 50], 2, 100, { workers: 2 })).toEqual([0, 10, 100, 110])
  })

  test('has one start for workers that are free at the same moment, not one for each', () =>
    inVirtualTime(async () => {
      const open = gate()
      const { starts, coro } = watched((n: number) => (n < 3 ? open.opened : n))
      const pipeline = chain({ src: from(...range(6)), mid: limited(coro, 4, 100, { workers: 3 }) }).createPipeline()
      await sleep(10)
      open.open()
      expectSound(await pipeline.settled)
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 0, 0, 10, 100, 100])
    }))

  test('keeps nothing for later: after a rest there is no more than after none', async () => {
    expect(await startsFor([0, ...Array(7).fill(500)], 3, 100)).toEqual([0, 500, 500, 500, 600, 600, 600, 700])
  })

  test('does not slow down what is slower', async () => {
    const times = [0, 60, 120, 180, 240, 300]
    expect(await startsFor(times, 2, 100)).toEqual(times)
  })

  test('is kept where its time is no whole number', async () => {
    const starts = await startsFor(Array(12).fill(0), 2, 33.3)
    expectRate(starts, { count: 2, perMs: 33.3 })
    expect(Number(starts.at(-1))).toBeLessThan(5 * 36)
  })

  test('is kept where its time is shorter than any timer', async () => {
    const starts = await startsFor(Array(12).fill(0), 1, 0.25)
    expectRate(starts, { count: 1, perMs: 0.25 })
    expect(Number(starts.at(-1))).toBeLessThan(2 * 12)
  })

  test('is kept where its time is the longest there is', async () => {
    const longest = 2 ** 31 - 1
    expect(await startsFor([0, 0, 0], 1, longest)).toEqual([0, longest, 2 * longest])
  })

  test('is kept where timers go off too early', () =>
    inVirtualTime(async () => {
      const { now: exact } = performance
      // As in Node, whose timers look at a clock of their own.
      performance.now = () => exact() * 0.99
      try {
        const { starts, coro } = watched(same)
        await played(chain({ src: from(...range(12)), mid: limited(coro, 3, 100), out: same }))
        const times = starts.map(([, atMs]) => atMs)
        expectRate(times, { count: 3, perMs: 100 })
        expect(Number(times.at(-1))).toBeLessThan(310)
      } finally {
        performance.now = exact
      }
    }))

  test('is one for all workers', () =>
    inVirtualTime(async () => {
      const { starts, coro, most } = watched(deaf(250))
      const mid = limited(coro, 2, 100, { workers: 8 })
      const { values } = await played(chain({ src: from(...range(10)), mid, out: same }))
      expect(values).toEqual(range(10))
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 0, 100, 100, 200, 200, 300, 300, 400, 400])
      expect(most()).toBe(6)
    }))

  test('does not let more calls be in progress than workers', () =>
    inVirtualTime(async () => {
      const { starts, coro, most } = watched(deaf(150))
      await played(chain({ src: from(...range(6)), mid: limited(coro, 3, 100, { workers: 2 }) }))
      expect(most()).toBe(2)
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 0, 150, 150, 300, 300])
    }))

  test('keeps the order of items with several workers', () =>
    inVirtualTime(async () => {
      const mid = limited(
        deaf((n: number) => 500 - 50 * n),
        2,
        10,
        { workers: 4 },
      )
      const { values } = await played(chain({ src: from(...range(8)), mid, out: same }))
      expect(values).toEqual(range(8))
    }))

  test('with as many workers as there are items is still a limit', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(deaf(1_000))
      await played(chain({ src: from(...range(6)), mid: limited(coro, 2, 100, { workers: 0 }) }))
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 0, 100, 100, 200, 200])
    }))

  test('counts a generator once, whatever it gives', () =>
    inVirtualTime(async () => {
      const twice = function* (n: number) {
        yield [n, now()]
        yield [n, now()]
      } as object
      const { values } = await played(chain({ src: from(1, 2, 3), mid: limited(twice, 2, 100), out: same }))
      expect(values).toEqual([1, 1, 2, 2, 3, 3].map((n) => [n, n === 3 ? 100 : 0]))
    }))

  test('counts a tuple once', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(same)
      const nodes = { src: from(...range(4)), a: same, b: same, join: limited(coro, 2, 100) }
      const { report } = await played(plumberOf(nodes, { src: ['a', 'b'], a: ['join'], b: ['join'] }))
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 0, 100, 100])
      expect(nodeOf(report, 'join')).toMatchObject({ received: 8, completed: 8, emitted: 4 })
    }))

  test('counts a call that fails', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(() => Promise.reject(new Error('boom')))
      const mid = limited(coro, 1, 100, { onError: 'skip' })
      const { report } = await played(chain({ src: from(1, 2, 3), mid }))
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 100, 200])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, failed: 3 })
    }))

  test('is its own for every run', () =>
    inVirtualTime(async () => {
      const plumber = chain({ src: from(...range(4)), mid: limited((n: number) => [n, now()], 2, 100) })
      for (const { values } of await Promise.all([played(plumber), played(plumber)]))
        expect(values).toEqual([0, 1, 2, 3].map((n) => [n, n < 2 ? 0 : 100]))
    }))
})

describe('an item that may not start yet', () => {
  test('stays in its queue, and holds back whoever is before it', () =>
    inVirtualTime(async () => {
      const numbers = endless()
      const mid = limited(same, 1, 1_000, { queueSize: 4, workers: 2 })
      const pipeline = chain({ src: having({ fuse: false }, numbers.source), mid, out: same }).createPipeline()
      await sleep(10)
      const snapshot = pipeline.snapshot()
      expect(nodeOf(snapshot, 'mid')).toMatchObject({ received: 1, completed: 1, inProgress: 0 })
      expect(edgeOf(snapshot, 'src', 'mid')).toMatchObject({ entered: 5, left: 1, depth: 4 })
      expect(nodeOf(snapshot, 'src').emitted).toBe(5)
      const report = await pipeline.doomsday('enough')
      expect(now()).toBe(10)
      expect(edgeOf(report, 'src', 'mid')).toMatchObject({ entered: 5, left: 1, unprocessed: 4 })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, completed: 1, unprocessed: 0 })
      expectSound(report)
    }))

  test('is let go at once by a deadline', () =>
    inVirtualTime(async () => {
      const { report, settledMs } = await played(chain({ src: from(1, 2, 3), mid: limited(same, 1, 1_000) }), {
        deadlineMs: 20,
        ledger: true,
      })
      expect([report.error?.code, settledMs]).toEqual(['PLB_RUN_DEADLINE', 20])
      expect(report.roots).toMatchObject({ delivered: 1, aborted: 2 })
    }))

  test('is let go at once by an error elsewhere', () =>
    inVirtualTime(async () => {
      const bad = () => sleep(30).then(() => Promise.reject(new Error('boom')))
      const nodes = { src: from(1, 2), mid: limited(same, 1, 1_000), bad }
      const { report, settledMs } = await played(plumberOf(nodes, { src: ['mid', 'bad'] }))
      expect(settledMs).toBe(30)
      expect(report.errors).toMatchObject([{ details: { node: 'bad' } }])
    }))

  test('is let go at once when its consumers are done', () =>
    inVirtualTime(async () => {
      const takeOne = defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          for await (const value of inputs) {
            yield value
            return
          }
        },
      })
      const { report, values, settledMs } = await played(
        chain({ src: from(1, 2, 3), mid: limited(same, 1, 1_000, { fuse: false }), takeOne }),
      )
      expect([values, settledMs]).toEqual([[1], 0])
      expect(report.outcome).toBe('completed')
    }))

  test('is drained', () =>
    inVirtualTime(async () => {
      const seen: unknown[] = []
      const pipeline = chain({ in: 'std.inlet', mid: limited(same, 1, 100) }).createPipeline({
        onOutput: ({ value }: { value: unknown }) => void seen.push(value, now()),
      })
      for (const n of range(3)) await pipeline.put(n)
      await sleep(10)
      const report = await pipeline.drain()
      expect(seen).toEqual([0, 0, 1, 100, 2, 200])
      expect(report.outcome).toBe('completed')
      expectSound(report, ['in'])
    }))

  test('does not start while the pipeline is paused', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(same)
      const pipeline = chain({ in: 'std.inlet', mid: limited(coro, 1, 100) }).createPipeline()
      for (const n of range(3)) await pipeline.put(n)
      await sleep(50)
      pipeline.pause()
      await sleep(500)
      expect(starts).toHaveLength(1)
      pipeline.resume()
      pipeline.end()
      expectSound(await pipeline.settled, ['in'])
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 550, 650])
    }))

  test('has no timer once there is nothing left to start', () =>
    inVirtualTime(async () => {
      const pipeline = chain({ in: 'std.inlet', mid: limited(same, 1, 3_600_000) }).createPipeline()
      await pipeline.put(1)
      await sleep(10)
      pipeline.end()
      const report = await pipeline.settled
      expect([report.outcome, now()]).toEqual(['completed', 10])
    }))
})

describe('with retry and timeoutMs', () => {
  const failingOnce = (value: unknown, { attempt }: Context) => {
    if (attempt === 1) throw new Error('boom')
    return value
  }
  const retry = { attempts: 2, minDelayMs: 1, jitter: 'none' }

  test('further attempts count as well', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(failingOnce)
      const mid = limited(coro, 2, 100, { retry })
      const { report, values } = await played(chain({ src: from('a', 'b', 'c'), mid }))
      expect(values).toEqual(['a', 'b', 'c'])
      expect(starts).toEqual([
        ['a', 0],
        ['a', 1],
        ['b', 100],
        ['b', 101],
        ['c', 200],
        ['c', 201],
      ])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, completed: 3, retried: 3 })
    }))

  test('an attempt that waits for the rate is not too slow', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched((value: unknown, ctx: Context) => sleep(40).then(() => failingOnce(value, ctx)))
      const mid = limited(coro, 1, 1_000, { retry, timeoutMs: 50 })
      const { report, values } = await played(chain({ src: from('a', 'b'), mid }))
      expect(values).toEqual(['a', 'b'])
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 1_000, 2_000, 3_000])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, failed: 0, retried: 2, late: 0 })
    }))

  test('an attempt that takes too long has counted', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(obedient(1_000))
      const mid = limited(coro, 2, 300, { retry, timeoutMs: 50, onError: 'skip' })
      const { report } = await played(chain({ src: from('a', 'b'), mid }))
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 51, 300, 351])
      expect(report.errors.map((error) => [error.code, detailOf(error, 'attempts')])).toEqual([
        ['PLB_NODE_TIMEOUT', 2],
        ['PLB_NODE_TIMEOUT', 2],
      ])
    }))

  test('doomsday while an attempt waits for the rate settles at once', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(failingOnce)
      const pipeline = chain({ in: 'std.inlet', mid: limited(coro, 1, 3_600_000, { retry }) }).createPipeline()
      await pipeline.put('a')
      await sleep(10)
      const report = await pipeline.doomsday('enough')
      expect([now(), starts.length]).toEqual([10, 1])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, unprocessed: 1, failed: 0, retried: 0 })
      expect(report).toMatchObject({ errors: [], abandoned: [] })
      expectSound(report, ['in'])
    }))
})

describe('whatever comes when, and takes how long,', manySeeds, () => {
  function draw(random: Random) {
    const rate = { count: random.integer(1, 5), perMs: random.integer(1, 60) + (random.chance(0.3) ? 0.5 : 0) }
    const properties = {
      workers: random.integer(1, 5),
      ordered: random.chance(0.5),
      onError: 'skip',
      queueSize: random.integer(1, 8),
      ...(random.chance(0.5) && { retry: { attempts: random.integer(2, 4), minDelayMs: random.integer(0, 30) } }),
      ...(random.chance(0.5) && { timeoutMs: random.integer(5, 40) }),
    }
    let atMs = 0
    const items = range(random.integer(5, 40)).map((n) => {
      atMs += random.chance(0.6) ? 0 : random.integer(0, 80)
      return [atMs, n] as const
    })
    return { rate, properties, items }
  }

  test('no stretch of time holds more starts than it may, and every item has its turn', async () => {
    for (const seed of seeds)
      await withSeed(seed, () =>
        inVirtualTime(async () => {
          const random = randomOf(seed)
          const { rate, properties, items } = draw(random)
          const call = async (n: number, ctx: Context): Promise<number> => {
            const [listens, ms] = [random.chance(0.7), random.chance(0.4) ? 0 : random.integer(1, 60)]
            if (ms > 0) await sleep(ms, undefined, listens ? { signal: ctx.signal } : {})
            if (random.chance(0.3)) throw new Error(`not ${n}`)
            return n
          }
          const { starts, coro, most } = watched(call)
          const mid = limited(coro, rate.count, rate.perMs, properties)
          const { report, values } = await played(chain({ src: timed(...items), mid, out: same }))
          const { received, completed, failed, retried } = nodeOf(report, 'mid')
          expectRate(
            starts.map(([, atMs]) => atMs),
            rate,
          )
          expect(most()).toBeLessThanOrEqual(properties.workers)
          expect([report.outcome, received, completed + failed]).toEqual(['completed', items.length, items.length])
          expect([starts.length, values.length]).toEqual([received + retried, completed])
          if (properties.ordered) expect(values).toEqual(values.toSorted((a, b) => Number(a) - Number(b)))
        }, seed),
      )
  })
})
