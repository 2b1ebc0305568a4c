import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, DROP, defineCoro } from '@pipelines/core'
import { explore, gate } from '@pipelines/testkit'
import { describe, expect, test, vi } from 'vitest'
import {
  aborted,
  chain,
  detailOf,
  failureOf,
  from,
  having,
  nodeOf,
  plumberOf,
  range,
  type Stage,
  same,
} from '../support/blackbox.js'
import { deaf, expectSound, inVirtualTime, now, obedient, played, watched } from '../support/virtual-time.js'

type Properties = Readonly<Record<string, unknown>>

/** So many calls, the first included, with delays that are not drawn. */
const exact = (attempts: number, rest: object = {}) => ({ retry: { attempts, jitter: 'none' as const, ...rest } })

/** Throws at the first `times` calls for each value, then gives it. */
function flaky(times: number) {
  const calls = new Map<unknown, number>()
  return <T>(value: T): T => {
    const call = (calls.get(value) ?? 0) + 1
    calls.set(value, call)
    if (call <= times) throw new Error(`no ${call} of ${value}`)
    return value
  }
}

const boom = (): never => {
  throw new Error('boom')
}

/** A stream coroutine that is done after one item. */
const takeOne = defineCoro({
  kind: 'stream',
  run: async function* (inputs: AsyncIterable<unknown>) {
    for await (const value of inputs) {
      yield value
      return
    }
  },
})

