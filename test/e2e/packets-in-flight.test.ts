import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate, randomOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { batched, windowed } from '../support/batches.js'
import {
  chain,
  edgeOf,
  from,
  having,
  nodeOf,
  outputs,
  type Pipeline,
  plumberOf,
  problemsOf,
  range,
  type SourceOutput,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * `packetsInFlight`: how many outputs of a node may be on their way to a successor, or in work there. 1 is lock-step.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/packets-in-flight.test.ts
 */
stillClock()

const ITEMS = 30

/** A generator source that counts how often it was asked for another item. */
function counting(items = ITEMS) {
  const state = { asked: 0, closed: false, source }
  function* source() {
    try {
      for (let n = 0; n < items; n++) {
        state.asked++
        yield n
      }
    } finally {
      state.closed = true
    }
  }
  return state
}

/** A coroutine that holds everything until its gate opens. */
function shut() {
  const opened = gate()
  const state = { calls: 0, coro, open: () => opened.open() }
  async function coro<T>(value: T): Promise<T> {
    state.calls++
    await opened.opened
    return value
  }
  return state
}

const inFlight = (n: number, coro: Stage, more: object = {}): Stage => unfused(coro, { packetsInFlight: n, ...more })

/** Lets a pipeline end well, and expects all items at its leaf. */
async function expectAll(pipeline: Pipeline, values: readonly unknown[], items = ITEMS): Promise<void> {
  const report = await pipeline.settled
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report)
  expect(values.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(items))
}

describe('packetsInFlight: 1', () => {
  test.each([true, false])(
    'makes an item when the one before is done with, in calls that may be shared: %s',
    async (fuse) => {
      const log: string[] = []
      function* source() {
        for (const n of range(3)) {
          log.push(`make ${n}`)
          yield n
        }
        log.push('no more')
      }
      const sink = async (n: number) => {
        log.push(`take ${n}`)
        await turns(2)
        log.push(`done ${n}`)
      }
      const report = await chain({
        src: having({ packetsInFlight: 1, fuse }, source),
        sink: having({ fuse }, sink),
      }).run()
      expectBalancedBooks(report, [])
      const steps = range(3).flatMap((n) => [`make ${n}`, `take ${n}`, `done ${n}`])
      expect(log).toEqual([...steps, 'no more'])
    },
  )

  test('does so also where nothing has to be waited for', async () => {
    const log: string[] = []
    function* source() {
      for (const n of range(50)) {
        log.push(`make ${n}`)
        yield n
      }
    }
    await chain({ src: inFlight(1, source), sink: unfused((n: number) => void log.push(`take ${n}`)) }).run()
    expect(log).toEqual(range(50).flatMap((n) => [`make ${n}`, `take ${n}`]))
  })

  test('makes one step after the other, along a whole chain', async () => {
    const log: string[] = []
    function* source() {
      for (const n of range(3)) {
        log.push(`make ${n}`)
        yield n
      }
    }
    const step = (name: string) => async (n: number) => {
      log.push(`${name} ${n}`)
      await turns(2)
      return n
    }
    const report = await chain({
      src: inFlight(1, source),
      a: inFlight(1, step('a')),
      b: inFlight(1, step('b')),
      c: unfused(step('c')),
    }).run()
    expectBalancedBooks(report, [])
    expect(log).toEqual(range(3).flatMap((n) => [`make ${n}`, `a ${n}`, `b ${n}`, `c ${n}`]))
  })

  test('keeps a whole chain in step: who may not make the next item does not ask for one', async () => {
    const [numbers, sink, given] = [counting(), shut(), outputs()]
    const pipeline = chain({
      src: inFlight(1, numbers.source),
      a: inFlight(1, same),
      b: inFlight(1, same),
      sink: unfused(sink.coro),
    }).createPipeline(given.options)
    await turns()
    expect(numbers.asked).toBe(1)
    sink.open()
    await expectAll(pipeline, given.values)
  })

  test('goes on when the successor has handed its output on, and not before', async () => {
    const [numbers, sink] = [counting(), shut()]
    const values: unknown[] = []
    const pipeline = chain({
      src: inFlight(1, numbers.source),
      mid: unfused(same),
      sink: unfused(sink.coro, { queueSize: 2 }),
    }).createPipeline({ onOutput: ({ value }) => void values.push(value) })
    await turns()
    // One in work at the sink, two in its queue, and one that `mid` holds and cannot hand on.
    expect(numbers.asked).toBe(4)
    sink.open()
    await expectAll(pipeline, values)
  })

  test.each<[string, Stage]>([
    ['drops it', (n: number) => (n % 3 ? DROP : n)],
    [
      'fails, and is skipped',
      having({ onError: 'skip' }, (n: number) => {
        if (n % 3) throw new Error('wrong')
        return n
      }),
    ],
  ])('does not wait for what was never made, where a call %s', async (_what, stage) => {
    const { coro, properties } = { properties: {}, coro: stage, ...(typeof stage === 'object' ? stage : {}) }
    const given = outputs()
    const pipeline = chain({
      src: from(...range(12)),
      mid: inFlight(1, coro as Stage, properties),
      out: unfused(same),
    }).createPipeline(given.options)
    expect(await settlesSoon(pipeline.settled)).toBe(true)
    expectBalancedBooks(await pipeline.settled, [])
    expect(given.values).toEqual([0, 3, 6, 9])
  })

  test.each<[string, (n: number, ctx: Context) => unknown]>([
    [
      'a generator',
      function* (n) {
        yield* [n, n, n]
      },
    ],
    ['a promise of a generator', async (n) => [n, n, n].values()],
    [
      'emissions',
      (n, ctx) => {
        ctx.emit('out', n)
        ctx.emit('out', n)
        return n
      },
    ],
  ])('lets the outputs of one call leave one after the other: %s', async (_what, coro) => {
    const sink = shut()
    const given = outputs()
    const pipeline = chain({
      src: from(...range(4)),
      mid: inFlight(1, coro as Stage),
      out: unfused(sink.coro),
    }).createPipeline(given.options)
    await turns()
    expect(nodeOf(pipeline.snapshot(), 'mid').emitted).toBe(1)
    expect(edgeOf(pipeline.snapshot(), 'mid', 'out')).toMatchObject({ entered: 1, depth: 0 })
    sink.open()
    expect(await settlesSoon(pipeline.settled)).toBe(true)
    expect(given.values).toEqual(range(4).flatMap((n) => [n, n, n]))
  })
})

