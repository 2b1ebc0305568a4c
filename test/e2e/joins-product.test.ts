import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  failureOf,
  from,
  nodeOf,
  outputs,
  plumberOf,
  range,
  reportOf,
  same,
  turns,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { combinations, crowd, finish, type Lists, meeting, product, productOf } from '../support/meeting.js'

/*
 * Joins with collect "product": one call for each combination of the values of an item.
 */

describe('a product', () => {
  test('of three by three by three is 27 calls, the last input varying fastest', async () => {
    const { values, report } = await finish(meeting(crowd(3, 3, 3), product(same), { out: same }))
    expect(values).toEqual(combinations(crowd(3, 3, 3)))
    expect(values.slice(0, 4)).toEqual([['a0', 'b0', 'c0'], ['a0', 'b0', 'c1'], ['a0', 'b0', 'c2'], ['a0', 'b1', 'c0']]) // biome-ignore format: rows
    expect(nodeOf(report, 'join')).toMatchObject({ received: 9, completed: 9, emitted: 27, dropped: 0 })
  })

  test.each([1, 4])('of 20 by 20 gets through queues of one, with %i workers', async (workers) => {
    const tight = { queueSize: 1, workers }
    const lists: Lists = { a: [range(20), [], [1]], b: [range(20), [1], [2, 3]] }
    const { values } = await finish(meeting(lists, product(same, tight), { mid: unfused(same, tight), out: same }))
    expect(values).toEqual([...productOf([range(20), range(20)]), [1, 2], [1, 3]])
  })

  test('leaves in order when four workers finish in another one', async () => {
    const gates = range(16).map(gate)
    const calls: unknown[] = []
    const join = (tuple: unknown) => gates[calls.push(tuple) - 1]?.opened.then(() => tuple)
    const running = finish(meeting(crowd(4, 4), product(join, { workers: 4 })))
    for (const first of [0, 4, 8, 12]) {
      await until(() => calls.length === first + 4)
      for (const place of [3, 1, 2, 0]) gates[first + place]?.open()
    }
    expect((await running).values).toEqual(combinations(crowd(4, 4)))
    expect(calls).toEqual(combinations(crowd(4, 4)))
  })

  test('at a leaf is one output per call, and what gives none is not dropped', async () => {
    const join = ([a, b]: string[]) => (a === 'a0' ? DROP : b === 'b0' ? undefined : [a, b])
    const { values, report } = await finish(meeting(crowd(2, 2), product(join)))
    expect(values).toEqual([['a1', 'b1']])
    expect(nodeOf(report, 'join')).toMatchObject({ received: 4, completed: 4, emitted: 1, dropped: 0 })
  })

  test('counts each call that drops', async () => {
    const join = ([a]: string[]) => (a === 'a0' ? DROP : a)
    const { report } = await finish(meeting(crowd(2, 3), product(join), { out: same }))
    expect(nodeOf(report, 'join')).toMatchObject({ received: 5, completed: 5, emitted: 3, dropped: 3 })
  })

  test.each([
    ['a0 b0', 0],
    ['a0 b1', 1],
    ['a1 b0', 1],
    ['a1 b1', 2],
  ])('whose call for %s fails under "skip" counts each packet with its last tuple', async (bad, failed) => {
    const join = (tuple: string[]) => {
      if (tuple.join(' ') === bad) throw new Error(bad)
      return tuple
    }
    for (const workers of [1, 4]) {
      const { values, report } = await finish(meeting(crowd(2, 2), product(join, { workers, onError: 'skip' })))
      expect(values).toEqual(combinations(crowd(2, 2)).filter((tuple) => tuple.join(' ') !== bad))
      expect(nodeOf(report, 'join')).toMatchObject({ received: 4, completed: 4 - failed, failed, emitted: 3 })
      expect(report.errors).toMatchObject([{ code: 'PLB_NODE_FAILED', cause: { message: bad } }])
    }
  })

  test('whose call fails is not called again, and the rest is unprocessed', async () => {
    const calls: string[] = []
    const join = (tuple: string[]) => {
      if (calls.push(tuple.join(' ')) === 3) throw new Error('boom')
    }
    const error = await failureOf(() => meeting(crowd(2, 3), product(join)).run())
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { message: 'boom' } })
    expect(calls).toEqual(['a0 b0', 'a0 b1', 'a0 b2'])
    expectBalancedBooks(reportOf(error), [])
    // The packet a0 had its last tuple in that call; the others waited for theirs.
    expect(nodeOf(reportOf(error), 'join')).toMatchObject({ received: 5, completed: 0, failed: 1, unprocessed: 4 })
  })

  test('that doomsday cuts in the middle lists every packet once that is not through', async () => {
    for (const workers of [1, 3]) {
      const calls: string[] = []
      const join = (tuple: string[], ctx: Context) => (calls.push(tuple.join('')) > 4 ? aborted(ctx.signal) : tuple)
      const lists: Lists = { a: [['a0', 'a1', 'a2'], ['a3']], b: [['b0', 'b1', 'b2'], ['b3']] }
      const seen = outputs()
      const pipeline = meeting(lists, product(join, { workers })).createPipeline(seen.options)
      await until(() => calls.length === 4 + workers)
      await turns()
      const report = await pipeline.doomsday('enough')
      expectBalancedBooks(report, [])
      expect(report.outcome).toBe('doomed')
      expect(seen.values).toHaveLength(4)
      expect(report.unprocessed.map(({ value }) => value).toSorted()).toEqual('a1 a2 a3 b0 b1 b2 b3'.split(' '))
      expect(nodeOf(report, 'join')).toMatchObject({ completed: 1, failed: 0 })
    }
  })

  test('whose consumer leaves in the middle is cut short, and the run is well', async () => {
    for (const workers of [1, 3]) {
      let calls = 0
      const join = (tuple: unknown) => ++calls && tuple
      const take = defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          let left = 5
          for await (const tuple of inputs) {
            yield tuple
            if (--left === 0) return
          }
        },
      })
      const tight = { workers, queueSize: 1, fuse: false }
      const { values } = await finish(meeting(crowd(20, 20), product(join, tight), { take: unfused(take, tight) }))
      expect(values).toEqual(combinations(crowd(20, 20)).slice(0, values.length))
      expect(values.length).toBeGreaterThanOrEqual(5)
      expect(calls).toBeLessThan(50)
    }
  })

  test('is left in the middle by a caller that leaves its loop', async () => {
    let calls = 0
    const values: unknown[] = []
    const join = (tuple: unknown) => ++calls && tuple
    for await (const { value } of meeting(crowd(30, 30), product(join)).stream()) {
      if (values.push(value) === 7) break
    }
    await turns()
    expect(values).toEqual(combinations(crowd(30, 30)).slice(0, 7))
    expect(calls).toBeLessThan(500)
  })

  test('stands still in the middle while the pipeline is paused', async () => {
    const open = gate()
    const seen = outputs()
    let calls = 0
    const join = async (tuple: unknown) => {
      if (++calls === 4) await open.opened
      return tuple
    }
    const pipeline = meeting(crowd(3, 3), product(join)).createPipeline(seen.options)
    await until(() => calls === 4)
    pipeline.pause()
    open.open()
    await turns()
    expect(calls).toBe(4)
    pipeline.resume()
    expectBalancedBooks(await pipeline.settled, [])
    expect(seen.values).toEqual(combinations(crowd(3, 3)))
  })
})

