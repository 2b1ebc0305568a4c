import { type Context, DROP, defineCoro, type Meta } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { batched, type Members, noting, sum } from '../support/batches.js'
import {
  chain,
  detailOf,
  failureOf,
  from,
  having,
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
import { withTime } from '../support/requests.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Nodes that are called with several items at once. How such a batch goes ahead before it is full is in
 * batches-early.test.ts, and random ones are in batches-random.test.ts.
 */
stillClock()

describe('a batch', () => {
  test.each([
    [7, 3, [[0, 1, 2], [3, 4, 5], [6]]],
    [
      6,
      3,
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [3, 1, [[0], [1], [2]]],
    [2, 5, [[0, 1]]],
    [0, 3, []],
  ])('of %i items in groups of %i has all of them once, in order', async (items, size, expected) => {
    const { calls, coro } = noting()
    const plumber = chain({ src: from(...range(items)), batch: batched(size, coro), out: same })
    expect(await plumber.collect()).toEqual(range(items))
    expect(calls).toEqual(expected)
  })

  test('fills up, however little the queue before it holds', async () => {
    const { calls, coro } = noting()
    await chain({ src: from(...range(12)), batch: batched(5, coro, { queueSize: 1 }) }).run()
    expect(calls.map(({ length }) => length)).toEqual([5, 5, 2])
  })

  test('is filled from several inputs that are merged', async () => {
    const { calls, coro } = noting()
    const plumber = plumberOf(
      { a: from(1, 2, 3), b: from(4, 5), batch: batched(5, coro, { aggregateInputs: false }) },
      { a: ['batch'], b: ['batch'] },
    )
    const report = await plumber.run()
    expectBalancedBooks(report, [])
    expect(calls.map((members) => members.toSorted())).toEqual([[1, 2, 3, 4, 5]])
  })

  test('may stand before another one', async () => {
    const [first, second] = [noting(), noting()]
    const plumber = chain({
      src: from(...range(7)),
      first: batched(2, first.coro),
      second: batched(3, second.coro),
    })
    expect(await plumber.collect()).toEqual(range(7))
    expect(first.calls).toEqual([[0, 1], [2, 3], [4, 5], [6]])
    expect(second.calls).toEqual([[0, 1, 2], [3, 4, 5], [6]])
  })

  test('counts each of its members', async () => {
    const report = await chain({ src: from(...range(7)), batch: batched(3, same), out: same }).run(undefined, LEDGER)
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'batch')).toMatchObject({ received: 7, completed: 7, failed: 0, emitted: 7, dropped: 0 })
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 7 })
  })

  test('knows its number, and the state of its worker', async () => {
    const seen: unknown[] = []
    const coro = defineCoro<never, string>({
      setup: ({ worker }) => `slot ${worker.index}`,
      run: (members: Members, { index, state }) => {
        seen.push([index, state])
        return members
      },
    })
    await chain({ src: from(...range(5)), batch: batched(2, coro as object) }).run()
    expect(seen).toEqual([
      [0, 'slot 0'],
      [1, 'slot 0'],
      [2, 'slot 0'],
    ])
  })

  test('comes before the flush, the last and short one too', async () => {
    const order: string[] = []
    const coro = defineCoro<never, undefined>({
      run: (members: Members) => {
        order.push(`run ${members.length}`)
        return members
      },
      flush: () => {
        order.push('flush')
        return 'flushed'
      },
      teardown: () => void order.push('teardown'),
      setup: () => undefined,
    })
    const plumber = chain({ src: from(1, 2, 3), batch: batched(2, coro as object), out: same })
    expect(await plumber.collect()).toEqual([1, 2, 3, 'flushed'])
    expect(order).toEqual(['run 2', 'run 1', 'flush', 'teardown'])
  })

  test('that is shut holds no more than two batches besides the queue', async () => {
    const opened = gate()
    let made = 0
    function* source() {
      while (made < 40) yield made++
    }
    const coro = (members: Members) => opened.opened.then(() => members)
    const pipeline = chain({ src: unfused(source), batch: batched(4, coro, { queueSize: 3 }) }).createPipeline({})
    await turns()
    const { emitted } = nodeOf(pipeline.snapshot(), 'src')
    expect(emitted).toBeGreaterThanOrEqual(4 + 3)
    expect(emitted).toBeLessThanOrEqual(4 + 4 + 3)
    expect(nodeOf(pipeline.snapshot(), 'batch').inProgress).toBe(4)
    opened.open()
    expectBalancedBooks(await pipeline.settled, [])
  })

  test('has its calls run side by side, as many as there are workers', async () => {
    const opened = gate()
    let [running, most] = [0, 0]
    const coro = async (members: Members) => {
      most = Math.max(most, ++running)
      await opened.opened
      running--
      return members
    }
    const pipeline = chain({ src: from(...range(20)), batch: batched(3, coro, { workers: 2 }) }).createPipeline({})
    await turns()
    expect(running).toBe(2)
    opened.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(most).toBe(2)
  })
})