describe('a call that fails', () => {
  test.each([true, false])('is made again until it succeeds, and its output leaves once (call chains: %s)', (fuse) =>
    inVirtualTime(async () => {
      const mid = having(exact(3), flaky(2))
      const { report, values } = await played(chain({ src: from(1, 2, 3), mid, out: same }), { fuse, ledger: true })
      expect(values).toEqual([1, 2, 3])
      expect(report).toMatchObject({ outcome: 'completed', errors: [], roots: { delivered: 3, errored: 0 } })
      const counts = { received: 3, completed: 3, failed: 0, emitted: 3, dropped: 0, retried: 6, late: 0 }
      expect(nodeOf(report, 'mid')).toMatchObject(counts)
    }),
  )

  test('is made with the same input, the same meta, by the same worker; only ctx.attempt counts on', () =>
    inVirtualTime(async () => {
      const [input, other] = [{ n: 1 }, { n: 2 }]
      const seen: unknown[][] = []
      const mid = defineCoro({
        setup: (ctx: Context) => ({ slot: ctx.worker.index }),
        run: async (value: object, ctx: Context) => {
          seen.push([value, ctx.meta.tag, ctx.attempt, ctx.index, (ctx.state as { slot: number }).slot])
          await sleep(1)
          if (ctx.attempt < 3) throw new Error('not yet')
          return value
        },
      })
      const pipeline = chain({ in: 'std.inlet', mid: having({ workers: 2, ...exact(3) }, mid) }).createPipeline()
      await pipeline.put(input, { meta: { tag: 'a' } })
      await pipeline.put(other, { meta: { tag: 'b' } })
      pipeline.end()
      expectSound(await pipeline.settled, ['in'])
      for (const [place, value, tag] of [
        [0, input, 'a'],
        [1, other, 'b'],
      ] as const) {
        const calls = seen.filter(([it]) => it === value)
        const [first] = calls
        expect(calls).toEqual([1, 2, 3].map((attempt) => [value, tag, attempt, place, first?.[4]]))
      }
      expect(new Set(seen.map((call) => call[4])).size).toBe(2)
    }))

  test('to the end fails with the last error as the cause, and the number of attempts', () =>
    inVirtualTime(async () => {
      const errors: Error[] = []
      const mid = () => {
        errors.push(new Error(`no ${errors.length + 1}`))
        throw errors.at(-1)
      }
      const { report } = await played(chain({ src: from(1, 2), mid: having(exact(4), mid), out: same }))
      expect(errors).toHaveLength(4)
      expect(report.error).toMatchObject({
        code: 'PLB_NODE_FAILED',
        details: { node: 'mid', attempts: 4, phase: 'run' },
      })
      expect(report.error?.cause).toBe(errors[3])
      expect(report.error?.message).toContain('4 attempts')
      expect(report.errors).toHaveLength(1)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, failed: 1, retried: 3, emitted: 0 })
    }))

  test('to the end is told once, and listed once, with onError "skip"', () =>
    inVirtualTime(async () => {
      const heard: unknown[] = []
      const mid = having({ onError: 'skip', ...exact(3) }, (n: number) => (n % 2 ? boom() : n))
      const pipeline = chain({ in: 'std.inlet', mid }).createPipeline({ ledger: true })
      pipeline.on('error', (error) => void heard.push(error))
      for (const n of range(6)) await pipeline.put(n)
      pipeline.end()
      const report = await pipeline.settled
      expectSound(report, ['in'])
      expect(heard).toEqual(report.errors)
      expect(report.errors.map((error) => detailOf(error, 'attempts'))).toEqual([3, 3, 3])
      expect(report.roots).toMatchObject({ delivered: 3, errored: 3 })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 6, completed: 3, failed: 3, retried: 6, emitted: 3 })
    }))

  test('is made again in the async context of whoever brought the item', () =>
    inVirtualTime(async () => {
      const user = new AsyncLocalStorage<string>()
      const seen: unknown[] = []
      const coro = async (n: number, { attempt, signal }: Context) => {
        seen.push([n, attempt, user.getStore()])
        await sleep(attempt === 2 ? 1_000 : 1, undefined, { signal })
        return attempt < 4 ? boom() : user.getStore()
      }
      const mid = having({ workers: 2, timeoutMs: 50, rateLimit: { count: 1, perMs: 7 }, ...exact(4) }, coro)
      const pipeline = chain({ in: 'std.inlet', mid }).createPipeline()
      await user.run('ann', () => pipeline.put(1))
      await user.run('bob', () => pipeline.put(2))
      pipeline.end()
      expectSound(await pipeline.settled, ['in'])
      for (const [n, name] of [
        [1, 'ann'],
        [2, 'bob'],
      ])
        expect(seen.filter((call) => (call as unknown[])[0] === n)).toEqual(
          [1, 2, 3, 4].map((attempt) => [n, attempt, name]),
        )
    }))

  test('for good ends the run at once, also if the call before it goes on', () =>
    inVirtualTime(async () => {
      const mid = (n: number, { signal }: Context) => (n === 1 ? sleep(10_000, n, { signal }) : boom())
      const { report, settledMs } = await played(
        chain({ src: from(1, 2), mid: having({ workers: 2, ...exact(2) }, mid) }),
      )
      expect(settledMs).toBe(100)
      expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { attempts: 2 } })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, failed: 1, unprocessed: 1, retried: 1 })
    }))

  test('once only is allowed to fail once only', () =>
    inVirtualTime(async () => {
      const { report } = await played(chain({ src: from(1), mid: having(exact(1), flaky(1)) }))
      expect(report.error).toMatchObject({ details: { attempts: 1 } })
      expect(nodeOf(report, 'mid').retried).toBe(0)
    }))

  test('at a join is made again with the same tuple', () =>
    inVirtualTime(async () => {
      const seen: unknown[] = []
      const join = (tuple: unknown, { attempt }: Context) => {
        seen.push(tuple)
        return attempt < 3 ? boom() : tuple
      }
      const nodes = { src: from(1), a: same, b: same, join: having(exact(3), join) }
      const { report, values } = await played(plumberOf(nodes, { src: ['a', 'b'], a: ['join'], b: ['join'] }))
      expect(values).toEqual([[1, 1]])
      expect(seen).toEqual([values[0], values[0], values[0]])
      expect(nodeOf(report, 'join')).toMatchObject({ received: 2, completed: 2, failed: 0, retried: 2, emitted: 1 })
    }))

  test('with an AbortError of its own is made again: nobody has told it to stop', () =>
    inVirtualTime(async () => {
      const own = new DOMException('the socket was closed', 'AbortError')
      const { starts, coro } = watched(() => Promise.reject(own))
      const { report } = await played(chain({ src: from(1), mid: having(exact(3, { minDelayMs: 1 }), coro) }))
      expect(starts).toHaveLength(3)
      expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED', details: { attempts: 3 } } })
      expect(report.error?.cause).toBe(own)
    }))
})