describe('packetsInFlight: n, behind which a node holds all that it gets', () => {
  test.each([1, 2, 3, 5, 8])('makes exactly %i items', async (n) => {
    for (const workers of [1, 2, 4, 8])
      for (const ordered of [true, false]) {
        const [numbers, sink, given] = [counting(), shut(), outputs()]
        const pipeline = chain({
          src: inFlight(n, numbers.source),
          sink: unfused(sink.coro, { workers, ordered }),
        }).createPipeline(given.options)
        await turns()
        expect([numbers.asked, sink.calls], `${workers} workers`).toEqual([n, Math.min(n, workers)])
        expect(nodeOf(pipeline.snapshot(), 'src').emitted).toBe(n)
        sink.open()
        await expectAll(pipeline, given.values)
      }
  })

  test('makes no more than there is room for, and one that waits', async () => {
    for (const [queueSize, workers] of [
      [1, 1],
      [2, 1],
      [1, 3],
    ] as const) {
      const [numbers, sink, given] = [counting(), shut(), outputs()]
      const pipeline = chain({
        src: inFlight(10, numbers.source),
        sink: unfused(sink.coro, { queueSize, workers }),
      }).createPipeline(given.options)
      await turns()
      expect(nodeOf(pipeline.snapshot(), 'src').emitted).toBe(queueSize + workers)
      expect(numbers.asked).toBe(queueSize + workers + 1)
      sink.open()
      await expectAll(pipeline, given.values)
    }
  })

  test('begins exactly n calls, where it is not a source', async () => {
    for (const n of [1, 2, 3])
      for (const workers of [1, 2, 5]) {
        let begun = 0
        const mid = async (value: number) => {
          begun++
          await turns(1)
          return value
        }
        const [sink, given] = [shut(), outputs()]
        const pipeline = chain({
          src: from(...range(ITEMS)),
          mid: inFlight(n, mid, { workers }),
          sink: unfused(sink.coro),
        }).createPipeline(given.options)
        await turns()
        expect(begun, `${n} in flight, ${workers} workers`).toBe(n)
        expect(edgeOf(pipeline.snapshot(), 'src', 'mid').left, 'taken').toBe(n)
        sink.open()
        await expectAll(pipeline, given.values)
      }
  })

  test('keeps the place of an output that waits for room', async () => {
    const [first, others] = [gate(), gate()]
    const begun: number[] = []
    const mid = (n: number) => {
      begun.push(n)
      return n
    }
    const sink = (n: number) => (n === 0 ? first : others).opened.then(() => n)
    const given = outputs()
    const pipeline = chain({
      src: from(...range(ITEMS)),
      mid: inFlight(3, mid, { workers: 3, ordered: false }),
      sink: unfused(sink, { queueSize: 1 }),
    }).createPipeline(given.options)
    await turns()
    expect(nodeOf(pipeline.snapshot(), 'mid').emitted, 'in work, and in the queue').toBe(2)
    expect(begun, 'and one that waits for room').toEqual([0, 1, 2])
    first.open()
    await turns()
    expect(nodeOf(pipeline.snapshot(), 'mid').emitted).toBe(3)
    expect(begun).toEqual([0, 1, 2, 3])
    others.open()
    await expectAll(pipeline, given.values)
  })

  test('gives a place back for each worker that asks for its next item, and no other', async () => {
    const opened = gate()
    const sink = (n: number) => (n === 0 ? opened.opened.then(() => n) : n)
    const log: number[] = []
    function* source() {
      for (const n of range(ITEMS)) {
        log.push(n)
        yield n
      }
    }
    // With one of two places taken for good, the others come through one by one.
    const given = outputs()
    const pipeline = chain({
      src: inFlight(2, source),
      sink: unfused(sink, { workers: 2, ordered: false }),
    }).createPipeline(given.options)
    await turns()
    expect(given.values).toEqual(range(ITEMS).slice(1))
    opened.open()
    await expectAll(pipeline, given.values)
    // Where one item is all that may be in flight, a second worker has nothing to do.
    const [numbers, alone] = [counting(), shut()]
    const narrow = chain({
      src: inFlight(1, numbers.source),
      sink: unfused(alone.coro, { workers: 2 }),
    }).createPipeline()
    await turns()
    expect([numbers.asked, alone.calls]).toEqual([1, 1])
    alone.open()
    await narrow.settled
  })

  test('reads exactly n items of an iterable that feeds an inlet', async () => {
    const [numbers, sink] = [counting(), shut()]
    const values: unknown[] = []
    const running = chain({ in: inFlight(3, 'std.inlet'), sink: unfused(sink.coro) }).run(numbers.source(), {
      onOutput: ({ value }) => void values.push(value),
    })
    await turns()
    expect(numbers.asked).toBe(3)
    sink.open()
    expectBalancedBooks(await running, ['in'])
    expect(values).toEqual(range(ITEMS))
  })

  test('accepts exactly n puts into an inlet', async () => {
    const sink = shut()
    const pipeline = chain({ in: inFlight(3, 'std.inlet'), sink: unfused(sink.coro) }).createPipeline()
    let accepted = 0
    const puts = range(5).map((n) => pipeline.put(n).then(() => accepted++))
    await turns()
    expect(accepted).toBe(3)
    sink.open()
    await Promise.all(puts)
    expectBalancedBooks(await pipeline.drain(), ['in'])
  })

  test('accepts exactly n puts of a source that puts', async () => {
    const sink = shut()
    let accepted = 0
    const source = async (output: SourceOutput) => {
      for (const n of range(6)) {
        await output.put(n)
        accepted++
      }
    }
    const pipeline = chain({ src: inFlight(2, source), sink: unfused(sink.coro) }).createPipeline()
    await turns()
    expect(accepted).toBe(2)
    sink.open()
    expectBalancedBooks(await pipeline.settled, [])
  })

  test('counts for a stream coroutine until it asks for the next', async () => {
    for (const n of [1, 2]) {
      const [numbers, opened, given] = [counting(), gate(), outputs()]
      const slow = defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          for await (const value of inputs) {
            await opened.opened
            yield value
          }
        },
      })
      const pipeline = chain({ src: inFlight(n, numbers.source), slow }).createPipeline(given.options)
      await turns()
      expect(numbers.asked).toBe(n)
      opened.open()
      await expectAll(pipeline, given.values)
    }
  })

  test('may be set at a stream coroutine, too', async () => {
    const [sink, given] = [shut(), outputs()]
    const pass = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        yield* inputs
      },
    })
    const pipeline = chain({
      src: from(...range(ITEMS)),
      pass: inFlight(2, pass as object),
      sink: unfused(sink.coro),
    }).createPipeline(given.options)
    await turns()
    expect(nodeOf(pipeline.snapshot(), 'pass').emitted).toBe(2)
    sink.open()
    await expectAll(pipeline, given.values)
  })

  test('has no effect at a leaf', async () => {
    const calls: number[] = []
    const opened = gate()
    const leaf = async (n: number) => {
      calls.push(n)
      await opened.opened
      return n
    }
    const given = outputs()
    const pipeline = chain({
      src: from(...range(ITEMS)),
      leaf: inFlight(1, leaf, { workers: 4 }),
    }).createPipeline(given.options)
    await turns()
    expect(calls).toHaveLength(4)
    opened.open()
    await expectAll(pipeline, given.values)
  })
})

