import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, DROP, defineCoro } from '@pipelines/core'
import { explore } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { chain, from, having, nodeOf, plumberOf, range, type Stage, same } from '../support/blackbox.js'
import { expectSound, inVirtualTime, now, obedient, played } from '../support/virtual-time.js'

const boom = (): never => {
  throw new Error('boom')
}
const atomic = (coro: Stage, properties: object = {}): Stage => having({ emit: 'atomic', ...properties }, coro)
const retry = (attempts: number) => ({ retry: { attempts, minDelayMs: 10, jitter: 'none' } })
const onPort = (port: string, ...names: readonly string[]) => names.map((to) => ({ to, port }))

/** Gives two values, and fails between them in all attempts before the given one. */
function* twice(n: number, { attempt }: Context, good = 1): Generator<string> {
  yield `${n}a, attempt ${attempt}`
  if (attempt < good) boom()
  yield `${n}b, attempt ${attempt}`
}
const goodAt = (good: number) =>
  function* (n: number, ctx: Context): Generator<string> {
    yield* twice(n, ctx, good)
  } as object
const goodLaterAt = (good: number) =>
  async function* (n: number, ctx: Context): AsyncGenerator<string> {
    for (const value of twice(n, ctx, good)) {
      await sleep(5)
      yield value
    }
  } as object
const promisedAt =
  (good: number): Stage =>
  (n: number, ctx: Context) =>
    sleep(5).then(() => twice(n, ctx, good))

const kinds: [string, (good: number) => Stage][] = [
  ['generator', goodAt],
  ['async generator', goodLaterAt],
  ['generator that is promised', promisedAt],
]

