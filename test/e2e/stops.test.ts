import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, defineCoro, type Executor, inline, type Output, type SourceOutput } from '@pipelines/core'
import type { Plumber } from '@pipelines/plumber'
import { type Gate, gate, Scheduler, seededChoices } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { batched, windowed } from '../support/batches.js'
import {
  chain,
  failureOf,
  having,
  nodeOf,
  type Pipeline,
  plumberOf,
  type Report,
  range,
  type Stage,
  same,
  unfused,
} from '../support/blackbox.js'
import { answersOf } from '../support/requests.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { deaf, expectSound, inVirtualTime, now, obedient } from '../support/virtual-time.js'

/*
 * The end of a run wherever its items are: in batches, windows and partitions, between attempts, before a rate, a place or
 * a credit, in hooks. What the ends of plain calls and queues are is in doomsday.test.ts, drain.test.ts and endings.test.ts.
 */

const HOUR = 3_600_000
/** When a run is told to stop. */
const STRIKE = 10

/** Where items are when a run is told to stop, and what becomes of them. */
interface Place {
  readonly make: () => Plumber
  /** How many items were put: the numbers from 0. */
  readonly items: number
  /** What a drain gives, and when it is over. */
  readonly drained: { readonly values: readonly unknown[]; readonly ms: number }
  /** What has come out before, and what waited where. */
  readonly before?: readonly unknown[]
  readonly inside: readonly (readonly [node: string, value: unknown])[]
  /** Milliseconds until a doomed run has settled: until its calls have returned. @defaultValue 0 */
  readonly settlesAfter?: number
  /** Whether the graph takes requests. @defaultValue yes */
  readonly requests?: false
}

/** An inlet, a node and a leaf. */
const around = (properties: object, coro: Stage): (() => Plumber) =>
  function make() {
    const nodes = { in: 'std.inlet', x: having({ fuse: false, ...properties }, coro), out: same }
    return chain(nodes, { coroMap: { x: coro, out: same, key } })
  }
/** All items are of one kind. */
const key = (): string => 'one'
const at = (node: string, ...values: readonly unknown[]) => values.map((value) => [node, value] as const)
const failsOnce = (value: unknown, { attempt }: Context): unknown => {
  if (attempt === 1) throw new Error('once')
  return value
}
const boom = (): never => {
  throw new Error('boom')
}
const reads = (ms: number) =>
  defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<unknown>, { signal }: Context) {
      for await (const value of inputs) {
        await sleep(ms, undefined, { signal })
        yield value
      }
    },
  })

const PLACES: Readonly<Record<string, Place>> = {
  'in an incomplete batch': {
    make: around({ batch: { size: 10 } }, same),
    items: 3,
    inside: at('x', 0, 1, 2),
    drained: { values: [0, 1, 2], ms: STRIKE },
  },
  'in a batch that waits for its time': {
    make: around({ batch: { size: 10, maxWaitMs: HOUR } }, same),
    items: 3,
    inside: at('x', 0, 1, 2),
    drained: { values: [0, 1, 2], ms: STRIKE },
  },
  'in the call of a batch, and in the batch behind it': {
    make: around({ batch: { size: 3 } }, obedient(100)),
    items: 4,
    inside: at('x', 0, 1, 2, 3),
    drained: { values: [0, 1, 2, 3], ms: 200 },
  },
  'in an incomplete window': {
    make: around({ window: { size: 3 } }, same),
    items: 2,
    inside: at('x', 0, 1),
    drained: { values: [], ms: STRIKE },
    requests: false,
  },
  'in an incomplete window that may leave': {
    make: around({ window: { size: 3, partial: true } }, same),
    items: 2,
    inside: at('x', 0, 1),
    drained: { values: [[0, 1]], ms: STRIKE },
    requests: false,
  },
  'in the overlap of windows': {
    make: around({ window: { size: 3 } }, same),
    items: 4,
    before: [
      [0, 1, 2],
      [1, 2, 3],
    ],
    inside: at('x', 2, 3),
    drained: { values: [], ms: STRIKE },
    requests: false,
  },
  'behind one of their kind': {
    make: around({ partitionBy: 'key', workers: 3 }, obedient(100)),
    items: 3,
    inside: at('x', 0, 1, 2),
    drained: { values: [0, 1, 2], ms: 300 },
  },
  'before their next attempt': {
    make: around({ retry: { attempts: 2, minDelayMs: 1_000, jitter: 'none' } }, failsOnce),
    items: 2,
    inside: at('x', 0, 1),
    drained: { values: [0, 1], ms: 2_000 },
  },
  'before the rate lets them start': {
    make: around({ rateLimit: { count: 1, perMs: 1_000 } }, same),
    items: 3,
    before: [0],
    inside: at('x', 1, 2),
    drained: { values: [1, 2], ms: 2_000 },
  },
  'before an attempt that the rate holds back': {
    make: around({ rateLimit: { count: 1, perMs: 1_000 }, retry: { attempts: 2, minDelayMs: 1 } }, failsOnce),
    items: 1,
    inside: at('x', 0),
    drained: { values: [0], ms: 1_000 },
  },
  'before a place that must be free': {
    make: () =>
      chain({ in: 'std.inlet', a: unfused(same, { packetsInFlight: 1 }), b: unfused(obedient(100)), out: same }),
    items: 3,
    inside: [...at('a', 1, 2), ...at('b', 0)],
    drained: { values: [0, 1, 2], ms: 300 },
  },
  'before a credit': {
    make: () =>
      windowed(
        1,
        { in: 'std.inlet', fork: unfused(same), a: unfused(obedient(100)), join: same },
        { in: ['fork'], fork: ['a', 'join'], a: ['join'] },
      ),
    items: 3,
    inside: [...at('a', 0), ...at('fork', 1, 2), ...at('join', 0)],
    drained: { values: range(3).map((n) => [n, n]), ms: 300 },
  },
  'before their turn': {
    make: around({ workers: 3 }, (n: number, ctx: Context) => (n === 0 ? obedient(100)(n, ctx) : n)),
    items: 3,
    inside: at('x', 0, 1, 2),
    drained: { values: [0, 1, 2], ms: 100 },
  },
  'in a generator whose outputs are held': {
    make: around({ emit: 'atomic' }, async function* (n: number, { signal }: Context) {
      yield n
      await sleep(100, undefined, { signal })
    }),
    items: 2,
    inside: at('x', 0, 1),
    drained: { values: [0, 1], ms: 200 },
  },
  'in the hands of a stream coroutine': {
    make: around({}, reads(100)),
    items: 3,
    inside: at('x', 0, 1, 2),
    drained: { values: [0, 1, 2], ms: 300 },
  },
  'before a node that is being set up': {
    make: around({}, defineCoro({ setup: ({ signal }: Context) => sleep(100, {}, { signal }), run: same })),
    items: 2,
    inside: at('x', 0, 1),
    drained: { values: [0, 1], ms: 100 },
  },
  'behind a call that goes on after its time': {
    make: around({ timeoutMs: 5, onError: 'skip' }, deaf(50)),
    items: 2,
    inside: at('x', 1),
    settlesAfter: 40,
    drained: { values: [], ms: 100 },
  },
  'before a second attempt, which waits for the first one to return': {
    make: around({ timeoutMs: 5, retry: { attempts: 2, minDelayMs: 1 } }, (n: number, ctx: Context) =>
      ctx.attempt === 1 ? sleep(50, n) : n,
    ),
    items: 1,
    inside: at('x', 0),
    settlesAfter: 40,
    // Up to a millisecond is drawn.
    drained: { values: [0], ms: 51 },
  },
}