describe('what a batch returns', () => {
  test('belongs to its members, one after the other', async () => {
    const plumber = chain({
      src: from(1, 2, 3),
      batch: batched(2, async (members: readonly number[]) => members.map((n) => n * 10)),
      out: same,
    })
    expect(await plumber.collect()).toEqual([10, 20, 30])
  })

  test('may be a DROP in some places, for these members only', async () => {
    const odd = (members: readonly number[]) => members.map((n) => (n % 2 ? DROP : n))
    const plumber = chain({ src: from(...range(7)), batch: batched(3, odd), out: same })
    expect(await plumber.collect()).toEqual([0, 2, 4, 6])
    const report = await plumber.run(undefined, LEDGER)
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'batch')).toMatchObject({ completed: 7, emitted: 4, dropped: 3 })
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 4, filtered: 3 })
  })

  test('is an output even where it is a list, or undefined', async () => {
    const coro = () => [[1, 2], undefined, null]
    expect(await chain({ src: from(1, 2, 3), batch: batched(3, coro), out: (value: unknown) => [value] }).collect()) //
      .toEqual([[[1, 2]], [undefined], [null]])
  })

  test('is no output of a leaf where it is undefined', async () => {
    expect(await chain({ src: from(1, 2, 3), batch: batched(3, () => [1, undefined, 3]) }).collect()).toEqual([1, 3])
  })

  test('may be made while its list is emptied', async () => {
    const coro = (members: number[]) => members.splice(0).map((n) => -n)
    const plumber = chain({ src: from(1, 2, 3), batch: batched(2, coro), out: same })
    expect(await plumber.collect()).toEqual([-1, -2, -3])
  })

  test.each<[string, unknown, number | undefined]>([
    ['a shorter list', [1, 2], 2],
    ['a longer list', [1, 2, 3, 4], 4],
    ['an empty list', [], 0],
    ['nothing', undefined, undefined],
    ['a number', 3, undefined],
    ['a text of that length', 'abc', undefined],
    ['an object of that length', { length: 3 }, undefined],
    ['a set of that size', new Set([1, 2, 3]), undefined],
    ['a DROP', DROP, undefined],
  ])('must not be %s', async (_what, result, count) => {
    for (const answer of [() => result, async () => result]) {
      const error = await failureOf(() => chain({ src: from(1, 2, 3), batch: batched(3, answer), out: same }).run())
      expect(error.code).toBe('PLB_NODE_CARDINALITY')
      expect([detailOf(error, 'node'), detailOf(error, 'size'), detailOf(error, 'count')]).toEqual(['batch', 3, count])
      const report = reportOf(error)
      expectBalancedBooks(report, [])
      expect(nodeOf(report, 'batch')).toMatchObject({ received: 3, failed: 3, emitted: 0 })
    }
  })

  test('is checked against the number of members that there are', async () => {
    const plumber = chain({ src: from(1, 2, 3), batch: batched({ size: 2 }, () => ['a', 'b']), out: same })
    expect((await failureOf(() => plumber.run())).code).toBe('PLB_NODE_CARDINALITY')
  })

  test('is one value for all of them where the node says so, whatever that is', async () => {
    const one = { size: 3, returns: 'one' }
    const plumber = chain({ src: from(...range(7)), batch: batched(one, sum), out: same })
    expect(await plumber.collect()).toEqual([3, 12, 6])
    const report = await plumber.run()
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'batch')).toMatchObject({ received: 7, completed: 7, emitted: 3 })
    const lists = chain({ src: from(...range(4)), batch: batched(one, same), out: same })
    expect(await lists.collect()).toEqual([[0, 1, 2], [3]])
  })

  test('may be a DROP in place of the one value', async () => {
    const big = (members: readonly number[]) => (sum(members) > 5 ? sum(members) : DROP)
    const plumber = chain({ src: from(...range(7)), batch: batched({ size: 3, returns: 'one' }, big), out: same })
    expect(await plumber.collect()).toEqual([12, 6])
    const report = await plumber.run(undefined, LEDGER)
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'batch')).toMatchObject({ completed: 7, emitted: 2 })
    expect(Object.values(rootsOf(report)).reduce((a, b) => a + b, 0)).toBe(7)
  })
})