describe('emit: "atomic"', () => {
  test.each(kinds)('hands on all that a %s gives, in order', (_kind, make) =>
    inVirtualTime(async () => {
      const { report, values } = await played(chain({ src: from(1, 2), mid: atomic(make(1)), out: same }))
      expect(values).toEqual(['1a, attempt 1', '1b, attempt 1', '2a, attempt 1', '2b, attempt 1'])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, completed: 2, emitted: 4, failed: 0, late: 0 })
    }),
  )

  test.each(kinds)('hands on nothing of a %s that fails', (_kind, make) =>
    inVirtualTime(async () => {
      const mid = atomic(make(2), { onError: 'skip' })
      const { report, values } = await played(chain({ src: from(1, 2), mid, out: same }), { ledger: true })
      expect(values).toEqual([])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, completed: 0, failed: 2, emitted: 0 })
      expect(report.roots).toMatchObject({ errored: 2, delivered: 0 })
    }),
  )

  test.each(kinds)('lets a %s be tried again: only what the last attempt gives is handed on', (_kind, make) =>
    inVirtualTime(async () => {
      const mid = atomic(make(3), retry(3))
      const { report, values } = await played(chain({ src: from(1, 2), mid, out: same }), { ledger: true })
      expect(values).toEqual(['1a, attempt 3', '1b, attempt 3', '2a, attempt 3', '2b, attempt 3'])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, failed: 0, retried: 4, emitted: 4 })
      expect(report.roots).toMatchObject({ delivered: 2, errored: 0 })
    }),
  )

  test('holds everything until the generator has ended', () =>
    inVirtualTime(async () => {
      const mid = async function* (n: number) {
        yield n
        await sleep(100)
        yield n
        await sleep(100)
      } as object
      const { outputs } = await played(chain({ src: from(1), mid: atomic(mid), out: same }))
      expect(outputs.map(({ atMs }) => atMs)).toEqual([200, 200])
    }))

  test('without it outputs leave as they come', () =>
    inVirtualTime(async () => {
      const { outputs, report } = await played(
        chain({ src: from(1), mid: having({ onError: 'skip' }, goodLaterAt(2)), out: same }),
      )
      expect(outputs.map(({ value }) => value)).toEqual(['1a, attempt 1'])
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 1, emitted: 1 })
    }))

  test('holds what is emitted by any port, and keeps its order and its meta', () =>
    inVirtualTime(async () => {
      const mid = defineCoro({
        emits: ['side'],
        run: async function* (n: number, ctx: Context) {
          ctx.emit('side', `s${n}`, { meta: { by: ctx.attempt } })
          yield `o${n}`
          ctx.emit('out', `e${n}`)
          await sleep(10)
          if (ctx.attempt === 1) boom()
          yield DROP
          yield `p${n}`
          ctx.emit('side', `t${n}`)
        },
      }) as object
      const plumber = plumberOf(
        { src: from(1, 2), mid: atomic(mid, retry(2)), out: same, side: same },
        { src: ['mid'], mid: ['out', ...onPort('side', 'side')] },
      )
      const { report, outputs, valuesOf } = await played(plumber)
      expect(valuesOf('out')).toEqual(['o1', 'e1', 'p1', 'o2', 'e2', 'p2'])
      expect(valuesOf('side')).toEqual(['s1', 't1', 's2', 't2'])
      expect(outputs.find(({ value }) => value === 's1')?.meta).toEqual({ by: 2 })
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, emitted: 10, retried: 2 })
    }))

  test('changes nothing for a plain function', () =>
    inVirtualTime(async () => {
      const mid = (n: number, ctx: Context) => {
        ctx.emit('out', -n)
        return n
      }
      const { values } = await played(chain({ src: from(1, 2), mid: atomic(mid), out: same }))
      expect(values).toEqual([-1, 1, -2, 2])
    }))

  test('lets a generator run through while there is no room, and hands on as there is', () =>
    inVirtualTime(async () => {
      const ended: number[] = []
      const mid = function* (n: number) {
        for (const part of range(4)) yield 10 * n + part
        ended.push(now())
      } as object
      const slow = { coro: obedient(100), properties: { queueSize: 1, fuse: false } }
      const { values, settledMs } = await played(chain({ src: from(1, 2), mid: atomic(mid, { fuse: false }), slow }))
      expect(values).toEqual([10, 11, 12, 13, 20, 21, 22, 23])
      expect(settledMs).toBe(800)
      // The second item is taken when the last output of the first is in the queue.
      expect(ended).toEqual([0, 200])
    }))

  test('keeps the order of items with several workers', () =>
    inVirtualTime(async () => {
      const mid = async function* (n: number, { attempt }: Context) {
        yield `${n}a`
        await sleep(100 - 10 * n)
        if (attempt === 1 && n % 2) boom()
        yield `${n}b`
      } as object
      const { values } = await played(
        chain({ src: from(...range(6)), mid: atomic(mid, { workers: 4, ...retry(2) }), out: same }),
      )
      expect(values).toEqual(range(6).flatMap((n) => [`${n}a`, `${n}b`]))
    }))

  test('discards what a call gave before its timeout, and after it', () =>
    inVirtualTime(async () => {
      const mid = async function* (n: number, { attempt }: Context) {
        yield `${n}a, attempt ${attempt}`
        await sleep(attempt === 1 ? 80 : 10)
        yield `${n}b, attempt ${attempt}`
      } as object
      const stage = atomic(mid, { timeoutMs: 50, ...retry(2) })
      const { report, values } = await played(chain({ src: from(1), mid: stage, out: same }))
      expect(values).toEqual(['1a, attempt 2', '1b, attempt 2'])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 1, failed: 0, retried: 1, emitted: 2 })
    }))

  test('with onError: "route" gives the dead letter alone', () =>
    inVirtualTime(async () => {
      const nodes = {
        src: from(1, 2),
        mid: atomic(goodAt(9), { onError: 'route', ...retry(2) }),
        out: same,
        dead: same,
      }
      const plumber = plumberOf(nodes, { src: ['mid'], mid: ['out', ...onPort('error', 'dead')] })
      const { report, valuesOf } = await played(plumber, { ledger: true })
      expect(valuesOf('out')).toEqual([])
      expect(valuesOf('dead')).toMatchObject([{ input: 1, error: { attempts: 2 } }, { input: 2 }])
      expect(report.roots).toMatchObject({ deadLettered: 2, errored: 0 })
    }))

  test('in a diamond gives the join what the last attempt gave', () =>
    inVirtualTime(async () => {
      const nodes = {
        src: from(1, 2, 3),
        a: atomic(goodAt(2), { workers: 2, ...retry(2) }),
        b: same,
        join: having({ collect: 'all' }, same),
      }
      const { values } = await played(plumberOf(nodes, { src: ['a', 'b'], a: ['join'], b: ['join'] }))
      expect(values).toEqual([1, 2, 3].map((n) => [[`${n}a, attempt 2`, `${n}b, attempt 2`], [n]]))
    }))

  test('at doomsday hands on nothing of a call that had not ended', () =>
    inVirtualTime(async () => {
      const seen: unknown[] = []
      let closed = false
      const mid = async function* (n: number, { signal }: Context) {
        try {
          yield n
          await sleep(1_000, undefined, { signal })
        } finally {
          closed = true
        }
      } as object
      const pipeline = chain({ in: 'std.inlet', mid: atomic(mid), out: same }).createPipeline({
        onOutput: ({ value }: { value: unknown }) => void seen.push(value),
      })
      await pipeline.put(1)
      await sleep(10)
      const report = await pipeline.doomsday('enough')
      expect([now(), seen, closed]).toEqual([10, [], true])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 1, unprocessed: 1, emitted: 0 })
      expectSound(report, ['in'])
    }))

  test('early end in the middle of what was held is well', () =>
    inVirtualTime(async () => {
      const takeTwo = defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          let left = 2
          for await (const value of inputs) {
            yield value
            if (--left === 0) return
          }
        },
      })
      const mid = atomic(
        function* () {
          yield* range(100)
        } as object,
        { fuse: false, queueSize: 2 },
      )
      const { report, values } = await played(chain({ src: from('x', 'y'), mid, takeTwo }))
      expect([report.outcome, values]).toEqual(['completed', [0, 1]])
    }))

  test('in every order of events hands on all of an item or nothing', async () => {
    const seen = new Set<number>()
    await explore(
      {
        nodes: {
          in: { coro: 'std.inlet' },
          work: {
            coro: 'work',
            properties: {
              workers: 2,
              emit: 'atomic',
              onError: 'skip',
              timeoutMs: 20,
              retry: { attempts: 2, jitter: 'none' },
            },
          },
          out: { coro: 'out' },
        },
        graph: { in: ['work'], work: ['out'] },
      },
      {
        coroMap: { work: goodLaterAt(2), out: same },
        input: [1, 2, 3],
        seeds: 200,
        check: ({ values, report }) => {
          const { completed, emitted } = nodeOf(report, 'work')
          seen.add(completed)
          expect(values).toHaveLength(2 * completed)
          expect(emitted).toBe(2 * completed)
          for (const [place, value] of values.entries())
            expect(String(value)).toMatch(place % 2 === 0 ? /^\da, attempt 2$/ : /^\db, attempt 2$/)
        },
      },
    )
    expect(seen.size).toBeGreaterThan(1)
  })
})
