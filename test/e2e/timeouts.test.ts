import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, defineCoro, type PipelineError } from '@pipelines/core'
import { explore, gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { aborted, chain, detailOf, from, having, nodeOf, plumberOf, range, same, turns } from '../support/blackbox.js'
import {
  deaf,
  expectNoTimers,
  expectSound,
  inVirtualTime,
  now,
  obedient,
  played,
  timed,
  watched,
} from '../support/virtual-time.js'

/** Odd numbers take far too long, even ones hardly any time. */
const oddTooLong = (n: number): number => (n % 2 === 1 ? 1_000 : 10)

const skipping = (timeoutMs: number, properties: object = {}) => ({ timeoutMs, onError: 'skip', ...properties })

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

describe('a call that takes longer than timeoutMs', () => {
  test('is a PLB_NODE_TIMEOUT itself: the node, the attempts, the time, and no other error around it', () =>
    inVirtualTime(async () => {
      const stage = having({ timeoutMs: 50 }, obedient(1_000))
      const { report, settledMs } = await played(chain({ src: from(1), mid: stage, out: same }))
      expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_TIMEOUT' } })
      const error = report.error as PipelineError
      expect(error.details).toMatchObject({ node: 'mid', attempts: 1, timeoutMs: 50 })
      expect(error.cause).toBeUndefined()
      expect(error.message).toContain('"mid"')
      expect(detailOf(error, 'errors') ?? []).toEqual([])
      expect(settledMs).toBe(50)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, failed: 1, completed: 0, emitted: 0, retried: 0 })
    }))

  test('has its signal aborted at that moment, with that error as the reason', () =>
    inVirtualTime(async () => {
      const seen: unknown[] = []
      const mid = (_: unknown, ctx: Context) =>
        aborted(ctx.signal).catch((reason) => {
          seen.push(now(), reason)
          throw reason
        })
      const { report } = await played(chain({ src: from(1), mid: having({ timeoutMs: 50 }, mid) }))
      expect(seen).toEqual([50, report.error])
      expect(seen[1]).toBe(report.error)
    }))

  test.each([true, false])('costs its own item and no other (sharing call chains: %s)', (fuse) =>
    inVirtualTime(async () => {
      const stage = having(skipping(50), obedient(oddTooLong))
      const { report, values } = await played(chain({ src: from(...range(6)), mid: stage, out: same }), { fuse })
      expect(values).toEqual([0, 2, 4])
      expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
      expect(report.errors.map(({ code }) => code)).toEqual(range(3).map(() => 'PLB_NODE_TIMEOUT'))
      const counts = { received: 6, completed: 3, failed: 3, emitted: 3, dropped: 0, retried: 0 }
      expect(nodeOf(report, 'mid')).toMatchObject(counts)
      expect(nodeOf(report, 'out')).toMatchObject({ received: 3, completed: 3, late: 0 })
    }),
  )

  test('has failed at once, also if it goes on', () =>
    inVirtualTime(async () => {
      const heard: [string, number][] = []
      const stage = having(skipping(50), deaf(1_000))
      const pipeline = chain({ in: 'std.inlet', mid: stage }).createPipeline()
      pipeline.on('error', ({ code }) => void heard.push([code, now()]))
      await pipeline.put(1)
      await sleep(60)
      expect(heard).toEqual([['PLB_NODE_TIMEOUT', 50]])
      expect(nodeOf(pipeline.snapshot(), 'mid')).toMatchObject({ received: 1, failed: 1, late: 0 })
      pipeline.end()
      expectSound(await pipeline.settled, ['in'])
    }))

  test('may still give a result, which is discarded and counted as late', () =>
    inVirtualTime(async () => {
      const late = (n: number, ctx: Context) =>
        sleep(oddTooLong(n)).then(() => {
          ctx.emit('out', `emitted for ${n}`)
          return n
        })
      const stage = having(skipping(50, { workers: 2 }), late)
      const { report, values } = await played(chain({ src: from(1, 2, 3, 4), mid: stage, out: same }))
      expect(values).toEqual(['emitted for 2', 2, 'emitted for 4', 4])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 4, completed: 2, failed: 2, late: 2, emitted: 4 })
      expect(report.outcome).toBe('completed')
    }))

  test('may still fail: nobody hears of that', () =>
    inVirtualTime(async () => {
      const mid = () => sleep(1_000).then(() => Promise.reject(new Error('much too late')))
      const { report } = await played(chain({ src: from(1, 2), mid: having(skipping(50), mid) }))
      expect(report.errors.map(({ code }) => code)).toEqual(['PLB_NODE_TIMEOUT', 'PLB_NODE_TIMEOUT'])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, failed: 2 })
    }))

  test('at a join costs every part of its tuple', () =>
    inVirtualTime(async () => {
      const join = having(
        skipping(50),
        obedient(([n]: number[]) => oddTooLong(Number(n))),
      )
      const graph = { src: ['a', 'b'], a: ['join'], b: ['join'] }
      const { report, values } = await played(plumberOf({ src: from(1, 2, 3, 4), a: same, b: same, join }, graph))
      expect(values).toEqual([
        [2, 2],
        [4, 4],
      ])
      expect(nodeOf(report, 'join')).toMatchObject({ received: 8, completed: 4, failed: 4, emitted: 2 })
    }))

  test('has the verdict "errored", once', () =>
    inVirtualTime(async () => {
      const stage = having(skipping(50), deaf(oddTooLong))
      const { report } = await played(chain({ src: from(...range(5)), mid: stage, out: same }), { ledger: true })
      expect(report.roots).toMatchObject({ delivered: 3, errored: 2, aborted: 0, filtered: 0 })
    }))
})

