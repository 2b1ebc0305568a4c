import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate, randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { batched } from '../support/batches.js'
import {
  aborted,
  chain,
  detailOf,
  edgeOf,
  failureOf,
  from,
  having,
  nodeOf,
  outputs,
  type Pipeline,
  type Problem,
  plumberOf,
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
import { answersOf } from '../support/requests.js'
import { inVirtualTime, obedient, played, watched } from '../support/virtual-time.js'

/*
 * What people who use other engines complain of, again and again: one sentence, and what happens
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

/*
 * What they complain of where runs are stopped, fail or share something.
 */

describe('"I cancel, and the function goes on: nobody has told it."', () => {
  /** Waits until it is told to stop, and notes with what. */
  const waiting = (told: unknown[]) => async (value: unknown, ctx: Context) => {
    try {
      return await aborted(ctx.signal)
    } catch (reason) {
      told.push(reason)
      throw reason
    } finally {
      void value
    }
  }
  type Wait = ReturnType<typeof waiting>

  const KINDS: Readonly<Record<string, (wait: Wait) => Readonly<Record<string, Stage>>>> = {
    'a call': (wait) => ({ in: 'std.inlet', x: unfused(wait), out: same }),
    'a call in a chain that shares its turns': (wait) => ({ in: 'std.inlet', a: same, x: wait, out: same }),
    'a second attempt': (wait) => ({
      in: 'std.inlet',
      x: unfused(
        (value: unknown, ctx: Context) => (ctx.attempt === 1 ? Promise.reject(new Error('once')) : wait(value, ctx)),
        { retry: { attempts: 2, minDelayMs: 1 } },
      ),
      out: same,
    }),
    'a call that has a time limit': (wait) => ({ in: 'std.inlet', x: unfused(wait, { timeoutMs: 60_000 }), out: same }),
    'the call of a batch': (wait) => ({ in: 'std.inlet', x: batched(1, wait), out: same }),
    'the call of a window': (wait) => ({ in: 'std.inlet', x: unfused(wait, { window: { size: 1 } }), out: same }),
    'one of many calls': (wait) => ({ in: 'std.inlet', x: unfused(wait, { workers: 0 }), out: same }),
    'a generator': (wait) => ({
      in: 'std.inlet',
      x: unfused(async function* (value: unknown, ctx: Context) {
        yield value
        yield await wait(value, ctx)
      }),
      out: same,
    }),
    'a generator whose outputs are held': (wait) => ({
      in: 'std.inlet',
      x: unfused(
        async function* (value: unknown, ctx: Context) {
          yield value
          yield await wait(value, ctx)
        },
        { emit: 'atomic' },
      ),
      out: same,
    }),
    'a stream coroutine': (wait) => ({
      in: 'std.inlet',
      x: defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>, ctx: Context) {
          for await (const value of inputs) yield await wait(value, ctx)
        },
      }),
      out: same,
    }),
    'a source that yields': (wait) => ({
      x: unfused(async function* (_: unknown, ctx: Context) {
        yield await wait(0, ctx)
      }),
      out: same,
    }),
    'a source that puts': (wait) => ({ x: unfused((_: unknown, ctx: Context) => wait(0, ctx)), out: same }),
    setup: (wait) => ({
      in: 'std.inlet',
      x: unfused(defineCoro({ setup: (ctx: Context) => wait(0, ctx), run: same })),
      out: same,
    }),
  }

  const WAYS: Readonly<Record<string, (pipeline: Pipeline, controller: AbortController) => unknown>> = {
    doomsday: (pipeline) => void pipeline.doomsday('enough'),
    'a drain that has lasted long enough': (pipeline) => void pipeline.drain({ deadlineMs: 1 }),
    "the caller's signal": (_, controller) => controller.abort('enough'),
    'the deadline of the run': () => {},
    'the end of the scope of the pipeline, when its time is up': (pipeline) => void pipeline[Symbol.asyncDispose](),
  }

  for (const [what, make] of Object.entries(KINDS))
    test.each(Object.entries(WAYS))(`${what} hears of %s`, (way, end) =>
      inVirtualTime(async () => {
        const [told, controller]: [unknown[], AbortController] = [[], new AbortController()]
        const deadline = way === 'the deadline of the run' ? { deadlineMs: 20 } : {}
        const nodes = make(waiting(told))
        const pipeline = chain(nodes).createPipeline({ signal: controller.signal, ...deadline })
        if ('in' in nodes) await pipeline.put(1)
        await sleep(10)
        expect(told).toEqual([])
        end(pipeline, controller)
        const { outcome, abandoned } = await pipeline.settled
        expect(told).toHaveLength(1)
        // Sources are told as soon as a drain begins, and then it has nothing to wait for.
        const isGentle = way.includes('drain') || way.includes('scope')
        expect(outcome).toBe(isGentle && !('in' in nodes) ? 'completed' : 'doomed')
        expect(abandoned).toEqual([])
      }),
    )

  test.each(Object.entries(KINDS).filter(([what]) => what !== 'setup'))(
    '%s hears of the failure of another',
    (_what, make) =>
      inVirtualTime(async () => {
        const told: unknown[] = []
        const nodes = { ...make(waiting(told)), bad: () => sleep(10).then(() => Promise.reject(new Error('boom'))) }
        const names = Object.keys(nodes).filter((name) => name !== 'bad')
        const graph = Object.fromEntries(names.map((name, place) => [name, names.slice(place + 1, place + 2)]))
        const first = plumberOf({ ...nodes, other: from(1) }, { ...graph, other: ['bad'] })
        const pipeline = first.createPipeline()
        if ('in' in nodes) await pipeline.put(1)
        const report = await pipeline.settled
        expect(report.error).toMatchObject({ details: { node: 'bad' } })
        expect(told).toEqual([report.error])
      }),
  )

  test('a call, a generator and a source hear that nobody wants what they make', () =>
    inVirtualTime(async () => {
      for (const make of [KINDS['a call'], KINDS['a generator'], KINDS['a source that yields']]) {
        const told: unknown[] = []
        const nodes = make?.(waiting(told)) ?? {}
        const outputs = chain(nodes).stream('in' in nodes ? [1] : undefined)
        const next = outputs.next()
        await sleep(10)
        await outputs.return()
        await next
        expect(told).toMatchObject([{ code: 'PLB_RUN_CANCELLED' }])
      }
    }))
})