const coroOf = (stage: Stage): unknown => Reflect.get(stage as object, 'coro')

/** A run under way, and what is seen of it. */
interface Run {
  readonly pipeline: Pipeline
  readonly values: unknown[]
  readonly controller: AbortController
}

function begin(make: () => Plumber, options: Readonly<Record<string, unknown>> = {}): Run {
  const values: unknown[] = []
  const controller = new AbortController()
  const pipeline = make().createPipeline({
    ledger: true,
    signal: controller.signal,
    onOutput: ({ value }: Output) => void values.push(value),
    ...options,
  })
  return { pipeline, values, controller }
}

/** Items in their places. */
async function placed({ make, items }: Place, options: Readonly<Record<string, unknown>> = {}): Promise<Run> {
  const run = begin(make, options)
  for (const n of range(items)) await run.pipeline.put(n)
  await sleep(STRIKE)
  return run
}

const listed = ({ unprocessed }: Report) => unprocessed.map(({ node, value }) => [node, value]).toSorted()

/** Asserts that a run was cut short with its items in their places, at this time. */
function expectCut(report: Report, { values }: Run, place: Place, atMs: number): void {
  expectSound(report, ['in'])
  expect(report).toMatchObject({ outcome: 'doomed', abandoned: [] })
  expect(listed(report)).toEqual(place.inside.toSorted())
  expect(values).toEqual(place.before ?? [])
  expect(now()).toBe(atMs + (place.settlesAfter ?? 0))
}

const CODES = { doomsday: 'PLB_RUN_DOOMED', signal: 'PLB_RUN_DOOMED', deadline: 'PLB_RUN_DEADLINE' } as const

describe.each(Object.entries(PLACES))('while items are %s,', (_where, place) => {
  test('doomsday settles at once, and names them', () =>
    inVirtualTime(async () => {
      const run = await placed(place)
      const report = await run.pipeline.doomsday('enough')
      expectCut(report, run, place, STRIKE)
      expect(report).toMatchObject({ reason: 'enough', error: { code: 'PLB_RUN_DOOMED' } })
      // What was skipped before is all that there is.
      expect(report.errors.every(({ code }) => code === 'PLB_NODE_TIMEOUT')).toBe(true)
      expect(report.roots?.aborted).toBe(new Set(place.inside.map(([, value]) => value)).size)
    }))

  test("the caller's signal does the same", () =>
    inVirtualTime(async () => {
      const run = await placed(place)
      run.controller.abort('gone')
      expectCut(await run.pipeline.settled, run, place, STRIKE)
      expect(getEventListeners(run.controller.signal, 'abort')).toEqual([])
    }))

  test('so does the deadline of the run', () =>
    inVirtualTime(async () => {
      const run = await placed(place, { deadlineMs: STRIKE + 1 })
      const report = await run.pipeline.settled
      expectCut(report, run, { ...place, settlesAfter: Math.max(0, (place.settlesAfter ?? 0) - 1) }, STRIKE + 1)
      expect(report.error?.code).toBe('PLB_RUN_DEADLINE')
    }))

  test('a drain lets them flow out', () =>
    inVirtualTime(async () => {
      const run = await placed(place)
      const report = await run.pipeline.drain()
      expectSound(report, ['in'])
      expect(report).toMatchObject({ outcome: 'completed', abandoned: [], unprocessed: [] })
      expect(run.values).toEqual([...(place.before ?? []), ...place.drained.values])
      expect(now()).toBeLessThanOrEqual(place.drained.ms)
      expect(now()).toBeGreaterThan(place.drained.ms - 2)
      expect(report.roots?.aborted).toBe(0)
    }))

  test('a drain takes no longer than it may', () =>
    inVirtualTime(async () => {
      const run = await placed(place)
      const report = await run.pipeline.drain({ deadlineMs: 50 })
      expectSound(report, ['in'])
      expect(now()).toBeLessThanOrEqual(STRIKE + 50)
      expect(report.outcome).toBe(place.drained.ms > STRIKE + 40 ? 'doomed' : 'completed')
      if (report.outcome === 'doomed') expect(report.error?.code).toBe('PLB_RUN_DEADLINE')
      await sleep(100) // calls that do not obey
    }))

  test('doomsday overtakes a drain', () =>
    inVirtualTime(async () => {
      const run = await placed(place)
      const drained = run.pipeline.drain()
      const report = await run.pipeline.doomsday('now')
      expectSound(report, ['in'])
      expect(await drained).toBe(report)
      expect(now()).toBe(STRIKE + (place.settlesAfter ?? 0))
      expect(report).toMatchObject({ outcome: 'doomed', reason: 'now', abandoned: [] })
      expect(run.values).toEqual(place.before ?? [])
      await sleep(HOUR)
      expect(run.values).toEqual(place.before ?? [])
    }))
})

