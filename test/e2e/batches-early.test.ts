import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { batched, type Members, noting, windowed } from '../support/batches.js'
import {
  chain,
  from,
  nodeOf,
  outputs,
  plumberOf,
  range,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { LEDGER, NONE, rootsOf } from '../support/ledger.js'
import { type Time, withTime } from '../support/requests.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Batches that go ahead before they are full: because their first member has waited for long enough, or because a fork
 * around them has no credit left and nothing else moves in its region (A15).
 */
stillClock()

describe('a batch that may wait for 50 ms', () => {
  /** A standing pipeline with a batch of three, and a clock. */
  async function play(
    work: (play: Time & { pipeline: ReturnType<typeof standing>['pipeline']; calls: unknown[][] }) => Promise<void>,
    coro: (members: Members) => unknown = same,
  ): Promise<void> {
    await withTime(async (time) => {
      const { pipeline, calls } = standing(coro)
      await work({ ...time, pipeline, calls })
      if (!(await settlesSoon(pipeline.settled))) void pipeline.drain()
      await turns()
      expectBalancedBooks(await pipeline.settled, ['in'])
    })
  }

  function standing(result: (members: Members) => unknown) {
    const { calls, coro } = noting(result)
    const batch = batched({ size: 3, maxWaitMs: 50 }, coro)
    return { calls, pipeline: chain({ in: 'std.inlet', batch, out: same }).createPipeline() }
  }

  test('goes ahead so long after its first member came, not its last', () =>
    play(async ({ pipeline, calls, pass }) => {
      await pipeline.put(1)
      await pass(30)
      await pipeline.put(2)
      await pass(19)
      expect(calls).toEqual([])
      await pass(1)
      expect(calls).toEqual([[1, 2]])
    }))

  test('counts the time for each batch anew', () =>
    play(async ({ pipeline, calls, pass }) => {
      await pipeline.put(1)
      await pass(50)
      await pass(1_000)
      await pipeline.put(2)
      await pass(49)
      expect(calls).toEqual([[1]])
      await pass(1)
      expect(calls).toEqual([[1], [2]])
    }))

  test('does not wait once it is full, and has no timer left then', () =>
    play(async ({ pipeline, calls, clock }) => {
      for (const n of range(3)) await pipeline.put(n)
      await turns()
      expect(calls).toEqual([[0, 1, 2]])
      expect(clock.timers).toEqual([])
    }))

  test('has a timer only while it has members', () =>
    play(async ({ pipeline, clock, pass }) => {
      expect(clock.timers).toEqual([])
      await pipeline.put(1)
      await turns()
      expect(clock.timers.map(({ ms }) => ms)).toEqual([50])
      await pass(50)
      expect(clock.timers).toEqual([])
    }))

  test('starts its time with the first of those that are more than one batch', () =>
    play(async ({ pipeline, calls, pass }) => {
      await pass(7)
      for (const n of range(4)) await pipeline.put(n)
      await turns()
      await pass(49)
      expect(calls).toEqual([[0, 1, 2]])
      await pass(1)
      expect(calls).toEqual([[0, 1, 2], [3]])
    }))

  test.each<[string, (pipeline: ReturnType<typeof standing>['pipeline']) => unknown, unknown[][]]>([
    ['ended', (pipeline) => pipeline.end(), [[1, 2]]],
    ['drained', (pipeline) => void pipeline.drain(), [[1, 2]]],
    ['doomed', (pipeline) => void pipeline.doomsday(), []],
  ])('does not wait any more, and has no timer left, when the run is %s', (_what, end, expected) =>
    play(async ({ pipeline, calls, clock }) => {
      await pipeline.put(1)
      await pipeline.put(2)
      await turns()
      end(pipeline)
      expect(await settlesSoon(pipeline.settled)).toBe(true)
      expect(calls).toEqual(expected)
      expect(clock.timers).toEqual([])
    }),
  )

  test('has no timer left when nobody wants its results any more', () =>
    withTime(async ({ clock, pass }) => {
      const one = defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          for await (const value of inputs) {
            await turns(20)
            yield value
            return
          }
        },
      })
      const pipeline = chain({
        in: 'std.inlet',
        batch: batched({ size: 2, maxWaitMs: 50 }, same),
        one,
      }).createPipeline()
      for (const n of range(3)) await pipeline.put(n)
      await turns(10)
      expect(clock.timers).toHaveLength(1)
      expect(await settlesSoon(pipeline.settled)).toBe(true)
      expect(clock.timers).toEqual([])
      await pass(50)
      const report = await pipeline.settled
      expectBalancedBooks(report, ['in'])
      expect(report.outcome).toBe('completed')
    }))

  test('goes ahead as soon as a worker is free, if none was when its time had come', async () => {
    const opened = gate()
    let held = true
    await play(
      async ({ pipeline, calls, pass }) => {
        for (const n of range(4)) await pipeline.put(n)
        await turns()
        held = false
        await pass(1_000)
        expect(calls).toEqual([[0, 1, 2]])
        opened.open()
        await turns()
        expect(calls).toEqual([[0, 1, 2], [3]])
      },
      (members) => (held ? opened.opened.then(() => members) : members),
    )
  })

  test('waits for the resumption of a run that is paused when its time has come', () =>
    play(async ({ pipeline, calls, pass }) => {
      await pipeline.put(1)
      await turns()
      pipeline.pause()
      await pass(200)
      expect(calls).toEqual([])
      pipeline.resume()
      await turns()
      expect(calls).toEqual([[1]])
    }))

  test('gets everything once, in order, whatever the moments are', async () => {
    for (const gap of [1, 7, 20, 50, 51])
      await play(async ({ pipeline, calls, pass }) => {
        for (const n of range(10)) {
          await pipeline.put(n)
          await pass(gap)
        }
        await pass(50)
        expect(calls.flat()).toEqual(range(10))
        expect(Math.max(...calls.map(({ length }) => length))).toBeLessThanOrEqual(3)
      })
  })
})

