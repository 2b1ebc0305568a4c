import { type Context, DROP, defineCoro } from '@pipelines/core'
import { concat, Flow, flow } from '@pipelines/flow'
import { describe, expect, test } from 'vitest'
import { expectBalancedBooks } from '../support/books.js'
import { inVirtualTime } from '../support/virtual-time.js'
import { byPlumber, byText, double, isLarge, negate, nodesOf } from './flow-support.js'

const pause = (): Promise<void> => Promise.resolve()

/** What is described, and what comes out. */
const cases: readonly (readonly [string, Flow<unknown>, readonly unknown[]])[] = [
  ['no stage gives the items', flow([1, 2, 3]), [1, 2, 3]],
  ['a set is read in its order', flow(new Set(['b', 'a'])), ['b', 'a']],
  ['nothing gives nothing', flow([]).map(double), []],
  ['map gives what the function gives', flow([1, 2]).map(double), [2, 4]],
  ['map waits for a promise', flow([1, 2]).map(async (n) => n * 2), [2, 4]],
  ['map expands a generator', flow([1, 2]).map(function* (n) { yield n; yield -n }), [1, -1, 2, -2]], // biome-ignore format: a line per case
  ['map gives a list as one item', flow([1]).map((n) => [n, n]), [[1, 1]]],
  ['map leaves DROP out', flow([1, 2, 3]).map((n) => (n === 2 ? DROP : n)), [1, 3]],
  [
    'undefined goes from stage to stage like anything',
    flow([undefined, null])
      .map((one) => one)
      .map(String),
    ['undefined', 'null'],
  ],
  ['undefined at the end is no output, as in any graph', flow([1, undefined, null]), [1, null]],
  ['filter keeps what the function says yes to', flow([1, 2, 3]).filter(isLarge), [3]],
  ['filter keeps for any truthy answer', flow(['', 'a', '']).filter((text) => text.length), ['a']],
  ['filter waits for a promised answer', flow([1, 2, 3]).filter(async (n) => n > 2), [3]],
  ['flatMap gives the parts of a list', flow([1, 2]).flatMap((n) => [n, -n]), [1, -1, 2, -2]],
  ['flatMap gives the parts of a promised list', flow([1]).flatMap(async (n) => [n, n]), [1, 1]],
  ['flatMap gives what a generator yields', flow([1]).flatMap(function* (n) { yield n; yield 5 }), [1, 5]], // biome-ignore format: a line per case
  ['flatMap gives what an async generator yields', flow([1]).flatMap(async function* (n) { await pause(); yield n }), [1]], // biome-ignore format: a line per case
  ['flatMap gives nothing for an empty list', flow([1, 2]).flatMap((n) => (n === 1 ? [] : [n])), [2]],
  ['each gives nothing', flow([1, 2]).each(double), []],
  ['tee gives the item, whatever the function gives', flow([1, 2]).tee(double), [1, 2]],
  ['batch puts items together, the last list shorter', flow([1, 2, 3]).batch(2), [[1, 2], [3]]],
  [
    'window slides by one',
    flow([1, 2, 3]).window(2),
    [
      [1, 2],
      [2, 3],
    ],
  ],
  [
    'window slides by its step, and leaves the rest',
    flow([1, 2, 3, 4, 5]).window(2, { step: 2 }),
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    'window gives the rest where that is asked for',
    flow([1, 2, 3]).window(2, { step: 2, partial: true }),
    [[1, 2], [3]],
  ],
  ['take gives the first', flow([1, 2, 3]).take(2), [1, 2]],
  ['take gives what there is', flow([1]).take(2), [1]],
  ['take gives nothing of none', flow([1]).take(0), []],
  ['skip leaves the first out', flow([1, 2, 3]).skip(2), [3]],
  ['distinct leaves out what was there', flow([1, 2, 1, 2, 3]).distinct(), [1, 2, 3]],
  ['distinct leaves out what had the same key', flow([1, 2, 3]).distinct((n) => n % 2), [1, 2]],
  ['map with a window gets lists', flow([1, 4, 9]).map(([a = 0, b = 0]) => b - a, { stateful: 2 }), [3, 5]],
  [
    'map with a batch gets lists and gives one item for each',
    flow([1, 2, 3]).map((ns) => ns.map(double), { batch: { size: 2 } }),
    [2, 4, 6],
  ],
  [
    'map with a batch may give one item for all',
    flow([1, 2, 3]).map((ns) => ns.length, { batch: { size: 2, returns: 'one' } }),
    [2, 1],
  ],
  ['node takes a ready coroutine and its args', flow([1, 2, 3]).node('std.take', { count: 1 }), [1]],
  [
    'node takes a definition and its args',
    flow([1]).node(defineCoro({ run: (n: number, { args }) => n + Number(args['more']) }), { more: 5 }),
    [6],
  ],
  [
    'node takes a function and its args',
    flow([1]).node((n: number, { args }: Context) => n + Number(args['more']), { more: 5 }),
    [6],
  ],
  ['concat gives the items of all', flow([1]).concat(flow([2]), flow([3])), [1, 2, 3]],
  ['concat of none gives none', concat([]), []],
  ['pipe goes on with the stages of another', flow([1]).pipe(flow<number>().map(double).map(negate)), [-2]],
  ['pipe goes on with what a function makes of it', flow([1]).pipe((ones) => ones.map(negate)), [-1]],
]