describe.each(Object.entries(PLACES).filter(([, { requests }]) => requests !== false))(
  'while requests are %s,',
  (_where, place) => {
    /** So many requests in their places: whoever waits for others to make up a batch does not wait. */
    async function asked(options: Readonly<Record<string, unknown>> = {}) {
      const run = begin(place.make, options)
      const answers = answersOf(range(place.items).map((n) => run.pipeline.process(n)))
      await sleep(STRIKE)
      return { ...run, answers }
    }

    test.each(['doomsday', 'signal', 'deadline'] as const)('%s answers them all at once', (way) =>
      inVirtualTime(async () => {
        const { pipeline, controller, answers } = await asked(way === 'deadline' ? { deadlineMs: STRIKE } : {})
        if (way === 'doomsday') void pipeline.doomsday('enough')
        if (way === 'signal') controller.abort('enough')
        for (const [n, answer] of (await answers).entries())
          if ('value' in answer) expect([n, [n, n]]).toContainEqual(answer.value)
          else expect([CODES[way], 'PLB_NODE_TIMEOUT', 'PLB_RUN_CARDINALITY']).toContain(answer.error.code)
        expect(now()).toBe(STRIKE)
        expectSound(await pipeline.settled, ['in'])
      }),
    )

    test('a drain answers them all, and well', () =>
      inVirtualTime(async () => {
        const { pipeline, answers } = await asked()
        const report = await pipeline.drain()
        expectSound(report, ['in'])
        expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
        const expected = [...(place.before ?? []), ...place.drained.values]
        const given = (await answers).map((answer) => ('value' in answer ? answer.value : answer.error.code))
        expect(given).toEqual(expected.length > 0 ? expected : given.map(() => 'PLB_RUN_CARDINALITY'))
      }))
  },
)

const GRACE_MS = 30

/** Something that does not listen when it is told to stop, and how it comes to that. */
interface Deaf {
  /** Nodes whose name is `x` where it is; what is deaf waits for the gate. */
  readonly nodes: (never: Promise<void>) => Readonly<Record<string, Stage>>
  readonly executors?: (never: Promise<void>) => readonly Executor[]
  /** What is put, if there is an inlet. @defaultValue one item */
  readonly items?: readonly unknown[]
  /** Whether the inlet is ended, so that hooks of the end run. */
  readonly ends?: true
  /** Items that are given up. */
  readonly inside: readonly unknown[]
  /** Items that it makes when it goes on in time, and that nobody takes. */
  readonly made?: readonly unknown[]
  readonly late?: number
  /** When its grace has begun, if that was before the end. */
  readonly graceFrom?: number
}

/** Gives what it has, and then nothing more for ever. */
const given = (never: Promise<void>) =>
  async function* () {
    yield 0
    await never
    yield 1
  }
const skips = (properties: object): Readonly<Record<string, unknown>> => ({
  ...properties,
  onError: 'skip',
  fuse: false,
})
const one = { in: 'std.inlet' } as const