describe('the delay before another attempt', () => {
  /** When the calls of one item began. */
  const startsOf = (retry: object): Promise<number[]> =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(boom)
      const { report } = await played(chain({ src: from(1), mid: having({ retry }, coro) }))
      expect(report.outcome).toBe('failed')
      return starts.map(([, atMs]) => atMs)
    })

  test('grows by the factor up to the longest', async () => {
    const retry = { attempts: 6, minDelayMs: 100, factor: 2, maxDelayMs: 500, jitter: 'none' }
    expect(await startsOf(retry)).toEqual([0, 100, 300, 700, 1_200, 1_700])
  })

  test('is by default at most 100 ms, twice as much each time, and at most 30 s', async () => {
    const caps = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]
    const delays = (starts: number[]) => starts.slice(1).map((start, place) => start - Number(starts[place]))
    expect(delays(await startsOf({ attempts: 12, jitter: 'none' }))).toEqual(caps)
    const drawn = delays(await startsOf({ attempts: 12 }))
    for (const [place, delay] of drawn.entries()) expect(delay).toBeLessThanOrEqual(Number(caps[place]))
    expect(drawn).not.toEqual(caps)
  })

  test('is anything from nothing to the longest, and not the same for all', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(flaky(1))
      const mid = having({ workers: 200, queueSize: 200, retry: { attempts: 2, minDelayMs: 1_000 } }, coro)
      const { values } = await played(chain({ src: from(...range(200)), mid }))
      expect(values).toEqual(range(200))
      const delays = starts.slice(200).map(([, atMs]) => atMs)
      expect(delays).toHaveLength(200)
      expect(Math.max(...delays)).toBeLessThanOrEqual(1_000)
      expect(Math.min(...delays)).toBeLessThan(100)
      expect(Math.max(...delays)).toBeGreaterThan(900)
      expect(new Set(delays).size).toBeGreaterThan(50)
    }))

  test.each([
    [0, 0],
    [0.5, 50],
  ])('is drawn: %d of the longest is %d ms', async (drawn, delay) => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(drawn)
    try {
      const [, second] = await startsOf({ attempts: 2, minDelayMs: 100 })
      // A timer cannot be shorter than one millisecond.
      expect(Math.abs(Number(second) - delay)).toBeLessThanOrEqual(1)
    } finally {
      random.mockRestore()
    }
  })

  test('is never longer than maxDelayMs, not even the first', async () => {
    expect(await startsOf({ attempts: 3, minDelayMs: 1_000, maxDelayMs: 10, jitter: 'none' })).toEqual([0, 10, 20])
  })

  test('of nothing stays nothing, however often it is multiplied', async () => {
    const starts = await startsOf({ attempts: 500, minDelayMs: 0, factor: 10, jitter: 'none' })
    expect(starts).toHaveLength(500)
    expect(Number(starts.at(-1))).toBeLessThanOrEqual(500)
  })

  test('stays the longest, however often it is multiplied', async () => {
    const starts = await startsOf({ attempts: 400, minDelayMs: 1, maxDelayMs: 7, factor: 1_000, jitter: 'none' })
    expect(starts.slice(-2)).toEqual([1 + 397 * 7, 1 + 398 * 7])
  })

  test('holds the worker: with one of them, the next item starts when this one is done', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(flaky(1))
      const { values } = await played(chain({ src: from('a', 'b'), mid: having(exact(2), coro), out: same }))
      expect(values).toEqual(['a', 'b'])
      expect(starts).toEqual([
        ['a', 0],
        ['a', 100],
        ['b', 100],
        ['b', 200],
      ])
    }))

  test.each([true, false])('lets the other workers go on (ordered: %s)', (ordered) =>
    inVirtualTime(async () => {
      const fail = flaky(1)
      const mid = having({ workers: 2, ordered, ...exact(2) }, (n: number) => (n === 0 ? fail(n) : n))
      const { outputs } = await played(chain({ src: from(...range(3)), mid, out: same }))
      const at = outputs.map(({ value, atMs }) => [value, atMs])
      if (ordered) expect(at).toEqual(range(3).map((n) => [n, 100]))
      else
        expect(at).toEqual([
          [1, 0],
          [2, 0],
          [0, 100],
        ])
    }),
  )

  test('does not make the stack deeper, however often a synchronous call fails', () =>
    inVirtualTime(async () => {
      let calls = 0
      const mid = () => {
        calls++
        return boom()
      }
      const { report } = await played(chain({ src: from(1), mid: having(exact(3_000, { minDelayMs: 0 }), mid) }))
      expect(calls).toBe(3_000)
      expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { attempts: 3_000 } })
    }))
})