describe('a call that ends in time', () => {
  test('keeps its signal, whatever becomes of the calls beside it and after it', () =>
    inVirtualTime(async () => {
      const signals = new Map<number, AbortSignal>()
      const mid = async (n: number, { signal }: Context) => {
        signals.set(n, signal)
        await sleep(n)
        return n
      }
      const stage = having(skipping(50, { workers: 3, ordered: false }), mid)
      const { report, values } = await played(chain({ src: from(200, 10, 20, 45, 49, 48), mid: stage, out: same }))
      expect(values).toEqual([10, 20, 45, 49, 48])
      expect([...signals].filter(([, { aborted }]) => aborted).map(([n]) => n)).toEqual([200])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 5, failed: 1, late: 1 })
    }))

  test('is not struck by the longest time there is', () =>
    inVirtualTime(async () => {
      const stage = having({ timeoutMs: 2 ** 31 - 1 }, obedient(10_000))
      expect((await played(chain({ src: from(1, 2), mid: stage }))).values).toEqual([1, 2])
    }))

  test('leaves no listener behind: however many there are at once, Node does not warn', () =>
    inVirtualTime(async () => {
      const warnings: Error[] = []
      const listen = (warning: Error) => void warnings.push(warning)
      process.on('warning', listen)
      try {
        const retry = { attempts: 3, minDelayMs: 0 }
        const stage = having(skipping(50, { workers: 100, queueSize: 200, retry }), obedient(oddTooLong))
        const { report } = await played(chain({ src: from(...range(200)), mid: stage }))
        expect(nodeOf(report, 'mid')).toMatchObject({ completed: 100, failed: 100, retried: 200 })
        await turns(5)
      } finally {
        process.off('warning', listen)
      }
      expect(warnings).toEqual([])
    }))

  test('leaves no timer behind, however many there are', () =>
    inVirtualTime(async () => {
      const stage = having({ timeoutMs: 60_000, workers: 4 }, (n: number) => (n % 2 ? n : Promise.resolve(n)))
      const { values, settledMs } = await played(chain({ src: from(...range(500)), mid: stage, out: same }))
      expect(values).toEqual(range(500))
      expect(settledMs).toBe(0)
    }))
})