test('each tuple of a product is an item of its own for a join behind it', async () => {
  const twice = (n: number) => [`${n}`, `${n}'`].values()
  const { values } = await finish(
    plumberOf(
      {
        src: from(1, 2),
        a: twice,
        b: twice,
        fork: product((pair: string[]) => pair.join('')),
        p: same,
        q: same,
        join: same,
      },
      { src: ['a', 'b'], a: ['fork'], b: ['fork'], fork: ['p', 'q'], p: ['join'], q: ['join'] },
    ),
  )
  const pairs = [1, 2].flatMap((n) => [`${n}${n}`, `${n}${n}'`, `${n}'${n}`, `${n}'${n}'`])
  expect(values).toEqual(pairs.map((pair) => [pair, pair]))
})

test('of a product of many items no more are open than the fork may have', async () => {
  const held = gate()
  const pass = (tuple: unknown) => held.opened.then(() => tuple)
  const twice = (n: number) => [n, n].values()
  const seen = outputs()
  const plumber = plumberOf(
    { src: from(...range(200)), a: twice, b: twice, join: product(pass) },
    { src: ['a', 'b'], a: ['join'], b: ['join'] },
  )
  const pipeline = plumber.createPipeline(seen.options)
  await turns()
  expect(nodeOf(pipeline.snapshot(), 'src').emitted).toBeLessThan(64)
  held.open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(seen.values).toHaveLength(800)
})