describe('the meta of a batch', () => {
  const metas: Meta[] = [{ a: 1, b: 1 }, { b: 2, c: 2 }, { c: 3 }]

  /** Puts one value with each meta; gives what the batch saw, and its outputs. */
  async function seenBy(batch: object, coro: (members: Members, ctx: Context) => unknown) {
    const given: { value: unknown; port: string; meta: Meta }[] = []
    const seen: Meta[] = []
    const noted = (members: Members, ctx: Context) => {
      seen.push({ ...ctx.meta })
      return coro(members, ctx)
    }
    const pipeline = plumberOf(
      { in: 'std.inlet', batch: batched(batch, noted), out: same, side: same },
      { in: ['batch'], batch: ['out', { to: 'side', port: 'side' }] },
    ).createPipeline({ onOutput: ({ node, value, meta }) => void given.push({ port: node, value, meta: { ...meta } }) })
    for (const [place, meta] of metas.entries()) await pipeline.put(place, { meta })
    expectBalancedBooks(await pipeline.drain(), ['in'])
    return { seen, given }
  }

  test('is that of all members together, later ones first', async () => {
    expect((await seenBy({ size: 3 }, same)).seen).toEqual([{ a: 1, b: 2, c: 3 }])
  })

  test('does not get to the members: each result has the meta of its own', async () => {
    const { given } = await seenBy({ size: 3 }, same)
    expect(given.map(({ meta }) => meta)).toEqual(metas)
  })

  test('is that of the one result for all, and of what is emitted besides', async () => {
    const { given } = await seenBy({ size: 2, returns: 'one' }, (members, ctx) => {
      ctx.emit('side', 'beside', { meta: { d: 4 } })
      return members.length
    })
    expect(given.filter(({ port }) => port === 'out').map(({ value, meta }) => [value, meta])).toEqual([
      [2, { a: 1, b: 2, c: 2 }],
      [1, { c: 3 }],
    ])
    expect(given.filter(({ port }) => port === 'side').map(({ meta }) => meta)).toEqual([
      { a: 1, b: 2, c: 2, d: 4 },
      { c: 3, d: 4 },
    ])
  })
})

test.each(['out', 'side'])(
  'what is emitted by port %s in a batch of several is an error of all of them',
  async (port) => {
    const coro = (members: Members, ctx: Context) => {
      ctx.emit(port, 'whose?')
      return members
    }
    const given = outputs()
    const report = await plumberOf(
      { src: from(1, 2, 3), batch: batched(2, coro, { onError: 'skip' }), out: same, side: same },
      { src: ['batch'], batch: ['out', { to: 'side', port: 'side' }] },
    ).run(undefined, { ...LEDGER, ...given.options })
    expectBalancedBooks(report, [])
    expect(given.values).toEqual([])
    expect(nodeOf(report, 'batch')).toMatchObject({ received: 3, failed: 3, emitted: 0 })
    expect(rootsOf(report)).toEqual({ ...NONE, errored: 3 })
  },
)

describe('with several workers', () => {
  /** Batches of two; the first is held until the gate opens. */
  async function play(ordered: boolean) {
    const opened = gate()
    const coro = (members: readonly number[]) => (members[0] === 0 ? opened.opened.then(() => members) : members)
    const given = outputs()
    const pipeline = chain({
      src: from(...range(6)),
      batch: batched(2, coro, { workers: 2, ordered }),
      out: unfused(same),
    }).createPipeline(given.options)
    await turns()
    const before = [...given.values]
    opened.open()
    expectBalancedBooks(await pipeline.settled, [])
    return { before, all: given.values }
  }

  test('batches leave in the order in which their members came', async () => {
    expect(await play(true)).toEqual({ before: [], all: range(6) })
  })

  test('batches leave as they are done where no order is asked for, their members still in order', async () => {
    expect(await play(false)).toEqual({ before: [2, 3, 4, 5], all: [2, 3, 4, 5, 0, 1] })
  })
})

