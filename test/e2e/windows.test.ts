import { type Context, DROP, defineCoro, type Meta } from '@pipelines/core'
import { gate, randomOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { type Members, noting, sum } from '../support/batches.js'
import {
  chain,
  failureOf,
  from,
  nodeOf,
  outputs,
  plumberOf,
  problemsOf,
  range,
  reportOf,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { LEDGER, NONE, rootsOf } from '../support/ledger.js'
import { seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Nodes that are called with consecutive items: windows that slide, overlap, or leave some out.
 */
stillClock()

const windowing = (window: object, coro: Stage, more: object = {}): Stage => unfused(coro, { window, ...more })

interface Sizes {
  readonly size: number
  readonly step?: number
  readonly partial?: boolean
}

/** All windows of a list: plainly, by looking at where each begins. */
function windowsOf<T>(items: readonly T[], { size, step = 1, partial = false }: Sizes): T[][] {
  const starts = range(items.length).filter((place) => place % step === 0)
  const full = starts.filter((start) => start + size <= items.length)
  const end = (full.at(-1) ?? -size) + size
  const next = full.length * step
  const left = partial && next < items.length && items.length > end ? [next] : []
  return [...full, ...left].map((start) => items.slice(start, start + size))
}

const byFirst = (a: unknown, b: unknown): number =>
  Number(Reflect.get(Object(a), 0)) - Number(Reflect.get(Object(b), 0))

/** What the calls got for so many items, and the report. */
async function play(items: number, window: Sizes, more: object = {}) {
  const { calls, coro } = noting()
  const given = outputs()
  const plumber = chain({ src: from(...range(items)), window: windowing(window, coro, more), out: same })
  const report = await plumber.run(undefined, { ...LEDGER, ...given.options })
  expectBalancedBooks(report, [])
  return { calls, values: given.values, report }
}

describe('a window', () => {
  test.each<[number, Sizes, number[][]]>([
    [
      5,
      { size: 3 },
      [
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
      ],
    ],
    [3, { size: 1 }, [[0], [1], [2]]],
    [3, { size: 3 }, [[0, 1, 2]]],
    [2, { size: 3 }, []],
    [0, { size: 3, partial: true }, []],
    [2, { size: 3, partial: true }, [[0, 1]]],
    [3, { size: 3, partial: true }, [[0, 1, 2]]],
    [
      4,
      { size: 3, partial: true },
      [
        [0, 1, 2],
        [1, 2, 3],
      ],
    ],
    [
      6,
      { size: 3, step: 2 },
      [
        [0, 1, 2],
        [2, 3, 4],
      ],
    ],
    [
      6,
      { size: 3, step: 2, partial: true },
      [
        [0, 1, 2],
        [2, 3, 4],
        [4, 5],
      ],
    ],
    [
      5,
      { size: 3, step: 2, partial: true },
      [
        [0, 1, 2],
        [2, 3, 4],
      ],
    ],
    [
      7,
      { size: 3, step: 3 },
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [7, { size: 3, step: 3, partial: true }, [[0, 1, 2], [3, 4, 5], [6]]],
    [
      8,
      { size: 2, step: 3 },
      [
        [0, 1],
        [3, 4],
        [6, 7],
      ],
    ],
    [
      7,
      { size: 2, step: 3 },
      [
        [0, 1],
        [3, 4],
      ],
    ],
    [7, { size: 2, step: 3, partial: true }, [[0, 1], [3, 4], [6]]],
    [
      6,
      { size: 2, step: 3, partial: true },
      [
        [0, 1],
        [3, 4],
      ],
    ],
    [9, { size: 1, step: 4 }, [[0], [4], [8]]],
  ])('over %i items, as %j', async (items, window, expected) => {
    expect(windowsOf(range(items), window), 'the reference').toEqual(expected)
    const { calls, values, report } = await play(items, window)
    expect(calls).toEqual(expected)
    expect(values, 'one output for each').toEqual(expected)
    expect(nodeOf(report, 'window')).toMatchObject({ received: items, completed: items, emitted: expected.length })
  })

  test('gives one for each place, of all sizes and steps', async () => {
    for (const size of range(5))
      for (const step of range(7))
        for (const partial of [true, false])
          for (const items of range(12)) {
            const window = { size: size + 1, step: step + 1, partial }
            const { calls, report } = await play(items, window)
            expect(calls, `${items} items, ${JSON.stringify(window)}`).toEqual(windowsOf(range(items), window))
            expect(nodeOf(report, 'window')).toMatchObject({ received: items, completed: items, unprocessed: 0 })
            const delivered = new Set(calls.flat()).size
            expect(rootsOf(report)).toEqual({ ...NONE, delivered, filtered: items - delivered })
          }
  })

  test('gives the same with many workers, short queues, and calls that end in any order', async () => {
    for (const seed of seedsOf(60, 600))
      await withSeed(seed, async () => {
        const random = randomOf(seed)
        const scheduler = new Scheduler(seed)
        const restore = scheduler.install()
        try {
          const window = { size: random.integer(1, 5), step: random.integer(1, 6), partial: random.chance(0.5) }
          const [items, workers] = [random.integer(0, 20), random.integer(1, 4)]
          let [running, most] = [0, 0]
          const coro = async (members: Members) => {
            most = Math.max(most, ++running)
            await scheduler.step(`window ${members}`)
            running--
            return [...members]
          }
          const given = outputs()
          const ordered = random.chance(0.6)
          const settled = chain({
            src: from(...range(items)),
            window: windowing(window, coro, { workers, ordered, queueSize: random.integer(1, 4) }),
            out: same,
          }).run(undefined, { ...LEDGER, ...given.options })
          await scheduler.drive(settled)
          const report = await settled
          expectBalancedBooks(report, [])
          const all = windowsOf(range(items), window)
          expect(ordered ? given.values : given.values.toSorted(byFirst)).toEqual(all)
          expect(nodeOf(report, 'window')).toMatchObject({ received: items, completed: items, emitted: all.length })
          const delivered = new Set(all.flat()).size
          expect(rootsOf(report)).toEqual({ ...NONE, delivered, filtered: items - delivered })
          expect(most).toBeLessThanOrEqual(workers)
        } finally {
          restore()
        }
      })
  })

  test('of each worker may be in progress at once, and leaves in its turn, or as it is done', async () => {
    for (const ordered of [true, false]) {
      const opened = gate()
      const coro = (members: readonly number[]) =>
        members[0] === 0 ? opened.opened.then(() => sum(members)) : sum(members)
      const given = outputs()
      const pipeline = chain({
        src: from(...range(4)),
        window: windowing({ size: 2 }, coro, { workers: 2, ordered }),
        out: unfused(same),
      }).createPipeline(given.options)
      await turns()
      expect(given.values).toEqual(ordered ? [] : [3, 5])
      opened.open()
      expectBalancedBooks(await pipeline.settled, [])
      expect(given.values).toEqual(ordered ? [1, 3, 5] : [3, 5, 1])
    }
  })

  test('is a list of its own: what a call does to it does not get to the next one', async () => {
    const coro = (members: number[]) => members.splice(0).length
    const plumber = chain({ src: from(...range(5)), window: windowing({ size: 3 }, coro), out: same })
    expect(await plumber.collect()).toEqual([3, 3, 3])
  })

  test('may give nothing, or several', async () => {
    const drops = (members: readonly number[]) => (sum(members) % 2 ? DROP : sum(members))
    expect(await chain({ src: from(0, 2, 3, 5), window: windowing({ size: 2 }, drops), out: same }).collect()).toEqual([
      2, 8,
    ])
    const many = function* (members: readonly number[]) {
      yield* members
    }
    expect(await chain({ src: from(1, 2, 3), window: windowing({ size: 2 }, many), out: same }).collect()).toEqual([
      1, 2, 2, 3,
    ])
  })

  test('comes before the flush, an incomplete one too', async () => {
    const coro = (partial: boolean) =>
      windowing({ size: 2, step: 2, partial }, defineCoro({ run: sum as never, flush: () => 'flushed' }) as object)
    const values = (partial: boolean) => chain({ src: from(1, 2, 3), window: coro(partial), out: same }).collect()
    expect(await values(false)).toEqual([3, 'flushed'])
    expect(await values(true)).toEqual([3, 3, 'flushed'])
  })

  test('slides over what several inputs bring, and over the tuples of a join', async () => {
    const { calls, coro } = noting()
    await plumberOf(
      { a: from(1, 2), b: from(3, 4), window: windowing({ size: 2 }, coro, { aggregateInputs: false }) },
      { a: ['window'], b: ['window'] },
    ).run()
    expect(calls).toHaveLength(3)
    const joined = noting()
    const report = await plumberOf(
      { src: from(1, 2, 3), a: (n: number) => -n, join: windowing({ size: 2 }, joined.coro) },
      { src: ['a', 'join'], a: ['join'] },
    ).run()
    expectBalancedBooks(report, [])
    expect(joined.calls).toEqual([
      [
        [1, -1],
        [2, -2],
      ],
      [
        [2, -2],
        [3, -3],
      ],
    ])
    expect(nodeOf(report, 'join')).toMatchObject({ received: 6, completed: 6 })
  })

  test('has the meta of all its members, later ones first, and so do its outputs', async () => {
    const seen: Meta[] = []
    const metas: Meta[] = []
    const coro = (members: Members, { meta }: Context) => {
      seen.push({ ...meta })
      return members.length
    }
    const pipeline = chain({ in: 'std.inlet', window: windowing({ size: 2 }, coro), out: same }).createPipeline({
      onOutput: ({ meta }) => void metas.push({ ...meta }),
    })
    for (const meta of [{ a: 1, b: 1 }, { b: 2 }, { c: 3 }]) await pipeline.put(0, { meta })
    expectBalancedBooks(await pipeline.drain(), ['in'])
    expect(seen).toEqual([
      { a: 1, b: 2 },
      { b: 2, c: 3 },
    ])
    expect(metas).toEqual(seen)
  })
})

describe('an item in windows', () => {
  /** A standing pipeline; each call waits for the next gate. */
  function standing(window: Sizes) {
    const gates: ReturnType<typeof gate>[] = []
    const coro = (members: Members) => {
      const opened = gate()
      gates.push(opened)
      return opened.opened.then(() => members.length)
    }
    const pipeline = chain({ in: 'std.inlet', window: windowing(window, coro) }).createPipeline(LEDGER)
    const completed = () => nodeOf(pipeline.snapshot(), 'window').completed
    const put = async (...items: readonly number[]) => {
      for (const item of items) await pipeline.put(item)
      await turns()
    }
    const open = async (place: number) => {
      gates[place]?.open()
      await turns()
    }
    return { pipeline, completed, put, open, calls: () => gates.length }
  }

  test('is completed once, when the last of its windows is over', async () => {
    const { pipeline, completed, put, open, calls } = standing({ size: 3 })
    await put(0, 1)
    expect([calls(), completed()]).toEqual([0, 0])
    await put(2)
    expect([calls(), completed()]).toEqual([1, 0])
    await open(0)
    expect(completed(), 'the first, which no other window has').toBe(1)
    await put(3)
    await open(1)
    expect(completed()).toBe(2)
    pipeline.end()
    const report = await pipeline.settled
    expectBalancedBooks(report, ['in'])
    expect(nodeOf(report, 'window')).toMatchObject({ received: 4, completed: 4, emitted: 2 })
    expect(Object.values(rootsOf(report)).reduce((a, b) => a + b, 0)).toBe(4)
  })

  test('is not completed at the end of the input while a window that has it is in a call', async () => {
    const { pipeline, completed, put, open } = standing({ size: 3 })
    await put(0, 1, 2)
    pipeline.end()
    await turns()
    expect(completed()).toBe(0)
    await open(0)
    const report = await pipeline.settled
    expectBalancedBooks(report, ['in'])
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 3 })
  })

  test('has one verdict, also where a later window of it is done first', async () => {
    const opened = gate()
    const coro = (members: readonly number[]) => (members[0] === 0 ? opened.opened.then(() => 0) : members[0])
    const given = outputs()
    const pipeline = chain({
      src: from(...range(4)),
      window: windowing({ size: 2 }, coro, { workers: 2, ordered: false }),
      out: same,
    }).createPipeline({ ...LEDGER, ...given.options })
    await turns()
    expect(given.values).toEqual([1, 2])
    opened.open()
    const report = await pipeline.settled
    expectBalancedBooks(report, [])
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 4 })
  })

  test('is completed without a call where it is between two windows', async () => {
    const { pipeline, completed, put, open, calls } = standing({ size: 1, step: 3 })
    await put(0)
    await open(0)
    await put(1, 2)
    expect([calls(), completed()]).toEqual([1, 3])
    pipeline.end()
    expectBalancedBooks(await pipeline.settled, ['in'])
  })

  test('waits as long as more may come', async () => {
    const { pipeline, put, calls } = standing({ size: 3, partial: true })
    await put(0, 1)
    expect(await settlesSoon(pipeline.settled)).toBe(false)
    expect(calls()).toBe(0)
    await pipeline.doomsday()
  })

  test.each([true, false])('goes ahead in an incomplete window when the run is drained: %s', async (partial) => {
    const { pipeline, put, open, calls } = standing({ size: 3, partial })
    await put(0, 1)
    const drained = pipeline.drain()
    await turns()
    expect(calls()).toBe(partial ? 1 : 0)
    await open(0)
    const report = await drained
    expectBalancedBooks(report, ['in'])
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
    expect(nodeOf(report, 'window')).toMatchObject({ received: 2, completed: 2, emitted: partial ? 1 : 0 })
  })

  test('is listed once at doomsday, in order, unless it was completed', async () => {
    const { pipeline, put, open } = standing({ size: 3 })
    await put(0, 1, 2)
    await open(0)
    await put(3)
    const doomed = pipeline.doomsday()
    await turns()
    await open(1)
    const report = await doomed
    expectBalancedBooks(report, ['in'])
    expect(report.unprocessed.map(({ node, value }) => [node, value])).toEqual([1, 2, 3].map((n) => ['window', n]))
    expect(nodeOf(report, 'window')).toMatchObject({ received: 4, completed: 1, unprocessed: 3 })
  })

  test('is listed once at doomsday where no call has had it yet', async () => {
    const { pipeline, put } = standing({ size: 3 })
    await put(0, 1)
    const report = await pipeline.doomsday()
    expectBalancedBooks(report, ['in'])
    expect(report.unprocessed.map(({ node, value }) => [node, value])).toEqual([0, 1].map((n) => ['window', n]))
    expect(nodeOf(report, 'window')).toMatchObject({ received: 2, completed: 0, unprocessed: 2 })
  })

  test('is let go when nobody wants the outputs any more', async () => {
    const one = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        for await (const value of inputs) {
          yield value
          return
        }
      },
    })
    let made = 0
    function* numbers() {
      while (made < 10_000) yield made++
    }
    const report = await chain({ src: unfused(numbers), window: windowing({ size: 4 }, sum), one }).run()
    expectBalancedBooks(report, [])
    expect(report.outcome).toBe('completed')
    expect(nodeOf(report, 'one').emitted).toBe(1)
    expect(made, 'items that were made before the source was told').toBeLessThan(200)
  })
})

