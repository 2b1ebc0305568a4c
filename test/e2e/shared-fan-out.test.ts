import { type Context, DROP, defineCoro, imbalances, type Sample } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { gate, hashOf, randomOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  edgeOf,
  from,
  having,
  nodeOf,
  outputs,
  plumberOf,
  type Report,
  range,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { ask, expectNothingInside, withWindow } from '../support/requests.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { isBad, madeOf, type SharedGraph, type SharedShape, sharedGraph } from '../support/shared-graph.js'
import { stillClock } from '../support/still-clock.js'

/*
 * `fanOut: "share"`: each output goes to one of the successors, whoever takes it first.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/shared-fan-out.test.ts
 */
stillClock()

const share = (coro: object = same, more: object = {}) => having({ fanOut: 'share', ...more }, coro)

/** A coroutine that holds what it gets until it is let go, and notes it. */
function held() {
  const opened = gate()
  const got: unknown[] = []
  const coro = async <T>(value: T): Promise<T> => {
    got.push(value)
    await opened.opened
    return value
  }
  return { got, coro, open: () => opened.open() }
}

describe('a node that shares its outputs', () => {
  test('gives each to one of its successors, and counts it once', async () => {
    const given = outputs()
    const plumber = plumberOf(
      { src: from(...range(60)), fork: share(), a: same, b: same, c: same },
      { src: ['fork'], fork: ['a', 'b', 'c'] },
    )
    const report = await plumber.run(undefined, given.options)
    expectBalancedBooks(report, [])
    expect(given.values.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(60))
    expect(nodeOf(report, 'fork').emitted).toBe(60)
    for (const to of ['a', 'b', 'c']) expect(edgeOf(report, 'fork', to).entered).toBeGreaterThan(0)
  })

  test('gives nothing to who is busy while another is free', async () => {
    const [slow, given] = [held(), outputs()]
    const pipeline = plumberOf(
      { src: from(...range(20)), fork: share(same, { packetsInFlight: 1 }), slow: unfused(slow.coro), fast: same },
      { src: ['fork'], fork: ['slow', 'fast'] },
    ).createPipeline(given.options)
    await turns()
    expect([slow.got, given.values]).toEqual([[0], range(20).slice(1)])
    slow.open()
    expectBalancedBooks(await pipeline.settled, [])
  })

  test('lets whoever is free first take the next', async () => {
    const ways = [held(), held(), held()]
    const [a, b, c] = ways.map(({ coro }) => unfused(coro))
    const pipeline = plumberOf(
      { src: from(...range(4)), fork: share(same, { packetsInFlight: 1 }), a: a ?? '', b: b ?? '', c: c ?? '' },
      { src: ['fork'], fork: ['a', 'b', 'c'] },
    ).createPipeline()
    await turns()
    expect(ways.map(({ got }) => got)).toEqual([[0], [1], [2]])
    ways[1]?.open()
    await turns()
    expect(ways.map(({ got }) => got)).toEqual([[0], [1, 3], [2]])
    for (const { open } of ways) open()
    expectBalancedBooks(await pipeline.settled, [])
  })

  test('fills the queues of all who are busy, and then waits with one', async () => {
    const [one, other] = [held(), held()]
    const pipeline = plumberOf(
      {
        in: having({ fanOut: 'share' }, 'std.inlet'),
        one: unfused(one.coro, { queueSize: 2 }),
        other: unfused(other.coro, { queueSize: 3 }),
      },
      { in: ['one', 'other'] },
    ).createPipeline()
    const puts = range(9).map((n) => pipeline.put(n))
    await turns()
    expect([nodeOf(pipeline.snapshot(), 'in').emitted, pipeline.load()]).toMatchObject([7, { depth: 2, waiting: 2 }])
    one.open()
    await turns()
    // Of two that have room, the one behind an inlet is as full as the emptier.
    expect(pipeline.load()).toMatchObject({ depth: 0, capacity: 2, waiting: 0 })
    other.open()
    await Promise.all(puts)
    expectBalancedBooks(await pipeline.drain())
  })

  test('copies what leaves by other ports', async () => {
    const split = defineCoro({
      emits: ['log'],
      run: (n: number, ctx: Context) => {
        ctx.emit('log', n)
        return n
      },
    })
    const plumber = plumberOf(
      { src: from(1, 2, 3), split: share(split), a: same, b: same, one: same, two: same },
      { src: ['split'], split: ['a', 'b', { to: 'one', port: 'log' }, { to: 'two', port: 'log' }] },
    )
    const { edges } = await plumber.run()
    expect(['one', 'two'].map((to) => edgeOf({ edges }, 'split', to).entered)).toEqual([3, 3])
    expect(edgeOf({ edges }, 'split', 'a').entered + edgeOf({ edges }, 'split', 'b').entered).toBe(3)
  })

  test.each(['copy', 'share'])('is called and calls as ever with one successor: %s', async (fanOut) => {
    const plumber = plumberOf(
      { src: having({ fanOut }, from(...range(9))), only: having({ fanOut }, same), leaf: having({ fanOut }, same) },
      { src: ['only'], only: ['leaf'] },
    )
    const seen: number[] = []
    await plumber.run(undefined, { onOutput: ({ value }) => void seen.push(Number(value)) })
    expect(seen).toEqual(range(9))
  })

  test('goes on with the others when one wants no more, and stops when none does', async () => {
    const few = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        for await (const value of inputs) {
          yield value
          return
        }
      },
    })
    let made = 0
    const endless = function* () {
      for (;;) yield made++
    }
    const graph = { src: ['a', 'b'] }
    const report = await plumberOf({ src: share(endless, { packetsInFlight: 1 }), a: few, b: few }, graph).run()
    expectBalancedBooks(report, [])
    expect([report.outcome, nodeOf(report, 'a').emitted, nodeOf(report, 'b').emitted]).toEqual(['completed', 1, 1])
    const given = outputs()
    await plumberOf({ src: share(from(...range(9))), a: few, b: same }, graph).run(undefined, given.options)
    expect(given.values.length).toBeGreaterThan(1)
  })

  test('shows at an edge what goes over that edge', async () => {
    const seen: Sample[] = []
    const pipeline = plumberOf(
      { in: 'std.inlet', fork: share(), a: same, b: same },
      { in: ['fork'], fork: ['a', 'b'] },
    ).createPipeline()
    const edge = { from: 'fork', to: 'b' }
    const end = pipeline.tap(edge, { perSecond: Number.POSITIVE_INFINITY }, (sample) => void seen.push(sample))
    for (const n of range(4)) await pipeline.put(n)
    await turns()
    expect(seen).toEqual([1, 3].map((value) => ({ node: 'fork', port: 'out', to: 'b', value, meta: {} })))
    end()
    await pipeline.put(9)
    const report = await pipeline.drain()
    expect([seen.length, edgeOf(report, 'fork', 'b').entered]).toEqual([2, 2])
  })

  test('gives a request back what became of its item', async () => {
    const pipeline = plumberOf(
      { in: 'std.inlet', fork: share(), a: (n: number) => [n], b: (n: number) => [n] },
      { in: ['fork'], fork: ['a', 'b'] },
    ).createPipeline()
    expect(await Promise.all(range(20).map((n) => pipeline.process(n)))).toEqual(range(20).map((n) => [n]))
    expectNothingInside(pipeline)
    await pipeline.drain()
  })

  test('lets a request go that is cancelled while its item waits, and the next one takes its place', async () => {
    const ways = [held(), held()]
    const [a, b] = ways.map(({ coro }) => unfused(coro))
    const pipeline = plumberOf(
      { in: 'std.inlet', fork: share(same, { packetsInFlight: 1 }), a: a ?? '', b: b ?? '' },
      { in: ['fork'], fork: ['a', 'b'] },
    ).createPipeline()
    const asked = range(4).map((n) => ask(pipeline, n))
    await turns()
    asked[2]?.cancel()
    expect(await settlesSoon(asked[2]?.answer.catch(() => {}) ?? Promise.reject())).toBe(true)
    for (const { open } of ways) open()
    expect(await Promise.all([0, 1, 3].map((n) => asked[n]?.answer))).toEqual([0, 1, 3])
    expectNothingInside(pipeline)
    await pipeline.drain()
  })
})

