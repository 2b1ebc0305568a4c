import type { Context } from '@pipelines/core'
import { hashOf, type Random, randomOf, Scheduler } from '@pipelines/testkit'
import {
  type Expected,
  expectedOf,
  isLeaf,
  itemsOf,
  KINDS,
  playable,
  type RandomGraph,
  Refusal,
  randomGraph,
  type Shape,
} from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import { nodeOf, type Pipeline, range, same, turns, unfused } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import {
  type Answer,
  type Asked,
  answersOf,
  ask,
  askAll,
  expectNothingInside,
  windowed,
  withWindow,
} from '../support/requests.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'

/*
 * Many requests on one standing graph at once, of which some fail and some are cancelled, in an order of events drawn from
 * a seed. Replay one with: SEED=123 npx vitest run --project e2e test/e2e/requests-many.test.ts
 */

const SOAK = process.env['SOAK'] !== undefined
const COUNT = SOAK ? 10_000 : 1_000

type Fate = 'answered' | 'failing' | 'cancelled'

describe('requests in flight on a graph with three branches and a join', manySeeds, () => {
  const seeds = seedsOf(1, 5)

  /** Of what each request is made, by the seed. */
  function fatesOf(random: Random): Fate[] {
    return range(COUNT).map(() => {
      const drawn = random.integer(1, 10)
      return drawn === 1 ? 'cancelled' : drawn === 2 ? 'failing' : 'answered'
    })
  }

  /** Each branch takes its time, which differs from item to item, and some fail at it. Some calls listen, others are deaf. */
  function branches(scheduler: Scheduler, fates: readonly Fate[]): Pipeline {
    const branch = (name: string) => async (n: number, ctx: Context) => {
      const hash = hashOf(`${name} ${n}`)
      const obeys = hash % 2 === 0
      for (let delays = hash % 3; delays >= 0; delays--)
        await scheduler.step(`${name} ${n} ${delays}`, obeys ? ctx.signal : undefined)
      if (fates[n] === 'failing' && name === 'abc'[n % 3]) throw new Refusal(`${n}`)
      return `${name}${n}`
    }
    return windowed(
      64,
      {
        in: 'std.inlet',
        a: unfused(branch('a'), { workers: 20, ordered: false }),
        b: unfused(branch('b'), { workers: 20, queueSize: 8 }),
        c: unfused(branch('c'), { workers: 30, ordered: false, queueSize: 1 }),
        join: unfused((tuple: readonly string[]) => tuple.join(), { ordered: false }),
        out: same,
      },
      { in: ['a', 'b', 'c'], a: ['join'], b: ['join'], c: ['join'], join: ['out'] },
    ).createPipeline({ maxInFlight: COUNT })
  }

  /** Cancels those that are to be, each at some moment before all is over; gives which were still under way then. */
  async function cancelSome(requests: readonly Asked[], fates: readonly Fate[], { scheduler, random }: Play) {
    const cut = new Set<number>()
    const settled = new Set<number>()
    for (const [n, { answer }] of requests.entries()) {
      const settle = (): unknown => settled.add(n)
      answer.then(settle, settle)
    }
    const all = Promise.allSettled(requests.map(({ answer }) => answer))
    const victims = random.shuffle(range(COUNT).filter((n) => fates[n] === 'cancelled'))
    for (const n of victims) {
      await scheduler.drive(all, { releases: random.integer(0, 40) })
      if (!settled.has(n)) cut.add(n)
      requests[n]?.cancel(n)
    }
    await scheduler.drive(all)
    return cut
  }

  interface Play {
    readonly scheduler: Scheduler
    readonly random: Random
  }

  function expectOwn(n: number, answer: Answer, fate: Fate): void {
    const expected = { value: `a${n},b${n},c${n}` }
    if (fate === 'answered') expect(answer).toEqual(expected)
    else if (fate === 'cancelled') expect(answer).toMatchObject({ error: { code: 'PLB_RUN_CANCELLED', cause: n } })
    else expect(answer).toMatchObject({ error: { code: 'PLB_NODE_FAILED', cause: { message: `${n}` } } })
  }

  test(`${COUNT} of them: each gets its own answer or its own error, the cancelled ones leave no packet behind`, async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const [scheduler, random] = [new Scheduler(seed), randomOf(seed)]
        const restore = scheduler.install()
        try {
          const fates = fatesOf(random)
          const pipeline = branches(scheduler, fates)
          const requests = range(COUNT).map((n) => ask(pipeline, n))
          const cut = await cancelSome(requests, fates, { scheduler, random })
          const answers = await answersOf(requests.map(({ answer }) => answer))
          for (const [n, answer] of answers.entries()) {
            const fate = fates[n] === 'cancelled' && !cut.has(n) ? 'answered' : (fates[n] ?? 'answered')
            expectOwn(n, answer, fate)
          }
          await scheduler.releaseAll()
          await turns()
          expectNothingInside(pipeline)
          await expectServes(pipeline, scheduler)
          const failing = fates.filter((fate) => fate === 'failing').length
          pipeline.end()
          const report = await pipeline.settled
          expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
          expect(report.roots).toEqual({
            delivered: COUNT - cut.size - failing + 200,
            filtered: 0,
            errored: failing,
            // One that was cancelled before anybody had accepted it has never been.
            aborted: report.roots?.aborted,
            deadLettered: 0,
          })
          expect(report.roots?.aborted).toBeLessThanOrEqual(cut.size)
          expectBalancedBooks(report, ['in'])
          // They were cancelled in the middle of things: in calls, in queues, in the store of the join.
          expect(cut.size).toBeGreaterThan(COUNT / 20)
          for (const name of ['a', 'b', 'c', 'join']) expect(nodeOf(report, name).unprocessed).toBeGreaterThan(0)
          expect(nodeOf(report, 'a').late).toBeGreaterThan(0)
        } finally {
          restore()
        }
      })
  })

  /** More requests than the window has frames, all of which must come through. */
  async function expectServes(pipeline: Pipeline, scheduler: Scheduler): Promise<void> {
    const more = range(200).map((n) => n + COUNT)
    const answers = answersOf(more.map((n) => pipeline.process(n)))
    await scheduler.drive(answers)
    for (const [place, answer] of (await answers).entries()) expectOwn(Number(more[place]), answer, 'answered')
    expectNothingInside(pipeline)
  }
})