describe('a window that fails', () => {
  const refusing = (members: readonly number[]) => {
    if (members.includes(3)) throw new Error('wrong')
    return sum(members)
  }

  test('ends the run', async () => {
    const plumber = chain({ src: from(...range(6)), window: windowing({ size: 2 }, refusing), out: same })
    const error = await failureOf(() => plumber.run())
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { message: 'wrong' } })
    expectBalancedBooks(reportOf(error), [])
  })

  test('is left out where it is skipped, and the others are not', async () => {
    const given = outputs()
    const plumber = chain({
      src: from(...range(6)),
      window: windowing({ size: 2 }, refusing, { onError: 'skip' }),
      out: same,
    })
    const report = await plumber.run(undefined, { ...LEDGER, ...given.options })
    expectBalancedBooks(report, [])
    expect(given.values).toEqual([1, 3, 9])
    const { received, completed, failed } = nodeOf(report, 'window')
    expect([received, completed + failed]).toEqual([6, 6])
    expect(failed).toBeGreaterThan(0)
    expect(Object.values(rootsOf(report)).reduce((a, b) => a + b, 0)).toBe(6)
  })

  test('fails each of its items where windows do not overlap', async () => {
    const plumber = chain({
      src: from(...range(6)),
      window: windowing({ size: 2, step: 2 }, refusing, { onError: 'skip' }),
    })
    const report = await plumber.run(undefined, LEDGER)
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'window')).toMatchObject({ received: 6, completed: 4, failed: 2 })
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 4, errored: 2 })
  })

  test('gets the same items again', async () => {
    const seen: unknown[] = []
    const coro = (members: readonly number[], { attempt }: Context) => {
      seen.push([attempt, ...members])
      if (attempt === 1 && members[0] === 1) throw new Error('once more')
      return sum(members)
    }
    const retry = { attempts: 2, minDelayMs: 0, jitter: 'none' }
    const plumber = chain({ src: from(...range(4)), window: windowing({ size: 2 }, coro, { retry }), out: same })
    expect(await plumber.collect()).toEqual([1, 3, 5])
    expect(seen).toEqual([
      [1, 0, 1],
      [1, 1, 2],
      [2, 1, 2],
      [1, 2, 3],
    ])
  })
})