test('a batch that may not wait at all goes ahead with what has come', () =>
  withTime(async ({ pass }) => {
    const { calls, coro } = noting()
    const pipeline = chain({ in: 'std.inlet', batch: batched({ size: 9, maxWaitMs: 0 }, coro) }).createPipeline()
    await pipeline.put(1)
    await pass(1)
    expect(calls).toEqual([[1]])
    pipeline.end()
    await pipeline.settled
  }))

/** Runs a graph; gives its outputs and its report. */
async function run(plumber: ReturnType<typeof windowed>) {
  const given = outputs()
  const pipeline = plumber.createPipeline({ ...LEDGER, ...given.options })
  if (!(await settlesSoon(pipeline.settled))) {
    const waits = pipeline.snapshot()
    void pipeline.doomsday()
    await pipeline.settled
    throw new Error(`It stands still: ${JSON.stringify(waits.nodes)}`)
  }
  const report = await pipeline.settled
  expectBalancedBooks(report, [])
  expect(report).toMatchObject({ outcome: 'completed' })
  return { values: given.values, report }
}

describe('a batch that is larger than the window of the fork around it', () => {
  test.each([1, 2, 3])('goes ahead with as many as there can be, in front of an ordered join: %i', async (window) => {
    const { calls, coro } = noting()
    const plumber = windowed(
      window,
      { src: from(...range(7)), batch: batched(5, coro), join: same },
      { src: ['batch', 'join'], batch: ['join'] },
    )
    const { values, report } = await run(plumber)
    expect(values).toEqual(range(7).map((n) => [n, n]))
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 7 })
    expect(calls[0]).toEqual(range(window))
    expect(calls.flat()).toEqual(range(7))
    expect(Math.max(...calls.map(({ length }) => length))).toBe(window)
  })

  test('does the same where others in the region leave most items out', async () => {
    const { calls, coro } = noting()
    const plumber = windowed(
      2,
      { src: from(...range(20)), few: (n: number) => (n % 4 ? DROP : n), batch: batched(3, coro), join: same },
      { src: ['few', 'join'], few: ['batch'], batch: ['join'] },
    )
    const { values } = await run(plumber)
    expect(values).toEqual([0, 4, 8, 12, 16].map((n) => [n, n]))
    expect(calls.flat()).toEqual([0, 4, 8, 12, 16])
  })

  test('does the same where it drops all that it gets', async () => {
    const plumber = windowed(
      1,
      { src: from(...range(5)), batch: batched(3, (members: Members) => members.map(() => DROP)), join: same },
      { src: ['batch', 'join'], batch: ['join'] },
    )
    const { values, report } = await run(plumber)
    expect(values).toEqual([])
    expect(rootsOf(report)).toEqual({ ...NONE, filtered: 5 })
  })

  test.each([1, 2])('does the same in each of two branches, with a window of %i', async (window) => {
    const plumber = windowed(
      window,
      { src: from(...range(9)), a: batched(3, same), b: batched(4, same), join: same },
      { src: ['a', 'b'], a: ['join'], b: ['join'] },
    )
    expect((await run(plumber)).values).toEqual(range(9).map((n) => [n, n]))
  })

  test.each([1, 2, 3])('does the same where another one is behind it, with a window of %i', async (window) => {
    const plumber = windowed(
      window,
      { src: from(...range(9)), a: batched(3, same), b: batched(5, same), join: same },
      { src: ['a', 'join'], a: ['b'], b: ['join'] },
    )
    expect((await run(plumber)).values).toEqual(range(9).map((n) => [n, n]))
  })

  test.each([1, 2, 3])('does the same where it is the join of an inner region, with a window of %i', async (window) => {
    const plumber = windowed(
      window,
      { src: from(...range(9)), fork: same, a: same, inner: batched(5, same), join: same },
      { src: ['fork', 'join'], fork: ['a', 'inner'], a: ['inner'], inner: ['join'] },
    )
    expect((await run(plumber)).values).toEqual(range(9).map((n) => [n, [n, n]]))
  })

  test.each([1, 2, 3])('does the same where it is the join itself, with a window of %i', async (window) => {
    const plumber = windowed(
      window,
      { src: from(...range(9)), a: same, join: batched(5, same) },
      { src: ['a', 'join'], a: ['join'] },
    )
    expect((await run(plumber)).values).toEqual(range(9).map((n) => [n, n]))
  })

  test('does the same where its results are the outputs of a fork', async () => {
    const plumber = windowed(
      1,
      { src: from(...range(9)), fork: batched(4, same), a: same, inner: same, join: same },
      { src: ['fork', 'join'], fork: ['a', 'inner'], a: ['inner'], inner: ['join'] },
    )
    expect((await run(plumber)).values).toEqual(range(9).map((n) => [n, [n, n]]))
  })

  test('is not kept from it by one before it that may go ahead, but has no worker for that', async () => {
    const nodes = { first: batched(2, same), second: batched(2, same), inner: same, join: same }
    const graph = { src: ['first', 'join'], first: ['second', 'inner'], second: ['inner'], inner: ['join'] }
    // The first has one result that waits for a credit, and another item, for which nobody sends a companion.
    const { values } = await run(windowed({ src: 3, first: 1 }, { src: from(...range(4)), ...nodes }, graph))
    expect(values).toEqual(range(4).map((n) => [n, [n, n]]))
    // The same where more might come, so that nobody can speak of a stall.
    const given = outputs()
    const standing = windowed({ src: 3, first: 1 }, { src: 'std.inlet', ...nodes }, graph).createPipeline(given.options)
    const puts = Promise.all(range(4).map((n) => standing.put(n)))
    expect(await settlesSoon(puts)).toBe(true)
    expect(given.values).toEqual(range(3).map((n) => [n, [n, n]]))
    expectBalancedBooks(await standing.drain(), ['src'])
    // The same where each item is a request.
    const pipeline = windowed({ src: 3, first: 1 }, { src: 'std.inlet', ...nodes }, graph).createPipeline()
    const answers = Promise.all(range(3).map((n) => pipeline.process(n)))
    expect(await settlesSoon(answers)).toBe(true)
    expect(await answers).toEqual(range(3).map((n) => [n, [n, n]]))
    expectBalancedBooks(await pipeline.drain(), ['src'])
  })

  test('waits for what still moves in the region', async () => {
    const opened = gate()
    const { calls, coro } = noting()
    const slow = (n: number) => (n === 1 ? opened.opened.then(() => n) : n)
    const pipeline = windowed(
      2,
      { src: from(...range(4)), slow: unfused(slow), batch: batched(3, coro), join: same },
      { src: ['slow', 'join'], slow: ['batch'], batch: ['join'] },
    ).createPipeline()
    await turns()
    expect(nodeOf(pipeline.snapshot(), 'batch').received, 'it has one, and the fork no credit').toBe(1)
    expect(calls).toEqual([])
    opened.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(calls[0]).toEqual([0, 1])
  })

  test('waits for what a timer in the region may still bring', () =>
    withTime(async ({ flow }) => {
      const { calls, coro } = noting()
      const plumber = windowed(
        2,
        {
          src: from(...range(6)),
          patient: batched({ size: 5, maxWaitMs: 100 }, same),
          batch: batched(3, coro),
          join: same,
        },
        { src: ['patient', 'join'], patient: ['batch'], batch: ['join'] },
      )
      const given = outputs()
      const report = await flow(plumber.run(undefined, given.options))
      expectBalancedBooks(report, [])
      expect(given.values).toEqual(range(6).map((n) => [n, n]))
      expect(calls.flat()).toEqual(range(6))
    }))

  test('waits for an attempt that is still to be made in the region', () =>
    withTime(async ({ pass, flow }) => {
      const { calls, coro } = noting()
      const flaky = (n: number, { attempt }: Context) => {
        if (n === 1 && attempt === 1) throw new Error('once more')
        return n
      }
      const retry = { attempts: 2, minDelayMs: 100, jitter: 'none' }
      const pipeline = windowed(
        2,
        { src: from(...range(4)), flaky: unfused(flaky, { retry }), batch: batched(3, coro), join: same },
        { src: ['flaky', 'join'], flaky: ['batch'], batch: ['join'] },
      ).createPipeline()
      await pass(99)
      expect(calls).toEqual([])
      await pass(1)
      expect(calls[0]).toEqual([0, 1])
      expectBalancedBooks(await flow(pipeline.settled), [])
    }))

  test('does not go ahead as long as the fork has credit, though nothing moves', async () => {
    const { calls, coro } = noting()
    const pipeline = windowed(
      4,
      { in: 'std.inlet', batch: batched(9, coro), join: same },
      { in: ['batch', 'join'], batch: ['join'] },
    ).createPipeline()
    for (const n of range(4)) await pipeline.put(n)
    await turns()
    expect(calls, 'all credits are taken, and nobody waits for one').toEqual([])
    void pipeline.put(4)
    await turns()
    expect(calls).toEqual([[0, 1, 2, 3]])
    expectBalancedBooks(await pipeline.drain(), ['in'])
    expect(calls).toEqual([[0, 1, 2, 3], [4]])
  })

  test('does not go ahead where it is outside of the region', async () => {
    const { calls, coro } = noting()
    const shut = gate()
    const pipeline = windowed(
      1,
      {
        in: 'std.inlet',
        fork: unfused(same),
        a: unfused(same),
        join: unfused((pair: unknown) => shut.opened.then(() => pair), { queueSize: 1 }),
        batch: batched(3, coro),
      },
      { in: ['fork', 'batch'], fork: ['a', 'join'], a: ['join'] },
    ).createPipeline()
    for (const n of range(2)) await pipeline.put(n)
    void pipeline.put(2)
    await turns()
    void pipeline.put(3)
    await turns()
    expect(calls).toEqual([[0, 1, 2]])
    shut.open()
    expectBalancedBooks(await pipeline.drain(), ['in'])
    expect(calls).toEqual([[0, 1, 2], [3]])
  })
})

