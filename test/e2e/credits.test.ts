import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  from,
  nodeOf,
  type Pipeline,
  plumberOf,
  type Report,
  range,
  type Stage,
  same,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/*
 * A fork has a window of frames (S13d). Every output takes a credit when it is next to leave, and every credit comes back:
 * each of these runs needs many more of them than there are.
 */
const ITEMS = 300
const WINDOW = 32

/** Gives a run much more time than it takes: as time goes by, and in turns of the event loop, should others have the time. */
async function endsSoon(pipeline: Pipeline): Promise<boolean> {
  const latest = performance.now() + 300
  for (let turn = 0; turn < 2_000 || performance.now() < latest; turn++) {
    if (pipeline.snapshot().state === 'settled') return true
    await turns(1)
  }
  return false
}

/** The report of a run, which must end by itself; its books are checked. */
async function reportOf(pipeline: Pipeline): Promise<Report> {
  const ended = await endsSoon(pipeline)
  if (!ended) void pipeline.doomsday()
  expect(ended, 'the run has ended by itself').toBe(true)
  const report = await pipeline.settled
  expectBalancedBooks(report, [])
  expect([report.outcome, report.error?.message]).toEqual(['completed', undefined])
  return report
}

/** The outputs of a run, which must end by itself. */
async function outputsOf(plumber: ReturnType<typeof plumberOf>): Promise<unknown[]> {
  const outputs: unknown[] = []
  await reportOf(plumber.createPipeline({ onOutput: ({ value }) => void outputs.push(value) }))
  return outputs
}

/** A fork with an edge and a branch to a join. */
const diamond = (branch: Stage, join: Stage = same, source: Stage = from(...range(ITEMS))) =>
  plumberOf({ source, branch, join, out: same }, { source: ['branch', 'join'], branch: ['join'], join: ['out'] })

describe('a credit comes back from a frame', () => {
  test('of which a branch gives nothing', async () => {
    const report = await reportOf(diamond((): unknown => DROP).createPipeline())
    expect(nodeOf(report, 'join')).toMatchObject({ received: ITEMS, completed: ITEMS, dropped: ITEMS })
  })

  test('of which all branches give nothing', async () => {
    const plumber = plumberOf(
      { source: from(...range(ITEMS)), a: () => DROP, b: () => DROP, join: same },
      { source: ['a', 'b'], a: ['join'], b: ['join'] },
    )
    const report = await reportOf(plumber.createPipeline())
    expect(nodeOf(report, 'join')).toMatchObject({ received: 0, dropped: 0 })
  })

  test('of which a branch fails and is skipped', async () => {
    const fail = unfused(
      () => {
        throw new Error('no')
      },
      { onError: 'skip' },
    )
    const report = await reportOf(diamond(fail).createPipeline())
    expect(nodeOf(report, 'join')).toMatchObject({ received: ITEMS, dropped: ITEMS })
  })

  test('of which a branch gives two values, which the join skips', async () => {
    const twice = function* (n: number) {
      yield n
      yield n
    }
    const report = await reportOf(diamond(twice, unfused(same, { onError: 'skip' })).createPipeline())
    expect(nodeOf(report, 'join')).toMatchObject({ received: 3 * ITEMS, failed: 3 * ITEMS })
  })

  test('whose tuple fails and is skipped', async () => {
    const fail = () => {
      throw new Error('no')
    }
    const report = await reportOf(diamond(same, unfused(fail, { onError: 'skip' })).createPipeline())
    expect(nodeOf(report, 'join')).toMatchObject({ received: 2 * ITEMS, failed: 2 * ITEMS })
  })

  test('that two joins share, of which one gets nothing', async () => {
    const plumber = plumberOf(
      { source: from(...range(ITEMS)), a: () => DROP, b: same, first: same, second: same },
      { source: ['a', 'b', 'first', 'second'], a: ['first'], b: ['second'] },
    )
    const report = await reportOf(plumber.createPipeline())
    expect(nodeOf(report, 'first').dropped + nodeOf(report, 'second').emitted).toBe(ITEMS)
  })

  test('in which a join gets nothing from the start, with one verdict for its item', async () => {
    const emitting = function* (_: unknown, context: Context) {
      for (let n = 0; n < ITEMS; n++) context.emit(n % 2 === 0 ? 'even' : 'odd', n)
      yield DROP
    }
    const strict = unfused(same, { missing: 'fail', onError: 'skip' })
    const plumber = plumberOf(
      { source: emitting, a: same, b: same, even: same, odd: strict },
      {
        source: ['a', 'even']
          .map((to) => ({ to, port: 'even' }))
          .concat(['b', 'odd'].map((to) => ({ to, port: 'odd' }))),
        a: ['even'],
        b: ['odd'],
      },
    )
    const report = await reportOf(plumber.createPipeline({ ledger: true }))
    expect([nodeOf(report, 'even').emitted, nodeOf(report, 'odd').emitted]).toEqual([ITEMS / 2, ITEMS / 2])
    expect(report.roots).toMatchObject({ delivered: ITEMS / 2, errored: ITEMS / 2, filtered: 0 })
  })

  test('inside another one, although that one is not complete', async () => {
    const many = function* (n: number) {
      for (let part = 0; part < 3 * WINDOW; part++) yield { n, part }
    }
    const last = ([{ n, part }]: readonly [{ n: number; part: number }]) => (part === 3 * WINDOW - 1 ? n : DROP)
    const plumber = plumberOf(
      { source: from(...range(5)), many, branch: same, inner: last, join: same },
      { source: ['many', 'join'], many: ['branch', 'inner'], branch: ['inner'], inner: ['join'] },
    )
    expect(await outputsOf(plumber)).toEqual(range(5).map((n) => [n, n]))
  })
})