describe('a worker slot', () => {
  test('is held until the call has returned: with one worker the next item starts then', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched(deaf((n: number) => (n === 1 ? 1_000 : 10)))
      const stage = having(skipping(50), coro)
      const { report, values } = await played(chain({ src: from(1, 2, 3), mid: stage, out: same }))
      expect(starts).toEqual([
        [1, 0],
        [2, 1_000],
        [3, 1_010],
      ])
      expect(values).toEqual([2, 3])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, completed: 2, failed: 1, late: 1 })
    }))

  test.each([true, false])('that is held counts: there are never more calls than workers (ordered: %s)', (ordered) =>
    inVirtualTime(async () => {
      const { starts, coro, most } = watched(deaf(200))
      const stage = having(skipping(20, { workers: 3, ordered }), coro)
      const { report, settledMs } = await played(chain({ src: from(...range(12)), mid: stage, out: same }))
      expect(most()).toBe(3)
      expect(starts.map(([, atMs]) => atMs)).toEqual([0, 0, 0, 200, 200, 200, 400, 400, 400, 600, 600, 600])
      expect(settledMs).toBe(800)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 12, completed: 0, failed: 12, late: 12, emitted: 0 })
    }),
  )

  test('that was held begins the next item afresh', () =>
    inVirtualTime(async () => {
      const seen: unknown[][] = []
      const mid = async (n: number, ctx: Context) => {
        const { signal } = ctx
        seen.push([n, ctx.attempt, ctx.index, signal.aborted, now()])
        await sleep(n === 1 ? 200 : 40)
        if (n === 1) ctx.emit('out', 'too late')
        return signal.aborted ? `${n} is aborted` : n
      }
      const { report, values } = await played(chain({ src: from(1, 2, 3), mid: having(skipping(50), mid), out: same }))
      expect(values).toEqual([2, 3])
      expect(seen).toEqual([
        [1, 1, 0, false, 0],
        [2, 1, 1, false, 200],
        [3, 1, 2, false, 240],
      ])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, failed: 1, late: 1, emitted: 2 })
    }))

  test('that is held is not torn down, and its node does not end, before its call has returned', () =>
    inVirtualTime(async () => {
      const life: string[] = []
      const note = (what: string) => () => void life.push(`${what} at ${now()}`)
      const mid = defineCoro({
        setup: note('setup'),
        run: () => sleep(300).then(note('returned')),
        flush: note('flush'),
        teardown: note('teardown'),
      } as never) as object
      const { report } = await played(chain({ src: from(1), mid: having(skipping(50), mid), out: same }))
      expect(life).toEqual(['setup at 0', 'returned at 300', 'flush at 300', 'teardown at 300'])
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 1, late: 1 })
    }))

  test('that is held closes the part of its item in a diamond: the join goes on', () =>
    inVirtualTime(async () => {
      const nodes = {
        src: from(1, 2, 4),
        a: having(skipping(50, { workers: 3 }), deaf(oddTooLong)),
        b: same,
        join: same,
      }
      const { outputs, settledMs } = await played(plumberOf(nodes, { src: ['a', 'b'], a: ['join'], b: ['join'] }))
      expect(outputs.map(({ value, atMs }) => [value, atMs])).toEqual([
        [[2, 2], 50],
        [[4, 4], 50],
      ])
      expect(settledMs).toBe(1_000)
    }))

  test('that is held does not hold back the results of others: those behind it leave when it has failed', () =>
    inVirtualTime(async () => {
      const stage = having(skipping(50, { workers: 3 }), deaf(oddTooLong))
      const { outputs, settledMs } = await played(chain({ src: from(1, 2, 4), mid: stage, out: same }))
      expect(outputs.map(({ value, atMs }) => [value, atMs])).toEqual([
        [2, 50],
        [4, 50],
      ])
      expect(settledMs).toBe(1_000)
    }))
})

