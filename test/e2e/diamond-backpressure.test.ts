import { DROP } from '@pipelines/core'
import { gate, type Random, randomOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { edgeOf, nodeOf, type Pipeline, plumberOf, range, type Stage, same, turns } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * How much a diamond holds while something in it is shut (S2, S13d). A fork has at most
 *
 *     W = max(32, 2 × the workers of all nodes inside, its joins among them)
 *
 * frames open. A frame is open from when an output of the fork is about to leave until its tuple is handed to a call of the
 * join, or it is known that there will be none. A join stores whatever comes, so it never holds up a branch; hence
 *
 *   - while the join is shut, each of its workers has a tuple in hand, whose frames are closed, and W frames are stored. The
 *     capacities of the edges inside do not matter: everything inside has gone on to the join;
 *   - while a branch is shut, that branch holds its capacity and what its workers have in hand, and one more output of the fork
 *     waits for room in it and was accepted by all the others: unless the W frames are used up before.
 *
 * In front of the fork everything is as on any line: a node has one item in hand for each worker, and its queue is full.
 *
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/diamond-backpressure.test.ts
 */
const seeds = seedsOf(60, 600)
const FEWEST = 32

stillClock()

interface Link {
  readonly capacity: number
  readonly workers: number
  readonly ordered: boolean
}

/** A fork, branches of one or two nodes to a join, and an edge from the one to the other. */
interface Diamond {
  /** Absent where the source is the fork. */
  readonly fork: Link | undefined
  readonly branches: readonly (readonly Link[])[]
  readonly join: Link
  /** Frames that the fork may have open. */
  readonly window: number
}

const drawLink = (random: Random): Link => ({
  capacity: random.integer(1, 24),
  workers: random.pick([1, 2, random.integer(1, 20)]),
  ordered: random.chance(0.5),
})

function drawDiamond(random: Random): Diamond {
  const fork = random.chance(0.5) ? drawLink(random) : undefined
  const branches = range(random.integer(1, 3)).map(() => range(random.integer(1, 2)).map(() => drawLink(random)))
  const join = drawLink(random)
  return { fork, branches, join, window: windowOf(...branches.flat(), join) }
}

const windowOf = (...inside: readonly Link[]): number =>
  Math.max(
    FEWEST,
    inside.reduce((sum, { workers }) => sum + 2 * workers, 0),
  )

/** What a node has in hand, and what waits in front of it, while it is shut. */
const held = ({ capacity, workers }: Link): number => capacity + workers

const nameOf = (branch: number, place: number): string => `b${branch}.${place}`

/** Names of the last nodes of all branches. */
const endsOf = ({ branches }: Diamond): string[] => branches.map((links, branch) => nameOf(branch, links.length - 1))

const stageOf = ({ workers, ordered, capacity }: Link, coro: (value: never) => unknown = same): Stage => ({
  coro,
  properties: { fuse: false, workers, ordered, queueSize: capacity },
})

/** A numbered source in front of the diamond, of which some coroutines are given; the others change nothing. */
function play(diamond: Diamond, items: number, coros: Readonly<Record<string, (value: never) => unknown>>) {
  const { fork, branches, join } = diamond
  const stage = (name: string, link: Link): [string, Stage] => [name, stageOf(link, coros[name])]
  const state = { yielded: 0 }
  function* numbers() {
    while (state.yielded < items) yield state.yielded++
  }
  const starts = branches.map((_, branch) => nameOf(branch, 0))
  const wiring = branches.flatMap((links, branch) =>
    links.map((_, place) => [nameOf(branch, place), [place + 1 < links.length ? nameOf(branch, place + 1) : 'join']]),
  )
  const outputs: unknown[] = []
  const plumber = plumberOf(
    {
      source: { coro: numbers, properties: { fuse: false } },
      ...(fork && Object.fromEntries([stage('fork', fork)])),
      ...Object.fromEntries(
        branches.flatMap((links, branch) => links.map((link, place) => stage(nameOf(branch, place), link))),
      ),
      ...Object.fromEntries([stage('join', join)]),
    },
    {
      ...(fork && { source: ['fork'] }),
      [fork ? 'fork' : 'source']: ['join', ...starts],
      ...Object.fromEntries(wiring),
    },
  )
  const pipeline = plumber.createPipeline({ onOutput: ({ value }) => void outputs.push(value) })
  return { pipeline, outputs, state, fork: fork ? 'fork' : 'source' }
}

/** Waits until nothing moves any more. */
const standStill = (): Promise<void> => turns(20)

/** How many items have left the source, when so many outputs of the fork were accepted everywhere. */
const leftSource = ({ fork }: Diamond, accepted: number): number => accepted + (fork === undefined ? 0 : held(fork))

async function expectAllPaired(
  { branches }: Diamond,
  pipeline: Pipeline,
  outputs: readonly unknown[],
  items: readonly number[],
): Promise<void> {
  expectBalancedBooks(await pipeline.settled, [])
  const numbers = outputs.toSorted((a, b) => Number(Reflect.get(Object(a), 0)) - Number(Reflect.get(Object(b), 0)))
  expect(numbers).toEqual(items.map((n) => new Array(branches.length + 1).fill(n)))
}

describe('a diamond', manySeeds, () => {
  test('whose join is shut takes its window and what the join has in hand, and not one more', async () => {
    const windows: number[] = []
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const diamond = drawDiamond(randomOf(seed))
        const { window, join } = diamond
        windows.push(window)
        const accepted = window + join.workers
        const given = leftSource(diamond, accepted)
        const opened = gate()
        const shut = (tuple: unknown) => opened.opened.then(() => tuple)
        const { pipeline, outputs, state, fork } = play(diamond, given + 50, { join: shut })
        await standStill()
        const snapshot = pipeline.snapshot()
        expect(nodeOf(snapshot, 'source').emitted, 'left the source').toBe(given)
        expect(nodeOf(snapshot, fork).emitted, 'left the fork').toBe(accepted)
        expect(state.yielded, 'one more is made, and waits').toBe(given + 1)
        for (const from of [fork, ...endsOf(diamond)])
          expect(edgeOf(snapshot, from, 'join'), `from ${from}`).toMatchObject({ entered: accepted, left: accepted })
        expect(nodeOf(snapshot, 'join').inProgress).toBe(join.workers * (diamond.branches.length + 1))
        opened.open()
        await expectAllPaired(diamond, pipeline, outputs, range(given + 50))
      })
    if (process.env.SEED !== undefined) return
    expect(windows.filter((window) => window === FEWEST).length, 'smallest windows').toBeGreaterThan(5)
    expect(windows.filter((window) => window > FEWEST).length, 'larger windows').toBeGreaterThan(5)
  })

  test('of which a branch is shut takes what that one holds, or its window', async () => {
    const limits = { branch: 0, window: 0 }
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const diamond = drawDiamond(randomOf(seed))
        const { window, fork: { ordered, workers } = { ordered: true, workers: 1 } } = diamond
        const links = diamond.branches[0] ?? []
        const shutOff = links.reduce((sum, link) => sum + held(link), 0)
        limits[shutOff < window ? 'branch' : 'window']++
        const accepted = Math.min(shutOff, window)
        const given = leftSource(diamond, accepted)
        // An ordered fork offers one output after the other; otherwise each of its workers does.
        const offered = Math.min(shutOff + (ordered ? 1 : workers), window)
        const opened = gate()
        const end = nameOf(0, links.length - 1)
        const shut = (value: unknown) => opened.opened.then(() => value)
        const { pipeline, outputs, state, fork } = play(diamond, given + 50, { [end]: shut })
        await standStill()
        const snapshot = pipeline.snapshot()
        expect(nodeOf(snapshot, 'source').emitted, 'left the source').toBe(given)
        expect(nodeOf(snapshot, fork).emitted, 'left the fork').toBe(accepted)
        expect(state.yielded, 'one more is made, and waits').toBe(given + 1)
        for (const from of [fork, ...endsOf(diamond)])
          expect(edgeOf(snapshot, from, 'join').entered, `from ${from}`).toBe(from === end ? 0 : offered)
        opened.open()
        await expectAllPaired(diamond, pipeline, outputs, range(given + 50))
      })
    if (process.env.SEED !== undefined) return
    for (const [what, count] of Object.entries(limits)) expect(count, what).toBeGreaterThan(5)
  })

  test('behind which a sink is shut takes what that one holds as well', async () => {
    for (const seed of seeds.slice(0, 20))
      await withSeed(seed, async () => {
        const random = randomOf(seed)
        const [branch, join, sink] = [drawLink(random), drawLink(random), drawLink(random)]
        const numbers = counting()
        const opened = gate()
        const pipeline = plumberOf(
          {
            source: numbers.source,
            branch: stageOf(branch),
            join: stageOf(join),
            sink: stageOf(sink, () => opened.opened),
          },
          { source: ['branch', 'join'], branch: ['join'], join: ['sink'] },
        ).createPipeline()
        await standStill()
        const accepted = windowOf(branch, join) + join.workers + held(sink)
        expect(nodeOf(pipeline.snapshot(), 'source').emitted).toBe(accepted)
        opened.open()
        expectBalancedBooks(await pipeline.doomsday(), [])
      })
  })

  test('inside another one takes its window, or that of the other one', async () => {
    const limits = { held: 0, outerWindow: 0 }
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const random = randomOf(seed)
        const [fork, branch] = [drawLink(random), drawLink(random)]
        const [innerJoin, join] = [drawLink(random), drawLink(random)]
        const shut = random.pick(['branch', 'innerJoin', 'join'])
        const inner = windowOf(branch, innerJoin)
        const outer = windowOf(fork, branch, innerJoin, join)
        const numbers = counting()
        const opened = gate()
        const coro = (name: string) => (name === shut ? (value: unknown) => opened.opened.then(() => value) : same)
        const pipeline = plumberOf(
          {
            source: numbers.source,
            fork: stageOf(fork),
            branch: stageOf(branch, coro('branch')),
            innerJoin: stageOf(innerJoin, coro('innerJoin')),
            join: stageOf(join, coro('join')),
          },
          { source: ['fork', 'join'], fork: ['branch', 'innerJoin'], branch: ['innerJoin'], innerJoin: ['join'] },
        ).createPipeline()
        await standStill()
        const insideInner = held(fork) + (shut === 'branch' ? Math.min(held(branch), inner) : inner + innerJoin.workers)
        const accepted = shut === 'join' ? outer + join.workers : Math.min(insideInner, outer)
        if (shut !== 'join') limits[insideInner < outer ? 'held' : 'outerWindow']++
        expect(nodeOf(pipeline.snapshot(), 'source').emitted).toBe(accepted)
        opened.open()
        expectBalancedBooks(await pipeline.doomsday(), [])
      })
    if (process.env.SEED !== undefined) return
    for (const [what, count] of Object.entries(limits)) expect(count, what).toBeGreaterThan(5)
  })

  test('does not keep a place in its window for what is left out', async () => {
    for (const seed of seeds.slice(0, 20))
      await withSeed(seed, async () => {
        const diamond = { ...drawDiamond(randomOf(seed)), fork: undefined }
        const kept = diamond.window + diamond.join.workers
        const opened = gate()
        const { pipeline, outputs } = play(diamond, 2 * kept + 40, {
          [nameOf(0, 0)]: (n: number) => (n % 2 === 0 ? n : DROP),
          join: (tuple: unknown) => opened.opened.then(() => tuple),
        })
        await standStill()
        // The last one is even: the odd one after it finds no room, because it is not known yet that it will be left out.
        expect(nodeOf(pipeline.snapshot(), 'source').emitted).toBe(2 * kept - 1)
        opened.open()
        const even = range(kept + 20).map((n) => 2 * n)
        await expectAllPaired(diamond, pipeline, outputs, even)
      })
  })

  test('accepts as many puts as its window and its join hold', async () => {
    const [branch, join] = [drawLink(randomOf(1)), drawLink(randomOf(2))]
    const opened = gate()
    const pipeline = plumberOf(
      { in: 'std.inlet', branch: stageOf(branch), join: stageOf(join, () => opened.opened) },
      { in: ['branch', 'join'], branch: ['join'] },
    ).createPipeline()
    const most = windowOf(branch, join) + join.workers
    let accepted = 0
    const puts = range(most + 3).map((n) => pipeline.put(n).then(() => accepted++))
    await standStill()
    expect(accepted).toBe(most)
    opened.open()
    await Promise.all(puts)
    expectBalancedBooks(await pipeline.drain(), ['in'])
  })

  test('never has more frames open than its window, whatever the order of events is', async () => {
    let most = 0
    for (const seed of seeds.slice(0, 30))
      await withSeed(seed, async () => {
        const scheduler = new Scheduler(seed)
        const diamond = drawDiamond(randomOf(seed))
        const { window } = diamond
        let handedOver = 0
        const later = (n: number) => scheduler.after(`branch ${n}`, () => n)
        const join = (tuple: readonly number[]) => {
          handedOver++
          return scheduler.after(`join ${tuple[0]}`, () => tuple)
        }
        const items = window + 60
        const { pipeline, outputs, fork } = play(diamond, items, { [nameOf(0, 0)]: later, join })
        let open = 0
        do {
          open = edgeOf(pipeline.snapshot(), fork, 'join').entered - handedOver
          expect(open, 'open frames').toBeLessThanOrEqual(window)
          most = Math.max(most, open / window)
        } while (!(await scheduler.drive(pipeline.settled, { releases: 3 })))
        await expectAllPaired(diamond, pipeline, outputs, range(items))
      })
    if (process.env.SEED === undefined) expect(most, 'most of a window that was used').toBe(1)
  })
})

/** A source of numbers that do not end. */
function counting() {
  function* source() {
    for (let n = 0; ; n++) yield n
  }
  return { source }
}