describe('a fork takes a credit', () => {
  /** A fork whose workers all have an output ready before the first of them, which comes first, is let go. */
  async function expectInOrder(outputs: (n: number) => unknown, expected: readonly number[]) {
    const [first, others] = [gate(), gate()]
    let waiting = 0
    const fork = async (n: number) => {
      if (n === 0) await first.opened
      else if (++waiting === 2 * WINDOW - 1) others.open()
      return outputs(n)
    }
    const plumber = plumberOf(
      {
        source: from(...range(ITEMS)),
        fork: unfused(fork, { workers: 2 * WINDOW }),
        branch: same,
        join: same,
      },
      { source: ['fork'], fork: ['branch', 'join'], branch: ['join'] },
    )
    void others.opened.then(first.open)
    expect(await outputsOf(plumber)).toEqual(expected.map((n) => [n, n]))
  }

  test('when an output is next to leave, and not when its call returns', async () => {
    await expectInOrder(same, range(ITEMS))
  })

  test('for each of several outputs of a call', async () => {
    const twice = function* (n: number) {
      yield n
      yield n + 0.5
    }
    await expectInOrder(
      twice,
      range(ITEMS).flatMap((n) => [n, n + 0.5]),
    )
  })

  test('for none that is dropped', async () => {
    await expectInOrder((n) => (n % 50 === 0 ? n : DROP), [0, 50, 100, 150, 200, 250])
  })
})

describe('a region that is left early gives everything back', () => {
  /** Takes two items, waits, and wants no more. */
  const two = (until: Promise<void>) =>
    defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        let seen = 0
        for await (const value of inputs) {
          yield value
          if (++seen === 2) {
            await until
            return
          }
        }
      },
    })

  /** All items but the first two are still in calls when nobody wants them any more. */
  async function expectEnds(items: number, inCall: (n: number, context: Context) => unknown, graceMs = 5_000) {
    const inside = gate()
    const branch = (n: number, context: Context): unknown => {
      if (n < 2) return n
      inside.open()
      return inCall(n, context)
    }
    const plumber = plumberOf(
      { source: from(...range(items)), branch: unfused(branch, { workers: 2 }), two: two(inside.opened), join: same },
      { source: ['branch', 'join'], branch: ['two'], two: ['join'] },
    )
    const report = await reportOf(plumber.createPipeline({ graceMs }))
    expect([nodeOf(report, 'source').emitted, nodeOf(report, 'join').emitted]).toEqual([items, 2])
    return report.abandoned
  }

  // The source of a few items has ended before the calls do.
  test.each([10, ITEMS])('where calls inside obey their signal, of %i items', async (items) => {
    expect(await expectEnds(items, (_, { signal }) => aborted(signal))).toEqual([])
  })

  test.each([10, ITEMS])('where calls inside go on, of %i items', async (items) => {
    expect(await expectEnds(items, (n) => turns(3).then(() => n))).toEqual([])
  })

  test.each([10, ITEMS])('where calls inside have to be given up, of %i items', async (items) => {
    expect(await expectEnds(items, () => new Promise(() => {}), 1)).toEqual(['branch'])
  })
})

test('a fork that waits for a credit is not abandoned, however long that takes after nobody wants more of it', async () => {
  const take = defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<unknown>) {
      let left = WINDOW + 1
      for await (const value of inputs) {
        yield value
        if (--left === 0) return
      }
    },
  })
  for (let seed = 1; seed <= 10; seed++) {
    const scheduler = new Scheduler(seed, { synchronous: 0 })
    const restore = scheduler.install()
    try {
      const join = (pair: unknown) => scheduler.after('join', () => pair)
      const running = plumberOf(
        { src: from(...range(60)), fork: same, a: take, b: take, join },
        { src: ['fork'], fork: ['a', 'b'], a: ['join'], b: ['join'] },
      ).run(undefined, { graceMs: 20 })
      await scheduler.drive(running)
      expect(await running, `seed ${seed}`).toMatchObject({ outcome: 'completed', abandoned: [] })
    } finally {
      restore()
    }
  }
})