describe('does not count as time of a call:', () => {
  const slow = { coro: obedient(1_000), properties: { queueSize: 1, fuse: false } }

  test('waiting for room', () =>
    inVirtualTime(async () => {
      const stage = having({ timeoutMs: 10, fuse: false }, obedient(5))
      const { report, values } = await played(chain({ src: from(...range(5)), mid: stage, slow }))
      expect(values).toEqual(range(5))
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 5, failed: 0, late: 0 })
    }))

  test('waiting for a turn', () =>
    inVirtualTime(async () => {
      const stage = having({ timeoutMs: 60, workers: 4, fuse: false }, async function* (n: number) {
        await sleep(50 - 10 * (n % 4))
        yield n
      })
      const { report, values } = await played(chain({ src: from(...range(8)), mid: stage, slow }))
      expect(values).toEqual(range(8))
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 8, failed: 0 })
    }))

  /** Gives three values; each takes 30 ms. */
  async function* thrice(n: number): AsyncGenerator<string> {
    for (const part of ['a', 'b', 'c']) {
      await sleep(30)
      yield `${n}${part}`
    }
  }

  test('the pauses of a generator between its outputs', () =>
    inVirtualTime(async () => {
      const { report, values } = await played(
        chain({ src: from(1, 2), mid: having({ timeoutMs: 100, fuse: false }, thrice), slow }),
      )
      expect(values).toEqual(['1a', '1b', '1c', '2a', '2b', '2c'])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, failed: 0, emitted: 6 })
    }))

  test('but what it does between them adds up', () =>
    inVirtualTime(async () => {
      const stage = having({ ...skipping(80), fuse: false }, thrice)
      const { report, values } = await played(chain({ src: from(1, 2), mid: stage, slow }))
      expect(values).toEqual(['1a', '1b', '2a', '2b'])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 0, failed: 2, emitted: 4 })
    }))

  test('setup, flush and teardown', () =>
    inVirtualTime(async () => {
      const life: string[] = []
      const long = (what: string) => async () => {
        await sleep(1_000)
        life.push(what)
      }
      const mid = defineCoro({
        setup: long('setup'),
        run: obedient(5),
        flush: long('flush'),
        teardown: long('teardown'),
      } as never) as object
      const { report, values } = await played(
        chain({ src: from(1, 2), mid: having({ timeoutMs: 10 }, mid), out: same }),
      )
      expect(values).toEqual([1, 2])
      expect(life).toEqual(['setup', 'flush', 'teardown'])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, failed: 0 })
    }))
})

