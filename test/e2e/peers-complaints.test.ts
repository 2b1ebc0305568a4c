import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  detailOf,
  edgeOf,
  failureOf,
  from,
  having,
  nodeOf,
  outputs,
  type Problem,
  plumberOf,
  range,
  reportOf,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/*
 * What people who use other engines complain of, again and again, where branches meet: one sentence, and what happens
 * here instead.
 */

type Properties = Readonly<Record<string, unknown>>

async function issuesOf(work: () => unknown): Promise<readonly Problem[]> {
  return detailOf(await failureOf(work), 'issues') as readonly Problem[]
}

describe('"The Merge behind my IF waits for ever, since an item takes only one of the two branches."', () => {
  /** An even number takes `yes`, an odd one `no`, and every third one both. */
  const switching = defineCoro({
    emits: ['yes', 'no'],
    run: (n: number, ctx: Context) => {
      if (n % 2 === 0 || n % 3 === 0) ctx.emit('yes', n)
      if (n % 2 === 1 || n % 3 === 0) ctx.emit('no', n)
      return DROP
    },
  })
  /** Both branches meet in a join. `beside` makes the item itself an input of it too. */
  const meeting = (properties: Properties, beside = false) =>
    plumberOf(
      {
        src: from(0, 1, 2, 3, 4),
        if: switching,
        yes: (n: number) => `yes ${n}`,
        no: (n: number) => `no ${n}`,
        merge: having(properties, same),
      },
      {
        src: beside ? ['if', 'merge'] : ['if'],
        if: [
          { to: 'yes', port: 'yes' },
          { to: 'no', port: 'no' },
        ],
        yes: ['merge'],
        no: ['merge'],
      },
    )

  test.each([false, true])('is refused before anything runs, and the message says what to do', async (beside) => {
    const [issue, ...others] = await issuesOf(() => meeting({}, beside))
    expect(others).toEqual([])
    expect(issue).toMatchObject({ code: 'PLB_GRAPH_PORT', pointer: '/nodes/merge' })
    expect(issue?.message).toMatch(
      /^Node "merge" waits for both "yes" and "no" of "if", but an item takes only one\. Set "aggregateInputs": false.*"missing".*"partial"/,
    )
  })

  test('is refused too where both ports lead to it without anything between', async () => {
    const direct = [
      { to: 'merge', port: 'yes' },
      { to: 'merge', port: 'no' },
    ]
    const nodes = { src: from(1), if: switching, merge: same }
    expect(await issuesOf(() => plumberOf(nodes, { src: ['if'], if: direct }))).toMatchObject([
      { code: 'PLB_GRAPH_PORT' },
    ])
  })

  test('is refused with any other setting of a join', async () => {
    for (const properties of [{ collect: 'all' }, { collect: 'product' }, { unequal: 'longest' }, { onError: 'skip' }])
      expect(await issuesOf(() => meeting(properties))).toMatchObject([{ code: 'PLB_GRAPH_PORT' }])
  })

  test('works with what the message advises', async () => {
    const values = await meeting({ aggregateInputs: false }).collect()
    expect(values.toSorted()).toEqual(['no 0', 'no 1', 'no 3', 'yes 0', 'yes 2', 'yes 3', 'yes 4'])
  })

  const both = [0, 3].map((n) => [n, `yes ${n}`, `no ${n}`])

  test.each<[string, string, unknown[]]>([
    ['skip', 'the items that took both', both],
    [
      'partial',
      'every item',
      [both[0], [1, undefined, 'no 1'], [2, 'yes 2', undefined], both[1], [4, 'yes 4', undefined]],
    ],
  ])('works with missing "%s", which is for %s', async (missing, _what, expected) => {
    const seen = outputs()
    const report = await meeting({ missing }, true).run(undefined, seen.options)
    expect(seen.values).toEqual(expected)
    expectBalancedBooks(report, [])
    expect(nodeOf(report, 'merge')).toMatchObject({ received: 12, completed: 12, failed: 0 })
  })

  test('works with missing "fail" as long as every item takes both', async () => {
    const error = await failureOf(() => meeting({ missing: 'fail' }, true).run())
    expect(error).toMatchObject({ code: 'PLB_NODE_CARDINALITY', details: { node: 'merge', input: 'yes', count: 0 } })
    const { errors, outcome } = await meeting({ missing: 'fail', onError: 'skip' }, true).run()
    expect(outcome).toBe('completed')
    expect(errors.map((one) => detailOf(one, 'input'))).toEqual(['yes', 'no', 'no'])
  })

  test('what a switch sends by two ports are two items, where nothing before it leads to the join', async () => {
    const tuples = await meeting({ missing: 'partial' }).collect()
    const [yes, no] = [(n: number) => [`yes ${n}`, undefined], (n: number) => [undefined, `no ${n}`]]
    expect(tuples).toEqual([yes(0), no(0), no(1), yes(2), yes(3), no(3), yes(4)])
    expect(await meeting({ missing: 'skip' }).collect()).toEqual([])
  })

  test('and the graph that is allowed is still allowed after a round trip through JSON', async () => {
    const roundTrip = (plumber: ReturnType<typeof meeting>): unknown => JSON.parse(JSON.stringify(plumber.toJSON()))
    for (const missing of ['skip', 'partial'])
      expect(roundTrip(meeting({ missing }))).toMatchObject({ nodes: { merge: { properties: { missing } } } })
  })
})