test('a window in front of a diamond is a fork like any other', async () => {
  const plumber = plumberOf(
    { src: from(...range(50)), window: windowing({ size: 2 }, sum), a: same, join: same },
    { src: ['window'], window: ['a', 'join'], a: ['join'] },
  )
  expect(await plumber.collect()).toEqual(range(49).map((n) => [2 * n + 1, 2 * n + 1]))
})

describe('"window" is refused', () => {
  const coroMap = { src: from(1), any: same, stream: defineCoro({ kind: 'stream', run: async function* () {} }) }
  const doc = (properties: object, coro = 'any') => ({
    nodes: { src: { coro: 'src' }, mid: { coro, properties } },
    graph: { src: ['mid'] },
  })

  test('on sources, inlets and stream coroutines', () => {
    const window = { size: 2 }
    expect(problemsOf(doc({ window }, 'stream'), coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
    for (const coro of ['src', 'std.inlet']) {
      const nodes = { first: { coro, properties: { window } }, mid: { coro: 'any' } }
      expect(problemsOf({ nodes, graph: { first: ['mid'] } }, coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
    }
  })

  test.each([{}, { size: 0 }, { size: 2, step: 0 }, { size: 2.5 }, { size: 2, partial: 1 }, 2])('as %j', (window) => {
    const [problem] = problemsOf(doc({ window }), coroMap)
    expect(problem).toMatchObject({ code: 'PLB_GRAPH_SCHEMA' })
    expect(problem?.pointer).toContain('/nodes/mid/properties/window')
  })
})