describe('"A timeout frees the place while the work goes on, and more runs at once than I allowed."', () => {
  const WORKERS = 3

  test.each<[string, Properties]>([
    ['time limits', { timeoutMs: 20, onError: 'skip' }],
    ['time limits and retries', { timeoutMs: 20, onError: 'skip', retry: { attempts: 3, minDelayMs: 5 } }],
    ['a rate', { timeoutMs: 30, onError: 'skip', rateLimit: { count: 5, perMs: 20 } }],
    ['batches', { timeoutMs: 30, onError: 'skip', batch: { size: 2, returns: 'one' } }],
    ['any order', { timeoutMs: 20, onError: 'skip', ordered: false }],
    ['keys', { timeoutMs: 20, onError: 'skip', partitionBy: 'key' }],
  ])('with %s there are never more calls than workers', async (_what, properties) => {
    for (const seed of range(5))
      await inVirtualTime(async () => {
        const random = randomOf(seed + 1)
        const { coro, most, starts } = watched(() => sleep(random.integer(1, 90)))
        const x = having({ workers: WORKERS, fuse: false, ...properties }, coro)
        const coroMap = { src: from(...range(30)), x: coro, key: (n: number) => n % 7 }
        const { report } = await played(chain({ src: coroMap.src, x }, { coroMap }))
        expect(most()).toBeLessThanOrEqual(WORKERS)
        expect(starts.length, report.error?.message).toBeGreaterThanOrEqual(15)
        await sleep(1_000)
      }, seed)
  })

  test('nor when requests go, when the workers change, or when it pauses', async () => {
    for (const seed of range(5))
      await inVirtualTime(async () => {
        const random = randomOf(seed + 1)
        const { coro, most } = watched((n: number) => sleep(random.integer(1, 90), n))
        const pipeline = chain({ in: 'std.inlet', x: having({ workers: WORKERS, fuse: false }, coro) }).createPipeline()
        const answers = range(60).map(async (n) => {
          await sleep(random.integer(0, 200))
          return pipeline.process(n, { timeoutMs: random.integer(1, 60) }).catch(() => {})
        })
        for (const _ of range(20)) {
          await sleep(10)
          pipeline.setWorkers('x', random.integer(1, WORKERS))
          if (random.chance(0.2)) pipeline.pause()
          else pipeline.resume()
        }
        pipeline.resume()
        await Promise.all(answers)
        expect(most()).toBeLessThanOrEqual(WORKERS)
        expect((await pipeline.drain()).outcome).toBe('completed')
      }, seed)
  })
})