describe('what an attempt that fails has emitted', () => {
  test('by a plain function is forgotten', () =>
    inVirtualTime(async () => {
      const mid = async (n: number, ctx: Context) => {
        ctx.emit('out', `${n}, attempt ${ctx.attempt}`)
        await sleep(1)
        return ctx.attempt < 3 ? boom() : DROP
      }
      const { report, values } = await played(chain({ src: from(1, 2), mid: having(exact(3), mid), out: same }))
      expect(values).toEqual(['1, attempt 3', '2, attempt 3'])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, emitted: 2, retried: 4 })
    }))

  /** A plain function that gives a generator, which fails before, or after, its first output. */
  const promised = (before: boolean) =>
    watched((n: number, { attempt }: Context) =>
      Promise.resolve(
        (function* () {
          if (attempt === 1 && before) boom()
          yield `${n}, attempt ${attempt}`
          if (attempt === 1) boom()
          yield 'more'
        })(),
      ),
    )

  test('by a generator that nobody foresaw: it is drawn again if nothing was handed on', () =>
    inVirtualTime(async () => {
      const { starts, coro } = promised(true)
      const { report, values } = await played(chain({ src: from(1), mid: having(exact(3), coro), out: same }))
      expect(starts).toHaveLength(2)
      expect(values).toEqual(['1, attempt 2', 'more'])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 1, failed: 0, retried: 1, emitted: 2 })
    }))

  test('by a generator that nobody foresaw: it fails for good once something was handed on', () =>
    inVirtualTime(async () => {
      const { starts, coro } = promised(false)
      const mid = having({ onError: 'skip', ...exact(3) }, coro)
      const { report, values } = await played(chain({ src: from(1), mid, out: same }))
      expect(starts).toHaveLength(1)
      expect(values).toEqual(['1, attempt 1'])
      expect(report.errors).toMatchObject([{ code: 'PLB_NODE_FAILED', details: { attempts: 1 } }])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 0, failed: 1, retried: 0, emitted: 1 })
    }))

  test.each<[string, Stage]>([
    ['generator', function* () {} as object],
    ['async generator', async function* () {} as object],
  ])('by a %s cannot be forgotten: retry is refused, unless it emits all at once', async (_kind, coro) => {
    const build = (properties: Properties) => chain({ src: from(1), mid: having(properties, coro), out: same })
    const error = await failureOf(() => build(exact(3)))
    expect(detailOf(error, 'issues')).toMatchObject([
      { code: 'PLB_OPTION_CONFLICT', pointer: expect.stringContaining('/nodes/mid') },
    ])
    expect(build({ ...exact(3), emit: 'atomic' })).toBeDefined()
  })
})

describe('an abort is not retried:', () => {
  test('a call that obeys doomsday is not made again', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched((_: unknown, ctx: Context) => aborted(ctx.signal))
      const pipeline = chain({ in: 'std.inlet', mid: having(exact(5), coro) }).createPipeline()
      await pipeline.put(1)
      await sleep(10)
      const report = await pipeline.doomsday('enough')
      expect([now(), starts.length]).toEqual([10, 1])
      expect(report.errors).toEqual([])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, unprocessed: 1, failed: 0, retried: 0 })
      expectSound(report, ['in'])
    }))

  test('nor is one that fails with an error of its own when it is told to stop', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched((_: unknown, ctx: Context) => aborted(ctx.signal).catch(boom))
      const pipeline = chain({ in: 'std.inlet', mid: having(exact(5), coro) }).createPipeline()
      await pipeline.put(1)
      await sleep(10)
      const report = await pipeline.doomsday('enough')
      expect([now(), starts.length]).toEqual([10, 1])
      expectSound(report, ['in'])
    }))
})

