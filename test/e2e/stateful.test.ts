import { defineCoro } from '@pipelines/core'
import { gate, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { noting, sum } from '../support/batches.js'
import { chain, from, nodeOf, outputs, problemsOf, range, same, turns, unfused } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * `stateful`: true is one worker and an order, a number is that many consecutive items for each call, false is nothing.
 */
stillClock()

/** Adds up what comes, and forgets nothing. */
const adding = () => {
  const slots: object[] = []
  const coro = defineCoro<number, { total: number }>({
    setup: () => {
      const slot = { total: 0 }
      slots.push(slot)
      return slot
    },
    run: (n, { state }) => {
      state.total += n
      return state.total
    },
  })
  return { slots, coro: coro as object }
}

/** Totals of the numbers up to each. */
const totals = (end: number): number[] => range(end).map((n) => sum(range(n + 1)))

describe('stateful: true', () => {
  test('keeps one state, and all items in order', async () => {
    const { slots, coro } = adding()
    const plumber = chain({ src: from(...range(20)), add: unfused(coro, { stateful: true }), out: same })
    expect(await plumber.collect()).toEqual(totals(20))
    expect(slots).toHaveLength(1)
  })

  test('has one call at a time, however long each of them takes', async () => {
    for (const seed of seedsOf(20, 200))
      await withSeed(seed, async () => {
        const scheduler = new Scheduler(seed)
        const restore = scheduler.install()
        try {
          let running = 0
          const seen: number[] = []
          const coro = async (n: number) => {
            expect(++running).toBe(1)
            await scheduler.step(`item ${n}`)
            running--
            seen.push(n)
            return n
          }
          const given = outputs()
          const settled = chain({
            src: from(...range(10)),
            before: unfused((n: number) => scheduler.after(`before ${n}`, () => n), { workers: 4 }),
            one: unfused(coro, { stateful: true, queueSize: 2 }),
            out: same,
          }).run(undefined, given.options)
          await scheduler.drive(settled)
          expectBalancedBooks(await settled, [])
          expect([seen, given.values]).toEqual([range(10), range(10)])
        } finally {
          restore()
        }
      })
  })

  test('may say besides what it means: one worker, in order', async () => {
    const properties = { stateful: true, workers: 1, ordered: true }
    expect(await chain({ src: from(1, 2), one: unfused(same, properties), out: same }).collect()).toEqual([1, 2])
  })
})

describe('stateful: n', () => {
  test.each([
    [5, 2, [1, 3, 5, 7]],
    [5, 5, [10]],
    [5, 6, []],
    [0, 2, []],
    [3, 1, [0, 1, 2]],
  ])('gives N - n + 1 outputs, N = %i and n = %i', async (items, n, expected) => {
    const { calls, coro } = noting((members) => sum(members))
    const plumber = chain({ src: from(...range(items)), sum: unfused(coro, { stateful: n }), out: same })
    expect(await plumber.collect()).toEqual(expected)
    for (const members of calls) expect(members).toHaveLength(n)
    const report = await plumber.run()
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'sum')).toMatchObject({ received: items, completed: items, emitted: expected.length })
  })

  test('gives lists of one item for n = 1, which is not the same as no list', async () => {
    const listed = chain({ src: from(1, 2), list: unfused(same, { stateful: 1 }), out: same })
    expect(await listed.collect()).toEqual([[1], [2]])
    const plain = chain({ src: from(1, 2), plain: unfused(same, { stateful: false }), out: same })
    expect(await plain.collect()).toEqual([1, 2])
  })

  test('may have several calls in progress: they share no state', async () => {
    const opened = gate()
    let running = 0
    const coro = async (members: readonly number[]) => {
      running++
      await opened.opened
      return sum(members)
    }
    const given = outputs()
    const pipeline = chain({
      src: from(...range(6)),
      sum: unfused(coro as never, { stateful: 2, workers: 3 }),
      out: same,
    }).createPipeline(given.options)
    await turns()
    expect(running).toBe(3)
    opened.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(given.values).toEqual([1, 3, 5, 7, 9])
  })
})

test('stateful: false means nothing: any worker may have any item', async () => {
  const opened = gate()
  let running = 0
  const coro = async (n: number) => {
    running++
    await opened.opened
    return n
  }
  const given = outputs()
  const pipeline = chain({
    src: from(...range(6)),
    any: unfused(coro, { stateful: false, workers: 4, ordered: false }),
    out: same,
  }).createPipeline(given.options)
  await turns()
  expect(running).toBe(4)
  opened.open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(given.values.toSorted()).toEqual(range(6))
})

describe('"stateful" is refused', () => {
  const stream = defineCoro({ kind: 'stream', run: async function* () {} })
  const coroMap = { src: from(1), any: same, stream }
  const doc = (properties: object, coro = 'any') => ({
    nodes: { src: { coro: 'src' }, mid: { coro, properties } },
    graph: { src: ['mid'] },
  })

  test.each([
    { stateful: true, workers: 2 },
    { stateful: true, workers: 0 },
    { stateful: true, ordered: false },
    { stateful: 2, window: { size: 2 } },
    { stateful: 2, batch: { size: 2 } },
  ])('beside what says otherwise: %j', (properties) => {
    expect(problemsOf(doc(properties), coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
  })

  test('on sources and stream coroutines', () => {
    for (const stateful of [true, 2])
      expect(problemsOf(doc({ stateful }, 'stream'), coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
    const nodes = { src: { coro: 'src', properties: { stateful: true } }, mid: { coro: 'any' } }
    expect(problemsOf({ nodes, graph: { src: ['mid'] } }, coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
  })

  test.each([0, -1, 1.5, '2', null, {}])('as %j', (stateful) => {
    expect(problemsOf(doc({ stateful }), coroMap)).toMatchObject([
      { code: 'PLB_GRAPH_SCHEMA', pointer: '/nodes/mid/properties/stateful' },
    ])
  })
})