const DEAF: Readonly<Record<string, Deaf>> = {
  'a call': {
    nodes: (never) => ({ ...one, x: unfused(() => never), out: same }),
    items: [0, 1],
    inside: [0, 1],
    late: 1,
  },
  'a call of several at once': {
    nodes: (never) => ({ ...one, x: unfused(() => never, { workers: 2 }), out: same }),
    items: [0, 1, 2],
    inside: [0, 1, 2],
    late: 2,
  },
  'the call of a batch': {
    nodes: (never) => ({ ...one, x: batched(2, () => never.then(() => ['a', 'b'])), out: same }),
    items: [0, 1, 2],
    inside: [0, 1, 2],
    late: 1,
  },
  'the call of a window': {
    nodes: (never) => ({ ...one, x: unfused(() => never, { window: { size: 2 } }), out: same }),
    items: [0, 1],
    inside: [0, 1],
    late: 1,
  },
  'a second attempt': {
    nodes: (never) => ({
      ...one,
      x: unfused((_: unknown, { attempt }: Context) => (attempt === 1 ? boom() : never), {
        retry: { attempts: 2, minDelayMs: 1 },
      }),
      out: same,
    }),
    inside: [0],
    late: 1,
  },
  'a call whose time is up': {
    nodes: (never) => ({ ...one, x: having(skips({ timeoutMs: 5 }), () => never), out: same }),
    items: [0, 1],
    inside: [1],
    late: 1,
  },
  'a generator': {
    nodes: (never) => ({ ...one, x: unfused(given(never)), out: same }),
    inside: [0],
  },
  'a generator whose outputs are held': {
    nodes: (never) => ({ ...one, x: unfused(given(never), { emit: 'atomic' }), out: same }),
    inside: [0],
  },
  'the end of a generator': {
    nodes: (never) => ({
      ...one,
      x: unfused(async function* (_: unknown, { signal }: Context) {
        try {
          yield 0
          await sleep(HOUR, undefined, { signal })
        } finally {
          await never
        }
      }),
      out: same,
    }),
    inside: [0],
  },
  'a stream coroutine': {
    nodes: (never) => ({
      ...one,
      x: defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          for await (const value of inputs) {
            await never
            yield value
          }
        },
      }),
      out: same,
    }),
    items: [0, 1],
    inside: [0, 1],
  },
  'a stream coroutine that takes nothing': {
    nodes: (never) => ({ ...one, x: defineCoro({ kind: 'stream', run: () => never }), out: same }),
    items: [0, 1],
    inside: [0, 1],
  },
  'a source that yields': { nodes: (never) => ({ x: unfused(given(never)), out: same }), inside: [], made: [1] },
  'a source that puts': {
    nodes: (never) => ({
      x: unfused(async (output: SourceOutput) => {
        await output.put(0)
        await never
      }),
      out: same,
    }),
    inside: [],
  },
  'a source that has not begun to give': { nodes: (never) => ({ x: unfused(() => never), out: same }), inside: [] },
  setup: {
    nodes: (never) => ({ ...one, x: unfused(defineCoro({ setup: () => never, run: same })), out: same }),
    items: [0, 1],
    inside: [0, 1],
  },
  flush: {
    nodes: (never) => ({ ...one, x: unfused(defineCoro({ run: same, flush: () => never })), out: same }),
    ends: true,
    inside: [],
  },
  'the teardown of a node that has ended': {
    nodes: (never) => ({
      ...one,
      x: unfused(defineCoro({ setup: () => ({}), run: same, teardown: () => never })),
      out: same,
    }),
    ends: true,
    graceFrom: 0,
    inside: [],
  },
  'the teardown of a node that is told to stop': {
    nodes: (never) => ({
      ...one,
      x: unfused(defineCoro({ setup: () => ({}), run: same, teardown: () => never })),
      out: same,
    }),
    inside: [],
  },
  'an executor that does not close': {
    nodes: () => ({ ...one, x: having({ executor: 'far' }, same), out: same }),
    executors: (never) => [
      { name: 'far', open: (binding) => Object.assign({}, inline.open(binding), { close: () => never }) },
    ],
    inside: [],
  },
}

/** A run in which something is deaf, as long as the gate is closed. */
async function struck(
  { nodes, executors, items = [0], ends }: Deaf,
  options: object = {},
): Promise<Run & { open: Gate; inlets: string[] }> {
  const open = gate()
  const stages = nodes(open.opened)
  const given = executors === undefined ? {} : { executors: executors(open.opened) }
  const make = (): Plumber => chain(stages, given)
  const run = begin(make, { graceMs: GRACE_MS, ...options })
  const inlets = 'in' in stages ? ['in'] : []
  if (inlets.length > 0) for (const item of items) await run.pipeline.put(item)
  if (ends) run.pipeline.end()
  await sleep(STRIKE)
  return { ...run, open, inlets }
}