describe('"The parent waits for ever for a child that has failed."', () => {
  const family = (child: Properties, parent: Properties) =>
    plumberOf(
      {
        src: from(1, 2, 3),
        good: same,
        bad: having(child, (n: number) => {
          if (n === 2) throw new Error('child 2')
          return -n
        }),
        parent: having(parent, same),
      },
      { src: ['good', 'bad'], good: ['parent'], bad: ['parent'] },
    )

  test('a failed child fails the run, with its own error', async () => {
    const error = await failureOf(() => family({}, {}).run())
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'bad' }, cause: { message: 'child 2' } })
    expectBalancedBooks(reportOf(error), [])
  })

  test.each<[string, Properties, unknown[]]>([
    [
      'leaves it out',
      {},
      [
        [1, -1],
        [3, -3],
      ],
    ],
    [
      'gets undefined for it',
      { missing: 'partial' },
      [
        [1, -1],
        [2, undefined],
        [3, -3],
      ],
    ],
    [
      'fails as well',
      { missing: 'fail', onError: 'skip' },
      [
        [1, -1],
        [3, -3],
      ],
    ],
  ])('where errors are skipped, the parent %s and the run ends', async (_what, parent, expected) => {
    const seen = outputs()
    const report = await family({ onError: 'skip' }, parent).run(undefined, seen.options)
    expect(seen.values).toEqual(expected)
    expectBalancedBooks(report, [])
    expect(report.errors.map(({ code }) => code)).toEqual(
      parent['missing'] === 'fail' ? ['PLB_NODE_FAILED', 'PLB_NODE_CARDINALITY'] : ['PLB_NODE_FAILED'],
    )
  })
})

describe('"Zip behind a filter pairs the wrong items, and nobody tells."', () => {
  const filtered = (join: Properties) =>
    plumberOf(
      { src: from(...range(6)), even: (n: number) => (n % 2 ? DROP : n * 10), zip: having(join, same) },
      { src: ['even', 'zip'], even: ['zip'] },
    )

  test('what descends from the same item is paired, and nothing else', async () => {
    expect(await filtered({}).collect()).toEqual([0, 2, 4].map((n) => [n, n * 10]))
  })

  test('pairing by position is refused there, and the message names the filter', async () => {
    expect(await issuesOf(() => filtered({ match: 'position' }))).toMatchObject([
      { code: 'PLB_GRAPH_UNEVEN_JOIN', message: expect.stringMatching(/"zip".*"even".*oneToOne/) },
    ])
  })

  test('a filter that is declared to be none is found out', async () => {
    const even = defineCoro({ oneToOne: true, run: (n: number) => (n % 2 ? DROP : n * 10) } as never) as object
    const seen = outputs()
    const nodes = { src: from(...range(6)), even, zip: having({ match: 'position' }, same) }
    const plumber = plumberOf(nodes, { src: ['even', 'zip'], even: ['zip'] })
    expect(await failureOf(() => plumber.run(undefined, seen.options))).toMatchObject({
      code: 'PLB_NODE_FAILED',
      cause: { code: 'PLB_NODE_CARDINALITY', details: { node: 'even', count: 0 } },
    })
    expect([[], [[0, 0]]]).toContainEqual(seen.values)
  })

  test('sides of different lengths are an error with both counts, not a silent cut', async () => {
    const seen = outputs()
    const plumber = plumberOf({ a: from(1, 2, 3), b: from(1), zip: same }, { a: ['zip'], b: ['zip'] })
    const error = await failureOf(() => plumber.run(undefined, seen.options))
    expect(error.code).toBe('PLB_RUN_UNEQUAL')
    expect(seen.values).toEqual([[1, 1]])
  })
})