describe('a call that does not return', () => {
  const retrying = (properties: object = {}) =>
    skipping(50, { retry: { attempts: 3, minDelayMs: 10, jitter: 'none' }, ...properties })

  test('has no further attempt: graceMs after its timeout the item has failed', () =>
    inVirtualTime(async () => {
      const open = gate()
      const { starts, coro } = watched((n: number) => (n === 1 ? open.opened.then(() => n) : n))
      const pipeline = chain({ in: 'std.inlet', mid: having(retrying({ workers: 2 }), coro) }).createPipeline({
        graceMs: 200,
      })
      const heard: unknown[] = []
      pipeline.on('error', (error) => void heard.push(now(), error))
      for (const n of range(4)) await pipeline.put(n)
      await sleep(1_000)
      expect(heard).toMatchObject([250, { code: 'PLB_NODE_TIMEOUT', details: { node: 'mid', attempts: 1 } }])
      expect(starts.map(([n]) => n)).toEqual(range(4))
      expect(nodeOf(pipeline.snapshot(), 'mid')).toMatchObject({ received: 4, completed: 3, failed: 1, retried: 0 })
      open.open()
      pipeline.end()
      const report = await pipeline.settled
      expectSound(report, ['in'])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 4, completed: 3, failed: 1, retried: 0, late: 1 })
      expect(report).toMatchObject({ outcome: 'completed', abandoned: [] })
    }))

  test('before graceMs is over, and then does, is followed by the next attempt, not sooner', () =>
    inVirtualTime(async () => {
      const { starts, coro, most } = watched((n: number, { attempt }: Context) => (attempt === 1 ? sleep(100, n) : n))
      const stage = having(retrying(), coro)
      const { report, values } = await played(chain({ src: from(1), mid: stage, out: same }), { graceMs: 200 })
      expect(values).toEqual([1])
      expect(starts).toHaveLength(2)
      expect(starts[1]?.[1]).toBeGreaterThanOrEqual(100)
      expect(starts[1]?.[1]).toBeLessThanOrEqual(110)
      expect(most()).toBe(1)
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 1, failed: 0, retried: 1, late: 1, emitted: 1 })
    }))

  test('is named in the report when the run is doomed, and its item has failed already', () =>
    inVirtualTime(async (clock) => {
      const open = gate()
      const stage = having(skipping(50), () => open.opened)
      const pipeline = chain({ in: 'std.inlet', mid: stage }).createPipeline({ graceMs: 30 })
      await pipeline.put(1)
      await pipeline.put(2)
      await sleep(100)
      const report = await pipeline.doomsday('enough')
      expect(now()).toBe(130)
      expect(report).toMatchObject({ outcome: 'doomed', abandoned: ['mid'] })
      expect(report.unprocessed.map(({ value }) => value)).toEqual([2])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, failed: 1, unprocessed: 0 })
      expectSound(report, ['in'])
      expectNoTimers(clock)
      open.open()
    }))

  test('and holds the only worker while others wait is a stall, once graceMs is over', () =>
    inVirtualTime(async (clock) => {
      const open = gate()
      const mid = having(skipping(50), () => open.opened)
      const { report, settledMs } = await played(chain({ src: from(1, 2, 3), mid }), { graceMs: 100, ledger: true })
      expect(report.error).toMatchObject({ code: 'PLB_RUN_STALLED' })
      expect(report.error?.message).toContain('"mid"')
      expect(report).toMatchObject({ outcome: 'failed', abandoned: ['mid'] })
      expect(settledMs).toBe(250)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, failed: 1, unprocessed: 0 })
      expect(report.unprocessed.map(({ value }) => value)).toEqual([2, 3])
      expect(report.roots).toMatchObject({ errored: 1, aborted: 2 })
      expectNoTimers(clock)
      open.open()
    }))

  test('and holds the only worker is no stall while something may still come', () =>
    inVirtualTime(async () => {
      const open = gate()
      const mid = having(skipping(50), (n: number) => (n === 1 ? open.opened : n))
      const pipeline = chain({ in: 'std.inlet', mid }).createPipeline({ graceMs: 100 })
      await pipeline.put(1)
      await pipeline.put(2)
      await sleep(1_000)
      expect(pipeline.snapshot().state).toBe('running')
      open.open()
      pipeline.end()
      const report = await pipeline.settled
      expect(report.outcome).toBe('completed')
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 1, failed: 1, late: 1 })
      expectSound(report, ['in'])
    }))

  test.each([
    ['within graceMs is waited for', 5_000, 1_000, []],
    ['within graceMs is abandoned', 30, 90, ['mid']],
  ])('when its consumers are done: the run is well; what does or does not return %s', (_what, graceMs, ms, abandoned) =>
    inVirtualTime(async () => {
      const mid = having(skipping(50, { workers: 2, fuse: false }), deaf(oddTooLong))
      const src = timed([0, 1], [50, 2], [55, 4])
      const { report, values, settledMs } = await played(chain({ src, mid, takeOne }), { graceMs })
      expect(report.errors.map(({ code }) => code)).toEqual(['PLB_NODE_TIMEOUT'])
      expect(report).toMatchObject({ outcome: 'completed', abandoned })
      expect([values, settledMs]).toEqual([[2], ms])
      await sleep(2_000)
    }),
  )

  test('ends the run with onError "fail" all the same', () =>
    inVirtualTime(async (clock) => {
      const open = gate()
      const stage = having({ timeoutMs: 50 }, () => open.opened)
      const { report, settledMs } = await played(chain({ src: from(1, 2), mid: stage }), { graceMs: 30 })
      expect(settledMs).toBe(80)
      expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_TIMEOUT' }, abandoned: ['mid'] })
      expectNoTimers(clock)
      open.open()
    }))
})