describe.each(Object.entries(DEAF))('%s that does not obey', (_what, deafness) => {
  const listedValues = (report: Report) => report.unprocessed.map(({ value }) => value).toSorted()

  /** Asserts that the node was given up when its time was over, and that nothing comes of it later. */
  async function expectGivenUp(report: Report, { open, inlets, values }: Awaited<ReturnType<typeof struck>>) {
    expectSound(report, inlets)
    expect(report.abandoned).toEqual(['x'])
    expect(listedValues(report)).toEqual(deafness.inside)
    for (const { node } of report.unprocessed) expect(node).toBe('x')
    const [before, seen] = [JSON.stringify(report), [...values]]
    open.open()
    await sleep(HOUR)
    expect(JSON.stringify(report), 'the report').toBe(before)
    expect(values).toEqual(seen)
  }

  test('is given up graceMs after doomsday, and named', () =>
    inVirtualTime(async () => {
      const run = await struck(deafness)
      const warned: unknown[] = []
      run.pipeline.on('warning', ({ node }) => void warned.push(node))
      const report = await run.pipeline.doomsday('enough')
      expect(now()).toBe((deafness.graceFrom ?? STRIKE) + GRACE_MS)
      expect(report).toMatchObject({ outcome: 'doomed', reason: 'enough' })
      expect(warned).toEqual(['x'])
      await expectGivenUp(report, run)
    }))

  test('is given up graceMs after the deadline of the run', () =>
    inVirtualTime(async () => {
      const run = await struck(deafness, { deadlineMs: 2 * STRIKE })
      const report = await run.pipeline.settled
      expect(report.error?.code).toBe('PLB_RUN_DEADLINE')
      expect(now()).toBe((deafness.graceFrom ?? 2 * STRIKE) + GRACE_MS)
      await expectGivenUp(report, run)
    }))

  test('is given up by the end of the deadline of a drain', () =>
    inVirtualTime(async () => {
      const run = await struck(deafness)
      const report = await run.pipeline.drain({ deadlineMs: 100 })
      expect(now()).toBeLessThanOrEqual(STRIKE + 100)
      await expectGivenUp(report, run)
    }))

  test('is given up no later because doomsday comes twice', () =>
    inVirtualTime(async () => {
      const run = await struck(deafness)
      void run.pipeline.doomsday('first')
      await sleep(GRACE_MS / 2)
      const report = await run.pipeline.doomsday('second')
      expect(now()).toBe((deafness.graceFrom ?? STRIKE) + GRACE_MS)
      expect(report.reason).toBe('first')
      await expectGivenUp(report, run)
    }))

  test('and returns within graceMs is not given up', () =>
    inVirtualTime(async () => {
      const run = await struck(deafness)
      const doomed = run.pipeline.doomsday('enough')
      await sleep(GRACE_MS / 2)
      run.open.open()
      const report = await doomed
      expectSound(report, run.inlets)
      expect(now()).toBe(STRIKE + GRACE_MS / 2)
      expect(report).toMatchObject({ outcome: 'doomed', abandoned: [] })
      expect(listedValues(report)).toEqual([...deafness.inside, ...(deafness.made ?? [])])
      expect(nodeOf(report, 'x').late).toBe(deafness.late ?? 0)
    }))
})

/*
 * A graph with all policies, told to stop at every moment of its life: its calls go on one by one, in an order drawn from a
 * seed, and so does time; after each of these steps another run of it is doomed, or drained and doomed some steps later.
 * Replay a seed with: SEED=3 npx vitest run --project e2e test/e2e/stops.test.ts -t 'every moment'
 */
const seeds = seedsOf(1, 20)

const PUTS = range(6)
const ASKED = range(6).map((n) => n + 100)
const MADE = range(5).map((n) => n + 200)

/** Everything at once, and what is seen of it. */
class Life {
  readonly scheduler: Scheduler
  readonly pipeline: Pipeline
  readonly delivered: unknown[] = []
  /** What became of puts and requests. */
  readonly answers: Promise<readonly unknown[]>
  /** What teardowns were told, by slot. */
  readonly slots = new Map<string, unknown[]>()
  readonly signals = new Set<AbortSignal>()
  /** Whether it was told to stop: from then on time passes only where nothing else can go on. */
  told = false
  #settled = 0
  readonly #restore: () => void

