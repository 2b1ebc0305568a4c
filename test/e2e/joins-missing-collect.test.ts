import { type Context, DROP } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { failureOf, from, having, nodeOf, plumberOf, range, type Stage, same } from '../support/blackbox.js'
import {
  COLLECT,
  type Collect,
  decide,
  finish,
  type Lists,
  MISSING,
  type Missing,
  meeting,
} from '../support/meeting.js'

/*
 * What a join makes of an item of which an input got nothing (`missing`), or several values (`collect`): S13 and S14.
 */

describe('a join gives', () => {
  const lists: Lists = { a: [['a0'], [], ['a2']], b: [['b0', 'c0'], ['b1'], []] }

  test.each<[Readonly<Record<string, unknown>>, unknown[]]>([
    [{ onError: 'skip' }, []],
    [
      { collect: 'one', missing: 'partial', onError: 'skip' },
      [
        [undefined, 'b1'],
        ['a2', undefined],
      ],
    ],
    [{ collect: 'all' }, [[['a0'], ['b0', 'c0']]]],
    [
      { collect: 'all', missing: 'partial' },
      [
        [['a0'], ['b0', 'c0']],
        [[], ['b1']],
        [['a2'], []],
      ],
    ],
    [
      { collect: 'product' },
      [
        ['a0', 'b0'],
        ['a0', 'c0'],
      ],
    ],
    [
      { collect: 'product', missing: 'partial' },
      [
        ['a0', 'b0'],
        ['a0', 'c0'],
        [undefined, 'b1'],
        ['a2', undefined],
      ],
    ],
    [
      { collect: 'product', missing: 'fail', onError: 'skip' },
      [
        ['a0', 'b0'],
        ['a0', 'c0'],
      ],
    ],
  ])('with %j what is written here', async (properties, expected) => {
    expect((await finish(meeting(lists, having(properties, same)))).values).toEqual(expected)
  })

  test('a list for every input with "all", also where each has one value', async () => {
    const { values } = await finish(meeting({ a: [[1], [2]], b: [[3], [4]] }, having({ collect: 'all' }, same)))
    expect(values).toEqual([[[1], [3]], [[2], [4]]]) // biome-ignore format: as short as it is
  })

  test('every place of the tuple with "partial", also of an empty last input', async () => {
    const lengths: number[] = []
    const join = (tuple: readonly unknown[]) => void lengths.push(tuple.length)
    await finish(meeting({ a: [[1], []], b: [[2], [2]], c: [[], []] }, having({ missing: 'partial' }, join)))
    expect(lengths).toEqual([3, 3])
  })
})

describe('an item of which no input got anything', () => {
  const lists: Lists = { a: [[0], [], [2]], b: [[0], [], [2]] }

  test.each(['skip', 'partial'])('is not even counted with missing "%s"', async (missing) => {
    for (const collect of COLLECT) {
      const { values, report } = await finish(meeting(lists, having({ missing, collect }, same), { out: same }))
      expect(values).toEqual(collect === 'all' ? [[[0], [0]], [[2], [2]]] : [[0, 0], [2, 2]]) // biome-ignore format: pairs
      expect(nodeOf(report, 'join')).toMatchObject({ received: 4, completed: 4, failed: 0, dropped: 0, emitted: 2 })
    }
  })

  test('fails with missing "fail"', async () => {
    for (const collect of COLLECT) {
      const error = await failureOf(() => meeting(lists, having({ missing: 'fail', collect }, same)).run())
      expect(error).toMatchObject({ code: 'PLB_NODE_CARDINALITY', details: { node: 'join', count: 0 } })
      expect(error.message).toContain('"a"')
      const { report } = await finish(meeting(lists, having({ missing: 'fail', collect, onError: 'skip' }, same)))
      expect(nodeOf(report, 'join')).toMatchObject({ received: 4, completed: 4, failed: 0, emitted: 2 })
      expect(report.errors.map(({ code }) => code)).toEqual(['PLB_NODE_CARDINALITY'])
    }
  })
})

describe('a join of three inputs', () => {
  const lists: Lists = { a: [['a'], ['a'], []], b: [[], ['b'], []], c: [['c', 'd'], ['c'], ['c']] }
  const full = ['a', 'b', 'c']

  test.each<[Missing, Collect, unknown[], (readonly [string, number])[]]>([
    ['skip', 'one', [full], []],
    ['skip', 'all', [[['a'], ['b'], ['c']]], []],
    ['partial', 'one', [full, [undefined, undefined, 'c']], [['c', 2]]],
    [
      'partial',
      'all',
      [
        [['a'], [], ['c', 'd']],
        [['a'], ['b'], ['c']],
        [[], [], ['c']],
      ],
      [],
    ],
    ['partial', 'product', [['a', undefined, 'c'], ['a', undefined, 'd'], full, [undefined, undefined, 'c']], []],
    [
      'fail',
      'one',
      [full],
      [
        ['b', 0],
        ['a', 0],
      ],
    ],
    [
      'fail',
      'product',
      [full],
      [
        ['b', 0],
        ['a', 0],
      ],
    ],
  ] as const)(
    'with missing "%s" and collect "%s": first what is missing counts, then what is too much',
    async (missing, collect, expected, errors) => {
      const { values, report } = await finish(meeting(lists, having({ missing, collect, onError: 'skip' }, same)))
      expect(values).toEqual(expected)
      expect(report.errors.map(({ details }) => details)).toEqual(
        errors.map(([input, count]) => ({ node: 'join', input, count })),
      )
    },
  )
})