describe('a run that ends while an item waits for its next attempt', () => {
  const HOUR = 3_600_000
  /** Fails for `bad`, and will be tried again in an hour. */
  const patient = (properties: object = {}) =>
    having({ ...exact(2, { minDelayMs: HOUR, maxDelayMs: HOUR }), ...properties }, (value: unknown) =>
      value === 'bad' ? boom() : value,
    )

  test('by doomsday settles at once, and lists it as unprocessed', () =>
    inVirtualTime(async () => {
      const pipeline = chain({ in: 'std.inlet', mid: patient(), out: same }).createPipeline({ ledger: true })
      for (const value of ['good', 'bad', 'next']) await pipeline.put(value)
      await sleep(10)
      const report = await pipeline.doomsday('enough')
      expect(now()).toBe(10)
      expect(report).toMatchObject({ outcome: 'doomed', reason: 'enough', abandoned: [], errors: [] })
      expect(report.unprocessed.map(({ node, value }) => `${value} at ${node}`).toSorted()).toEqual([
        'bad at mid',
        'next at mid',
      ])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, completed: 1, failed: 0, unprocessed: 1, retried: 0 })
      expect(report.roots).toMatchObject({ delivered: 1, aborted: 2 })
      expectSound(report, ['in'])
    }))

  test('by its signal or deadline settles at once', () =>
    inVirtualTime(async () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort('enough'), 10)
      for (const [options, code, ms] of [
        [{ signal: controller.signal }, 'PLB_RUN_DOOMED', 10],
        [{ deadlineMs: 20 }, 'PLB_RUN_DEADLINE', 20],
      ] as const) {
        const began = now()
        const { report, settledMs } = await played(chain({ src: from('bad'), mid: patient() }), options)
        expect(report.error?.code).toBe(code)
        expect(settledMs - began).toBe(ms)
        expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, unprocessed: 1, failed: 0 })
      }
    }))

  test('by an error elsewhere settles at once, with that error alone', () =>
    inVirtualTime(async () => {
      const nodes = { src: from('bad'), mid: patient(), other: () => sleep(30).then(boom) }
      const { report, settledMs } = await played(plumberOf(nodes, { src: ['mid', 'other'] }))
      expect(settledMs).toBe(30)
      expect(report).toMatchObject({ outcome: 'failed', error: { details: { node: 'other' } } })
      expect(report.errors).toHaveLength(1)
      expect(detailOf(report.error as never, 'errors') ?? []).toEqual([])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, unprocessed: 1, failed: 0 })
    }))

  test('by an error of another item at the same node settles at once', () =>
    inVirtualTime(async () => {
      const mid = async (n: number) => {
        await sleep(n)
        return boom()
      }
      // The second item fails for good at 120, when the others wait until 190 and 125.
      const stage = having({ workers: 3, ...exact(2) }, mid)
      const { report, settledMs } = await played(chain({ src: from(90, 10, 25), mid: stage }))
      expect(settledMs).toBe(120)
      expect(report.error).toMatchObject({ details: { node: 'mid', attempts: 2 } })
      expect(report.unprocessed.map(({ value }) => value).toSorted()).toEqual([25, 90])
      expect(report.errors).toHaveLength(1)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, failed: 1, unprocessed: 2, retried: 1 })
    }))

  test('because its consumers are done settles at once, and well', () =>
    inVirtualTime(async () => {
      const late = (value: unknown) => (value === 'bad' ? boom() : sleep(50, value))
      const mid = having(
        { workers: 2, ordered: false, fuse: false, ...exact(2, { minDelayMs: HOUR, maxDelayMs: HOUR }) },
        late,
      )
      const { report, values, settledMs } = await played(chain({ src: from('bad', 'good'), mid, takeOne }))
      expect([values, settledMs]).toEqual([['good'], 50])
      expect(report).toMatchObject({ outcome: 'completed', errors: [], abandoned: [] })
      expect(nodeOf(report, 'mid').failed).toBe(0)
    }))

  test('by draining waits for it', () =>
    inVirtualTime(async () => {
      const seen: unknown[] = []
      const pipeline = chain({ in: 'std.inlet', mid: having(exact(4), flaky(3)) }).createPipeline({
        onOutput: ({ value }: { value: unknown }) => void seen.push(value, now()),
      })
      await pipeline.put('x')
      await sleep(10)
      const report = await pipeline.drain()
      expect(report.outcome).toBe('completed')
      expect(seen).toEqual(['x', 700])
      expectSound(report, ['in'])
    }))

  test('by draining does not wait longer than that may take', () =>
    inVirtualTime(async () => {
      const pipeline = chain({ in: 'std.inlet', mid: patient() }).createPipeline()
      await pipeline.put('bad')
      await sleep(10)
      const report = await pipeline.drain({ deadlineMs: 100 })
      expect(now()).toBe(90)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, unprocessed: 1, failed: 0 })
      expect(report.abandoned).toEqual([])
      expectSound(report, ['in'])
    }))
})

