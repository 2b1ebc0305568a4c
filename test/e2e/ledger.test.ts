import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate, Scheduler } from '@pipelines/testkit'
import {
  expectedOf,
  fedBy,
  feed,
  isLeaf,
  playable,
  type RandomGraph,
  randomGraph,
  type Shape,
} from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  endless,
  failureOf,
  from,
  having,
  nodeOf,
  plumberOf,
  type Report,
  range,
  reportOf,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * The ledger: every value that entered at a source ends with exactly one verdict (section 1 of the semantics).
 */

stillClock()

type Plumber = ReturnType<typeof plumberOf>
type Roots = NonNullable<Report['roots']>

const NONE: Roots = { delivered: 0, filtered: 0, errored: 0, aborted: 0, deadLettered: 0 }
const LEDGER = { ledger: true }

function rootsOf({ roots }: Report): Roots {
  if (roots === undefined) throw new Error('The report has no roots.')
  return roots
}
const countOf = (roots: Roots): number => Object.values(roots).reduce((sum, count) => sum + count, 0)

/** The verdicts of a run, which must be the same with and without shared call chains. */
async function verdictsOf(plumber: Plumber, input?: Iterable<unknown>): Promise<Roots> {
  const kept = input === undefined ? undefined : [...input]
  const [fused, alone] = [await plumber.run(kept, LEDGER), await plumber.run(kept, { ...LEDGER, fuse: false })]
  for (const report of [fused, alone]) expectBalancedBooks(report)
  expect(rootsOf(alone)).toEqual(rootsOf(fused))
  return rootsOf(fused)
}

const even = (n: number) => (n % 2 ? DROP : n)
const none = () => DROP
/** As many outputs as the number says. */
const times = (n: number) => range(n).values()
const badFor = (...bad: readonly unknown[]): Stage =>
  having({ onError: 'skip' }, (value: unknown) => {
    if (bad.some((one) => String(one) === String(value))) throw new Error(`not ${value}`)
    return value
  })

/** A source of numbers with two branches, each of which is a leaf. */
const fork = (numbers: readonly number[], a: Stage, b: Stage) =>
  plumberOf({ src: from(...numbers), a, b }, { src: ['a', 'b'] })

/** The same with a join of the two branches. */
const diamond = (numbers: readonly number[], nodes: { a: Stage; b: Stage; join: Stage }) =>
  plumberOf({ src: from(...numbers), ...nodes }, { src: ['a', 'b'], a: ['join'], b: ['join'] })

const zip = (left: readonly unknown[], right: readonly unknown[], join: Stage) =>
  plumberOf({ left: from(...left), right: from(...right), join }, { left: ['join'], right: ['join'] })

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
    ['of an item that one branch delivers is "delivered"', fork(range(4), chainable(even), same), { delivered: 4 }],
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
      { a: times, b: times, join: having({ collect: 'product', ...properties(badFor('2,2')) }, coroOf(badFor('2,2'))) },
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

/** A leaf cannot filter; this is a filter with nothing to deliver behind it. */
function chainable(filter: (n: number) => unknown): Stage {
  return filter
}
function properties(stage: Stage): object {
  return Reflect.get(Object(stage), 'properties') as object
}
function coroOf(stage: Stage): Stage {
  return Reflect.get(Object(stage), 'coro') as Stage
}

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

describe('an early end', () => {
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

  test.each([true, false])('leaves what it closes off "filtered" (fuse: %s)', async (fuse) => {
    const numbers = endless()
    const report = await chain({ src: numbers.source, mid: same, take: take(3), out: same }).run(undefined, {
      ...LEDGER,
      fuse,
    })
    expect(report.outcome).toBe('completed')
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 3, filtered: nodeOf(report, 'src').emitted - 3 })
  })

  test('of one of two consumers changes nothing for what the other one delivers', async () => {
    const plumber = plumberOf({ src: from(...range(50)), take: take(2), all: same }, { src: ['take', 'all'] })
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 50 })
  })

  test('of a branch before a join filters what the join waits for in vain', async () => {
    const plumber = diamond(range(50), { a: take(2), b: same, join: same })
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 2, filtered: 48 })
  })
})