describe('the meta of a tuple', () => {
  /** Says `value`, with a meta that tells the value and who said it last. */
  const says =
    (...values: readonly string[]) =>
    (_: unknown, ctx: Context) => {
      for (const value of values) ctx.emit('out', value, { meta: { [value]: true, last: value } })
      return DROP
    }
  const metasOf = async (properties: Readonly<Record<string, unknown>>, b: readonly string[]) => {
    const metas: unknown[] = []
    const src = async (output: { put(value: unknown, options: object): unknown }) => {
      await output.put(0, { meta: { root: 1, last: 'root' } })
    }
    const plumber = plumberOf(
      { src, a: says('a1', 'a2'), b: says(...b), join: having(properties, same) },
      { src: ['b', 'a'], a: ['join'], b: ['join'] },
    )
    await plumber.run(undefined, { onOutput: ({ meta }) => void metas.push(meta) })
    return metas
  }

  test('is merged over everything in it, in tuple order', async () => {
    const all = { a1: true, a2: true, b1: true, b2: true }
    expect(await metasOf({ collect: 'all' }, ['b1', 'b2'])).toEqual([{ root: 1, ...all, last: 'b2' }])
  })

  test('of a product is merged for each combination', async () => {
    expect(await metasOf({ collect: 'product' }, ['b1', 'b2'])).toEqual([
      { root: 1, a1: true, b1: true, last: 'b1' },
      { root: 1, a1: true, b2: true, last: 'b2' },
      { root: 1, a2: true, b1: true, last: 'b1' },
      { root: 1, a2: true, b2: true, last: 'b2' },
    ])
  })

  test('where an input is missing is that of the others', async () => {
    expect(await metasOf({ collect: 'all', missing: 'partial' }, [])).toEqual([
      { root: 1, a1: true, a2: true, last: 'a2' },
    ])
  })
})

describe('a join inside the region of another one', () => {
  const counts = [1, 0, 2, 3]
  const given = (n: number): unknown[] => range(counts[n] ?? 0).map((place) => [`x${n}.${place}`, n])
  const x = (n: number) =>
    given(n)
      .map((tuple) => Reflect.get(Object(tuple), 0))
      .values()

  /** Joins that give for each item 1, 0, 2 and 3 tuples. */
  const INNER: Readonly<Record<string, Stage>> = {
    'multiplies by "product"': having({ collect: 'product', onError: 'skip' }, same),
    'multiplies itself': having({ collect: 'all' }, ([list, [n]]: [string[], number[]]) =>
      list.map((text) => [text, n]).values(),
    ),
  }

  /** The source is the fork of the outer join, and `f` that of the inner one. */
  const nested = (inner: Stage, outer: Stage) =>
    plumberOf(
      { src: from(...range(4)), f: same, x, y: same, inner, outer },
      { src: ['f', 'outer'], f: ['x', 'y'], x: ['inner'], y: ['inner'], inner: ['outer'] },
    )

  describe.each(Object.entries(INNER))('that %s', (_name, inner) => {
    test.each(MISSING.flatMap((missing) => COLLECT.map((collect) => [missing, collect] as const)))(
      'before one with missing "%s" and collect "%s"',
      async (missing, collect) => {
        const { values, report } = await finish(nested(inner, having({ missing, collect, onError: 'skip' }, same)))
        const decisions = range(4).map((n) => decide([[n], given(n)], missing, collect))
        expect(values).toEqual(decisions.flatMap((decision) => ('tuples' in decision ? decision.tuples : [])))
        expect(report.errors.map(({ details }) => details)).toEqual(
          decisions.flatMap((one) => ('count' in one ? [{ node: 'outer', input: 'inner', count: one.count }] : [])),
        )
        expect(nodeOf(report, 'inner')).toMatchObject({ received: 10, completed: 10, dropped: 1, emitted: 6 })
        expect(nodeOf(report, 'outer').received).toBe(4 + 6)
      },
    )
  })

  test('of which only one input is missing can still hand over a part', async () => {
    const inner = having({ missing: 'partial', collect: 'all' }, ([list]: unknown[][]) => list?.length)
    expect((await finish(nested(inner, same))).values).toEqual(range(4).map((n) => [n, counts[n]]))
  })
})