describe('a batch in a region in another region', () => {
  const graph = { src: ['fork', 'join'], fork: ['batch', 'inner'], batch: ['inner'], inner: ['join'] }
  const nodes = (coro: Stage, ordered: boolean) => ({
    src: from(...range(9)),
    fork: unfused(same),
    batch: batched(5, coro),
    inner: unfused(same, { ordered }),
    join: unfused(same, { ordered }),
  })

  test.each<[string, Record<string, number>]>([
    ['only the outer fork', { src: 2, fork: 32 }],
    ['only the inner fork', { src: 32, fork: 2 }],
    ['either', { src: 2, fork: 2 }],
    ['the outer fork, which has one frame only,', { src: 1 }],
  ])('goes ahead when %s has no credit', async (_what, windows) => {
    for (const ordered of [true, false]) {
      const { calls, coro } = noting()
      const { values } = await run(windowed(windows, nodes(coro, ordered), graph))
      expect(values).toEqual(range(9).map((n) => [n, [n, n]]))
      expect(calls.flat()).toEqual(range(9))
      expect(Math.max(...calls.map(({ length }) => length))).toBeLessThanOrEqual(2)
    }
  })

  test('goes ahead when only the outermost of three forks has no credit', async () => {
    const { calls, coro } = noting()
    const plumber = windowed(
      { src: 2 },
      { src: from(...range(6)), f: same, g: same, batch: batched(5, coro), j3: same, j2: same, j1: same },
      { src: ['f', 'j1'], f: ['g', 'j2'], g: ['batch', 'j3'], batch: ['j3'], j3: ['j2'], j2: ['j1'] },
    )
    expect((await run(plumber)).values).toEqual(range(6).map((n) => [n, [n, [n, n]]]))
    expect(calls.flat()).toEqual(range(6))
  })

  test('waits while something moves in the region of the fork that has no credit, also outside of the inner one', async () => {
    const opened = gate()
    const { calls, coro } = noting()
    const slow = (n: number) => (n === 1 ? opened.opened.then(() => n) : n)
    const pipeline = windowed(
      { src: 2 },
      { ...nodes(coro, true), src: from(...range(4)), fork: unfused(same), slow: unfused(slow) },
      { ...graph, src: ['slow', 'join'], slow: ['fork'] },
    ).createPipeline()
    await turns()
    expect(calls).toEqual([])
    opened.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(calls[0]).toEqual([0, 1])
  })
})