describe('a standing pipeline', () => {
  test('has a root for each value that was put, and none for one that was taken back', async () => {
    const open = gate()
    const wait = (value: unknown) => open.opened.then(() => value)
    const pipeline = chain({ in: unfused('std.inlet'), wait: unfused(wait, { queueSize: 2 }) }).createPipeline(LEDGER)
    for (const n of [1, 2, 3]) await pipeline.put(n)
    const controller = new AbortController()
    const cancelled = pipeline.put(4, { signal: controller.signal })
    expect(await settlesSoon(cancelled)).toBe(false)
    controller.abort()
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' })
    const late = pipeline.put(5)
    open.open()
    await late
    expect(rootsOf(await pipeline.drain())).toEqual({ ...NONE, delivered: 4 })
  })

  test('that is drained delivers what it had', async () => {
    const numbers = endless()
    let seen = 0
    const pipeline = chain({
      src: unfused(numbers.source),
      even: unfused(even),
      out: () => void seen++,
    }).createPipeline(LEDGER)
    await until(() => seen > 20)
    const report = await pipeline.drain()
    const { emitted } = nodeOf(report, 'src')
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: Math.ceil(emitted / 2), filtered: Math.floor(emitted / 2) })
  })

  /** Puts 0 to 5 before a branch that delivers and one that hangs on 3 and everything behind it. */
  async function hanging(quick: Stage) {
    const slow = (n: number, ctx: Context) => (n < 3 ? n : aborted(ctx.signal))
    const plumber = plumberOf({ in: unfused('std.inlet'), quick, slow: unfused(slow) }, { in: ['quick', 'slow'] })
    const pipeline = plumber.createPipeline(LEDGER)
    for (const n of range(6)) await pipeline.put(n)
    await turns()
    return pipeline
  }

  test('that is doomed has "aborted" whatever was on its way, though a part of it was delivered', async () => {
    const report = await (await hanging(same)).doomsday('enough')
    expectBalancedBooks(report, ['in'])
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 3, aborted: 3 })
  })

  test('that is doomed keeps worse verdicts', async () => {
    const report = await (await hanging(badFor(1, 4))).doomsday('enough')
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 2, errored: 2, aborted: 2 })
  })

  test('that is doomed counts what a source has made only if somebody had accepted it', async () => {
    const numbers = endless()
    const wait = (n: number, ctx: Context) => (n < 5 ? n : aborted(ctx.signal))
    const pipeline = chain({ src: unfused(numbers.source), wait: unfused(wait, { queueSize: 4 }) }).createPipeline(
      LEDGER,
    )
    await turns()
    const report = await pipeline.doomsday('enough')
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 5, aborted: nodeOf(report, 'src').emitted - 5 })
  })

  test('that is doomed in front of a join has every open item "aborted"', async () => {
    const wait = (n: number, ctx: Context) => (n < 2 ? n : aborted(ctx.signal))
    const plumber = plumberOf({ in: 'std.inlet', wait, join: same }, { in: ['wait', 'join'], wait: ['join'] })
    const pipeline = plumber.createPipeline(LEDGER)
    for (const n of range(7)) await pipeline.put(n)
    await turns()
    expect(rootsOf(await pipeline.doomsday('enough'))).toEqual({ ...NONE, delivered: 2, aborted: 5 })
  })
})

describe('a run that fails', () => {
  const failing = () =>
    chain({
      src: from(...range(20)),
      bad: unfused((n: number) => {
        if (n === 3) throw new Error('boom')
        return n
      }),
      out: same,
    })
  const leave = async (stream: AsyncIterable<unknown>) => {
    for await (const _ of stream);
  }

  test.each<[string, () => unknown]>([
    ['run', () => failing().run(undefined, LEDGER)],
    ['collect', () => failing().collect(undefined, LEDGER)],
    ['stream', () => leave(failing().stream(undefined, LEDGER))],
  ])('has its verdicts in the report of the error: %s', async (_how, work) => {
    const report = reportOf(await failureOf(work))
    const { errored, aborted, delivered } = rootsOf(report)
    expect([errored, delivered]).toEqual([1, 3])
    expect(aborted).toBe(nodeOf(report, 'src').emitted - 4)
  })

  test('by unequal sides has a verdict for everything that entered', async () => {
    const report = reportOf(await failureOf(() => zip(range(9), range(4), same).run(undefined, LEDGER)))
    expect(rootsOf(report)).toMatchObject({ delivered: 8, errored: 0 })
    expect(countOf(rootsOf(report))).toBe(nodeOf(report, 'left').emitted + nodeOf(report, 'right').emitted)
  })
})

describe('without a ledger', () => {
  test.each([undefined, {}, { ledger: false }])('a report has no roots: %j', async (options) => {
    expect(await chain({ src: from(1), out: same }).run(undefined, options)).not.toHaveProperty('roots')
  })

  test('a wrong value for it is refused', async () => {
    for (const ledger of ['yes', 1, null])
      expect(
        await failureOf(() => chain({ src: from(1), out: same }).run(undefined, { ledger } as never)),
      ).toMatchObject({
        code: 'PLB_OPTION_INVALID',
      })
  })
})