describe('with several edges, packetsInFlight counts for each of them', () => {
  test.each([1, 2, 5])('of a fan-out, the fullest holds up the others: %i', async (n) => {
    const [numbers, slow] = [counting(), shut()]
    let quick = 0
    const plumber = plumberOf(
      { src: inFlight(n, numbers.source), slow: unfused(slow.coro), quick: unfused(() => void quick++) },
      { src: ['slow', 'quick'] },
    )
    const pipeline = plumber.createPipeline()
    await turns()
    // The next one is made, and offered to both: it waits for one of them.
    expect(numbers.asked).toBe(n + 1)
    const snapshot = pipeline.snapshot()
    expect(nodeOf(snapshot, 'src').emitted).toBe(n)
    expect(edgeOf(snapshot, 'src', 'slow').entered).toBe(n)
    expect([edgeOf(snapshot, 'src', 'quick').entered, quick]).toEqual([n + 1, n + 1])
    slow.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect([slow.calls, quick]).toEqual([ITEMS, ITEMS])
  })

  test('of a fan-out to nodes that are all shut, each holds n', async () => {
    const [numbers, a, b] = [counting(), shut(), shut()]
    const pipeline = plumberOf(
      { src: inFlight(3, numbers.source), a: unfused(a.coro, { workers: 2 }), b: unfused(b.coro) },
      { src: ['a', 'b'] },
    ).createPipeline()
    await turns()
    const snapshot = pipeline.snapshot()
    expect([edgeOf(snapshot, 'src', 'a').entered, edgeOf(snapshot, 'src', 'b').entered]).toEqual([3, 3])
    expect(numbers.asked).toBe(4)
    a.open()
    await turns()
    expect(numbers.asked).toBe(4)
    b.open()
    expectBalancedBooks(await pipeline.settled, [])
  })

  test('of a fan-in, each producer has n of its own', async () => {
    const [one, other, sink] = [counting(), counting(), shut()]
    const pipeline = plumberOf(
      {
        one: inFlight(1, one.source),
        other: inFlight(3, other.source),
        merge: unfused(sink.coro, { aggregateInputs: false }),
      },
      { one: ['merge'], other: ['merge'] },
    ).createPipeline()
    await turns()
    const snapshot = pipeline.snapshot()
    expect([nodeOf(snapshot, 'one').emitted, nodeOf(snapshot, 'other').emitted]).toEqual([1, 3])
    expect([one.asked, other.asked], 'one more of each is made, and waits').toEqual([2, 4])
    sink.open()
    const report = await pipeline.settled
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'merge').completed).toBe(2 * ITEMS)
  })

  test('of a fan-in of a node that has it and one that has not, only the former is held up', async () => {
    const [one, other, sink] = [counting(), counting(), shut()]
    const pipeline = plumberOf(
      {
        one: inFlight(2, one.source),
        other: unfused(other.source),
        merge: unfused(sink.coro, { aggregateInputs: false }),
      },
      { one: ['merge'], other: ['merge'] },
    ).createPipeline()
    await turns()
    expect([one.asked, other.asked]).toEqual([3, ITEMS])
    sink.open()
    expectBalancedBooks(await pipeline.settled, [])
  })

  test('of a switch, each way has its own', async () => {
    const [left, sent] = [shut(), [] as number[]]
    const ways = (n: number, ctx: Context) => {
      sent.push(n)
      ctx.emit(n === 0 || n === 5 ? 'left' : 'right', n)
      return DROP
    }
    let right = 0
    const pipeline = plumberOf(
      {
        src: from(...range(9)),
        ways: inFlight(1, ways),
        left: unfused(left.coro),
        right: unfused(() => void right++),
      },
      {
        src: ['ways'],
        ways: [
          { to: 'left', port: 'left' },
          { to: 'right', port: 'right' },
        ],
      },
    ).createPipeline()
    await turns()
    expect(right, 'until the left one is taken again').toBe(4)
    expect(sent).toEqual(range(6))
    left.open()
    expectBalancedBooks(await pipeline.settled, [])
  })
})