describe('"After clear() my promises never settle."', () => {
  const boom = (): never => {
    throw new Error('boom')
  }

  test.each<[string, (all: { pipeline: Pipeline; open: () => void; abort: () => void }) => unknown, object]>([
    ['doomsday', ({ pipeline }) => void pipeline.doomsday('enough'), {}],
    ['a drain', ({ pipeline }) => void pipeline.drain({ deadlineMs: 100 }), {}],
    [
      'the end of the input',
      ({ pipeline, open }) => {
        pipeline.end()
        open()
      },
      {},
    ],
    ['its signal', ({ abort }) => abort(), {}],
    ['its deadline', () => {}, { deadlineMs: 50 }],
    ['inactivity', () => {}, { inactivityMs: 40 }],
    ['an error', ({ pipeline }) => void pipeline.put('bad', { node: 'other' }), {}],
    [
      'a pause, and doomsday',
      ({ pipeline }) => {
        pipeline.pause()
        void pipeline.doomsday('enough')
      },
      {},
    ],
  ])('here every promise that was given settles, after %s', async (_how, end, options) => {
    const [open, controller] = [gate(), new AbortController()]
    const pipeline = plumberOf(
      {
        in: 'std.inlet',
        x: unfused(() => open.opened, { queueSize: 1 }),
        other: 'std.inlet',
        bad: (value: unknown) => (value === 'bad' ? boom() : value),
      },
      { in: ['x'], other: ['bad'] },
    ).createPipeline({ signal: controller.signal, graceMs: 20, maxInFlight: 3, overload: 'wait', ...options })
    const node = 'in'
    const given: Promise<unknown>[] = [
      ...range(5).map((n) => pipeline.put(n, { node })),
      ...range(5).map((n) => pipeline.process(n, { node })),
      ...range(5).map((n) => pipeline.processAll(n, { node })),
      pipeline.settled,
    ]
    const all = Promise.allSettled(given)
    await turns()
    end({ pipeline, open: open.open, abort: () => controller.abort('enough') })
    given.push(pipeline.drain({ deadlineMs: 100 }), pipeline.settled)
    await pipeline.settled
    expect(await settlesSoon(all)).toBe(true)
    expect(await settlesSoon(Promise.allSettled(given))).toBe(true)
    open.open()
  })

  test('and every put of a source, also of one that has not waited for them', async () => {
    const puts: Promise<unknown>[] = []
    const src = (output: { put(value: unknown): Promise<void> }) => {
      for (const n of range(9)) puts.push(output.put(n))
    }
    const open = gate()
    const pipeline = chain({ src, x: unfused(() => open.opened, { queueSize: 1 }) }).createPipeline({ graceMs: 20 })
    await turns()
    expect(await settlesSoon(Promise.allSettled(puts))).toBe(false)
    await pipeline.doomsday('enough')
    const settled = await Promise.allSettled(puts)
    expect(settled.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0)
    open.open()
  })

  test('and the next output that a reader waits for', async () => {
    const controller = new AbortController()
    const outputs = chain({ in: 'std.inlet', x: (_: unknown, ctx: Context) => aborted(ctx.signal) }).stream([1], {
      signal: controller.signal,
    })
    const next = failureOf(() => outputs.next())
    await turns()
    controller.abort('enough')
    expect(await next).toMatchObject({ code: 'PLB_RUN_DOOMED' })
  })
})