describe('a batch that fails', () => {
  const wrong = new Error('wrong')
  /** Fails where 4 is among the members. */
  const refusing = (members: readonly number[]) => {
    if (members.includes(4)) throw wrong
    return members
  }

  test('ends the run, with all its members as failed', async () => {
    const given = outputs()
    const plumber = chain({ src: from(...range(9)), batch: batched(3, refusing), out: same })
    const error = await failureOf(() => plumber.run(undefined, given.options))
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: wrong })
    expect([detailOf(error, 'node'), detailOf(error, 'attempts')]).toEqual(['batch', 1])
    const report = reportOf(error)
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'batch')).toMatchObject({ failed: 3 })
    expect([0, 1, 2]).toEqual(expect.arrayContaining(given.values))
  })

  test('leaves all its members out where they are skipped, each with its error', async () => {
    const given = outputs()
    const plumber = chain({ src: from(...range(9)), batch: batched(3, refusing, { onError: 'skip' }), out: same })
    const report = await plumber.run(undefined, { ...LEDGER, ...given.options })
    expectBalancedBooks(report, [])
    expect(given.values).toEqual([0, 1, 2, 6, 7, 8])
    expect(nodeOf(report, 'batch')).toMatchObject({ completed: 6, failed: 3, emitted: 6, dropped: 0 })
    expect(report.errors.map(({ code, cause }) => [code, cause])).toEqual(new Array(3).fill(['PLB_NODE_FAILED', wrong]))
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 6, errored: 3 })
  })

  test('routes each of its members by itself, with its own meta', async () => {
    const routed: unknown[] = []
    const pipeline = plumberOf(
      { in: 'std.inlet', batch: batched(3, refusing, { onError: 'route' }), out: same, dead: same },
      { in: ['batch'], batch: ['out', { to: 'dead', port: 'error' }] },
    ).createPipeline({
      ...LEDGER,
      onOutput: ({ node, value, meta }) => void (node === 'dead' && routed.push([value, { ...meta }])),
    })
    for (const n of range(7)) await pipeline.put(n, { meta: { n } })
    const report = await pipeline.drain()
    expectBalancedBooks(report, ['in'])
    const error = { code: 'PLB_NODE_FAILED', message: expect.stringContaining('wrong'), node: 'batch', attempts: 1 }
    expect(routed).toEqual([3, 4, 5].map((n) => [{ error, input: n, meta: { n } }, { n }]))
    expect(nodeOf(report, 'batch')).toMatchObject({ completed: 4, failed: 3 })
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 4, deadLettered: 3 })
  })

  test('routes its members also where it gave too few results', async () => {
    const codes: unknown[] = []
    const dead = ({ error, input }: { error: { code: string }; input: unknown }) => void codes.push([error.code, input])
    const report = await plumberOf(
      { src: from(1, 2), batch: batched(2, () => [1], { onError: 'route' }), out: same, dead },
      { src: ['batch'], batch: ['out', { to: 'dead', port: 'error' }] },
    ).run()
    expectBalancedBooks(report, [])
    expect(codes).toEqual([
      ['PLB_NODE_CARDINALITY', 1],
      ['PLB_NODE_CARDINALITY', 2],
    ])
  })

  test('fails in its turn, after what came before it', async () => {
    const [opened, events] = [gate(), [] as unknown[]]
    const coro = (members: readonly number[]) => {
      if (members[0] === 0) return opened.opened.then(() => members)
      throw wrong
    }
    const pipeline = plumberOf(
      {
        src: from(0, 1, 2, 3),
        batch: batched(2, coro, { workers: 2, onError: 'route' }),
        out: (n: number) => void events.push(n),
        dead: ({ input }: { input: number }) => void events.push(`dead ${input}`),
      },
      { src: ['batch'], batch: ['out', { to: 'dead', port: 'error' }] },
    ).createPipeline({})
    await turns()
    expect(events).toEqual([])
    opened.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(events.toSorted()).toEqual([0, 1, 'dead 2', 'dead 3'])
  })

  test('gets the same members at every attempt, whatever it has done to its list', async () => {
    const seen: unknown[] = []
    const coro = (members: number[], { attempt }: Context) => {
      seen.push([attempt, ...members])
      members.reverse()
      if (attempt === 1) {
        members.length = 0
        throw wrong
      }
      return members
    }
    const retry = { attempts: 3, minDelayMs: 0, jitter: 'none' }
    const plumber = chain({ src: from(1, 2, 3), batch: batched(3, coro, { retry }), out: same })
    const given = outputs()
    const report = await plumber.run(undefined, given.options)
    expectBalancedBooks(report, [])
    expect(seen).toEqual([
      [1, 1, 2, 3],
      [2, 1, 2, 3],
    ])
    expect(given.values).toEqual([3, 2, 1])
    expect(nodeOf(report, 'batch')).toMatchObject({ received: 3, completed: 3, failed: 0, retried: 1 })
  })

  test('fails all its members when its time is up, and holds its worker until it has returned', () =>
    withTime(async ({ pass }) => {
      const opened = gate()
      const calls: unknown[] = []
      const coro = (members: readonly number[]) => {
        calls.push(members)
        return members[0] === 0 ? opened.opened.then(() => members) : members
      }
      const given = outputs()
      const pipeline = chain({
        src: from(...range(4)),
        batch: batched(2, coro, { timeoutMs: 100, onError: 'skip' }),
        out: same,
      }).createPipeline({ ...LEDGER, ...given.options })
      await pass(99)
      expect(nodeOf(pipeline.snapshot(), 'batch')).toMatchObject({ failed: 0 })
      await pass(1)
      expect(nodeOf(pipeline.snapshot(), 'batch')).toMatchObject({ failed: 2 })
      expect(calls, 'the second has to wait').toHaveLength(1)
      opened.open()
      await turns()
      const report = await pipeline.settled
      expectBalancedBooks(report, [])
      expect(report.errors.map(({ code }) => code)).toEqual(['PLB_NODE_TIMEOUT', 'PLB_NODE_TIMEOUT'])
      expect(nodeOf(report, 'batch')).toMatchObject({ received: 4, completed: 2, failed: 2, late: 1 })
      expect(given.values).toEqual([2, 3])
      expect(rootsOf(report)).toEqual({ ...NONE, delivered: 2, errored: 2 })
    }))

  test('fails all its members after the last attempt', async () => {
    const coro = () => Promise.reject(wrong)
    const retry = { attempts: 2, minDelayMs: 0, jitter: 'none' }
    const plumber = chain({ src: from(1, 2, 3), batch: batched(2, coro, { retry, onError: 'skip' }) })
    const report = await plumber.run(undefined, LEDGER)
    expectBalancedBooks(report, [])
    expect(report.errors.map((error) => detailOf(error, 'attempts'))).toEqual([2, 2, 2])
    expect(rootsOf(report)).toEqual({ ...NONE, errored: 3 })
  })
})