describe('in front of a join', () => {
  test('by lineage, all is given back at once: the window is the limit', async () => {
    for (const n of [1, 3]) {
      const [numbers, join, given] = [counting(100), shut(), outputs()]
      const pipeline = plumberOf(
        {
          src: inFlight(n, numbers.source),
          a: inFlight(n, same),
          b: unfused(same),
          join: unfused(join.coro),
        },
        { src: ['a', 'b', 'join'], a: ['join'], b: ['join'] },
      ).createPipeline(given.options)
      await turns(100)
      expect(nodeOf(pipeline.snapshot(), 'src').emitted).toBe(32 + 1)
      expect(numbers.asked).toBe(32 + 2)
      join.open()
      expectBalancedBooks(await pipeline.settled, [])
      expect(given.values).toEqual(range(100).map((k) => [k, k, k]))
    }
  })

  test('by position, each side is held up by itself', async () => {
    const [a, b, zip, given] = [counting(), counting(), shut(), outputs()]
    const pipeline = plumberOf(
      { a: inFlight(1, a.source), b: inFlight(2, b.source), zip: unfused(zip.coro) },
      { a: ['zip'], b: ['zip'] },
    ).createPipeline(given.options)
    await turns()
    expect([nodeOf(pipeline.snapshot(), 'a').emitted, nodeOf(pipeline.snapshot(), 'b').emitted]).toEqual([1, 2])
    zip.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(given.values).toEqual(range(ITEMS).map((n) => [n, n]))
  })

  test.each([1, 2])('nothing stands still, however small the windows are: %i', async (window) => {
    const few = (n: number) => (n % 4 ? DROP : n)
    for (const n of [1, 2]) {
      const given = outputs()
      const pipeline = windowed(
        window,
        {
          src: inFlight(n, from(...range(20))),
          fork: inFlight(n, same, { workers: 2 }),
          a: inFlight(n, few),
          b: inFlight(n, same),
          inner: inFlight(n, same),
          join: inFlight(n, same),
          out: same,
        },
        { src: ['fork', 'join'], fork: ['a', 'b'], a: ['inner'], b: ['inner'], inner: ['join'], join: ['out'] },
      ).createPipeline(given.options)
      expect(await settlesSoon(pipeline.settled)).toBe(true)
      expectBalancedBooks(await pipeline.settled, [])
      expect(given.values).toEqual([0, 4, 8, 12, 16].map((k) => [k, [k, k]]))
    }
  })
})