describe('"Since I have an error output, nothing is tried again."', () => {
  interface Letter {
    readonly error: { readonly code: string; readonly attempts: number }
    readonly input: unknown
  }

  test.each([1, 2, 3, 4])(
    'an item is tried as often as it may, and goes by port "error" after that: of 3, good in call %i',
    (good) =>
      inVirtualTime(async () => {
        let calls = 0
        const x = (value: unknown): unknown => {
          if (++calls < good) throw new Error(`call ${calls}`)
          return value
        }
        const properties = { onError: 'route', retry: { attempts: 3, minDelayMs: 10 } }
        const { report, valuesOf } = await played(
          plumberOf(
            { src: from('a'), x: having(properties, x), out: same, dead: same },
            { src: ['x'], x: ['out', { to: 'dead', port: 'error' }] },
          ),
          { ledger: true },
        )
        expect(calls).toBe(Math.min(3, good))
        const letters = valuesOf('dead') as readonly Letter[]
        expect(valuesOf('out')).toEqual(good > 3 ? [] : ['a'])
        expect(letters.map(({ error, input }) => [error.attempts, input])).toEqual(good > 3 ? [[3, 'a']] : [])
        expect(nodeOf(report, 'x')).toMatchObject({ retried: Math.min(3, good) - 1, failed: good > 3 ? 1 : 0 })
      }),
  )

  test('and so is one that takes too long', () =>
    inVirtualTime(async () => {
      const { coro, starts } = watched(obedient(1_000))
      const properties = { onError: 'route', timeoutMs: 50, retry: { attempts: 3, minDelayMs: 10 } }
      const { valuesOf } = await played(
        plumberOf(
          { src: from('a'), x: having(properties, coro), out: same, dead: same },
          { src: ['x'], x: ['out', { to: 'dead', port: 'error' }] },
        ),
      )
      expect(starts).toHaveLength(3)
      expect(valuesOf('dead')).toMatchObject([{ error: { code: 'PLB_NODE_TIMEOUT', attempts: 3 }, input: 'a' }])
    }))
})