describe('onTimeout', () => {
  /** Takes too long for odd numbers, and throws for 4. */
  const oddTooLong4Throws = async (n: number, ctx: Context) => {
    if (n === 4) throw new Error('boom')
    return obedient(oddTooLong)(n, ctx)
  }
  const strict = { timeoutMs: 50, onTimeout: 'skip' }

  test('"skip" leaves out what runs out of time; what throws still ends the run', () =>
    inVirtualTime(async () => {
      const plumber = (...items: number[]) =>
        chain({ src: from(...items), mid: having(strict, oddTooLong4Throws), out: same })
      const well = await played(plumber(1, 2, 3, 6))
      expect([well.report.outcome, well.values]).toEqual(['completed', [2, 6]])
      expect(well.report.errors.map(({ code }) => code)).toEqual(['PLB_NODE_TIMEOUT', 'PLB_NODE_TIMEOUT'])
      const { report } = await played(plumber(1, 4))
      expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED' } })
    }))

  test('"fail" ends the run; what throws is skipped', () =>
    inVirtualTime(async () => {
      const stage = having({ timeoutMs: 50, onTimeout: 'fail', onError: 'skip' }, oddTooLong4Throws)
      const { report, values } = await played(chain({ src: from(2, 4, 6, 1), mid: stage, out: same }))
      expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_TIMEOUT' } })
      expect(values).toEqual([2, 6])
    }))

  test.each([1, 3])('"route" sends what runs out of time to port error, in its turn, with %i workers', (workers) =>
    inVirtualTime(async () => {
      const mid = having({ timeoutMs: 50, onTimeout: 'route', workers }, oddTooLong4Throws)
      const seen: unknown[] = []
      const dead = ({ error, input }: { error: { code: string }; input: number }) => void seen.push(error.code, input)
      const nodes = { src: from(0, 1, 2), mid, out: (n: number) => void seen.push(n), dead }
      const { report } = await played(plumberOf(nodes, { src: ['mid'], mid: ['out', { to: 'dead', port: 'error' }] }))
      expect(seen).toEqual([0, 'PLB_NODE_TIMEOUT', 1, 2])
      expect([report.outcome, nodeOf(report, 'mid').failed]).toEqual(['completed', 1])
    }),
  )

  test('leaves a node that has no other way out a leaf', () =>
    inVirtualTime(async () => {
      const mid = having({ timeoutMs: 50, onTimeout: 'route' }, oddTooLong4Throws)
      const graph = { src: ['mid'], mid: [{ to: 'dead', port: 'error' }] }
      const { valuesOf } = await played(plumberOf({ src: from(0, 1, 2), mid, dead: () => 'dead' }, graph))
      expect([valuesOf('mid'), valuesOf('dead')]).toEqual([[0, 2], ['dead']])
    }))

  test('is about the last attempt', () =>
    inVirtualTime(async () => {
      const mid = async (n: number, ctx: Context) =>
        ctx.attempt === 1 ? obedient(1_000)(n, ctx) : oddTooLong4Throws(n, ctx)
      const stage = having({ ...strict, retry: { attempts: 2, minDelayMs: 0 } }, mid)
      const { report, values } = await played(chain({ src: from(1, 2, 4), mid: stage, out: same }))
      expect([values, report.errors[0]?.code]).toEqual([[2], 'PLB_NODE_TIMEOUT'])
      expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED' } })
    }))

  test('is about all members of a batch', () =>
    inVirtualTime(async () => {
      const mid = async (list: readonly number[], { signal }: Context) => {
        await sleep(list.includes(3) ? 1_000 : 10, undefined, { signal })
        return list
      }
      const stage = having({ ...strict, batch: { size: 2 } }, mid)
      const { report, values } = await played(chain({ src: from(...range(6)), mid: stage, out: same }))
      expect([report.outcome, values]).toEqual(['completed', [0, 1, 4, 5]])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 4, failed: 2 })
    }))

  test('counts for maxErrors, as other failures do', () =>
    inVirtualTime(async () => {
      const stage = having({ ...strict, maxErrors: { count: 1, perMs: 10_000 } }, oddTooLong4Throws)
      const { report, values } = await played(chain({ src: from(1, 2, 3, 6), mid: stage, out: same }))
      expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_TIMEOUT' } })
      expect(values).toEqual([2])
    }))

  test('answers a request, without an error where the item is skipped', () =>
    inVirtualTime(async () => {
      const pipeline = chain({ in: 'std.inlet', mid: having(strict, oddTooLong4Throws), out: same }).createPipeline()
      const answers = await Promise.allSettled([2, 4].map((n) => pipeline.process(n)))
      expect(answers).toMatchObject([{ value: 2 }, { reason: { code: 'PLB_NODE_FAILED' } }])
      await expect(pipeline.process(1)).rejects.toMatchObject({ code: 'PLB_RUN_CARDINALITY' })
      expectSound(await pipeline.drain(), ['in'])
    }))
})