describe('ways that meet again', () => {
  const flat = (lists: readonly (readonly unknown[] | undefined)[]) => lists.flatMap((list) => list ?? []).values()
  const seq = having({ missing: 'partial', collect: 'all' }, flat)

  test('are put back in order by a join, each item once, also where they drop or make more', async () => {
    const slow = async (n: number) => {
      await turns(1 + (n % 3))
      return n % 4 === 0 ? DROP : [n, -n].values()
    }
    const values = await plumberOf(
      { src: from(...range(20)), fork: share(), a: slow, b: having({ workers: 3 }, slow), c: slow, seq },
      { src: ['fork'], fork: ['a', 'b', 'c'], a: ['seq'], b: ['seq'], c: ['seq'] },
    ).collect()
    expect(values).toEqual(range(20).flatMap((n) => (n % 4 === 0 ? [] : [n, -n])))
  })

  test('give an item the verdict of the way that it took', async () => {
    const plumber = plumberOf(
      { src: from(...range(12)), fork: share(), a: same, b: (n: number) => (n % 4 === 1 ? DROP : n), seq },
      { src: ['fork'], fork: ['a', 'b'], a: ['seq'], b: ['seq'] },
    )
    // Every second item goes by `b`, and of these every second one is dropped.
    const { roots } = await plumber.run(undefined, { ledger: true, fuse: false })
    expect(roots).toMatchObject({ delivered: 9, filtered: 3 })
  })
})