describe('a successor that asks for more before it is done', () => {
  test.each<[string, Record<string, unknown>]>([
    ['a batch', { batch: { size: 4, returns: 'one' } }],
    ['a window', { window: { size: 4, step: 4, partial: true } }],
  ])('is %s, which is filled all the same', async (_what, properties) => {
    for (const n of [1, 2]) {
      const calls: unknown[][] = []
      const coro = (members: readonly unknown[]) => void calls.push([...members])
      const pipeline = chain({
        src: inFlight(n, from(...range(10))),
        mid: inFlight(n, same),
        some: unfused(coro as never, properties),
      }).createPipeline()
      expect(await settlesSoon(pipeline.settled)).toBe(true)
      expectBalancedBooks(await pipeline.settled, [])
      expect(calls).toEqual([range(4), [4, 5, 6, 7], [8, 9]])
    }
  })

  test('may itself have it, and be a batch', async () => {
    const given = outputs()
    const pipeline = chain({
      src: from(...range(10)),
      batch: batched(4, same, { packetsInFlight: 1 }),
      out: unfused(same),
    }).createPipeline(given.options)
    expect(await settlesSoon(pipeline.settled)).toBe(true)
    expectBalancedBooks(await pipeline.settled, [])
    expect(given.values).toEqual(range(10))
  })
})