/** One item of a random graph, and the inlet by which it comes. */
interface Entry {
  readonly node: string
  readonly item: string
}

/** A random graph all of whose sources are inlets. */
function fedGraph(seed: number, shape: Shape): RandomGraph {
  const graph = randomGraph(seed, { joins: 'all', size: 9, ...shape })
  const nodes = graph.nodes.map((node) => (node.inputs.length === 0 ? { ...node, style: 'fed' as const } : node))
  return { ...graph, nodes }
}

const entriesOf = ({ nodes }: RandomGraph): Entry[] =>
  nodes.flatMap((node) => (node.inputs.length === 0 ? itemsOf(node).map((item) => ({ node: node.name, item })) : []))

/** What a request gave, so that two can be compared: where there is one order of outputs, in this one. */
function shown(answer: Answer, inOrder: boolean): unknown {
  if ('error' in answer) {
    expect(answer.error).toMatchObject({ code: 'PLB_NODE_FAILED' })
    expect(answer.error.cause).toBeInstanceOf(Refusal)
    return 'failed'
  }
  const values = answer.value as readonly unknown[]
  return inOrder ? values : values.toSorted()
}

class Trial {
  readonly graph: RandomGraph
  readonly expected: Expected
  readonly entries: readonly Entry[]
  readonly random: Random
  /** Whether outputs have one order only. */
  readonly inOrder: boolean
  readonly #seed: number

  constructor(seed: number, shape: Shape) {
    this.#seed = seed
    this.graph = fedGraph(seed, shape)
    this.expected = expectedOf(this.graph)
    this.entries = entriesOf(this.graph)
    this.random = randomOf(seed)
    const leaves = this.graph.nodes.filter(({ name }) => isLeaf(this.graph, name))
    this.inOrder = leaves.length === 1 && leaves.every(({ name }) => this.expected.inOrder.has(name))
  }