/** One run of a random graph, in a random order of events. */
async function played(
  seed: number,
  shape: SharedShape,
  play: (run: { plumber: Plumber; graph: SharedGraph; scheduler: Scheduler }) => Promise<void>,
): Promise<void> {
  await withSeed(seed, async () => {
    const scheduler = new Scheduler(seed)
    const restore = scheduler.install()
    try {
      const graph = sharedGraph(seed, scheduler, shape)
      const plumber = graph.window > 0 ? withWindow(graph.window, graph.document) : new Plumber(graph.document)
      await play({ plumber, graph, scheduler })
    } finally {
      restore()
    }
  })
}

/** What each item becomes in the end, if nobody interferes. */
const expectedOf = ({ items, wrapped, fails }: SharedGraph): (number | string)[] =>
  range(items).flatMap((n): (number | string)[] => {
    const made = fails && isBad(n) ? [] : madeOf(n)
    return wrapped ? [`${made.join()} of ${n}`] : made
  })

const itemOf = (value: unknown): number => Math.floor(Number(String(value).split(' of ').at(-1)))
const sorted = (values: readonly unknown[]): unknown[] =>
  values.toSorted((a, b) => itemOf(a) - itemOf(b) || Number(a) - Number(b))

/** Asserts that the books balance, and that each output of a node that shares went over one of its edges. */
function expectShared(report: Report, { sharing }: SharedGraph): void {
  expect(imbalances(report)).toEqual([])
  for (const name of sharing) {
    const entered = report.edges.filter(({ from }) => from === name).reduce((sum, edge) => sum + edge.entered, 0)
    expect(entered, `outputs of ${name} over its edges`).toBe(nodeOf(report, name).emitted)
  }
}

/** Asserts that each item has the verdict of the one way that it took. */
function expectVerdicts({ roots }: Report, { items, wrapped, fails, ending }: SharedGraph): void {
  const errored = fails ? range(items).filter(isBad).length : 0
  const none = range(items).filter((n) => madeOf(n).length === 0 && !(fails && isBad(n))).length
  // What a leaf makes nothing of was delivered to it.
  const filtered = wrapped ? 0 : ending === 'leaves' ? (roots?.filtered ?? 0) : none
  expect(filtered).toBeLessThanOrEqual(none)
  expect(roots).toMatchObject({ errored, filtered, delivered: items - errored - filtered, aborted: 0 })
}