describe('"The parent waits for ever for a child that has failed, was sent away, or never came back."', () => {
  const never = new Promise<never>(() => {})
  const family = (child: Stage, parent: Properties, routed = false) =>
    plumberOf(
      {
        in: 'std.inlet',
        good: same,
        bad: child,
        parent: having(parent, same),
        ...(routed && { dead: () => undefined }),
      },
      {
        in: ['good', 'bad'],
        good: ['parent'],
        bad: ['parent', ...(routed ? [{ to: 'dead', port: 'error' }] : [])],
      },
    )
  const fails = (n: number) => (n === 2 ? Promise.reject(new Error('child 2')) : -n)
  const tuples = (two: readonly unknown[][]) => [[1, -1], ...two, [3, -3]]
  const skip = { timeoutMs: 20, onError: 'skip' }

  test.each<[string, Stage, boolean]>([
    ['skipped', having({ onError: 'skip' }, fails), false],
    ['routed', having({ onError: 'route' }, fails), true],
    ['retried and skipped', having({ onError: 'skip', retry: { attempts: 2, minDelayMs: 1 } }, fails), false],
    ['too slow', having(skip, (n: number, ctx: Context) => (n === 2 ? aborted(ctx.signal) : -n)), false],
    ['lost', having({ ...skip, workers: 2, fuse: false }, (n: number) => (n === 2 ? never : -n)), false],
    ['dropped', (n: number) => (n === 2 ? DROP : -n), false],
    ['of a batch that failed', batched(1, ([n]: number[]) => Promise.all([fails(n ?? 0)]), { onError: 'skip' }), false],
  ])('a child that is %s: the parent goes on, with or without it, and so do the others', (_what, child, routed) =>
    inVirtualTime(async () => {
      for (const [parent, expected] of [
        [{}, tuples([])],
        [{ missing: 'partial' }, tuples([[2, undefined]])],
        [
          { missing: 'partial', collect: 'all' },
          [
            [[1], [-1]],
            [[2], []],
            [[3], [-3]],
          ],
        ],
        [{ missing: 'fail', onError: 'skip' }, tuples([])],
      ] as const) {
        const seen = outputs()
        const pipeline = family(child, parent, routed).createPipeline({ graceMs: 10, ledger: true, ...seen.options })
        for (const n of [1, 2, 3]) await pipeline.put(n)
        await sleep(1_000)
        expect(seen.values).toEqual(expected)
        await pipeline.doomsday()
      }
    }),
  )

  test.each<[string, Stage, boolean, string]>([
    ['failed', fails, false, 'PLB_NODE_FAILED'],
    ['skipped', having({ onError: 'skip' }, fails), false, 'PLB_RUN_CARDINALITY'],
    ['routed', having({ onError: 'route' }, fails), true, 'PLB_RUN_CARDINALITY'],
    [
      'too slow',
      having({ timeoutMs: 20 }, (n: number, ctx: Context) => (n === 2 ? aborted(ctx.signal) : -n)),
      false,
      'PLB_NODE_TIMEOUT',
    ],
    [
      'lost',
      having({ timeoutMs: 20, workers: 2, fuse: false }, (n: number) => (n === 2 ? never : -n)),
      false,
      'PLB_NODE_TIMEOUT',
    ],
    ['dropped', (n: number) => (n === 2 ? DROP : -n), false, 'PLB_RUN_CARDINALITY'],
  ])('a request whose child is %s is told so, and the others are answered', (_what, child, routed, code) =>
    inVirtualTime(async () => {
      const pipeline = family(child, {}, routed).createPipeline({ graceMs: 10 })
      const answers = answersOf([1, 2, 3].map((n) => pipeline.process(n)))
      await sleep(1_000)
      expect(await answers).toMatchObject([{ value: [1, -1] }, { error: { code } }, { value: [3, -3] }])
      await pipeline.doomsday()
    }),
  )
})