describe.each(cases)('%s', (_, described, expected) => {
  test('run by itself', async () => expect(await described.toArray()).toEqual(expected))
  test('run by a Plumber', async () => expect(await byPlumber(described)).toEqual(expected))
  test('run from the text of its graph', async () => expect(await byText(described)).toEqual(expected))
})

test('a flow is a description: nothing is read and nothing called before it runs', async () => {
  const seen: string[] = []
  function* items(): Generator<number> {
    seen.push('read')
    yield 1
  }
  const described = flow(items()).tee(() => seen.push('called'))
  described.toBlueprint()
  expect(seen).toEqual([])
  await described.run()
  expect(seen).toEqual(['read', 'called'])
})

test('a stage that is added leaves the flow before it as it was', async () => {
  const base = flow([1, 2])
  const [doubled, negated] = [base.map(double), base.map(negate)]
  expect(await base.toArray()).toEqual([1, 2])
  expect(await doubled.toArray()).toEqual([2, 4])
  expect(await negated.toArray()).toEqual([-1, -2])
})

test('every run is a new one', async () => {
  let calls = 0
  const counted = flow([1, 2]).tee(() => calls++)
  expect(await counted.toArray()).toEqual([1, 2])
  expect(await counted.toArray()).toEqual([1, 2])
  expect(calls).toBe(4)
})

test('several runs at once do not notice each other', async () => {
  const numbered = flow([1, 2, 3]).distinct().batch(2)
  const runs = await Promise.all([numbered.toArray(), numbered.toArray()])
  expect(runs).toEqual([
    [[1, 2], [3]],
    [[1, 2], [3]],
  ])
})

test('the report of a run tells of every stage, and its books balance', async () => {
  const report = await flow([1, 2, 3]).map(double).filter(isLarge).run()
  expect(report.outcome).toBe('completed')
  expect(report.nodes['isLarge']).toMatchObject({ received: 3, emitted: 2 })
  expectBalancedBooks(report, [])
})

test('take ends a source that never would', async () => {
  const endless = (function* () {
    for (let n = 0; ; n++) yield n
  })()
  expect(await flow(endless).map(double).take(3).toArray()).toEqual([0, 2, 4])
})

test('an error of a function is the cause of what the run rejects with', async () => {
  const error = new RangeError('no')
  const failing = flow([1]).map(() => {
    throw error
  })
  await expect(failing.toArray()).rejects.toMatchObject({ code: 'PLB_NODE_FAILED', cause: error })
})