describe('a request that is cancelled', () => {
  const HOUR = 3_600_000
  /** Fails for `bad`, and takes too long for `slow`. */
  const work = (value: string, { signal }: Context): unknown => {
    if (value === 'slow') return sleep(1_000, value, { signal })
    return value === 'bad' ? boom() : value
  }

  test.each<[string, object]>([
    ['its next attempt', exact(3, { minDelayMs: HOUR, maxDelayMs: HOUR })],
    ['the rate', { ...exact(3, { minDelayMs: 1 }), rateLimit: { count: 1, perMs: HOUR } }],
  ])('while its item waits for %s has no further attempt, and its worker is free at once', (_what, properties) =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(work)
      const pipeline = chain({ in: 'std.inlet', mid: having(properties as Properties, coro) }).createPipeline()
      const controller = new AbortController()
      const cancelled = failureOf(() => pipeline.process('bad', { signal: controller.signal }))
      await sleep(20)
      controller.abort('enough')
      expect(await cancelled).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_CANCELLED', cause: 'enough' })
      expect(now()).toBe(20)
      if (!('rateLimit' in properties)) expect(await pipeline.process('good')).toBe('good')
      expect(now()).toBe(20)
      const report = await pipeline.drain()
      expect(report).toMatchObject({ outcome: 'completed', errors: [] })
      expect(starts.filter(([value]) => value === 'bad')).toHaveLength(1)
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 0, unprocessed: 1, retried: 0 })
      expectSound(report, ['in'])
    }),
  )

  test('during a timed attempt has no further one: the call is told its reason, and not a timeout', () =>
    inVirtualTime(async () => {
      const reasons: unknown[] = []
      const { starts, coro } = watched((_: string, { signal }: Context) =>
        aborted(signal).catch((reason) => {
          reasons.push(reason)
          throw reason
        }),
      )
      const mid = having({ timeoutMs: 50, ...exact(3) }, coro)
      const pipeline = chain({ in: 'std.inlet', mid }).createPipeline()
      const controller = new AbortController()
      const cancelled = failureOf(() => pipeline.process('slow', { signal: controller.signal }))
      await sleep(20)
      controller.abort('enough')
      await cancelled
      const report = await pipeline.drain()
      expect([now(), starts.length, reasons]).toEqual([20, 1, ['enough']])
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 0, unprocessed: 1, retried: 0 })
      expectSound(report, ['in'])
    }))

  test('leaves another one alone, which has all its attempts and then its own error', () =>
    inVirtualTime(async () => {
      const mid = having({ workers: 2, ...exact(3) }, work)
      const pipeline = chain({ in: 'std.inlet', mid }).createPipeline()
      const controller = new AbortController()
      const cancelled = failureOf(() => pipeline.process('bad', { signal: controller.signal }))
      const other = failureOf(() => pipeline.process('bad'))
      await sleep(20)
      controller.abort('enough')
      await cancelled
      expect(await other).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'mid', attempts: 3 } })
      expect(now()).toBe(300)
      const report = await pipeline.drain()
      expect(report.outcome).toBe('completed')
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, failed: 1, unprocessed: 1, retried: 2 })
      expectSound(report, ['in'])
    }))
})