describe('"An error is swallowed: the run just ends, or hangs."', () => {
  const error = new Error('nobody must miss this')
  const fail = (): never => {
    throw error
  }
  const failLate = (): Promise<never> => Promise.reject(error)
  async function* failInTheMiddle() {
    yield 1
    fail()
  }
  const ready = (hooks: object): object => defineCoro({ setup: () => ({}), run: same, ...hooks })

  /** The nodes of a chain behind a source of three items, unless they have a source of their own. */
  const PLACES: Readonly<Record<string, Readonly<Record<string, Stage>>>> = {
    'a source that throws': { src: fail, out: same },
    'a source that rejects': { src: failLate, out: same },
    'a source in the middle of its items': { src: failInTheMiddle, out: same },
    'a source, after it has put without waiting': {
      src: (output: { put(value: unknown): Promise<void> }) => {
        for (const n of range(100)) void output.put(n)
        fail()
      },
      out: same,
    },
    'the list of a source, which is a promise that rejects': { src: () => [failLate()], out: same },
    'the end of a source that nobody wants any more': {
      src: function* () {
        try {
          for (;;) yield 1
        } finally {
          fail()
        }
      },
      one: defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          for await (const value of inputs) return void value
          yield 0
        },
      }),
    },
    'a call': { x: fail },
    'a call in the middle of a chain': { a: same, x: failLate, out: same },
    'one of many calls': { x: having({ workers: 0 }, failLate) },
    'a generator': { x: failInTheMiddle, out: same },
    'a promise that a generator yields': {
      x: function* () {
        yield failLate()
      },
      out: same,
    },
    'a generator at its end': {
      x: function* (n: number) {
        try {
          yield n
        } finally {
          fail()
        }
      },
      out: same,
    },
    'a generator whose outputs are held': { x: having({ emit: 'atomic' }, failInTheMiddle), out: same },
    'a stream coroutine': {
      x: defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          for await (const value of inputs) yield value
          fail()
        },
      }),
      out: same,
    },
    'a stream coroutine that throws at once': { x: defineCoro({ kind: 'stream', run: fail }), out: same },
    'the call of a batch': { x: batched(2, failLate), out: same },
    'the call of a window': { x: having({ window: { size: 2 } }, fail), out: same },
    'the last attempt': { x: having({ retry: { attempts: 2, minDelayMs: 0 } }, fail), out: same },
    setup: { x: defineCoro({ setup: failLate, run: same }), out: same },
    flush: { x: ready({ flush: failLate }), out: same },
    'what flush yields': { x: ready({ flush: failInTheMiddle }), out: same },
    teardown: { x: ready({ teardown: failLate }), out: same },
    'teardown, at once': { x: ready({ teardown: fail }), out: same },
    'the end of a join': { a: same, out: having({ aggregateInputs: true }, fail) },
  }

  test.each(Object.entries(PLACES))('%s: the run fails, and its cause is the error', async (_where, nodes) => {
    const plumber = chain('src' in nodes ? nodes : { src: from(1, 2, 3), ...nodes })
    for (const method of ['run', 'collect'] as const) {
      const failure = await failureOf(() => plumber[method]())
      expect(failure).toMatchObject({ code: 'PLB_NODE_FAILED' })
      expect(failure.cause).toBe(error)
      expect(reportOf(failure)).toMatchObject({ outcome: 'failed', abandoned: [] })
      expect(reportOf(failure).errors).toContain(failure)
      expectBalancedBooks(reportOf(failure), [])
    }
    const failure = await failureOf(async () => {
      for await (const _ of plumber.stream());
    })
    expect(failure.cause).toBe(error)
  })

  test.each(Object.entries(PLACES))(
    '%s: a standing pipeline says so by its event and in its report',
    async (_where, nodes) => {
      const heard: unknown[] = []
      const pipeline = chain('src' in nodes ? nodes : { src: from(1, 2, 3), ...nodes }).createPipeline()
      pipeline.on('error', ({ cause }) => void heard.push(cause))
      const report = await pipeline.settled
      expect(report.error?.cause).toBe(error)
      expect(heard).toContain(error)
    },
  )

  test.each<[string, object, string]>([
    ['onOutput that throws', { onOutput: fail }, 'PLB_RUN_FAILED'],
    ['onOutput that rejects', { onOutput: failLate }, 'PLB_RUN_FAILED'],
  ])('%s: the run fails, and its cause is the error', async (_where, options, code) => {
    const failure = await failureOf(() => chain({ src: from(1, 2), out: same }).run(undefined, options))
    expect(failure).toMatchObject({ code })
    expect(failure.cause).toBe(error)
  })

  test('an input, at its begin, in its middle and in its return', async () => {
    const plumber = chain({ in: 'std.inlet', out: same })
    const broken = { [Symbol.iterator]: fail }
    for (const input of [broken, failInTheMiddle(), { [Symbol.asyncIterator]: () => ({ next: failLate }) }]) {
      const failure = await failureOf(() => plumber.run(input as Iterable<unknown>))
      expect(failure.cause).toBe(error)
    }
  })

  test('the key of a partition, the choice of an executor', async () => {
    const coroMap = { src: from(1), x: same, key: fail }
    const lanes = chain({ src: coroMap.src, x: having({ partitionBy: 'key' }, same) }, { coroMap })
    expect((await failureOf(() => lanes.run())).cause).toBe(error)
    const executors = [{ name: 'far', open: failLate }]
    const far = chain({ src: from(1), x: having({ executor: 'far' }, same) }, { executors })
    expect((await failureOf(() => far.run())).cause).toBe(error)
  })

  test('a failure that nobody listens for, and nobody waits for, is logged', async () => {
    const logged: unknown[] = []
    const none = (): void => {}
    const logger = {
      debug: none,
      info: none,
      warn: none,
      error: (fields: { err?: { cause?: unknown } }) => void logged.push(fields.err?.cause),
    }
    const pipeline = chain({ src: from(1), x: fail }, { logger }).createPipeline()
    await until(() => pipeline.snapshot().state === 'settled')
    await turns()
    expect(logged).toEqual([error])
  })

  test('a listener that throws, or that rejects, is logged, and the run goes on', async () => {
    for (const listener of [fail, failLate]) {
      const logged: unknown[] = []
      const none = (): void => {}
      const logger = {
        debug: none,
        info: none,
        warn: none,
        error: ({ err }: { err?: unknown }) => void logged.push(err),
      }
      const pipeline = chain({ in: 'std.inlet', out: same }, { logger }).createPipeline()
      pipeline.on('state', listener)
      pipeline.tap('in', listener)
      expect(await pipeline.process(1, { trace: listener })).toBe(1)
      expect((await pipeline.drain()).outcome).toBe('completed')
      await turns()
      expect(logged.length).toBeGreaterThanOrEqual(4)
      expect(new Set(logged)).toEqual(new Set([error]))
    }
  })

  test('a promise that a coroutine has forgotten, and that rejects, is as loud as everywhere else in Node', async () => {
    const heard = await unhandledDuring(async () => {
      const forgets = (n: number): number => {
        void Promise.reject(error)
        return n
      }
      expect(await chain({ src: from(1), forgets, out: same }).collect()).toEqual([1])
    })
    expect(heard).toEqual([error])
  })

  test('and the library makes no such noise of its own, however a run ends', async () => {
    const heard = await unhandledDuring(async () => {
      for (const end of ['doomsday', 'drain'] as const) {
        const src = (output: { put(value: unknown): Promise<void> }) => {
          for (const n of range(99)) void output.put(n)
          return new Promise(() => {})
        }
        const pipeline = chain({ src, x: unfused((_: unknown, ctx: Context) => aborted(ctx.signal)) }).createPipeline({
          graceMs: 5,
        })
        await turns()
        await pipeline[end](end === 'drain' ? { deadlineMs: 20 } : (error as never))
      }
    })
    expect(heard).toEqual([])
  })
})