describe('a join with a batch', () => {
  const join = (coro: (tuples: readonly (readonly number[])[]) => unknown, more: object = {}) =>
    plumberOf(
      {
        src: from(...range(5)),
        a: (n: number) => (n === 3 ? DROP : n),
        b: (n: number) => n * 10,
        join: batched(2, coro as never, more),
        out: same,
      },
      { src: ['a', 'b'], a: ['join'], b: ['join'], join: ['out'] },
    )

  test('gets several tuples, and counts what they were made of', async () => {
    const { calls, coro } = noting()
    const given = outputs()
    const report = await join(coro as never).run(undefined, { ...LEDGER, ...given.options })
    expect(calls).toEqual([
      [
        [0, 0],
        [1, 10],
      ],
      [
        [2, 20],
        [4, 40],
      ],
    ])
    expect(given.values).toEqual(calls.flat())
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'join')).toMatchObject({ received: 9, completed: 9, emitted: 4 })
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 4, filtered: 1 })
  })

  test('fails for all packets of its tuples', async () => {
    const coro = (tuples: readonly (readonly number[])[]) => {
      if (tuples.some(([n]) => n === 2)) throw new Error('wrong')
      return tuples
    }
    const given = outputs()
    const report = await join(coro, { onError: 'skip' }).run(undefined, { ...LEDGER, ...given.options })
    expectBalancedBooks(report, [])
    expect(given.values).toEqual([
      [0, 0],
      [1, 10],
    ])
    expect(nodeOf(report, 'join')).toMatchObject({ received: 9, completed: 5, failed: 4 })
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 2, filtered: 1, errored: 2 })
  })

  test('may be the fork of another one: each of its results opens a frame', async () => {
    const { calls, coro } = noting((tuples) => tuples.map((tuple: readonly number[]) => sum(tuple)))
    const plumber = plumberOf(
      {
        src: from(...range(7)),
        a: same,
        join: batched(3, coro),
        left: (n: number) => n + 1,
        again: same,
      },
      { src: ['a', 'join'], a: ['join'], join: ['left', 'again'], left: ['again'] },
    )
    expect(await plumber.collect()).toEqual(range(7).map((n) => [2 * n, 2 * n + 1]))
    expect(calls.map(({ length }) => length)).toEqual([3, 3, 1])
  })

  test('gets pairs by position, too', async () => {
    const { calls, coro } = noting()
    const plumber = plumberOf(
      { a: from(1, 2, 3), b: from('x', 'y', 'z'), zip: batched(2, coro) },
      { a: ['zip'], b: ['zip'] },
    )
    const report = await plumber.run()
    expectBalancedBooks(report, [])
    expect(calls).toEqual([
      [
        [1, 'x'],
        [2, 'y'],
      ],
      [[3, 'z']],
    ])
    expect(nodeOf(report, 'zip')).toMatchObject({ received: 6, completed: 6, emitted: 3 })
  })
})