describe('a generator that takes too long', () => {
  test('keeps what it has handed on, is closed, and has failed', () =>
    inVirtualTime(async () => {
      let closed = 0
      const stage = having(skipping(50), async function* (n: number, { signal }: Context) {
        try {
          yield n
          await sleep(1_000, undefined, { signal })
          yield -n
        } finally {
          closed++
        }
      })
      const { report, values } = await played(chain({ src: from(1, 2), mid: stage, out: same }), { ledger: true })
      expect(values).toEqual([1, 2])
      expect(closed).toBe(2)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, completed: 0, failed: 2, emitted: 2 })
      expect(report.roots).toMatchObject({ errored: 2, delivered: 0 })
    }))

  test('and listens to nothing is closed when it yields next; that is not handed on', () =>
    inVirtualTime(async () => {
      let closed = 0
      const { starts, coro } = watched(same)
      const stage = having(skipping(50), async function* (n: number) {
        try {
          yield n
          await sleep(1_000)
          yield -n
          yield -n
        } finally {
          closed++
        }
      })
      const { report, values, settledMs } = await played(chain({ src: from(1, 2), mid: stage, out: coro }))
      expect(values).toEqual([1, 2])
      expect(starts).toEqual([
        [1, 0],
        [2, 1_000],
      ])
      expect([closed, settledMs]).toEqual([2, 2_000])
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 2, emitted: 2, late: 2 })
    }))
})