/*
 * Random graphs. Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/ledger.test.ts
 */
const seeds = seedsOf(80, 800)

/** A random graph whose leaves give one output for each call, so that a delivery can be counted by its output. */
function drawn(seed: number, shape: Shape): RandomGraph {
  const graph = randomGraph(seed, shape)
  const nodes = graph.nodes.map((node) =>
    isLeaf(graph, node.name) && node.inputs.length > 0 ? { ...node, work: 'map' as const } : node,
  )
  return { ...graph, nodes }
}

/** The verdicts by the plainest way to compute them: how the counts of the nodes grow with one item more. */
function expectedRoots(graph: RandomGraph): Roots {
  const roots = { ...NONE }
  for (const { name, inputs, items } of graph.nodes) {
    if (inputs.length > 0) continue
    const seen = range(Math.max(0, items) + 1).map((count) => outcomeOf(limited(graph, name, count)))
    for (const [place, { failed, delivered }] of seen.entries()) {
      const before = seen[place - 1]
      if (before === undefined) continue
      const verdict = failed > before.failed ? 'errored' : delivered > before.delivered ? 'delivered' : 'filtered'
      Object.assign(roots, { [verdict]: roots[verdict] + 1 })
    }
  }
  return roots
}

function limited(graph: RandomGraph, source: string, items: number): RandomGraph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.name === source ? { ...node, items } : node)) }
}

function outcomeOf(graph: RandomGraph): { failed: number; delivered: number } {
  const counts = [...expectedOf(graph).nodes]
  const leaves = counts.filter(([name]) => isLeaf(graph, name))
  return {
    failed: counts.reduce((sum, [, { failed }]) => sum + failed, 0),
    delivered: leaves.reduce((sum, [, { emitted }]) => sum + emitted, 0),
  }
}

function start(graph: RandomGraph, seed: number) {
  const scheduler = new Scheduler(seed)
  const pipeline = playable(graph, scheduler).plumber.createPipeline(LEDGER)
  void feed(graph, scheduler, pipeline)
  return { scheduler, pipeline }
}

describe('random graphs', manySeeds, () => {
  test('give every root the verdict that it must have, whatever the order of events', async () => {
    const total = { ...NONE }
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const graph = drawn(seed, { onError: 'skip' })
        const { scheduler, pipeline } = start(graph, seed)
        await scheduler.drive(pipeline.settled)
        const report = await pipeline.settled
        expectBalancedBooks(report, fedBy(graph))
        expect(rootsOf(report)).toEqual(expectedRoots(graph))
        for (const [verdict, count] of Object.entries(rootsOf(report)))
          Object.assign(total, { [verdict]: total[verdict as keyof Roots] + count })
      })
    if (process.env['SEED'] === undefined) {
      for (const verdict of ['delivered', 'filtered', 'errored'] as const) expect(total[verdict]).toBeGreaterThan(50)
      expect([total.aborted, total.deadLettered]).toEqual([0, 0])
    }
  })

  test('have one verdict for each root, whenever doomsday comes', async () => {
    let cut = 0
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const graph = drawn(seed, { onError: 'skip' })
        const { scheduler, pipeline } = start(graph, seed)
        await scheduler.drive(pipeline.settled, { releases: seed % 60 })
        const doomed = pipeline.doomsday(seed)
        await scheduler.drive(doomed)
        const report = await doomed
        await scheduler.releaseAll()
        expectBalancedBooks(report, fedBy(graph))
        const roots = rootsOf(report)
        cut += roots.aborted
        const sources = graph.nodes.filter(({ inputs }) => inputs.length === 0).map(({ name }) => nodeOf(report, name))
        const emitted = sources.reduce((sum, source) => sum + source.emitted, 0)
        // A source's last output may have been accepted by some of its successors only.
        expect(countOf(roots)).toBeGreaterThanOrEqual(emitted)
        expect(countOf(roots)).toBeLessThanOrEqual(emitted + sources.length)
        const whole = expectedRoots(graph)
        expect(roots.delivered).toBeLessThanOrEqual(whole.delivered + whole.errored)
        expect(roots.errored).toBeLessThanOrEqual(whole.errored)
      })
    if (process.env['SEED'] === undefined) expect(cut).toBeGreaterThan(seeds.length)
  })
})