describe('a batch in a diamond', () => {
  /** Each result comes to its own partner, whatever the size of the batch is. */
  test.each([1, 2, 3, 7, 40, 100])('of %i gives each result to the partner of its member', async (size) => {
    const reversing = (members: readonly number[]) => members.map((n) => -n)
    const plumber = plumberOf(
      { src: from(...range(60)), batch: batched(size, reversing, { workers: 2 }), slow: unfused(same), join: same },
      { src: ['batch', 'slow'], batch: ['join'], slow: ['join'] },
    )
    expect(await plumber.collect()).toEqual(range(60).map((n) => [-n, n]))
  })

  test.each([2, 3, 7, 50])('in another diamond, in groups of %i', async (size) => {
    const { coro } = noting()
    const plumber = plumberOf(
      {
        src: from(...range(40)),
        inner: (n: number) => (n % 5 === 4 ? DROP : n),
        batch: batched(size, coro),
        pair: (pair: readonly number[]) => pair.join('+'),
        join: same,
      },
      { src: ['inner', 'join'], inner: ['batch', 'pair'], batch: ['pair'], pair: ['join'] },
    )
    const kept = range(40).filter((n) => n % 5 !== 4)
    expect(await plumber.collect()).toEqual(kept.map((n) => [n, `${n}+${n}`]))
  })

  test('whose results are dropped, or fail together, leaves out these pairs only', async () => {
    const coro = (members: readonly number[]) => {
      if (members.includes(13)) throw new Error('unlucky')
      return members.map((n) => (n % 3 === 0 ? DROP : n))
    }
    const given = outputs()
    const report = await plumberOf(
      { src: from(...range(20)), batch: batched(4, coro, { onError: 'skip' }), join: same },
      { src: ['batch', 'join'], batch: ['join'] },
    ).run(undefined, { ...LEDGER, ...given.options })
    expectBalancedBooks(report, [])
    const lost = [12, 13, 14, 15]
    const kept = range(20).filter((n) => n % 3 !== 0 && !lost.includes(n))
    expect(given.values).toEqual(kept.map((n) => [n, n]))
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: kept.length, errored: 4, filtered: 16 - kept.length })
  })

  test('whose members are routed lets the pair with what came of them still be made', async () => {
    const coro = (members: readonly number[]) => {
      if (members.includes(2)) throw new Error('wrong')
      return members
    }
    const dead = ({ input }: { input: number }) => `dead ${input}`
    const plumber = plumberOf(
      {
        src: from(...range(6)),
        batch: batched(2, coro, { onError: 'route' }),
        dead,
        merged: having({ aggregateInputs: false }, same),
        join: same,
      },
      {
        src: ['batch', 'join'],
        batch: ['merged', { to: 'dead', port: 'error' }],
        dead: ['merged'],
        merged: ['join'],
      },
    )
    const expected = [0, 1, 'dead 2', 'dead 3', 4, 5].map((value, n) => [n, value])
    expect(await plumber.collect()).toEqual(expected)
  })

  test.each<[string, object]>([
    ['a batch with one value for all', { batch: { size: 2, returns: 'one' } }],
    ['a window', { window: { size: 2 } }],
    ['a window, called stateful', { stateful: 2 }],
  ])('is refused where it is %s, whose outputs belong to no single item', (_what, properties) => {
    const nodes = {
      src: { coro: 'src' },
      mid: { coro: 'any', properties },
      join: { coro: 'any' },
    }
    const coroMap = { src: from(1), any: same }
    const inside = { src: ['mid', 'join'], mid: ['join'] }
    expect(problemsOf({ nodes, graph: inside }, coroMap)).toMatchObject([{ code: 'PLB_GRAPH_UNEVEN_JOIN' }])
    const behind = { src: ['other', 'mid'], other: ['mid'], mid: ['join'] }
    expect(() => problemsOf({ nodes: { ...nodes, other: { coro: 'any' } }, graph: behind }, coroMap)).toThrow(
      'should have been refused',
    )
  })
})