describe('"One branch has ended, and now the join hangs."', () => {
  const two = defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<number>) {
      let seen = 0
      for await (const n of inputs) {
        yield n
        if (++seen === 2) return
      }
    },
  })
  const cut = (properties: Properties) =>
    plumberOf({ src: from(...range(200)), two, zip: having(properties, same) }, { src: ['two', 'zip'], two: ['zip'] })
  const pairs = [
    [0, 0],
    [1, 1],
  ]

  test.each<[string, Properties, unknown[]]>([
    ['the items it still had are joined', {}, pairs],
    [
      'the others come without it, where that was asked for',
      { missing: 'partial' },
      range(200).map((n) => [n, n < 2 ? n : undefined]),
    ],
    [
      'lists say it with an empty one',
      { missing: 'partial', collect: 'all' },
      range(200).map((n) => [[n], n < 2 ? [n] : []]),
    ],
  ])('%s', async (_what, properties, expected) => {
    const seen = outputs()
    const report = await cut(properties).run(undefined, seen.options)
    expect(report.outcome).toBe('completed')
    // The place of the branch in a tuple is that of its node in the graph.
    expect(seen.values.map((tuple) => Array.isArray(tuple) && tuple)).toEqual(expected)
    expectBalancedBooks(report, [])
  })

  test('a branch that never answers holds the join, and doomsday names what is left', async () => {
    const plumber = plumberOf(
      {
        in: 'std.inlet',
        hung: unfused(
          (_: unknown, ctx: Context) =>
            new Promise((_, no) => ctx.signal.addEventListener('abort', () => no(ctx.signal.reason), { once: true })),
        ),
        zip: same,
      },
      { in: ['hung', 'zip'], hung: ['zip'] },
    )
    const pipeline = plumber.createPipeline()
    for (const n of [1, 2]) await pipeline.put(n)
    pipeline.end()
    expect(await settlesSoon(pipeline.settled)).toBe(false)
    const report = await pipeline.doomsday('enough')
    expectBalancedBooks(report, ['in'])
    expect(report.unprocessed.map(({ node, value }) => [node, value]).toSorted()).toEqual([
      ['hung', 1],
      ['hung', 2],
      ['zip', 1],
      ['zip', 2],
    ])
  })
})

describe('"Memory grows without bound before a join that is slow, or that waits for its slow branch."', () => {
  const held = (slow: 'branch' | 'join', count: number) => {
    const open = gate()
    const wait = (value: unknown) => open.opened.then(() => value)
    const plumber = plumberOf(
      { src: from(...range(count)), branch: slow === 'branch' ? wait : same, zip: slow === 'join' ? wait : same },
      { src: ['branch', 'zip'], branch: ['zip'] },
    )
    const seen = outputs()
    return { open, seen, pipeline: plumber.createPipeline(seen.options) }
  }

  test.each(['branch', 'join'] as const)('a slow %s holds back the source', async (slow) => {
    const { open, seen, pipeline } = held(slow, 10_000)
    await turns(100)
    const { emitted } = nodeOf(pipeline.snapshot(), 'src')
    // 32 items may be open, and one more be in the call of the join.
    expect(emitted).toBeLessThanOrEqual(33)
    await turns(100)
    expect(nodeOf(pipeline.snapshot(), 'src').emitted).toBe(emitted)
    open.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(seen.values).toEqual(range(10_000).map((n) => [n, n]))
  })

  test('the faster one of two sources waits for the other', async () => {
    const open = gate()
    async function* slow() {
      await open.opened
      yield* range(500)
    }
    const plumber = plumberOf(
      { fast: from(...range(500)), slow, zip: having({ queueSize: 8 }, same) },
      { fast: ['zip'], slow: ['zip'] },
    )
    const seen = outputs()
    const pipeline = plumber.createPipeline(seen.options)
    await turns(100)
    expect(edgeOf(pipeline.snapshot(), 'fast', 'zip')).toMatchObject({ depth: 8, capacity: 8 })
    expect(nodeOf(pipeline.snapshot(), 'fast').emitted).toBe(8)
    open.open()
    await pipeline.settled
    expect(seen.values).toEqual(range(500).map((n) => [n, n]))
  })
})

describe('"The second answer of a child overwrites the first, or is lost."', () => {
  const twice = (join: Properties) =>
    plumberOf(
      { src: from(1, 2), child: (n: number) => [`${n}a`, `${n}b`].values(), parent: having(join, same) },
      { src: ['parent', 'child'], child: ['parent'] },
    )

  test('it is an error, which names the child and says what to set', async () => {
    const error = await failureOf(() => twice({}).run())
    expect(error).toMatchObject({ code: 'PLB_NODE_CARDINALITY', details: { node: 'parent', input: 'child', count: 2 } })
    expect(error.message).toMatch(/"parent".*"child".*"collect"/)
  })

  test('both come, together or one by one', async () => {
    expect(await twice({ collect: 'all' }).collect()).toEqual([1, 2].map((n) => [[n], [`${n}a`, `${n}b`]]))
    expect(await twice({ collect: 'product' }).collect()).toEqual(
      [1, 2].flatMap((n) => [
        [n, `${n}a`],
        [n, `${n}b`],
      ]),
    )
  })
})

test('"The order of the inputs of my merge depends on which one is faster.": it is that of the graph', async () => {
  const open = gate()
  const slow = (n: number) => open.opened.then(() => `slow ${n}`)
  const fast = (n: number) => {
    open.open()
    return `fast ${n}`
  }
  const plumber = plumberOf(
    { src: from(1), slow, fast, zip: same },
    { src: ['fast', 'slow'], slow: ['zip'], fast: ['zip'] },
  )
  expect(await plumber.collect()).toEqual([['slow 1', 'fast 1']])
})
