import { type Context, DROP, defineCoro } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { chain, from, having, nodeOf, plumberOf, range, type Stage, same } from '../support/blackbox.js'
import {
  badFor,
  diamond,
  even,
  LEDGER,
  NONE,
  type Roots,
  refusing,
  rootsOf,
  verdictsOf,
  zip,
} from '../support/ledger.js'

/*
 * The ledger: every value that entered at a source ends with exactly one verdict (section 1 of the semantics).
 */

type Plumber = ReturnType<typeof plumberOf>

const none = () => DROP

/** As many outputs as the number says. */
const times = (n: number) => range(n).values()

/** A source of numbers with two branches, each of which is a leaf. */
const fork = (numbers: readonly number[], a: Stage, b: Stage) =>
  plumberOf({ src: from(...numbers), a, b }, { src: ['a', 'b'] })

describe('the verdicts', () => {
  test.each<[string, Plumber, Partial<Roots>]>([
    ['of no items are none', chain({ src: from(), out: same }), {}],
    ['on a chain are all "delivered"', chain({ src: from(...range(5)), mid: same, out: same }), { delivered: 5 }],
    [
      'behind a filter tell who got through',
      chain({ src: from(...range(5)), even, out: same }),
      { delivered: 3, filtered: 2 },
    ],
    ['at a leaf that gives nothing are "delivered"', chain({ src: from(1, 2), out: none }), { delivered: 2 }],
    ['where nobody gets through are "filtered"', chain({ src: from(1, 2), none, out: same }), { filtered: 2 }],
    [
      'of an item that fails is "errored"',
      chain({ src: from(1, 2, 3), bad: badFor(2), out: same }),
      { delivered: 2, errored: 1 },
    ],
    [
      'of an item that fails at a leaf is "errored"',
      chain({ src: from(1, 2, 3), bad: badFor(2) }),
      { delivered: 2, errored: 1 },
    ],
    [
      'of an item without descendants is "filtered"',
      chain({ src: from(0, 1, 3), times, out: same }),
      { delivered: 2, filtered: 1 },
    ],
    [
      'of an item of which one part gets through is "delivered"',
      chain({ src: from(1, 3), times, only: (n: number) => (n === 2 ? n : DROP), out: same }),
      { delivered: 1, filtered: 1 },
    ],
    [
      'of an item of which one part fails is "errored"',
      chain({ src: from(1, 3, 1), times, bad: badFor(2), out: same }),
      { delivered: 2, errored: 1 },
    ],
    ['of an item that two branches deliver is one', fork(range(4), same, same), { delivered: 4 }],
    [
      'of an item that one branch fails, and the other delivers, is "errored"',
      fork(range(4), badFor(3), same),
      { delivered: 3, errored: 1 },
    ],
  ])('%s', async (_what, plumber, expected) => {
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, ...expected })
  })

  test('of an item that both branches filter is "filtered"', async () => {
    const plumber = plumberOf(
      { src: from(...range(6)), a: even, b: (n: number) => (n % 3 ? DROP : n), x: same, y: same },
      { src: ['a', 'b'], a: ['x'], b: ['y'] },
    )
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 4, filtered: 2 })
  })

  test.each<[string, { a: Stage; b: Stage; join: Stage }, Partial<Roots>]>([
    ['a join are "delivered"', { a: same, b: same, join: same }, { delivered: 4 }],
    ['a join that leaves out what is missing', { a: even, b: same, join: same }, { delivered: 2, filtered: 2 }],
    ['a join that takes parts', { a: even, b: same, join: having({ missing: 'partial' }, same) }, { delivered: 4 }],
    [
      'a join that takes parts, where both are missing',
      { a: even, b: even, join: having({ missing: 'partial' }, same) },
      { delivered: 2, filtered: 2 },
    ],
    [
      'a join that fails',
      { a: even, b: same, join: having({ missing: 'fail', onError: 'skip' }, same) },
      { delivered: 2, errored: 2 },
    ],
    ['a join behind an error', { a: badFor(3), b: same, join: same }, { delivered: 3, errored: 1 }],
    [
      'a join that takes parts, behind an error',
      { a: badFor(3), b: same, join: having({ missing: 'partial' }, same) },
      { delivered: 3, errored: 1 },
    ],
    [
      'a join of too many',
      { a: times, b: same, join: having({ onError: 'skip' }, same) },
      { delivered: 1, filtered: 1, errored: 2 },
    ],
    ['a join of lists', { a: times, b: same, join: having({ collect: 'all' }, same) }, { delivered: 3, filtered: 1 }],
    ['a product', { a: times, b: times, join: having({ collect: 'product' }, same) }, { delivered: 3, filtered: 1 }],
    [
      'a product of which one call fails',
      { a: times, b: times, join: having({ collect: 'product', onError: 'skip' }, refusing('2,2')) },
      { delivered: 2, filtered: 1, errored: 1 },
    ],
    [
      'a product of which some calls give nothing',
      { a: times, b: times, join: having({ collect: 'product' }, none) },
      { delivered: 3, filtered: 1 },
    ],
  ])('behind %s', async (_what, nodes, expected) => {
    expect(await verdictsOf(diamond(range(4), nodes))).toEqual({ ...NONE, ...expected })
  })

  test('behind a join that is not a leaf depend on what comes after it', async () => {
    const plumber = plumberOf(
      {
        src: from(...range(6)),
        a: same,
        join: same,
        only: ([n]: number[]) => (Number(n) > 2 ? n : DROP),
        out: badFor(5),
      },
      { src: ['a', 'join'], a: ['join'], join: ['only'], only: ['out'] },
    )
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 2, filtered: 3, errored: 1 })
  })

  test('of a merge are one for each item, whichever way it came', async () => {
    const merge = having({ aggregateInputs: false }, same)
    expect(await verdictsOf(diamond(range(4), { a: even, b: same, join: merge }))).toEqual({ ...NONE, delivered: 4 })
    expect(await verdictsOf(zip([1, 2], ['a'], merge))).toEqual({ ...NONE, delivered: 3 })
  })
})