describe('when everything ends, a batch that is not full', () => {
  /** A standing pipeline whose batch has got three of ten items. */
  async function three(coro: Stage = same, options: object = {}) {
    const given = outputs()
    const pipeline = chain({ in: 'std.inlet', batch: batched(10, coro), out: same }).createPipeline({
      ...given.options,
      ...options,
    })
    for (const n of range(3)) await pipeline.put(n, { meta: { n } })
    await turns()
    expect(given.values).toEqual([])
    return { given, pipeline }
  }

  test('waits as long as more may come', async () => {
    const { pipeline } = await three()
    expect(await settlesSoon(pipeline.settled)).toBe(false)
    expect(nodeOf(pipeline.snapshot(), 'batch')).toMatchObject({ received: 3, completed: 0, inProgress: 0 })
    await pipeline.drain()
  })

  test('goes ahead when the input is ended', async () => {
    const { given, pipeline } = await three()
    pipeline.end()
    expectBalancedBooks(await pipeline.settled, ['in'])
    expect(given.values).toEqual([0, 1, 2])
  })

  test('goes ahead when the run is drained', async () => {
    const { given, pipeline } = await three()
    const report = await pipeline.drain()
    expectBalancedBooks(report, ['in'])
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
    expect(given.values).toEqual([0, 1, 2])
  })

  test('is listed at doomsday, member by member, at the node that held it', async () => {
    const { given, pipeline } = await three()
    const report = await pipeline.doomsday('enough')
    expectBalancedBooks(report, ['in'])
    expect(report.unprocessed.filter(({ node }) => node === 'batch')).toEqual(
      range(3).map((n) => ({ node: 'batch', value: n, meta: { n } })),
    )
    expect(report.unprocessed).toHaveLength(3)
    expect(nodeOf(report, 'batch')).toMatchObject({ received: 3, unprocessed: 3 })
    expect(given.values).toEqual([])
  })

  test('is listed at doomsday also while its call is in progress, and its result is late', async () => {
    const [begun, opened] = [gate(), gate()]
    const { pipeline } = await three((members: Members) => {
      begun.open()
      return opened.opened.then(() => members)
    }, LEDGER)
    pipeline.end()
    await begun.opened
    const doomed = pipeline.doomsday()
    opened.open()
    const report = await doomed
    expectBalancedBooks(report, ['in'])
    expect(report.unprocessed.map(({ node, value }) => [node, value])).toEqual(range(3).map((n) => ['batch', n]))
    expect(nodeOf(report, 'batch')).toMatchObject({ received: 3, completed: 0, unprocessed: 3, emitted: 0 })
    expect(nodeOf(report, 'batch').late).toBeGreaterThan(0)
    expect(rootsOf(report)).toEqual({ ...NONE, aborted: 3 })
  })

  test('gives each member away, or lists it, where doomsday comes in the middle of its results', async () => {
    const opened = gate()
    const pipeline = chain({
      src: from(...range(5)),
      batch: batched(5, same),
      out: unfused((n: number) => opened.opened.then(() => n), { queueSize: 1 }),
    }).createPipeline()
    await turns()
    const doomed = pipeline.doomsday()
    opened.open()
    const report = await doomed
    expectBalancedBooks(report, [])
    expect(report.unprocessed.map(({ value }) => value).toSorted()).toEqual(range(5))
  })

  test('is listed in a diamond, and its partners where they are', async () => {
    const pipeline = plumberOf(
      { src: 'std.inlet', batch: batched(10, same), join: same },
      { src: ['batch', 'join'], batch: ['join'] },
    ).createPipeline(LEDGER)
    for (const n of range(3)) await pipeline.put(n)
    await turns()
    const report = await pipeline.doomsday()
    expectBalancedBooks(report, ['src'])
    const listed = report.unprocessed.map(({ node, value }) => `${node} ${value}`)
    expect(listed.toSorted()).toEqual(['batch 0', 'batch 1', 'batch 2', 'join 0', 'join 1', 'join 2'])
    expect(rootsOf(report)).toEqual({ ...NONE, aborted: 3 })
  })

  const take = (count: number) =>
    defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        let left = count
        for await (const value of inputs) {
          yield value
          if (--left === 0) return
        }
      },
    })

  test('is let go when nobody wants its results any more, and the run is well', async () => {
    const closed = gate()
    function* numbers() {
      try {
        for (let n = 0; n < 10_000; n++) yield n
      } finally {
        closed.open()
      }
    }
    const report = await chain({ src: unfused(numbers), batch: batched(3, same), take: take(4) }).run()
    expectBalancedBooks(report, [])
    expect(report).toMatchObject({ outcome: 'completed', abandoned: [] })
    expect(nodeOf(report, 'take').emitted).toBe(4)
    expect(nodeOf(report, 'src').emitted).toBeLessThan(200)
    expect(closed.isOpen).toBe(true)
  })

  test('is let go with what it holds: nothing of it keeps a diamond open', async () => {
    const opened = gate()
    const one = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        for await (const value of inputs) {
          await opened.opened
          yield value
          return
        }
      },
    })
    const pipeline = plumberOf(
      { in: 'std.inlet', batch: batched(2, same), one, join: same },
      { in: ['batch', 'join'], batch: ['one'], one: ['join'] },
    ).createPipeline(LEDGER)
    for (const n of range(3)) await pipeline.put(n)
    await turns()
    opened.open()
    await turns()
    pipeline.end()
    const report = await pipeline.settled
    expectBalancedBooks(report, ['in'])
    expect(report.outcome).toBe('completed')
    expect(rootsOf(report)).toMatchObject({ delivered: 1, filtered: 2 })
  })
})

