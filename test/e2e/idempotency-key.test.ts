import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '@pipelines/core'
import { explore } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { chain, from, having, nodeOf, plumberOf, range, type Stage, same } from '../support/blackbox.js'
import { expectSound, inVirtualTime, played } from '../support/virtual-time.js'

/** A coroutine that changes nothing, and the key of each of its calls. */
function keyed(run: (value: never, context: Context) => unknown = same) {
  const calls: { readonly value: unknown; readonly attempt: number; readonly key: string }[] = []
  const coro = (value: unknown, context: Context): unknown => {
    calls.push({ value, attempt: context.attempt, key: context.idempotencyKey })
    return run(value as never, context)
  }
  const keys = (): string[] => calls.map(({ key }) => key)
  return { calls, keys, coro }
}

/** Asserts that they are all texts, and no two the same. */
function expectDifferent(keys: readonly string[], count: number): void {
  for (const key of keys) expect(key).toBeTypeOf('string')
  for (const key of keys) expect(key).not.toBe('')
  expect(keys).toHaveLength(count)
  expect(new Set(keys).size).toBe(count)
}

const failingUntil =
  (good: number) =>
  (value: unknown, { attempt }: Context) => {
    if (attempt < good) throw new Error(`no ${attempt}`)
    return value
  }
const retry = { attempts: 3, minDelayMs: 10, jitter: 'none' } as const