/** Rejections that nobody handles while `work` is done; the test runner does not hear of them. */
async function unhandledDuring(work: () => Promise<unknown>): Promise<unknown[]> {
  const heard: unknown[] = []
  const before = process.listeners('unhandledRejection')
  const note = (reason: unknown): void => void heard.push(reason)
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', note)
  try {
    await work()
    await turns()
  } finally {
    process.off('unhandledRejection', note)
    for (const listener of before) process.on('unhandledRejection', listener)
  }
  return heard
}

test('"Two requests on one warm graph see each other\'s data."', async () => {
  const user = new AsyncLocalStorage<string>()
  const seen: unknown[][] = []
  const notes = async (value: unknown, ctx: Context) => {
    const before = [user.getStore(), ctx.meta['user'], ctx.env['user']]
    // Long enough for all the others to come by.
    await turns(3)
    seen.push([value, ...before, user.getStore(), ctx.meta['user'], ctx.env['user']])
    return value
  }
  const batch = (values: readonly unknown[]): readonly unknown[] => values
  const pipeline = plumberOf(
    {
      in: 'std.inlet',
      a: unfused(notes, { workers: 3 }),
      b: unfused(notes),
      batch: batched(4, batch),
      join: (tuple: readonly unknown[], ctx: Context) => [...tuple, user.getStore(), ctx.meta['user'], ctx.env['user']],
    },
    { in: ['a', 'b', 'batch'], a: ['join'], b: ['join'], batch: ['join'] },
  ).createPipeline()
  const ask = (name: string, n: number): Promise<unknown> =>
    user.run(name, () => pipeline.process(`${name} ${n}`, { meta: { user: name }, env: { user: name } }))
  const names = range(12).map((n) => ['ann', 'bob', 'eve'][n % 3] ?? '')
  const answers = await Promise.all(names.map((name, n) => ask(name, n)))
  for (const [n, name] of names.entries()) {
    const value = `${name} ${n}`
    expect(answers[n]).toEqual([value, value, value, name, name, name])
    for (const one of seen.filter(([what]) => what === value)) expect(one).toEqual([value, ...Array(6).fill(name)])
  }
  expect(seen).toHaveLength(24)
  await pipeline.drain()
})