describe('"batch" is refused', () => {
  const coroMap = { src: from(1), any: same, stream: defineCoro({ kind: 'stream', run: async function* () {} }) }
  const doc = (node: string, properties: object, coro = 'any') => ({
    nodes: {
      src: { coro: 'src', ...(node === 'src' && { properties }) },
      mid: { coro, ...(node === 'mid' && { properties }) },
    },
    graph: { src: ['mid'] },
  })

  test.each<[string, string, string?]>([
    ['a source', 'src'],
    ['a stream coroutine', 'mid', 'stream'],
  ])('on %s', (_what, node, coro) => {
    expect(problemsOf(doc(node, { batch: { size: 2 } }, coro), coroMap)).toMatchObject([
      { code: 'PLB_OPTION_CONFLICT', pointer: expect.stringContaining(`/nodes/${node}`) },
    ])
  })

  test('on an inlet', () => {
    const nodes = { in: { coro: 'std.inlet', properties: { batch: { size: 2 } } }, mid: { coro: 'any' } }
    expect(problemsOf({ nodes, graph: { in: ['mid'] } }, coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
  })

  test('together with a window', () => {
    const properties = { batch: { size: 2 }, window: { size: 2 } }
    expect(problemsOf(doc('mid', properties), coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
  })

  test.each([
    {},
    { size: 0 },
    { size: 1.5 },
    { size: '2' },
    { size: 2, maxWaitMs: -1 },
    { size: 2, returns: 'all' },
    { size: 2, more: 1 },
    3,
  ])('as %j', (batch) => {
    const [problem] = problemsOf(doc('mid', { batch }), coroMap)
    expect(problem).toMatchObject({ code: 'PLB_GRAPH_SCHEMA' })
    expect(problem?.pointer).toContain('/nodes/mid/properties/batch')
  })
})