describe('a tuple that was paired by position', () => {
  test('belongs to the roots of all its parts', async () => {
    expect(await verdictsOf(zip([1, 2, 3], ['a', 'b', 'c'], same))).toEqual({ ...NONE, delivered: 6 })
    expect(await verdictsOf(zip([1, 2, 3], ['a', 'b', 'c'], badFor('2,b')))).toEqual({
      ...NONE,
      delivered: 4,
      errored: 2,
    })
  })

  test('filters all its parts, or delivers them, behind the join', async () => {
    const plumber = plumberOf(
      { left: from(1, 2, 3), right: from(10, 20, 30), join: ([n]: number[]) => n, even, out: same },
      { left: ['join'], right: ['join'], join: ['even'], even: ['out'] },
    )
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 2, filtered: 4 })
  })

  test('of which a part is delivered elsewhere leaves that part delivered', async () => {
    const plumber = plumberOf(
      { left: from(1, 2), right: from(3, 4), join: same, none, out: same, side: same },
      { left: ['join', 'side'], right: ['join'], join: ['none'], none: ['out'] },
    )
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 2, filtered: 2 })
  })

  test('behind one fork is one root', async () => {
    const one = defineCoro({ oneToOne: true, run: same } as never) as object
    const join = having({ match: 'position' }, same)
    expect(await verdictsOf(diamond(range(5), { a: one, b: one, join }))).toEqual({ ...NONE, delivered: 5 })
  })

  test('of unequal sides: what finds no partner is filtered with "shortest", and delivered with "longest"', async () => {
    const [left, right] = [range(5), range(3)]
    expect(await verdictsOf(zip(left, right, having({ unequal: 'longest' }, same)))).toEqual({ ...NONE, delivered: 8 })
    const report = await zip(left, right, having({ unequal: 'shortest' }, same)).run(undefined, LEDGER)
    const entered = nodeOf(report, 'left').emitted + nodeOf(report, 'right').emitted
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 6, filtered: entered - 6 })
  })
})