describe('a producer that waits for a place', () => {
  test('is let go at doomsday', async () => {
    for (const shape of ['source', 'map'] as const) {
      const [numbers, sink] = [counting(), shut()]
      const pipeline = chain({
        src: inFlight(2, numbers.source),
        ...(shape === 'map' && { mid: inFlight(1, same) }),
        sink: unfused(sink.coro),
      }).createPipeline({ graceMs: 20 })
      await turns()
      const doomed = pipeline.doomsday()
      sink.open()
      const report = await doomed
      expectBalancedBooks(report, [])
      expect(report.abandoned).toEqual([])
      expect(numbers.closed).toBe(true)
      expect(report.unprocessed.map(({ value }) => value).toSorted()).toEqual(range(numbers.asked))
    }
  })

  test('is let go when nobody wants more', async () => {
    const numbers = counting(1_000)
    const opened = gate()
    const two = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        let left = 2
        for await (const value of inputs) {
          await opened.opened
          yield value
          if (--left === 0) return
        }
      },
    })
    const pipeline = chain({ src: inFlight(1, numbers.source), mid: inFlight(1, same), two }).createPipeline()
    await turns()
    opened.open()
    expect(await settlesSoon(pipeline.settled)).toBe(true)
    const report = await pipeline.settled
    expectBalancedBooks(report, [])
    expect(report).toMatchObject({ outcome: 'completed', abandoned: [] })
    expect(numbers.closed).toBe(true)
    expect(numbers.asked).toBeLessThanOrEqual(4)
  })

  test('is let go when the run is drained, with nothing lost', async () => {
    const [numbers, sink, given] = [counting(1_000), shut(), outputs()]
    const pipeline = chain({
      src: inFlight(2, numbers.source),
      mid: inFlight(2, same),
      sink: unfused(sink.coro),
    }).createPipeline(given.options)
    await turns()
    const drained = pipeline.drain()
    await turns()
    sink.open()
    const report = await drained
    expectBalancedBooks(report, [])
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
    expect(given.values).toEqual(range(numbers.asked))
    expect(numbers.closed).toBe(true)
  })
})

test('in any order of events there are never more in flight, and all come through', manySeeds, async () => {
  for (const seed of seedsOf(80, 800))
    await withSeed(seed, async () => {
      const random = randomOf(seed)
      const scheduler = new Scheduler(seed)
      const restore = scheduler.install()
      try {
        const length = random.integer(1, 4)
        const limits = range(length + 1).map(() => random.integer(1, 4))
        const names = ['src', ...range(length).map((place) => `n${place}`)]
        /** By node: calls begun, and calls over. */
        const begun = new Map<string, number>()
        const over = new Map<string, number>()
        const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
        const of = (counts: Map<string, number>, name = '') => counts.get(name) ?? 0
        // What a node has begun and its successor is not done with is at most what may be in flight.
        const look = () => {
          for (const [place, name] of names.slice(0, -1).entries())
            expect(of(begun, name) - of(over, names[place + 1]), `after ${name}`).toBeLessThanOrEqual(
              limits[place] ?? 0,
            )
        }
        function* source() {
          for (const n of range(15)) {
            count(begun, 'src')
            look()
            yield n
          }
        }
        const stage = (name: string, place: number): Stage => {
          const coro = async (n: number) => {
            count(begun, name)
            look()
            await scheduler.step(`${name} ${n}`)
            count(over, name)
            return n
          }
          const properties = {
            workers: random.integer(1, 4),
            ordered: random.chance(0.6),
            queueSize: random.integer(1, 5),
          }
          return inFlight(limits[place + 1] ?? 1, coro, properties)
        }
        const stages = names.slice(1).map((name, place) => [name, stage(name, place)] as const)
        const given = outputs()
        const settled = chain({
          src: inFlight(limits[0] ?? 1, source),
          ...Object.fromEntries(stages),
        }).run(undefined, given.options)
        await scheduler.drive(settled)
        expectBalancedBooks(await settled, [])
        expect(given.values.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(15))
      } finally {
        restore()
      }
    })
})

test.each([0, -1, 1.5, '2', null])('"packetsInFlight" is refused as %j', (packetsInFlight) => {
  const nodes = { src: { coro: 'src', properties: { packetsInFlight } }, mid: { coro: 'any' } }
  const problems = problemsOf({ nodes, graph: { src: ['mid'] } }, { src: from(1), any: same })
  expect(problems).toMatchObject([{ code: 'PLB_GRAPH_SCHEMA', pointer: '/nodes/src/properties/packetsInFlight' }])
})
