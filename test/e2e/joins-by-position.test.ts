import { type Context, DROP, defineCoro } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { gate, type Random, randomOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  detailOf,
  failureOf,
  from,
  having,
  nodeOf,
  outputs,
  plumberOf,
  range,
  reportOf,
  type Stage,
  same,
  turns,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Joins that pair the n-th of each input, also where their inputs are connected; and coroutines that are declared
 * one-to-one, without which that would be wrong (S16, A2).
 */

const seeds = seedsOf(150, 2_000)
const ITEMS = 12

stillClock()

type Properties = Readonly<Record<string, unknown>>

/** A coroutine declared to give one output for each input. */
const oneToOne = (run: (value: never, ctx: Context) => unknown, more: object = {}) =>
  defineCoro({ oneToOne: true, run, ...more } as never) as object

/** A coroutine that emits one thing by a port, and returns another. */
const emitting = (port: string, value: unknown, result: unknown) => (_: unknown, ctx: Context) => {
  ctx.emit(port, value)
  return result
}

const inc = oneToOne((n: number) => n + 1)
const neg = oneToOne((n: number) => -n)
const byPosition = (properties: Properties = {}): Stage => having({ match: 'position', ...properties }, same)

type Nodes = Readonly<Record<string, Stage>>
type Graph = Parameters<typeof plumberOf>[1]

const DIAMOND: Graph = { src: ['a', 'b'], a: ['join'], b: ['join'] }

/** A diamond that pairs by position, with what is to be other than it should be. */
const diamond = (nodes: Nodes = {}, graph: Graph = DIAMOND) =>
  plumberOf({ src: from(1, 2, 3), a: inc, b: neg, join: byPosition(), ...nodes }, graph)

/** The issues for which such a diamond is refused. */
async function refusals(nodes: Nodes, graph?: Graph) {
  const error = await failureOf(() => diamond(nodes, graph))
  expect(error.code).toBe('PLB_GRAPH_INVALID')
  return detailOf(error, 'issues') as { code: string; pointer: string; message: string; hint?: string }[]
}

describe('a join by position behind one fork', () => {
  test('pairs the n-th of each input where all between is one-to-one', async () => {
    expect(await diamond().collect()).toEqual([
      [2, -1],
      [3, -2],
      [4, -3],
    ])
  })

  test.each([
    ['one worker', { workers: 1 }],
    ['four workers in order', { workers: 4 }],
    ['four workers in order, queues of one', { workers: 4, queueSize: 1 }],
    ['queues of one', { queueSize: 1 }],
    ['queues of one, unfused', { queueSize: 1, fuse: false }],
  ])('never mixes up 100 items: %s', async (_how, properties) => {
    for (let seed = 1; seed <= 5; seed++) {
      const scheduler = new Scheduler(seed)
      const stage = (name: string, join = {}): Stage => {
        const coro = oneToOne((value: unknown) => scheduler.after(`${name} ${String(value)}`, () => value))
        return having({ ...properties, ...join }, coro)
      }
      const seen = outputs()
      const running = plumberOf(
        {
          src: from(...range(100)),
          a: stage('a'),
          b: stage('b'),
          c: stage('c'),
          join: stage('j', { match: 'position' }),
        },
        { src: ['a', 'join', 'c'], a: ['b'], b: ['join'], c: ['join'] },
      ).run(undefined, seen.options)
      await scheduler.drive(running)
      expect(seen.values).toEqual(range(100).map((n) => [n, n, n]))
      const report = await running
      expectBalancedBooks(report, [])
      expect(nodeOf(report, 'join')).toMatchObject({ received: 300, completed: 300, emitted: 100 })
    }
  })

  test('does not care what is before the fork, or behind the join', async () => {
    const odd = (n: number) => (n % 2 ? n : DROP)
    const twice = (n: number) => [n, n].values()
    const plumber = plumberOf(
      { src: from(1, 2, 3), odd: having({ onError: 'skip' }, odd), twice, a: inc, join: byPosition(), out: twice },
      { src: ['odd'], odd: ['twice'], twice: ['a', 'join'], a: ['join'], join: ['out'] },
    )
    const pairs = [1, 1, 3, 3].map((n) => [n, n + 1])
    expect(await plumber.collect()).toEqual(pairs.flatMap((pair) => [pair, pair]))
  })

  test('may have a fork that sends by another port, and nodes that send elsewhere too', async () => {
    const split = defineCoro({
      emits: ['odd'],
      run: (n: number, ctx: Context) => (n % 2 ? emitting('odd', n, DROP)(n, ctx) : n),
    })
    const noisy = oneToOne(
      (n: number, ctx: Context) => {
        ctx.emit('log', `got ${n}`)
        return n
      },
      { emits: ['log'] },
    )
    const seen = outputs()
    const report = await diamond(
      { src: from(...range(6)), split, a: noisy, b: neg, log: () => undefined },
      {
        src: ['split'],
        split: [
          { to: 'a', port: 'odd' },
          { to: 'b', port: 'odd' },
        ],
        a: ['join', { to: 'log', port: 'log' }],
        b: ['join'],
      },
    ).run(undefined, seen.options)
    expect(seen.values).toEqual([
      [1, -1],
      [3, -3],
      [5, -5],
    ])
    expect(nodeOf(report, 'log').received).toBe(3)
  })

  test('may have a join between that pairs what it gets', async () => {
    for (const inner of [{}, { match: 'position' }]) {
      const sum = oneToOne(([x, y]: [number, number]) => x + y)
      const plumber = diamond(
        { c: inc, d: inc, sum: having(inner, sum) },
        { src: ['a', 'b'], a: ['c', 'd'], c: ['sum'], d: ['sum'], sum: ['join'], b: ['join'] },
      )
      expect(await plumber.collect()).toEqual([1, 2, 3].map((n) => [-n, 2 * n + 4].toSorted((x, y) => y - x)))
    }
  })

  test('is for the join what the graph says, not for others of the same fork', async () => {
    const odd = (n: number) => (n % 2 ? n : DROP)
    const plumber = diamond(
      { odd, lineage: same },
      { ...DIAMOND, src: ['a', 'b', 'odd'], b: ['join', 'lineage'], odd: ['lineage'] },
    )
    const values = await plumber.collect()
    expect(values.toSorted()).toEqual(
      [
        [-1, 1],
        [-3, 3],
        [2, -1],
        [3, -2],
        [4, -3],
      ].toSorted(),
    )
  })
})

describe('a join by position behind one fork is refused', () => {
  const many = { workers: 2, ordered: false }
  const noisy = oneToOne((n: number, ctx: Context) => emitting('x', n, n)(n, ctx), { emits: ['x'] })

  test.each<[string, string, Nodes, Graph?]>([
    ['a coroutine that does not promise to be one-to-one', 'a', { a: (n: number) => n }],
    ['a coroutine that only filters', 'b', { b: (n: number) => (n === 2 ? DROP : n) }],
    ['a coroutine that says it is not one-to-one', 'b', { b: defineCoro({ oneToOne: false, run: same } as never) }],
    ['several workers without order', 'a', { a: having(many, inc) }],
    ['as many workers as the queue holds, without order', 'a', { a: having({ workers: 0, ordered: false }, inc) }],
    ['errors that are skipped', 'b', { b: having({ onError: 'skip' }, neg) }],
    [
      'a merge',
      'c',
      { c: having({ aggregateInputs: false }, inc) },
      { src: ['a', 'b', 'c'], a: ['c'], c: ['join'], b: ['join'] },
    ],
    ['an edge from another port', 'a', { a: noisy }, { src: ['a', 'b'], a: [{ to: 'join', port: 'x' }], b: ['join'] }],
    [
      'something far from the join',
      'c',
      { c: same, d: inc },
      { src: ['c', 'b'], c: ['d'], d: ['a'], a: ['join'], b: ['join'] },
    ],
  ])('with %s between', async (_reason, node, nodes, graph) => {
    const issues = await refusals(nodes, graph)
    expect(issues).toEqual([
      expect.objectContaining({ code: 'PLB_GRAPH_UNEVEN_JOIN', pointer: '/nodes/join/properties/match' }),
    ])
    const [{ message, hint } = { message: '', hint: '' }] = issues
    expect(message).toContain('"join"')
    expect(message).toContain(`"${node}"`)
    expect(`${message} ${hint ?? ''}`, 'what to do').toMatch(
      /oneToOne|ordered|onError|aggregateInputs|"out"|behind the join/,
    )
  })

  test('where the fork sends to it by different ports', async () => {
    const split = defineCoro({ emits: ['x'], run: emitting('x', 1, 2) })
    const issues = await refusals(
      { split },
      { src: ['split'], split: ['a', { to: 'b', port: 'x' }], a: ['join'], b: ['join'] },
    )
    expect(issues.map(({ pointer }) => pointer.split('/').slice(0, 3).join('/'))).toContain('/nodes/join')
  })

  test('with one complaint for each join, however many nodes are in the way', async () => {
    const issues = await refusals(
      { c: same, d: same },
      { src: ['c', 'b'], c: ['d'], d: ['a'], a: ['join'], b: ['join'] },
    )
    expect(issues).toHaveLength(1)
    expect(issues[0]?.message).toMatch(/"[cd]"/)
  })

  test('inside of a region that is joined by lineage', async () => {
    const issues = await refusals({ late: same }, { src: ['a', 'b', 'late'], a: ['join'], b: ['join'], join: ['late'] })
    expect(issues).toMatchObject([{ code: 'PLB_GRAPH_UNEVEN_JOIN', pointer: '/nodes/join/properties/match' }])
    expect(issues[0]?.message).toMatch(/"join".*"match": "position"/)
  })

  test('without the coroutines only for what can be seen without them', () => {
    const nodes = (a: Properties) => ({
      src: { coro: 'src' },
      a: { coro: 'a', properties: a },
      join: { coro: 'join', properties: { match: 'position' } },
    })
    const graph = { src: ['a', 'join'], a: ['join'] }
    expect(Plumber.check({ nodes: nodes({}), graph })).toEqual([])
    for (const a of [many, { onError: 'skip' }])
      expect(Plumber.check({ nodes: nodes(a), graph })).toMatchObject([
        { code: 'PLB_GRAPH_UNEVEN_JOIN', pointer: '/nodes/join/properties/match' },
      ])
    const coroMap = { src: from(1), a: same, join: same }
    expect(Plumber.check({ nodes: nodes({}), graph }, { coroMap } as never)).toMatchObject([
      { code: 'PLB_GRAPH_UNEVEN_JOIN', pointer: '/nodes/join/properties/match' },
    ])
  })
})

describe('inputs that are tied, but have no one origin,', () => {
  /** Source `p` goes to x and y, source `q` to y only: x and y are tied by p, but nothing is behind all of them. */
  const TIED: Graph = { p: ['x', 'y'], q: ['y'], x: ['join'], y: ['join'] }
  const sum = oneToOne(([p, q]: [number, number]) => p + q)
  const tied = (nodes: Nodes) =>
    plumberOf({ p: from(1, 2, 3), q: from(10, 20, 30), x: neg, y: sum, join: byPosition(), ...nodes }, TIED)

  test('pair by position where everything before the join is one-to-one', async () => {
    expect(await tied({}).collect()).toEqual([
      [-1, 11],
      [-2, 22],
      [-3, 33],
    ])
    const tight = (coro: object) => having({ queueSize: 1, fuse: false }, coro)
    const long = tied({ p: from(...range(100)), q: from(...range(100)), x: tight(neg), y: tight(sum) })
    expect(await long.collect()).toEqual(range(100).map((n) => [-n, 2 * n]))
  })

  test.each<[string, string, Nodes]>([
    ['is not asked for', 'x', { join: same }],
    ['meets a coroutine that is not declared', 'x', { x: same }],
    ['meets a join that is not declared', 'y', { y: same }],
    ['meets a merge', 'y', { y: having({ aggregateInputs: false }, inc) }],
  ])('are refused where that %s', async (_why, node, nodes) => {
    const error = await failureOf(() => tied(nodes))
    const issues = detailOf(error, 'issues')
    expect(issues).toMatchObject([{ code: 'PLB_GRAPH_UNEVEN_JOIN', message: expect.stringContaining(`"${node}"`) }])
    expect(issues).toMatchObject([{ pointer: expect.stringMatching('^/nodes/join') }])
  })

  const short: Nodes = { q: from(10, 20) }
  const two = [
    [-1, 11],
    [-2, 22],
  ]

  test('pair what there is and then fail, where one of them is shorter: unequal "strict"', async () => {
    const seen = outputs()
    const y = having({ unequal: 'shortest' }, sum)
    const error = await failureOf(() => tied({ ...short, y }).run(undefined, seen.options))
    expect(error).toMatchObject({ code: 'PLB_RUN_UNEQUAL', details: { node: 'join' } })
    expect(seen.values).toEqual(two)
    expectBalancedBooks(reportOf(error), [])
  })

  test('pair what there is, where one of them is shorter: unequal "shortest"', async () => {
    const seen = outputs()
    const y = having({ unequal: 'shortest' }, sum)
    const report = await tied({ ...short, y, join: byPosition({ unequal: 'shortest' }) }).run(undefined, seen.options)
    expect(report.outcome).toBe('completed')
    expect(seen.values).toEqual(two)
    expectBalancedBooks(report, [])
  })

  test('are filled with undefined, where one of them is shorter: unequal "longest"', async () => {
    const y = having({ unequal: 'shortest' }, sum)
    const plumber = tied({ ...short, y, join: byPosition({ unequal: 'longest' }) })
    expect(await plumber.collect()).toEqual([...two, [-3, undefined]])
    const filled = tied({
      ...short,
      y: having(
        { unequal: 'longest' },
        oneToOne((pair: unknown) => pair),
      ),
    })
    expect((await filled.collect()).at(-1)).toEqual([-3, [3, undefined]])
  })
})

describe('inputs that are not connected', () => {
  const separate = (properties: Properties) =>
    plumberOf(
      { p: from(1, 2), q: (n: unknown) => n, r: from('a', 'b'), join: having(properties, same) },
      { p: ['q'], q: ['join'], r: ['join'] },
    )

  test.each([{}, { match: 'lineage' }, { match: 'position' }])('pair by position with %j', async (properties) => {
    expect(await separate(properties).collect()).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
  })

  test.each(['strict', 'shortest', 'longest'])('of which one is shorter obey unequal "%s"', async (unequal) => {
    for (const match of ['lineage', 'position']) {
      const join = having({ match, unequal }, same)
      const plumber = plumberOf({ p: from(1, 2), q: from(3), join }, { p: ['join'], q: ['join'] })
      if (unequal === 'strict') expect(await failureOf(() => plumber.run())).toMatchObject({ code: 'PLB_RUN_UNEQUAL' })
      else
        expect(await plumber.collect()).toEqual(
          [
            [1, 3],
            [2, undefined],
          ].slice(0, unequal === 'longest' ? 2 : 1),
        )
    }
  })

  test('cannot be told to do anything else with a missing or a second one than by default', async () => {
    for (const [name, values] of Object.entries({
      missing: ['partial', 'fail'],
      collect: ['all', 'product'],
    }))
      for (const value of values) {
        const conflict = { code: 'PLB_OPTION_CONFLICT', pointer: `/nodes/join/properties/${name}` }
        for (const match of [{}, { match: 'position' }]) {
          const error = await failureOf(() => separate({ ...match, [name]: value }))
          expect(detailOf(error, 'issues')).toMatchObject([conflict])
        }
        expect(await refusals({ join: byPosition({ [name]: value }) })).toMatchObject([conflict])
      }
  })
})

test('what has no effect at a node is no reason to complain', async () => {
  const all = { match: 'position', missing: 'fail', collect: 'all', unequal: 'longest' }
  expect(await chain({ src: having(all, from(1)), mid: having(all, same), out: having(all, same) }).collect()).toEqual([
    1,
  ])
  const merge = having({ ...all, aggregateInputs: false }, same)
  const merged = plumberOf({ src: from(1), a: same, merge }, { src: ['a', 'merge'], a: ['merge'] })
  expect(await merged.collect()).toEqual([1, 1])
})

test('random graphs of one-to-one nodes never mix up an item, and never stand still', manySeeds, async () => {
  for (const seed of seeds)
    await withSeed(seed, async () => {
      const scheduler = new Scheduler(seed)
      const { nodes, graph, leaves } = drawGraph(randomOf(seed), scheduler)
      const seen = outputs()
      const running = plumberOf(nodes, graph).run(undefined, seen.options)
      await scheduler.drive(running)
      const report = await running
      expectBalancedBooks(report, [])
      expect(seen.values.toSorted((a, b) => Number(a) - Number(b))).toEqual(
        range(ITEMS).flatMap((n) => leaves.map(() => n)),
      )
    })
})

/** Sources of the same numbers, and nodes of which each joins up to three of those before it, pairing by position. */
function drawGraph(random: Random, scheduler: Scheduler) {
  const nodes: Record<string, Stage> = {}
  const graph: Record<string, string[]> = {}
  const sources = random.integer(1, 3)
  const last = random.integer(0, 9)
  for (const place of range(sources + random.integer(1, 8))) {
    const name = `n${place}`
    const before = Object.keys(nodes)
    const inputs = place < sources ? [] : random.shuffle(before).slice(0, random.integer(1, 3))
    for (const input of inputs) graph[input]?.push(name)
    graph[name] = []
    const workers = random.integer(1, 4)
    const properties = {
      workers,
      ordered: true,
      queueSize: random.integer(1, 3),
      fuse: random.chance(0.5),
    }
    // Behind the first join by position there may be none by lineage any more.
    const match = sources === 1 && place <= last ? 'lineage' : 'position'
    nodes[name] = inputs.length === 0 ? from(...range(ITEMS)) : having({ ...properties, match }, meet(name, scheduler))
  }
  return { nodes, graph, leaves: Object.keys(nodes).filter((name) => graph[name]?.length === 0) }
}

/** Gives the one number of which a tuple consists. */
function meet(name: string, scheduler: Scheduler) {
  return oneToOne((input: unknown) => {
    const numbers = new Set([input].flat())
    if (numbers.size !== 1) throw new Error(`${name} was given ${String(input)}`)
    const [only] = numbers
    return scheduler.after(`${name} ${String(only)}`, () => only)
  })
}

test('doomsday in the middle of a join by position accounts for every packet', async () => {
  const open = gate()
  const hold = oneToOne((n: number) => (n < 3 ? n : open.opened.then(() => n)))
  const seen = outputs()
  const pipeline = diamond({ src: from(...range(10)), a: hold, b: oneToOne(same) }).createPipeline(seen.options)
  await turns()
  const doomed = pipeline.doomsday('enough')
  open.open()
  const report = await doomed
  expectBalancedBooks(report, [])
  expect(seen.values).toEqual([0, 1, 2].map((n) => [n, n]))
  const left = report.unprocessed.map(({ node, value }) => `${node === 'join' ? 'b' : node} ${String(value)}`)
  expect(left.toSorted()).toEqual(
    ['a', 'b'].flatMap((node) =>
      range(10)
        .slice(3)
        .map((n) => `${node} ${n}`),
    ),
  )
})

describe('a fork that sends by two ports', () => {
  const f = defineCoro({
    emits: ['x'],
    run: (n: number, ctx: Context) => {
      if (n % 2 === 0) return n
      ctx.emit('x', n)
      return DROP
    },
  })
  const nodes = {
    src: from(1, 2, 3, 4),
    f,
    k: having(
      { missing: 'partial' },
      oneToOne((t: unknown) => t),
    ),
    c: inc,
  }

  test('may not meet again in a join by lineage in front of one by position', async () => {
    const graph = { src: ['f'], f: ['k', 'join', { to: 'c', port: 'x' }], c: ['k'], k: ['join'] }
    const error = await failureOf(() => plumberOf({ ...nodes, join: byPosition() }, graph))
    expect(detailOf(error, 'issues')).toMatchObject([
      { code: 'PLB_GRAPH_UNEVEN_JOIN', pointer: '/nodes/join/properties/match' },
    ])
    expect(error.message).toContain('node "f" before it sends on the way by "out" and "x"')
  })

  test('may send elsewhere by the other', async () => {
    const graph = { src: ['f'], f: ['a', 'join', { to: 'log', port: 'x' }], a: ['join'] }
    const plumber = plumberOf({ src: from(1, 2, 3, 4), f, a: inc, log: () => undefined, join: byPosition() }, graph)
    expect(await plumber.collect()).toEqual([
      [2, 3],
      [4, 5],
    ])
  })
})

test.each(['strict', 'shortest'])(
  'a drain that stops sources at different items is a difference like any other: %s',
  async (unequal) => {
    let pairs = 0
    const enough = gate()
    const ahead = function* () {
      for (let n = 0; ; n++) yield n
    }
    const nodes = { a: ahead, b: 'std.inlet', join: byPosition({ unequal }) }
    const pipeline = plumberOf(nodes, { a: ['join'], b: ['join'] }).createPipeline({
      onOutput: () => void (++pairs === 3 && enough.open()),
    })
    for (const n of range(3)) await pipeline.put(n)
    await enough.opened
    const report = await pipeline.drain()
    expect(report.outcome).toBe(unequal === 'strict' ? 'failed' : 'completed')
    expect(report.error?.code).toBe(unequal === 'strict' ? 'PLB_RUN_UNEQUAL' : undefined)
    expect(pairs).toBe(3)
    expectBalancedBooks(report)
  },
)