describe('several sources', () => {
  test('count together, inlets and others', async () => {
    const plumber = plumberOf(
      { src: from(...range(4)), in: 'std.inlet', even, all: same },
      { src: ['even'], in: ['all'], even: ['all'] },
      {},
    )
    const merged = plumberOf(
      { src: from(...range(4)), in: 'std.inlet', even, all: having({ aggregateInputs: false }, same) },
      { src: ['even'], in: ['all'], even: ['all'] },
    )
    expect(await verdictsOf(merged, [1, 2, 3])).toEqual({ ...NONE, delivered: 5, filtered: 2 })
    expect(await verdictsOf(plumber, [1, 2])).toEqual({ ...NONE, delivered: 4, filtered: 2 })
  })

  test('of which each output is one root, also of a source that is a leaf', async () => {
    expect(await verdictsOf(chain({ src: from(1, 2, 3) }))).toEqual({ ...NONE, delivered: 3 })
    expect(await verdictsOf(chain({ in: 'std.inlet' }), [1, 2])).toEqual({ ...NONE, delivered: 2 })
  })

  test('may emit by several ports: each output is one root', async () => {
    const src = defineCoro({
      kind: 'source',
      emits: ['side'],
      run: (_: unknown, ctx: Context) => {
        ctx.emit('side', 'x')
        return [1, 2]
      },
    } as never) as object
    const plumber = plumberOf({ src, out: same, side: same }, { src: ['out', { to: 'side', port: 'side' }] })
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 3 })
  })
})

describe('an output without a root:', () => {
  const groups = defineCoro({
    setup: () => [] as number[],
    run: (n: number, ctx: Context) => {
      const group = ctx.state as number[]
      return group.push(n) === 3 ? group.splice(0) : DROP
    },
    flush: (ctx: Context) => ctx.emit('out', ctx.state),
  })

  test('of flush', async () => {
    // Every third item carries its group; the rest leaves by flush, and belongs to nobody.
    expect(await verdictsOf(chain({ src: from(...range(7)), groups, out: same }))).toEqual({
      ...NONE,
      delivered: 2,
      filtered: 5,
    })
    expect(await verdictsOf(chain({ src: from(6), groups, out: badFor('6') }))).toEqual({ ...NONE, filtered: 1 })
  })

  const stream = (run: (inputs: AsyncIterable<number>) => AsyncGenerator<unknown>) =>
    defineCoro({ kind: 'stream', run } as never) as object

  test('of a stream coroutine before its first input, and after its last', async () => {
    const framed = stream(async function* (inputs) {
      yield 'first'
      yield* inputs
      yield 'last'
    })
    expect(await verdictsOf(chain({ src: from(1, 2, 3), framed, out: same }))).toEqual({ ...NONE, delivered: 3 })
    expect(await verdictsOf(chain({ src: from(1, 2, 3), framed, out: badFor('first', 'last') }))).toEqual({
      ...NONE,
      delivered: 3,
    })
  })

  test('any other output of a stream coroutine is one of the input it took last', async () => {
    const pairs = stream(async function* (inputs) {
      let held: number[] = []
      for await (const n of inputs) {
        held.push(n)
        if (held.length < 2) continue
        yield held
        held = []
      }
    })
    expect(await verdictsOf(chain({ src: from(...range(5)), pairs, out: same }))).toEqual({
      ...NONE,
      delivered: 2,
      filtered: 3,
    })
    expect(await verdictsOf(chain({ src: from(...range(4)), pairs, out: badFor('2,3') }))).toEqual({
      ...NONE,
      delivered: 1,
      filtered: 2,
      errored: 1,
    })
  })

  test('a stream coroutine at a leaf completes its inputs', async () => {
    const eat = stream(async function* (inputs) {
      for await (const n of inputs) if (n < 0) yield n
    })
    expect(await verdictsOf(chain({ src: from(1, 2, 3), eat }))).toEqual({ ...NONE, delivered: 3 })
  })
})