describe('with timeoutMs', () => {
  test('each attempt has its own time and its own signal', () =>
    inVirtualTime(async () => {
      const signals: AbortSignal[] = []
      const { starts, coro } = watched((n: number, { attempt, signal }: Context) => {
        signals.push(signal)
        return sleep(attempt < 3 ? 1_000 : 40, n, { signal })
      })
      const mid = having({ timeoutMs: 50, ...exact(3) }, coro)
      const { report, values } = await played(chain({ src: from(1), mid, out: same }))
      expect(values).toEqual([1])
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 150, 400])
      expect(new Set(signals).size).toBe(3)
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false])
      expect(signals[0]?.reason).toMatchObject({ code: 'PLB_NODE_TIMEOUT', details: { attempts: 1 } })
      expect(signals[1]?.reason).toMatchObject({ code: 'PLB_NODE_TIMEOUT', details: { attempts: 2 } })
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 1, failed: 0, retried: 2, emitted: 1 })
    }))

  test('the time between attempts does not count', () =>
    inVirtualTime(async () => {
      const mid = having({ timeoutMs: 50, ...exact(3) }, flaky(2))
      const { values, settledMs } = await played(chain({ src: from(1), mid, out: same }))
      expect([values, settledMs]).toEqual([[1], 300])
    }))

  test('an item of which every attempt takes too long is a PLB_NODE_TIMEOUT after so many', () =>
    inVirtualTime(async () => {
      const mid = having({ timeoutMs: 50, ...exact(3) }, obedient(1_000))
      const { report, settledMs } = await played(chain({ src: from(1), mid }))
      expect(settledMs).toBe(450)
      expect(report.error).toMatchObject({ code: 'PLB_NODE_TIMEOUT', details: { attempts: 3, timeoutMs: 50 } })
      expect(report.error?.cause).toBeUndefined()
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 1, retried: 2 })
    }))

  test('whatever the last attempt failed with is what the item failed with', () =>
    inVirtualTime(async () => {
      const mid = (_: unknown, { attempt, signal }: Context) => (attempt === 1 ? sleep(1_000, 0, { signal }) : boom())
      const { report } = await played(chain({ src: from(1), mid: having({ timeoutMs: 50, ...exact(2) }, mid) }))
      expect(report.error).toMatchObject({
        code: 'PLB_NODE_FAILED',
        details: { attempts: 2 },
        cause: { message: 'boom' },
      })
    }))

  test('attempts of one item never overlap, even if no call obeys', () =>
    inVirtualTime(async () => {
      const { starts, coro, most } = watched(deaf(80))
      const mid = having({ timeoutMs: 50, onError: 'skip', ...exact(3, { minDelayMs: 1 }) }, coro)
      const { report } = await played(chain({ src: from(1, 2), mid }))
      expect(most()).toBe(1)
      expect(starts).toHaveLength(6)
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 2, retried: 4, late: 6, emitted: 0 })
    }))

  test('doomsday while a timed-out call goes on: no further attempt, and it is abandoned', () =>
    inVirtualTime(async () => {
      const open = gate()
      const { starts, coro } = watched(() => open.opened)
      const mid = having({ timeoutMs: 50, ...exact(3) }, coro)
      const pipeline = chain({ in: 'std.inlet', mid }).createPipeline({ graceMs: 30 })
      await pipeline.put(1)
      await sleep(60)
      const report = await pipeline.doomsday('enough')
      expect([now(), starts.length]).toEqual([90, 1])
      expect(report.abandoned).toEqual(['mid'])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, failed: 0, unprocessed: 1, retried: 0 })
      expectSound(report, ['in'])
      open.open()
    }))
})

describe('in every order of timeouts, delays and results,', () => {
  test('an item is delivered or fails after all its attempts', async () => {
    const outcomes = new Set<string>()
    await explore(
      {
        nodes: {
          in: { coro: 'std.inlet' },
          work: {
            coro: 'work',
            properties: { workers: 2, timeoutMs: 10, onError: 'skip', ...exact(2, { minDelayMs: 5 }) },
          },
          out: { coro: 'out' },
        },
        graph: { in: ['work'], work: ['out'] },
      },
      {
        setup: () => ({ coroMap: { work: flaky(1), out: same } }),
        input: range(2),
        seeds: 300,
        check: ({ values, report }) => {
          const { completed, failed, retried } = nodeOf(report, 'work')
          outcomes.add(`${completed} of ${retried}`)
          expect(values).toEqual(values.toSorted())
          expect([completed + failed, values.length, retried]).toEqual([2, completed, 2])
          expect(report.errors.map((error) => detailOf(error, 'attempts'))).toEqual(range(failed).map(() => 2))
        },
      },
    )
    expect(outcomes.size).toBeGreaterThan(1)
  })

  test('doomsday at any moment leaves nothing behind', async () => {
    const completed = new Set<number>()
    await explore(
      {
        nodes: {
          in: { coro: 'std.inlet' },
          work: { coro: 'work', properties: { workers: 2, timeoutMs: 10, onError: 'skip', ...exact(2) } },
        },
        graph: { in: ['work'] },
      },
      {
        setup: () => ({ coroMap: { work: flaky(1) } }),
        input: range(3),
        outcomes: ['completed', 'doomed'],
        seeds: 300,
        inject: async ({ pipeline, moment }) => {
          await moment('doomsday')
          void pipeline.doomsday('enough')
        },
        check: ({ report }) => void completed.add(nodeOf(report, 'work').completed),
      },
    )
    expect(completed.size).toBeGreaterThan(2)
  })
})