  constructor(seed: number) {
    const choices = seededChoices(seed)
    const isPatient = (): boolean => this.told && this.scheduler.clock.timers.length > 0
    this.scheduler = new Scheduler({
      ...choices,
      choose: (ways) => choices.choose(ways > 1 && isPatient() ? ways - 1 : ways),
    })
    this.#restore = this.scheduler.install()
    this.pipeline = this.#plumber().createPipeline({
      graceMs: GRACE_MS,
      ledger: true,
      inactivityMs: HOUR,
      onOutput: ({ value }: Output) => {
        this.delivered.push(value)
        return this.scheduler.step('hands over')
      },
    })
    const count = (): void => {
      this.#settled++
    }
    const puts = PUTS.map((n) => this.pipeline.put(n))
    const requests = ASKED.map((n) => this.pipeline.processAll(n))
    for (const promise of [...puts, ...requests]) promise.then(count, count)
    this.answers = Promise.allSettled([...puts, ...requests])
    void this.answers.then(() => this.pipeline.end())
  }

  /** Whether every put and request has come to its end. */
  get answered(): boolean {
    return this.#settled === PUTS.length + ASKED.length
  }

  /** A call that takes as long as the scheduler says, unless it is told to stop. */
  #call(work: (value: never, context: Context) => unknown) {
    return (value: unknown, context: Context): unknown => {
      const { node, signal, attempt } = context
      this.signals.add(signal)
      return this.scheduler.after(
        `${node} ${JSON.stringify(value)} ${attempt}`,
        () => work(value as never, context),
        signal,
      )
    }
  }

  /** A coroutine with hooks that take as long as the scheduler says. */
  #hooked(run: (value: never, context: Context) => unknown, more: object = {}) {
    return defineCoro({
      setup: async ({ node, worker, signal }: Context) => {
        await this.scheduler.step(`${node} setup ${worker.index}`, signal)
        const reasons: unknown[] = []
        this.slots.set(`${node} ${worker.index}`, reasons)
        return reasons
      },
      run: this.#call(run),
      teardown: ({ state }: Context, reason: unknown) => void (state as unknown[]).push(reason),
      ...more,
    })
  }

  #plumber(): Plumber {
    const { scheduler } = this
    const fails = (value: number, { attempt }: Context): number => {
      if (value % 3 === 0 && attempt < 3) throw new Error(`${value} fails`)
      if (value % 5 === 0) throw new Error(`${value} always fails`)
      return value
    }
    const stages: Record<string, object> = {
      src: this.#source(),
      a: this.#call(fails),
      letters: this.#call(({ input }: { input: number }) => input),
      batch: this.#call((values: readonly number[]) => [...values]),
      fork: this.#hooked(same),
      part: this.#call(same),
      rate: this.#call((value: number) => (value % 7 === 0 ? boom() : value)),
      join: this.#call(([one, other]: readonly number[]) => one ?? other),
      held: async function* (value: number, { node, signal, attempt }: Context) {
        yield value
        await scheduler.step(`${node} ${value} ${attempt}`, signal)
        if (value % 4 === 0 && attempt === 1) throw new Error('half way')
        yield -value
      },
      stream: defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<number>, { node, signal }: Context) {
          for await (const value of inputs) {
            await scheduler.step(`${node} ${value}`, signal)
            yield value
          }
        },
      }),
      window: this.#call((values: readonly number[]) => values.join(' ')),
      last: this.#hooked(same, {
        flush: ({ node, signal }: Context) => scheduler.step(`${node} flush`, signal),
      }),
      parity: (value: number) => value % 2,
    }
    const node = (name: string, properties: object = {}) =>
      [name, { coro: stages[name], properties: { fuse: false, queueSize: 2, ...properties } }] as const
    const retry = { minDelayMs: 20, jitter: 'none' }
    const nodes = Object.fromEntries([
      ['in', { coro: 'std.inlet' }],
      ['src', { coro: stages['src'], properties: { packetsInFlight: 2 } }],
      node('a', { workers: 2, timeoutMs: 40, retry: { attempts: 3, ...retry }, onError: 'route' }),
      node('letters'),
      node('batch', { batch: { size: 3, maxWaitMs: 30 }, workers: 2 }),
      node('fork', { packetsInFlight: 3 }),
      node('part', { partitionBy: 'parity', workers: 2, ordered: false }),
      node('rate', { rateLimit: { count: 2, perMs: 10 }, onError: 'skip', maxErrors: { count: 50, perMs: 1_000 } }),
      node('join', { missing: 'partial' }),
      node('held', { emit: 'atomic', retry: { attempts: 2, ...retry }, workers: 2, timeoutMs: 60, onError: 'skip' }),
      node('stream'),
      node('window', { window: { size: 3, partial: true } }),
      node('last', { stateful: true }),
    ])
    const graph = {
      in: ['a'],
      a: ['batch', { to: 'letters', port: 'error' }],
      batch: ['fork'],
      fork: ['part', 'rate'],
      part: ['join'],
      rate: ['join'],
      join: ['held'],
      held: ['stream'],
      src: ['window'],
      window: ['last'],
    }
    return plumberOf(nodes as never, graph as never, { coroMap: { ...stages } } as never)
  }

  #source() {
    const { scheduler } = this
    return async function* (_: SourceOutput, { signal }: Context) {
      for (const n of MADE) {
        await scheduler.step(`src ${n}`, signal)
        yield n
      }
    }
  }

  /** Lets so many things happen; tells whether the run is over. */
  go(releases?: number): Promise<boolean> {
    return this.scheduler.drive(this.pipeline.settled, releases === undefined ? {} : { releases })
  }

  /** Puts the clock back, whatever has happened. */
  async end(): Promise<void> {
    void this.pipeline.doomsday('the test is over')
    await this.scheduler.releaseAll()
    this.#restore()
  }

  /** Asserts what must hold of its end, whenever and however that came. */
  async expectOver(report: Report, reason: unknown): Promise<void> {
    expectSound(report, ['in'])
    expect(report.abandoned).toEqual([])
    expect(this.scheduler.clock.timers.map(({ label }) => label)).toEqual([])
    for (const signal of this.signals) expect(getEventListeners(signal, 'abort')).toEqual([])
    for (const [slot, reasons] of this.slots) {
      expect(reasons, `teardowns of ${slot}`).toHaveLength(1)
      expect([undefined, reason], `what teardown of ${slot} is told`).toContain(reasons[0])
    }
    expect(this.answered, 'every put and every request has come to its end').toBe(true)
    await this.#expectFound(report)
    const delivered = this.delivered.length
    await this.scheduler.releaseAll()
    expect(this.delivered).toHaveLength(delivered)
  }

  /** Asserts that everything that was accepted came out, is listed, or failed. */
  async #expectFound({ unprocessed, errors, nodes }: Report): Promise<void> {
    const given = [...this.delivered, ...unprocessed.map(({ value }) => value)]
    const told = errors.map(({ message }) => message)
    const text = `${JSON.stringify(given)} ${told.join(' ')}`
    const isFound = (n: number): boolean => new RegExp(`\\b${n}\\b`).test(text)
    const puts = (await this.answers).slice(0, PUTS.length) as PromiseSettledResult<void>[]
    const accepted = PUTS.filter((n) => puts[n]?.status === 'fulfilled')
    expect(
      accepted.filter((n) => !isFound(n)),
      'put, and nowhere',
    ).toEqual([])
    const made = MADE.slice(0, nodes['src']?.emitted ?? 0)
    expect(
      made.filter((n) => !isFound(n)),
      'made, and nowhere',
    ).toEqual([])
  }
}

/** One life from its begin to its end; `stop` comes after so many steps. */
async function live(seed: number, steps: number, stop: (life: Life) => Promise<unknown>): Promise<boolean> {
  const life = new Life(seed)
  try {
    const over = await life.go(steps)
    life.told = true
    await stop(life)
    return over
  } finally {
    await life.end()
  }
}

/** Does so after every number of steps, until the life was over before. */
async function atEveryMoment(seed: number, stop: (life: Life, steps: number) => Promise<unknown>): Promise<void> {
  for (let steps = 0; ; steps++)
    try {
      if (await live(seed, steps, (life) => stop(life, steps))) return
    } catch (error) {
      if (error instanceof Error) error.message = `After ${steps} steps: ${error.message}`
      throw error
    }
}