describe('random graphs with nodes that share', manySeeds, () => {
  const seeds = seedsOf(20, 4_000)

  test.each<[string, SharedShape]>([
    ['all comes through', {}],
    ['some fails', { fails: true }],
  ])('give every item once, and in order where a join sees to that: %s', async (_, shape) => {
    for (const seed of seeds)
      await played(seed, shape, async ({ plumber, graph, scheduler }) => {
        const given = outputs()
        const run = plumber.run(undefined, { ...given.options, ledger: true, fuse: graph.fuse })
        await scheduler.drive(run)
        const report = await run
        expectShared(report, graph)
        expect(sorted(given.values)).toEqual(expectedOf(graph))
        const isOrdered = graph.document.nodes['s']?.properties?.ordered === true
        if (graph.wrapped || (graph.ending === 'seq' && isOrdered))
          expect(given.values.map(itemOf)).toEqual(expectedOf(graph).map(itemOf))
        expectVerdicts(report, graph)
      })
  })

  test('end well where ways want no more after some', async () => {
    for (const seed of seeds)
      await played(seed, { takes: true }, async ({ plumber, graph, scheduler }) => {
        const given = outputs()
        const run = plumber.run(undefined, { ...given.options, ledger: true, fuse: graph.fuse })
        await scheduler.drive(run)
        const report = await run
        expectShared(report, graph)
        expect(report).toMatchObject({ outcome: 'completed', abandoned: [] })
        if (!graph.wrapped) expect(expectedOf(graph)).toEqual(expect.arrayContaining(given.values))
        expect(new Set(given.values).size).toBe(given.values.length)
      })
  })

  test('lose nothing without a word when they are doomed or drained', async () => {
    for (const seed of seeds)
      await played(seed, { fails: seed % 2 === 0 }, async ({ plumber, graph, scheduler }) => {
        const random = randomOf(hashOf(`interference ${seed}`))
        const given = outputs()
        const pipeline = plumber.createPipeline({ ...given.options, ledger: true, fuse: graph.fuse })
        if (random.chance(0.5)) pipeline.setWorkers('s', random.integer(1, 3))
        await scheduler.drive(pipeline.settled, { releases: random.integer(0, 40) })
        if (random.chance(0.3)) {
          pipeline.pause()
          await turns(2)
          pipeline.resume()
        }
        void (random.chance(0.6) ? pipeline.doomsday('enough') : pipeline.drain({ deadlineMs: 1e6 }))
        await scheduler.drive(pipeline.settled)
        const report = await pipeline.settled
        expectShared(report, graph)
        const codes = [report.error, ...report.errors].map((error) => error?.code)
        expect(codes).not.toContain('PLB_INTERNAL')
        expect(codes).not.toContain('PLB_RUN_STALLED')
        const verdicts = Object.values(report.roots ?? {}).reduce((sum, count) => sum + count, 0)
        expect(verdicts).toBeGreaterThanOrEqual(nodeOf(report, 'src').emitted)
        if (!graph.wrapped) expect(expectedOf(graph)).toEqual(expect.arrayContaining(given.values))
        expect(new Set(given.values).size).toBe(given.values.length)
      })
  })

  test('answer requests, whichever of them are cancelled', async () => {
    for (const seed of seeds)
      await played(seed, { inlet: true }, async ({ plumber, graph, scheduler }) => {
        const random = randomOf(hashOf(`requests ${seed}`))
        const pipeline = plumber.createPipeline({ fuse: graph.fuse })
        const controllers = range(graph.items).map(() => new AbortController())
        const answers = controllers.map(({ signal }, n) => pipeline.processAll(n, { signal }))
        for (const answer of answers) answer.catch(() => {})
        const all = Promise.allSettled(answers)
        const gone = new Set<number>()
        for (let left = random.integer(0, graph.items); left > 0; left--) {
          await scheduler.drive(all, { releases: random.integer(0, 4) })
          const n = random.integer(0, graph.items - 1)
          gone.add(n)
          controllers[n]?.abort('gone')
        }
        await scheduler.drive(all)
        for (const [n, answer] of (await all).entries()) {
          const expected = graph.wrapped ? [`${madeOf(n).join()} of ${n}`] : madeOf(n)
          if (answer.status === 'fulfilled') expect(sorted(answer.value)).toEqual(expected)
          else expect([gone.has(n), Object(answer.reason).cause]).toEqual([true, 'gone'])
        }
        pipeline.end()
        await scheduler.drive(pipeline.settled)
        const report = await pipeline.settled
        expectShared(report, graph)
        expect([report.outcome, report.errors]).toEqual(['completed', []])
      })
  })
})