test('flatMap refuses a text: nobody wants its letters', async () => {
  const letters: never = ((): unknown => 'abc') as never
  await expect(flow([1]).flatMap(letters).run()).rejects.toMatchObject({ cause: { name: 'TypeError' } })
})

test('options are properties of the node', () => {
  const described = flow([1]).map(double, { workers: 3, ordered: false, queueSize: 7, retry: { attempts: 2 } })
  expect(nodesOf(described)['double']?.properties).toEqual({
    workers: 3,
    ordered: false,
    queueSize: 7,
    retry: { attempts: 2 },
  })
})

test('what no option is set for has the defaults of a graph', () => {
  expect(nodesOf(flow([1]).map(double))).toEqual({ from: { coro: 'from' }, double: { coro: 'double' } })
  expect(nodesOf(flow([1]).map(double, { name: undefined, workers: undefined }))['double']).toEqual({ coro: 'double' })
})

test('a wrong option is an issue of the graph', async () => {
  const wrong = flow([1])
    .map(double, { worker: 2 } as object)
    .filter(isLarge, { workers: -1 })
  await expect(wrong.run()).rejects.toMatchObject({
    code: 'PLB_GRAPH_INVALID',
    details: {
      issues: [{ pointer: '/nodes/double/properties/worker' }, { pointer: expect.stringMatching('isLarge') }],
    },
  })
})

test.each(['batch', 'window', 'take', 'skip'] as const)(
  '%s with a wrong count is an issue of the graph',
  async (how) => {
    await expect(flow([1])[how](-1).run()).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID' })
    await expect(flow([1])[how](1.5).run()).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID' })
  },
)

test('batchSize is so many workers, and a queue where there can be one worker only', () => {
  expect(nodesOf(flow([1]).map(double, { batchSize: 5 }))['double']?.properties).toEqual({ workers: 5 })
  const one = flow([1]).map(double, { batchSize: 5, stateful: true })
  expect(nodesOf(one)['double']?.properties).toEqual({ queueSize: 5, stateful: true })
})

test('what is said of workers and of the queue itself comes before batchSize', () => {
  const described = flow([1]).map(double, { batchSize: 5, workers: 2 })
  expect(nodesOf(described)['double']?.properties).toEqual({ workers: 2 })
})

describe('an item that takes too long', () => {
  const slow = (n: number, { signal }: Context): unknown =>
    n === 2 ? new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true })) : n

  test('fails the run', async () => {
    await inVirtualTime(() =>
      expect(flow([1, 2]).map(slow, { timeoutMs: 10 }).run()).rejects.toMatchObject({ code: 'PLB_NODE_TIMEOUT' }),
    )
  })

  test('is left out where that is asked for', async () => {
    const described = flow([1, 2, 3]).map(slow, { timeoutMs: 10, onTimeout: 'skip' })
    expect(await inVirtualTime(() => described.toArray())).toEqual([1, 3])
  })

  test('is left out of every kind of stage', async () => {
    const quick = { timeoutMs: 10, onTimeout: 'skip' } as const
    const described = flow([1, 2, 3])
      .filter(slow, quick)
      .tee(slow, quick)
      .flatMap(async (n, context) => [await slow(n, context)], quick)
    expect(await inVirtualTime(() => described.toArray())).toEqual([1, 3])
  })
})

test('a flow draws itself', () => {
  expect(flow([1]).map(double).toMermaid()).toBe('flowchart LR\n  n0(["from"])\n  n1["double"]\n  n0 --> n1\n')
})

test('a batch that is not full goes ahead when its time is up', () => {
  expect(nodesOf(flow([1]).batch(5, { maxWaitMs: 20, name: 'fives' }))['fives']).toEqual({
    coro: 'std.pass',
    properties: { batch: { size: 5, returns: 'one', maxWaitMs: 20 } },
  })
})

test('a flow is made by flow() or another flow, and is one of the class', () => {
  expect(flow([1]).map(double)).toBeInstanceOf(Flow)
})