describe('at every moment of a life with all policies,', manySeeds, () => {
  test('it may be left alone: it comes to its end', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const over = live(seed, Number.POSITIVE_INFINITY, async (life) => {
          const report = await life.pipeline.settled
          expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
          await life.expectOver(report, undefined)
        })
        expect(await over).toBe(true)
      })
  })

  test('doomsday settles at once', async () => {
    for (const seed of seeds)
      await withSeed(seed, () =>
        atEveryMoment(seed, async (life) => {
          const [{ state }, struckAt] = [life.pipeline.snapshot(), now()]
          const doomed = life.pipeline.doomsday('enough')
          await life.go()
          const report = await doomed
          expect(report.outcome).toBe(state === 'settled' ? 'completed' : 'doomed')
          expect(now()).toBe(struckAt)
          await life.expectOver(report, 'enough')
        }),
      )
  })

  test('a drain lets everything flow out', async () => {
    for (const seed of seeds)
      await withSeed(seed, () =>
        atEveryMoment(seed, async (life) => {
          const drained = life.pipeline.drain()
          await life.go()
          const report = await drained
          expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
          expect(report.roots?.aborted).toBe(0)
          await life.expectOver(report, undefined)
        }),
      )
  })

  test('doomsday overtakes a drain, some steps later', async () => {
    for (const seed of seeds)
      await withSeed(seed, () =>
        atEveryMoment(seed, async (life, steps) => {
          const drained = life.pipeline.drain()
          await life.go((steps * 7) % 30)
          const [{ state }, struckAt] = [life.pipeline.snapshot(), now()]
          void life.pipeline.doomsday('now')
          await life.go()
          const report = await drained
          expect(report.outcome).toBe(state === 'settled' ? 'completed' : 'doomed')
          expect(now()).toBe(struckAt)
          await life.expectOver(report, 'now')
        }),
      )
  })
})

describe('a second stop', () => {
  /** A node whose flush takes a second, unless it is told to stop; and what is seen of it. */
  function flushing() {
    const life: unknown[] = []
    const x = defineCoro({
      setup: () => ({}),
      run: same,
      flush: async ({ signal }: Context) => {
        life.push('flush')
        await sleep(1_000, undefined, { signal }).finally(() => life.push(signal.reason ?? 'flushed'))
      },
      teardown: (_, reason) => void life.push(['teardown', reason]),
    })
    return { life, make: () => chain({ in: 'std.inlet', x: unfused(x), out: same }) }
  }

  test('reaches the flush of a drain', () =>
    inVirtualTime(async () => {
      const { life, make } = flushing()
      const { pipeline, values } = begin(make)
      await pipeline.put(0)
      const drained = pipeline.drain()
      await sleep(STRIKE)
      const report = await pipeline.doomsday('now')
      expect(now()).toBe(STRIKE)
      expect(await drained).toBe(report)
      expect(life).toEqual(['flush', 'now', ['teardown', 'now']])
      expect(values).toEqual([0])
      expect(report).toMatchObject({ outcome: 'doomed', abandoned: [], unprocessed: [], errors: [] })
      expectSound(report, ['in'])
    }))

  test('by the signal or the deadline of the run ends a drain as well; what comes first counts', () =>
    inVirtualTime(async () => {
      const { make } = flushing()
      for (const [options, abortsAt, code, ms] of [
        [{ deadlineMs: 100 }, HOUR, 'PLB_RUN_DEADLINE', 100],
        [{ deadlineMs: 100 }, 50, 'PLB_RUN_DOOMED', 50],
        [{ deadlineMs: HOUR }, HOUR, 'PLB_RUN_DEADLINE', 160],
      ] as const) {
        const began = now()
        const { pipeline, controller } = begin(make, options)
        const timer = setTimeout(() => controller.abort('gone'), abortsAt)
        await pipeline.put(0)
        const report = await pipeline.drain({ deadlineMs: 200 })
        clearTimeout(timer)
        expect([report.error?.code, now() - began]).toEqual([code, ms])
      }
    }))

  test('does not tear down twice what is being torn down', () =>
    inVirtualTime(async () => {
      const reasons: unknown[] = []
      const x = defineCoro({
        setup: () => ({}),
        run: same,
        teardown: (_, reason) => {
          reasons.push(reason)
          return sleep(20)
        },
      })
      const { pipeline } = begin(() => chain({ in: 'std.inlet', x: unfused(x) }), { graceMs: GRACE_MS })
      await pipeline.put(0)
      void pipeline.drain()
      await sleep(STRIKE)
      void pipeline.doomsday('first')
      const report = await pipeline.doomsday('second')
      expect(now()).toBe(20)
      expect(reasons).toEqual([undefined])
      expect(report).toMatchObject({ abandoned: [], unprocessed: [] })
    }))

  test('is told to calls that have been told before that nobody wants their outputs', () =>
    inVirtualTime(async () => {
      const told: unknown[] = []
      const first = defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          for await (const value of inputs) {
            yield value
            return
          }
        },
      })
      const x = async (n: number, { signal }: Context) => {
        if (n === 0) return n
        await sleep(1_000)
        told.push(signal.reason)
        return n
      }
      const nodes = { in: 'std.inlet', x: unfused(x, { workers: 2 }), first }
      const { pipeline, values } = begin(() => chain(nodes), { graceMs: HOUR })
      for (const n of [0, 1]) await pipeline.put(n)
      await sleep(STRIKE)
      expect(nodeOf(pipeline.snapshot(), 'x').state).toBe('stopping')
      const report = await pipeline.doomsday('now')
      expect([values, report.outcome, now()]).toEqual([[0], 'doomed', 1_000])
      expect(told).toMatchObject([{ code: 'PLB_RUN_CANCELLED' }])
      expect(nodeOf(report, 'x')).toMatchObject({ received: 2, completed: 1, unprocessed: 1, late: 1 })
      expectSound(report, ['in'])
    }))
})