  /** Runs `work` on a new pipeline, and looks at what it leaves behind. */
  async #on<T>(work: (pipeline: Pipeline, scheduler: Scheduler) => Promise<T>): Promise<T> {
    const scheduler = new Scheduler(this.#seed)
    const restore = scheduler.install()
    try {
      const { document } = playable(this.graph, scheduler)
      const window = this.random.integer(1, 4)
      const pipeline = withWindow(window === 4 ? 32 : window, document).createPipeline()
      const result = await work(pipeline, scheduler)
      await scheduler.releaseAll()
      await turns(5)
      expectNothingInside(pipeline)
      pipeline.end()
      await scheduler.drive(pipeline.settled)
      const report = await pipeline.settled
      expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
      const inlets = this.graph.nodes.flatMap(({ name, inputs }) => (inputs.length === 0 ? [name] : []))
      expectBalancedBooks(report, inlets)
      return result
    } finally {
      restore()
    }
  }

  /** What each item gives when it is alone in the graph. */
  alone(): Promise<unknown[]> {
    return this.#on(async (pipeline, scheduler) => {
      const answers: unknown[] = []
      for (const { node, item } of this.entries) {
        const request = answersOf([pipeline.processAll(item, { node })])
        await scheduler.drive(request)
        const [answer] = await request
        if (answer !== undefined) answers.push(shown(answer, this.inOrder))
      }
      return answers
    })
  }

  /** What each gives when they are there together; `undefined` for those that were cancelled on their way. */
  together(): Promise<unknown[]> {
    return this.#on(async (pipeline, scheduler) => {
      const { random, entries } = this
      const requests = entries.map(({ node, item }) => askAll(pipeline, item, { node }))
      const answers = answersOf(requests.map(({ answer }) => answer))
      for (const victim of random.shuffle(requests).slice(0, Math.ceil(entries.length * 0.3))) {
        if (await scheduler.drive(answers, { releases: random.integer(0, 12) })) break
        victim.cancel(victim.value)
      }
      await scheduler.drive(answers)
      return (await answers).map((answer, place) => {
        if (!('error' in answer) || answer.error.code !== 'PLB_RUN_CANCELLED') return shown(answer, this.inOrder)
        expect(answer.error.cause).toBe(entries[place]?.item)
        return undefined
      })
    })
  }
}

describe('random graphs give each request what it gives alone,', manySeeds, () => {
  const seeds = seedsOf(25, 400)

  async function expectSame(seed: number, shape: Shape, counts: { cut: number; same: number; failed: number }) {
    const trial = new Trial(seed, shape)
    const alone = await trial.alone()
    expectAsReference(trial, alone)
    for (const [place, answer] of (await trial.together()).entries()) {
      if (answer === undefined) counts.cut++
      else expect(answer, `what ${trial.entries[place]?.item} gave`).toEqual(alone[place])
      if (answer === 'failed') counts.failed++
      else if (answer !== undefined) counts.same++
    }
  }

  /** One by one they give together what the reference computes of all. */
  function expectAsReference({ expected }: Trial, alone: readonly unknown[]): void {
    const failed = alone.filter((answer) => answer === 'failed').length
    if (failed > 0) {
      expect(failed).toBe(expected.roots.errored)
      return
    }
    const values = alone.flatMap((answer) => answer as unknown[])
    expect(values.toSorted()).toEqual([...expected.outputs.values()].flat().toSorted())
  }

  test.each(KINDS)('beside others, cancelled or not (%s)', async (kind) => {
    const counts = { cut: 0, same: 0, failed: 0 }
    for (const seed of seeds) await withSeed(seed, () => expectSame(seed, { kind }, counts))
    if (process.env['SEED'] !== undefined) return
    expect(counts.cut).toBeGreaterThan(seeds.length)
    expect(counts.same).toBeGreaterThan(3 * seeds.length)
    expect(counts.failed).toBe(0)
  })

  test.each(KINDS)('also where some fail (%s)', async (kind) => {
    const counts = { cut: 0, same: 0, failed: 0 }
    for (const seed of seeds) await withSeed(seed, () => expectSame(seed, { kind, onError: 'fail' }, counts))
    if (process.env['SEED'] !== undefined) return
    expect(counts.failed).toBeGreaterThan(seeds.length / 2)
    expect(counts.same).toBeGreaterThan(seeds.length)
  })

  test.each(KINDS)('and where failures are left out (%s)', async (kind) => {
    const counts = { cut: 0, same: 0, failed: 0 }
    for (const seed of seeds) await withSeed(seed, () => expectSame(seed, { kind, onError: 'skip' }, counts))
    expect(counts.failed).toBe(0)
  })
})