describe('ctx.idempotencyKey', () => {
  test('is the same for all attempts of an item', () =>
    inVirtualTime(async () => {
      const { calls, coro } = keyed(failingUntil(3))
      const { report } = await played(chain({ src: from('a', 'b'), mid: having({ retry }, coro) }))
      expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 2, 3])
      const keys = ['a', 'b'].map((item) => new Set(calls.filter(({ value }) => value === item).map(({ key }) => key)))
      expect(keys.map(({ size }) => size)).toEqual([1, 1])
      expectDifferent(
        keys.flatMap((set) => [...set]),
        2,
      )
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, completed: 2, retried: 4 })
    }))

  test('is the same for attempts that took too long, also where others go on meanwhile', () =>
    inVirtualTime(async () => {
      const { calls, coro } = keyed((value: string, { attempt, signal }) =>
        attempt < 3 ? sleep(1_000, value, { signal }) : value,
      )
      const mid = having({ retry, timeoutMs: 50, workers: 3, ordered: false }, coro)
      await played(chain({ src: from(...range(6)), mid }))
      const keys = range(6).map((item) => [
        ...new Set(calls.filter(({ value }) => value === item).map(({ key }) => key)),
      ])
      expect(keys.map(({ length }) => length)).toEqual(range(6).map(() => 1))
      expectDifferent(keys.flat(), 6)
    }))

  test.each([{}, { workers: 4 }, { workers: 4, ordered: false }])(
    'differs for items of the same value (%o)',
    (properties) =>
      inVirtualTime(async () => {
        const { keys, coro } = keyed((value) => sleep(1, value))
        const value = { same: true }
        await played(chain({ src: from(...range(50).map(() => value)), mid: having(properties, coro) }))
        expectDifferent(keys(), 50)
      }),
  )

  test('may be read as often as one likes, and late', () =>
    inVirtualTime(async () => {
      const seen: string[][] = []
      const mid = async (n: number, ctx: Context) => {
        const first = ctx.idempotencyKey
        await sleep(100 - n)
        seen.push([first, ctx.idempotencyKey])
      }
      await played(chain({ src: from(...range(9)), mid: having({ workers: 3 }, mid) }))
      expect(seen.every(([first, later]) => first === later)).toBe(true)
      expectDifferent(
        seen.map(([first]) => String(first)),
        9,
      )
    }))

  test.each([true, false])('differs from node to node (call chains: %s)', (fuse) =>
    inVirtualTime(async () => {
      const [a, b, c] = [keyed(), keyed(), keyed()]
      await played(chain({ src: from(1, 2, 3), a: a.coro, b: b.coro, c: c.coro }), { fuse })
      expectDifferent([...a.keys(), ...b.keys(), ...c.keys()], 9)
    }),
  )

  test('differs from run to run, of the same Plumber as well', () =>
    inVirtualTime(async () => {
      const { keys, coro } = keyed()
      const plumber = chain({ src: from(1, 2, 3), mid: coro })
      await Promise.all([played(plumber), played(plumber)])
      await played(plumber)
      expectDifferent(keys(), 9)
    }))

  test('differs for whatever descends from one item: parts, copies, and copies that meet again', () =>
    inVirtualTime(async () => {
      const [a, b, merge] = [keyed(), keyed(), keyed()]
      const parts = function* (n: number) {
        yield* [n, n, n]
      } as object
      const nodes: Record<string, Stage> = {
        src: from(1, 2),
        parts,
        a: a.coro,
        b: b.coro,
        merge: having({ aggregateInputs: false, retry }, merge.coro),
      }
      const graph = { src: ['parts'], parts: ['a', 'b'], a: ['merge'], b: ['merge'] }
      const { report } = await played(plumberOf(nodes, graph))
      expectDifferent([...a.keys(), ...b.keys()], 12)
      expectDifferent(merge.keys(), 12)
      expect(nodeOf(report, 'merge')).toMatchObject({ received: 12, completed: 12 })
    }))

  test('differs for whatever one call emits', () =>
    inVirtualTime(async () => {
      const { keys, coro } = keyed()
      const mid = (n: number, ctx: Context) => {
        for (const _ of range(3)) ctx.emit('out', n)
        return n
      }
      await played(chain({ src: from(1, 1), mid, out: coro }))
      expectDifferent(keys(), 8)
    }))

  test('differs for the tuples of a join, and is the same for their attempts', () =>
    inVirtualTime(async () => {
      const { calls, keys, coro } = keyed(failingUntil(2))
      const nodes = { src: from(1, 1, 1), a: same, b: same, join: having({ retry, workers: 2 }, coro) }
      await played(plumberOf(nodes, { src: ['a', 'b'], a: ['join'], b: ['join'] }))
      expect(calls).toHaveLength(6)
      expectDifferent([...new Set(keys())], 3)
    }))

  test('differs for the tuples of a product', () =>
    inVirtualTime(async () => {
      const { keys, coro } = keyed()
      const two = (n: number) => [n, n].values()
      const nodes = { src: from(1, 2), a: two, b: two, join: having({ collect: 'product' }, coro) }
      await played(plumberOf(nodes, { src: ['a', 'b'], a: ['join'], b: ['join'] }))
      expectDifferent(keys(), 8)
    }))

  test('differs for tuples that are paired by position', () =>
    inVirtualTime(async () => {
      const { keys, coro } = keyed()
      await played(plumberOf({ a: from(1, 1, 1), b: from(1, 1, 1), join: coro }, { a: ['join'], b: ['join'] }))
      expectDifferent(keys(), 3)
    }))

  test('differs for items of several sources, and for what is put in', () =>
    inVirtualTime(async () => {
      const { keys, coro } = keyed()
      const nodes = { a: 'std.inlet', b: 'std.inlet', src: from(1, 2), mid: having({ aggregateInputs: false }, coro) }
      const pipeline = plumberOf(nodes, { a: ['mid'], b: ['mid'], src: ['mid'] }).createPipeline()
      for (const node of ['a', 'b', 'a', 'b']) await pipeline.put(1, { node })
      pipeline.end()
      expectSound(await pipeline.settled, ['a', 'b'])
      expectDifferent(keys(), 6)
    }))

  test('differs for a dead letter and the item that it was', () =>
    inVirtualTime(async () => {
      const [mid, dead] = [keyed(failingUntil(9)), keyed()]
      const nodes = { src: from(1, 2), mid: having({ onError: 'route', retry }, mid.coro), out: same, dead: dead.coro }
      await played(plumberOf(nodes, { src: ['mid'], mid: ['out', { to: 'dead', port: 'error' }] }))
      expect(mid.keys()).toHaveLength(6)
      expectDifferent([...new Set([...mid.keys(), ...dead.keys()])], 4)
    }))

  test('is one per item in every order of events', async () => {
    await explore(
      {
        nodes: {
          in: { coro: 'std.inlet' },
          work: { coro: 'work', properties: { workers: 3, ordered: false, timeoutMs: 10, onError: 'skip', retry } },
        },
        graph: { in: ['work'] },
      },
      {
        setup: () => {
          const { calls, coro } = keyed(failingUntil(2))
          const check = (): void => {
            const byItem = range(4).map(
              (item) => new Set(calls.filter(({ value }) => value === item).map(({ key }) => key)),
            )
            expect(byItem.map(({ size }) => size)).toEqual([1, 1, 1, 1])
            expectDifferent(
              byItem.flatMap((set) => [...set]),
              4,
            )
          }
          return { coroMap: { work: coro }, check }
        },
        input: range(4),
        seeds: 100,
      },
    )
  })
})