describe('a run that ends during a timed call', () => {
  const stage = having({ timeoutMs: 50 }, obedient(1_000))

  test('by doomsday settles at once: the call is told the reason, and no timer is left', () =>
    inVirtualTime(async () => {
      const reasons: unknown[] = []
      const mid = (_: unknown, { signal }: Context) =>
        aborted(signal).catch((reason) => {
          reasons.push(reason)
          throw reason
        })
      const pipeline = chain({ in: 'std.inlet', mid: having({ timeoutMs: 50 }, mid) }).createPipeline()
      await pipeline.put(1)
      await sleep(20)
      const report = await pipeline.doomsday('enough')
      expect(now()).toBe(20)
      expect(reasons).toEqual(['enough'])
      expect(report).toMatchObject({ outcome: 'doomed', errors: [], abandoned: [] })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, failed: 0, unprocessed: 1 })
      expectSound(report, ['in'])
    }))

  test('by its deadline settles at once', () =>
    inVirtualTime(async () => {
      const { report, settledMs } = await played(chain({ src: from(1), mid: stage }), { deadlineMs: 20 })
      expect(settledMs).toBe(20)
      expect(report.error).toMatchObject({ code: 'PLB_RUN_DEADLINE' })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, failed: 0, unprocessed: 1 })
    }))

  test('by draining lets it end, and strikes if it does not', () =>
    inVirtualTime(async () => {
      const seen: unknown[] = []
      const pipeline = chain({
        in: 'std.inlet',
        mid: having(skipping(50, { workers: 2 }), obedient(oddTooLong)),
      }).createPipeline({ onOutput: ({ value }: { value: unknown }) => void seen.push(value) })
      await pipeline.put(1)
      await sleep(5)
      await pipeline.put(2)
      const report = await pipeline.drain()
      expect([now(), seen]).toEqual([50, [2]])
      expect(report.outcome).toBe('completed')
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 1, failed: 1 })
      expectSound(report, ['in'])
    }))

  test('because its consumers are done settles at once, and well', () =>
    inVirtualTime(async () => {
      const mid = having(
        { timeoutMs: 500, workers: 2, fuse: false },
        obedient((n: number) => n),
      )
      const { report, values, settledMs } = await played(chain({ src: from(10, 400, 401), mid, takeOne }))
      expect([values, settledMs]).toEqual([[10], 10])
      expect(report).toMatchObject({ outcome: 'completed', errors: [] })
      expect(nodeOf(report, 'mid').failed).toBe(0)
    }))

  test('because another node failed settles at once, and names that one', () =>
    inVirtualTime(async () => {
      const bad = async () => {
        await sleep(20)
        throw new Error('boom')
      }
      const { report, settledMs } = await played(plumberOf({ src: from(1), mid: stage, bad }, { src: ['mid', 'bad'] }))
      expect(settledMs).toBe(20)
      expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'bad' } })
      expect(report.errors).toHaveLength(1)
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 0, unprocessed: 1 })
    }))
})

test('a call has its whole time, however late its item comes', () =>
  inVirtualTime(async () => {
    const stage = having(skipping(50), obedient(40))
    const { values, report } = await played(
      chain({ src: timed([0, 'a'], [0, 'b'], [0, 'c'], [500, 'd']), mid: stage, out: same }),
    )
    expect(values).toEqual(['a', 'b', 'c', 'd'])
    expect(nodeOf(report, 'mid')).toMatchObject({ completed: 4, failed: 0, late: 0 })
  }))

describe('in every order of timeouts and results,', () => {
  const document = (properties: object) => ({
    nodes: { in: { coro: 'std.inlet' }, work: { coro: 'work', properties }, out: { coro: 'out' } },
    graph: { in: ['work'], work: ['out'] },
  })

  test.each([{ workers: 1 }, { workers: 2 }, { workers: 2, ordered: false }])(
    'an item completes or fails, and what comes late is counted (%o)',
    async (properties) => {
      const outcomes = new Set<string>()
      const explored = await explore(document({ ...properties, timeoutMs: 10, onError: 'skip' }), {
        coroMap: { work: same, out: same },
        input: range(3),
        schedules: 'all',
        most: 1_500,
        check: ({ values, report }) => {
          const { completed, failed, late, retried } = nodeOf(report, 'work')
          outcomes.add(`${completed} completed`)
          expect(values).toHaveLength(completed)
          if (properties.ordered !== false) expect(values).toEqual(values.toSorted())
          // A call that was held until its timeout goes on then, and gives its result.
          expect([completed + failed, late, retried]).toEqual([3, failed, 0])
          expect(report.roots).toMatchObject({ delivered: completed, errored: failed })
        },
      })
      expect(explored.runs).toBeGreaterThan(3)
      expect(outcomes.size).toBe(4)
    },
  )
})