test('no onOutput holds up an end, whenever it returns', () =>
  inVirtualTime(async () => {
    const open = gate()
    const pipeline = chain({ in: 'std.inlet', out: unfused(same) }).createPipeline({ onOutput: () => open.opened })
    for (const n of range(3)) await pipeline.put(n)
    await sleep(STRIKE)
    const report = await pipeline.doomsday('enough')
    expect(now()).toBe(STRIKE)
    expect(report).toMatchObject({ outcome: 'doomed', abandoned: [] })
    expect(listed(report)).toEqual(at('out', 0, 1, 2))
    open.open()
    await sleep(HOUR)
    expect(nodeOf(report, 'out')).toMatchObject({ received: 1, unprocessed: 1, emitted: 0 })
    expectSound(report, ['in'])
  }))

test.each<[string, Stage, number]>([
  ['a call', unfused(obedient(HOUR)), 0],
  ['an incomplete batch', batched({ size: 9, maxWaitMs: HOUR }, same), 3],
  ['the call of a batch', batched(3, obedient(HOUR)), 0],
  ['a delay', unfused(boom, { retry: { attempts: 2, minDelayMs: HOUR, maxDelayMs: HOUR, jitter: 'none' } }), 0],
  ['a generator whose outputs are held', unfused(given(new Promise(() => {})), { emit: 'atomic' }), 0],
])('doomsday lists what requests had inside, in %s as in queues', (_where, x) =>
  inVirtualTime(async () => {
    const { pipeline } = begin(() => chain({ in: 'std.inlet', x, out: same }), { graceMs: GRACE_MS })
    const answers = answersOf(range(5).map((n) => pipeline.process(n)))
    await sleep(STRIKE)
    const report = await pipeline.doomsday('enough')
    for (const answer of await answers) expect(answer).toMatchObject({ error: { code: 'PLB_RUN_DOOMED' } })
    expectSound(report, ['in'])
    expect(listed(report)).toEqual(at('x', ...range(5)))
  }),
)

test('a run that is told to stop by its own coroutine, in the middle of its call, settles', () =>
  inVirtualTime(async () => {
    for (const how of ['doomsday', 'drain'] as const)
      for (const kind of ['call', 'generator', 'batch'] as const) {
        const ended: { report?: Promise<Report> } = {}
        const stop = <T>(value: T): T => {
          ended.report = pipeline[how](how === 'drain' ? undefined : ('mine' as never)) as Promise<Report>
          return value
        }
        const coros = {
          call: unfused(stop),
          batch: batched(2, stop),
          generator: unfused(function* (value: unknown) {
            yield stop(value)
            yield stop(value)
          }),
        }
        const { pipeline } = begin(() => chain({ in: 'std.inlet', x: coros[kind], out: same }))
        await Promise.allSettled(range(4).map((n) => pipeline.put(n)))
        const report = await pipeline.settled
        expect(await ended.report).toBe(report)
        expect(report.outcome).toBe(how === 'drain' ? 'completed' : 'doomed')
        expectSound(report, ['in'])
      }
  }))

test('what is asked of a run that is over is refused, and not left waiting', () =>
  inVirtualTime(async () => {
    const { pipeline } = begin(() => chain({ in: 'std.inlet', out: same }), { overload: 'wait', maxInFlight: 1 })
    await pipeline.drain()
    expect((await failureOf(() => pipeline.put(1))).code).toBe('PLB_STATE_NOT_RUNNING')
    expect((await failureOf(() => pipeline.process(1))).code).toBe('PLB_STATE_NOT_RUNNING')
    expect((await failureOf(() => pipeline.processAll(1))).code).toBe('PLB_STATE_NOT_RUNNING')
    expect(await pipeline.doomsday('late')).toBe(await pipeline.settled)
  }))

test.each<[string, Stage]>([
  ['calls', unfused(same)],
  ['calls that have a time limit', unfused(same, { timeoutMs: HOUR })],
  ['batches', batched(4, same)],
  ['windows', unfused(same, { window: { size: 4 } })],
  ['keys', unfused(same, { partitionBy: 'key' })],
  ['generators whose outputs are held', unfused((n: unknown) => [n].values(), { emit: 'atomic' })],
])('a source that never waits hears at once that nobody wants what it makes, behind %s', (_what, x) =>
  inVirtualTime(async () => {
    let made = 0
    const src = unfused(function* () {
      // An end, so that a source that does not hear of it makes the test fail, and not hang.
      while (made < 100_000) yield made++
    })
    const one = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        for await (const value of inputs) {
          yield value
          return
        }
      },
    })
    const coroMap = { src: coroOf(src), x: coroOf(x), one, key }
    expect(await chain({ src, x, one }, { coroMap }).collect()).toHaveLength(1)
    expect(made).toBeLessThan(1_000)
  }),
)