describe('with windows as large as usual, a batch that only few items come to', () => {
  const every32nd = (n: number, ctx: Context) => {
    ctx.emit(n % 32 === 0 ? 'few' : 'many', n)
    return DROP
  }
  const plumber = (coro: Stage, ordered: boolean) =>
    plumberOf(
      {
        src: from(...range(200)),
        ways: every32nd,
        batch: batched(16, coro),
        many: same,
        merged: unfused(same, { aggregateInputs: false }),
        join: unfused(same, { ordered }),
      },
      {
        src: ['ways', 'join'],
        ways: [
          { to: 'batch', port: 'few' },
          { to: 'many', port: 'many' },
        ],
        batch: ['merged'],
        many: ['merged'],
        merged: ['join'],
      },
    )

  test('goes ahead when all that came after them waits in front of an ordered join', async () => {
    const { calls, coro } = noting()
    expect((await run(plumber(coro, true))).values).toEqual(range(200).map((n) => [n, n]))
    expect(calls).toEqual([[0], [32], [64], [96], [128], [160], [192]])
  })

  test('waits to the end where the join has no order, and so the fork has credit', async () => {
    const { calls, coro } = noting()
    const { values } = await run(plumber(coro, false))
    expect(values).toHaveLength(200)
    expect(calls).toEqual([[0, 32, 64, 96, 128, 160, 192]])
  })
})
