import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, defineCoro, inline, type Output, type PipelineError, type StalledNode } from '@pipelines/core'
import { type CoroMap, Plumber } from '@pipelines/plumber'
import { gate, type Random, randomOf, Scheduler, seededChoices } from '@pipelines/testkit'
import { fedBy, feed, playable, randomGraph, type Shape } from '@pipelines/testkit/random-graphs'
import { describe, expect, test } from 'vitest'
import { build } from '../../packages/plumber/src/build.js'
import { batched, windowed } from '../support/batches.js'
import {
  chain,
  detailOf,
  failureOf,
  from,
  having,
  nodeOf,
  outputs,
  type Pipeline,
  plumberOf,
  type Report,
  range,
  reportOf,
  type SourceOutput,
  type Stage,
  same,
  turns,
  unfused,
} from '../support/blackbox.js'
import { answersOf } from '../support/requests.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { expectSound, inVirtualTime, now, obedient, played, timed } from '../support/virtual-time.js'

/*
 * A run never stands still in silence: where nothing can move it fails at once, and where nothing has moved for
 * `inactivityMs`, then. And it never says so of a run that could have gone on.
 */

const HOUR = 3_600_000
const TIMEOUT_MS = 50
const GRACE_MS = 100
/** When it is known that a call which began at 0 will not return. */
const HUNG = TIMEOUT_MS + GRACE_MS

/** A node whose calls outlive their time until the gate opens: those for which `hangs`. */
const hanging = (until: Promise<void>, more: object = {}, hangs: (value: never) => boolean = () => true): Stage =>
  having({ timeoutMs: TIMEOUT_MS, onError: 'skip', fuse: false, ...more }, (value: unknown) =>
    hangs(value as never) ? until.then(() => value) : value,
  )

/** Hands on what it gets. */
const passing = defineCoro({
  kind: 'stream',
  run: async function* (inputs: AsyncIterable<unknown>) {
    for await (const value of inputs) yield value
  },
})
/** Hands on so many, and wants no more. */
const first = (count: number) =>
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

const waitsOf = (error: PipelineError | undefined): readonly StalledNode[] =>
  error === undefined ? [] : (detailOf(error, 'waits') as readonly StalledNode[])

/** Asserts that a run has failed because it stood still, and that the message names these nodes, in this order. */
function expectStalled(report: Report, nodes: readonly string[]): void {
  const { error } = report
  expect([report.outcome, error?.code], error?.message).toEqual(['failed', 'PLB_RUN_STALLED'])
  expect(report.errors).toContain(error)
  const waits = waitsOf(error)
  expect(
    waits.map(({ node }) => node),
    error?.message,
  ).toEqual(nodes)
  for (const { node, on, why } of waits) {
    expect(error?.message).toContain(`"${node}" ${why}`)
    expect(why).toMatch(/^(waits|is|holds) \w/)
    if (on !== undefined) expect(why).toContain(`"${on}"`)
    if (on !== undefined) expect(Object.keys(report.nodes)).toContain(on)
  }
}

describe('a run in which nothing can move fails at once', () => {
  /** Runs it, with a call that never returns. */
  const stand = (make: (until: Promise<void>) => Plumber, options: object = {}) =>
    inVirtualTime(async () => {
      const open = gate()
      const run = await played(make(open.opened), { graceMs: GRACE_MS, ledger: true, ...options })
      open.open()
      await sleep(1)
      return run
    })

  test('where a call outlives its time and its grace, though nobody waits for its worker', async () => {
    const nodes = (until: Promise<void>) => ({
      src: from(...range(4)),
      mid: hanging(until, { workers: 2 }, (n: number) => n === 0),
      out: same,
    })
    const { report, values, settledMs } = await stand((until) => chain(nodes(until)))
    // The call is told once more when the run is doomed.
    expect(settledMs).toBe(HUNG + GRACE_MS)
    expectStalled(report, ['mid'])
    expect(report.error?.message).toMatch(/^Nothing can move any more: "mid" .*ran out of time.*not returned/)
    expect(values).toEqual([1, 2, 3])
    expect(report).toMatchObject({ abandoned: ['mid'], unprocessed: [] })
    expect(report.roots).toMatchObject({ delivered: 3, errored: 1, aborted: 0 })
  })

  test('and names who waits for whom, from the source on', async () => {
    const { report } = await stand((until) =>
      chain({
        src: unfused(from(...range(9))),
        a: unfused(same, { queueSize: 1 }),
        b: unfused(passing, { queueSize: 2 }),
        mid: hanging(until, { queueSize: 1 }),
        out: passing,
      }),
    )
    expectStalled(report, ['src', 'a', 'b', 'mid', 'out'])
    expect(waitsOf(report.error).map(({ on }) => on)).toEqual(['a', 'b', 'mid', undefined, undefined])
    expect(report.error?.message).toMatch(
      /"src" waits for room in front of "a".*"a" waits .*"b".*"b" waits .*"mid".*"mid" is in a call.*"out" waits for its next item/,
    )
    expect(report.unprocessed.map(({ value }) => value).toSorted()).toEqual(range(8).slice(1))
  })

  test('and names what waits in a diamond, where a fork has no credit', async () => {
    const { report } = await stand((until) =>
      windowed(
        2,
        {
          src: from(...range(9)),
          mid: hanging(until, { workers: 2 }),
          str: unfused(passing),
          join: same,
          out: passing,
        },
        { src: ['mid', 'str'], mid: ['join'], str: ['join'], join: ['out'] },
      ),
    )
    // The calls of the first two items have failed, so that two more items are inside.
    expectStalled(report, expect.arrayContaining(['src', 'mid', 'str', 'out']) as never)
    expect(report.error?.message).toMatch(/"src" waits until "join" is done with one of the 2 items/)
    expect(report.error?.message).toMatch(/"str" waits for its next item/)
  })

  test('and names who waits in front of a join by position', async () => {
    const { report } = await stand((until) =>
      plumberOf(
        {
          a: from(...range(9)),
          b: from(...range(9)),
          mid: hanging(until, { queueSize: 1 }),
          zip: having({ queueSize: 2 }, same),
        },
        { a: ['zip'], b: ['mid'], mid: ['zip'] },
      ),
    )
    expect(report.error?.message).toMatch(/"a" waits for room in front of "zip"/)
    expect(report.error?.message).toMatch(/"b" waits for room in front of "mid".*"mid" is in a call/)
    // Else nobody knows what the one has to do with the other.
    expect(report.error?.message, 'what the join waits for').toMatch(/"zip" waits for [^;]*"mid"/)
  })

  test.each<[string, Stage]>([
    ['a source', having({ packetsInFlight: 1, fuse: false }, from(...range(5)))],
    ['a source that puts', having({ packetsInFlight: 1, fuse: false }, puts(...range(5)))],
  ])('and names %s that waits for a place', async (_what, src) => {
    const { report } = await stand((until) => chain({ src, mid: hanging(until) }))
    expectStalled(report, ['src', 'mid'])
    expect(waitsOf(report.error)[0]?.on).toBe('mid')
  })

  test('and names a node that waits for a place, before it takes its item', async () => {
    const { report } = await stand((until) =>
      chain({
        src: unfused(from(...range(9))),
        a: unfused(same, { packetsInFlight: 2, queueSize: 1 }),
        mid: hanging(until),
      }),
    )
    expectStalled(report, ['src', 'a', 'mid'])
    expect(waitsOf(report.error).map(({ on }) => on)).toEqual(['a', 'mid', undefined])
  })

  test('with dead letters that nobody can take', async () => {
    const { report } = await stand((until) =>
      plumberOf(
        {
          src: from(...range(9)),
          mid: having({ onError: 'route', fuse: false }, () => Promise.reject(new Error('boom'))),
          out: same,
          dead: hanging(until, { queueSize: 1 }),
        },
        { src: ['mid'], mid: ['out', { to: 'dead', port: 'error' }] },
      ),
    )
    expectStalled(report, ['mid', 'dead'])
    expect(waitsOf(report.error)[0]?.on).toBe('dead')
  })

  test('with a batch that is incomplete for ever', async () => {
    const { report } = await stand((until) =>
      plumberOf(
        {
          src: from(...range(3)),
          other: from(...range(3)),
          mid: hanging(until),
          batch: batched(5, same, { aggregateInputs: false }),
        },
        { src: ['batch'], other: ['mid'], mid: ['batch'] },
      ),
    )
    expect(report.error?.message).toMatch(/"batch" holds an? .*batch/)
    expectStalled(report, expect.arrayContaining(['mid', 'batch']) as never)
    expect(report.unprocessed.filter(({ node }) => node === 'batch')).toHaveLength(3)
  })

  test('tells so by the event "stall", once, before anything of the end', () =>
    inVirtualTime(async () => {
      const open = gate()
      const pipeline = chain({ src: from(...range(3)), mid: hanging(open.opened) }).createPipeline({
        graceMs: GRACE_MS,
      })
      const heard: unknown[] = []
      pipeline.on('stall', (stall) => void heard.push(['stall', stall.waits, pipeline.snapshot().state, now()]))
      pipeline.on('error', ({ code }) => void heard.push(code))
      pipeline.on('state', ({ to }) => void heard.push(to))
      const report = await pipeline.settled
      expect(heard).toEqual([
        'PLB_NODE_TIMEOUT',
        ['stall', waitsOf(report.error), 'running', HUNG],
        'PLB_RUN_STALLED',
        'doomed',
        'settled',
      ])
      open.open()
    }))

  test('is what every caller gets: of run, of put, of requests', () =>
    inVirtualTime(async () => {
      const open = gate()
      const plumber = chain({ in: 'std.inlet', mid: hanging(open.opened, { queueSize: 1 }) })
      const error = await failureOf(() => plumber.run(range(5), { graceMs: GRACE_MS }))
      expect(error.code).toBe('PLB_RUN_STALLED')
      expectStalled(reportOf(error), ['in', 'mid'])
      const pipeline = plumber.createPipeline({ graceMs: GRACE_MS })
      const answers = answersOf([
        ...range(2).map((n) => pipeline.put(n)),
        ...range(2).map((n) => pipeline.process(n)),
        ...range(2).map((n) => pipeline.put(n)),
      ])
      const report = await pipeline.settled
      const given = (await answers).map((answer) => ('error' in answer ? answer.error : undefined))
      expect(given.slice(0, 2)).toEqual([undefined, undefined])
      for (const one of given.slice(2)) expect(one).toBe(report.error)
      open.open()
    }))

  test('tears down with that as the reason', async () => {
    const reasons: unknown[] = []
    const hooked = defineCoro({ setup: () => ({}), run: same, teardown: (_, reason) => void reasons.push(reason) })
    const { report } = await stand((until) =>
      chain({ src: from(...range(9)), hooked: unfused(hooked), mid: hanging(until, { queueSize: 1 }) }),
    )
    expect(reasons).toEqual([report.error])
  })

  test('costs no other run of the same Plumber anything', () =>
    inVirtualTime(async () => {
      const open = gate()
      const plumber = chain({ in: 'std.inlet', mid: hanging(open.opened, {}, (n: number) => n === 0), out: same })
      const [bad, good] = [0, 1].map(() => plumber.createPipeline({ graceMs: GRACE_MS })) as [Pipeline, Pipeline]
      await bad.put(0)
      bad.end()
      expect(await good.process(1)).toBe(1)
      expect((await bad.settled).error?.code).toBe('PLB_RUN_STALLED')
      expect(await good.process(2)).toBe(2)
      expect((await good.drain()).outcome).toBe('completed')
      open.open()
    }))

  describe('also when what could still have moved it goes last:', () => {
    /** A pipeline whose only worker will not return, and that waits for no more than its inlet. */
    async function standing(until: Promise<void>): Promise<Pipeline> {
      const pipeline = chain({ in: 'std.inlet', mid: hanging(until) }).createPipeline({ graceMs: GRACE_MS })
      await pipeline.put(1)
      await pipeline.put(2)
      await sleep(2 * HUNG)
      expect(pipeline.snapshot().state).toBe('running')
      return pipeline
    }

    /** Asserts that it stalls now. */
    async function expectStallNow(pipeline: Pipeline): Promise<void> {
      const [heard, moment]: [number[], number] = [[], now()]
      pipeline.on('stall', () => void heard.push(now()))
      // Longer than a drain may take.
      await sleep(HOUR)
      const seen = { heard, state: pipeline.snapshot().state, code: (await pipeline.doomsday('too late')).error?.code }
      expect(seen).toEqual({ heard: [moment], state: 'settled', code: 'PLB_RUN_STALLED' })
    }

    test('the last inlet is ended', () =>
      inVirtualTime(async () => {
        const open = gate()
        const pipeline = await standing(open.opened)
        const stalled = expectStallNow(pipeline)
        pipeline.end()
        await stalled
        open.open()
      }))

    test('the pipeline is drained', () =>
      inVirtualTime(async () => {
        const open = gate()
        const pipeline = await standing(open.opened)
        const stalled = expectStallNow(pipeline)
        void pipeline.drain()
        await stalled
        open.open()
      }))

    test('a pause ends, in which it came to rest', () =>
      inVirtualTime(async () => {
        const open = gate()
        const pipeline = chain({ in: 'std.inlet', mid: hanging(open.opened) }).createPipeline({ graceMs: GRACE_MS })
        await pipeline.put(1)
        await pipeline.put(2)
        pipeline.end()
        await sleep(1)
        pipeline.pause()
        await sleep(2 * HUNG)
        expect(pipeline.snapshot().state).toBe('running')
        const stalled = expectStallNow(pipeline)
        pipeline.resume()
        await stalled
        open.open()
      }))

    test.each<[string, object]>([
      ['flush', { flush: () => sleep(HUNG) }],
      ['teardown', { teardown: () => sleep(GRACE_MS / 2) }],
    ])('the %s of another node ends', (_hook, hooks) =>
      inVirtualTime(async () => {
        const open = gate()
        const slow = defineCoro({ setup: () => ({}), run: same, ...hooks })
        const { report } = await played(
          plumberOf(
            { src: from(1), mid: hanging(open.opened), other: timed([HUNG - 10, 2]), slow: unfused(slow) },
            { src: ['mid'], other: ['slow'] },
          ),
          { graceMs: GRACE_MS, deadlineMs: HOUR },
        )
        open.open()
        expectStalled(report, ['mid'])
      }),
    )

    test('a node that nobody wanted is given up', () =>
      inVirtualTime(async () => {
        const open = gate()
        const { report } = await played(
          plumberOf(
            {
              src: from(1),
              mid: hanging(open.opened),
              other: timed([HUNG, 0], [HUNG + 1, 1]),
              deaf: unfused((n: number) => (n === 0 ? sleep(2, n) : open.opened), { workers: 2 }),
              one: first(1),
            },
            { src: ['mid'], other: ['deaf'], deaf: ['one'] },
          ),
          { graceMs: GRACE_MS, deadlineMs: HOUR },
        )
        open.open()
        expect(report.error?.code, report.error?.message).toBe('PLB_RUN_STALLED')
        expect(report.error?.message).toContain('"mid"')
        expect(report.abandoned.toSorted()).toEqual(['deaf', 'mid'])
      }))

    test('a slow onOutput returns', () =>
      inVirtualTime(async () => {
        const open = gate()
        const { report } = await played(
          plumberOf(
            { src: from(1), mid: hanging(open.opened), other: from(2), out: unfused(same) },
            { src: ['mid'], other: ['out'] },
          ),
          { graceMs: GRACE_MS, onOutput: () => sleep(HOUR), deadlineMs: 10 * HOUR },
        )
        open.open()
        expectStalled(report, ['mid'])
      }))
  })
})

/** A source that puts the values. */
function puts(...values: readonly unknown[]) {
  return async (output: SourceOutput) => {
    for (const value of values) await output.put(value)
  }
}

describe('is no stall, however long it takes:', () => {
  /** A run to its good end; that took an hour at least, in which nothing else could move. */
  async function expectPatience(plumber: Plumber, options: object = {}, atLeast = HOUR): Promise<Report> {
    const heard: unknown[] = []
    const pipeline = plumber.createPipeline({ ledger: true, graceMs: 2 * HOUR, ...options })
    pipeline.on('stall', (stall) => void heard.push(stall))
    const report = await pipeline.settled
    expect(heard).toEqual([])
    expect([report.outcome, report.error?.message]).toEqual(['completed', undefined])
    expect(now()).toBeGreaterThanOrEqual(atLeast)
    expectSound(report)
    return report
  }

  /** One item at a time is between the source and the join; behind it, somebody waits for what comes. */
  const region = (x: Stage, window = 1) =>
    windowed(
      window,
      { src: from(...range(5)), x, join: having({ missing: 'partial' }, same), out: unfused(passing) },
      { src: ['x', 'join'], x: ['join'], join: ['out'] },
    )
  const pause = (n: unknown): unknown => (n === 2 ? sleep(HOUR, n) : n)
  const once = (value: unknown, { attempt }: Context): unknown => {
    if (value === 2 && attempt === 1) throw new Error('once')
    return value
  }
  const exact = { minDelayMs: HOUR, maxDelayMs: HOUR, jitter: 'none' }

  test.each<[string, Stage]>([
    ['a call', unfused(pause)],
    ['a call for which others wait in order', unfused(pause, { workers: 3 })],
    ['the call of a batch', batched(2, async (ns: readonly unknown[]) => Promise.all(ns.map(pause)))],
    ['a call that may take that long', unfused(pause, { timeoutMs: 2 * HOUR })],
    ['a call that has its grace', unfused(pause, { timeoutMs: 1, onError: 'skip' })],
    [
      'a call that has its grace before it is tried again',
      unfused(pause, { timeoutMs: 1, onError: 'skip', retry: { attempts: 1 + 1, minDelayMs: 1 } }),
    ],
    ['a delay before another attempt', unfused(once, { retry: { attempts: 2, ...exact } })],
    ['a rate', unfused(same, { rateLimit: { count: 3, perMs: HOUR } })],
    ['a rate before another attempt', unfused(once, { rateLimit: { count: 3, perMs: HOUR }, retry: { attempts: 2 } })],
    ['a batch that may wait', batched({ size: 9, maxWaitMs: HOUR }, same)],
    ['setup', unfused(defineCoro({ setup: () => sleep(HOUR), run: same }))],
    [
      'setup of a second worker',
      unfused(defineCoro({ setup: ({ worker }) => sleep(worker.index * HOUR), run: obedient(HOUR) }), { workers: 2 }),
    ],
    [
      'a generator',
      unfused(async function* (n: unknown) {
        await pause(n)
        yield n
        await pause(n)
      }),
    ],
    [
      'a stream coroutine that waits for something else',
      unfused(
        defineCoro({
          kind: 'stream',
          run: async function* (inputs: AsyncIterable<unknown>) {
            for await (const n of inputs) yield await pause(n)
          },
        }),
      ),
    ],
    ['a place that must be free', unfused(pause, { packetsInFlight: 1 })],
  ])('%s', (_what, x) => inVirtualTime(async () => void (await expectPatience(region(x)))))

  test.each([1, 2, 3, 4])(
    'a batch that helps itself, in a region of %i items, whoever waits behind it',
    async (window) => {
      for (const out of [unfused(same), unfused(passing)])
        for (const more of [{}, { packetsInFlight: 1 }, { queueSize: 1 }]) {
          const stages = { src: from(...range(9)), x: batched(5, same, more), join: same, y: batched(4, same), out }
          const graph = { src: ['x', 'join'], x: ['join'], join: ['y'], y: ['out'] }
          expect(await windowed(window, stages, graph).collect()).toEqual(range(9).map((n) => [n, n]))
        }
    },
  )

  test('a source that waits for the world, while what it gave waits for what it will give', () =>
    inVirtualTime(async () => {
      await expectPatience(
        plumberOf(
          {
            a: from(...range(9)),
            b: timed([0, 0], [HOUR, 1]),
            zip: having({ queueSize: 1, unequal: 'shortest' }, same),
          },
          { a: ['zip'], b: ['zip'] },
        ),
      )
      await expectPatience(chain({ src: timed([HOUR, 0], [2 * HOUR, 1]), batch: batched(3, same), out: passing }))
    }))

  test('a source that puts without waiting, and waits for the world', () =>
    inVirtualTime(async () => {
      const src = async (output: SourceOutput): Promise<void> => {
        for (const n of range(9)) void output.put(n)
        await sleep(HOUR)
        await output.put(9)
      }
      const report = await expectPatience(
        plumberOf(
          { src: unfused(src), other: timed([HOUR, 0]), zip: having({ queueSize: 1, unequal: 'shortest' }, same) },
          { src: ['zip'], other: ['zip'] },
        ),
      )
      expect(nodeOf(report, 'zip').received).toBeGreaterThan(0)
    }))

  test('an input that waits for the world', () =>
    inVirtualTime(async () => {
      async function* slow() {
        yield 0
        await sleep(HOUR)
        yield 1
      }
      const plumber = chain({ in: 'std.inlet', pair: batched(2, same), out: passing })
      expect(await plumber.collect(slow())).toEqual([0, 1])
    }))

  test('an inlet that stays empty, while the other one is full', () =>
    inVirtualTime(async () => {
      const plumber = plumberOf(
        { a: 'std.inlet', b: 'std.inlet', zip: having({ queueSize: 1 }, same) },
        { a: ['zip'], b: ['zip'] },
      )
      const seen = outputs()
      const pipeline = plumber.createPipeline(seen.options)
      const putting = Promise.all(range(4).map((n) => pipeline.put(n, { node: 'a' })))
      await sleep(HOUR)
      expect(seen.values).toEqual([])
      for (const n of range(4)) await pipeline.put(n, { node: 'b' })
      await putting
      expect((await pipeline.drain()).outcome).toBe('completed')
      expect(seen.values).toEqual(range(4).map((n) => [n, n]))
    }))

  test('a worker that is lost, while something may still come', () =>
    inVirtualTime(async () => {
      const open = gate()
      const mid = hanging(open.opened, { workers: 2 }, (n: number) => n === 0)
      const pipeline = chain({ in: 'std.inlet', mid, out: passing }).createPipeline({ graceMs: GRACE_MS })
      await pipeline.put(0)
      await sleep(HOUR)
      expect(await pipeline.process(1)).toBe(1)
      await sleep(HOUR)
      open.open()
      expect((await pipeline.drain()).outcome).toBe('completed')
    }))

  test('a worker that is lost, while another one works', () =>
    inVirtualTime(async () => {
      const open = gate()
      const mid = hanging(open.opened, { workers: 2, timeoutMs: 3 * HOUR }, (n: number) => n === 0)
      const other = unfused(obedient(2 * HOUR))
      setTimeout(() => open.open(), 2.5 * HOUR)
      await expectPatience(plumberOf({ src: from(0, 1), mid, other }, { src: ['mid', 'other'] }))
    }))

  test('a worker that is lost when its consumers are done: it is given up, and the run is well', () =>
    inVirtualTime(async () => {
      const open = gate()
      const mid = hanging(open.opened, { workers: 2, ordered: false }, (n: number) => n === 0)
      const src = timed([0, 0], [2 * HUNG, 1], [2 * HUNG + 1, 2])
      const { report, values } = await played(chain({ src, mid, one: first(1) }), { graceMs: GRACE_MS })
      open.open()
      expect([report.outcome, report.error?.message]).toEqual(['completed', undefined])
      expect(values).toEqual([1])
      expect(report).toMatchObject({ abandoned: ['mid'] })
    }))

  test('an onOutput, or a reader of a stream', () =>
    inVirtualTime(async () => {
      const plumber = region(same)
      await expectPatience(plumber, { onOutput: () => sleep(HOUR) })
      const seen: unknown[] = []
      for await (const { value } of region(same).stream()) {
        seen.push(value)
        await sleep(HOUR)
      }
      expect(seen).toEqual(range(5).map((n) => [n, n]))
    }))

  test.each<[string, object]>([
    ['flush', { flush: () => sleep(HOUR) }],
    ['teardown', { teardown: () => sleep(HOUR) }],
  ])('%s', (_hook, hooks) =>
    inVirtualTime(async () => {
      const slow = unfused(defineCoro({ setup: () => ({}), run: same, ...hooks }))
      await expectPatience(chain({ src: from(1, 2), slow, out: passing }))
      await expectPatience(chain({ src: from(1, 2), slow, mid: unfused(same), out: passing }))
    }),
  )

  test('an executor that warms up, or that closes', () =>
    inVirtualTime(async () => {
      const far = {
        name: 'far',
        open: async (binding: Parameters<typeof inline.open>[0]) => {
          await sleep(HOUR)
          return { ...(await inline.open(binding)), close: () => sleep(HOUR) }
        },
      }
      const stages = { src: from(1, 2), x: having({ executor: 'far' }, same), out: passing }
      await expectPatience(chain(stages, { executors: [far] }), {}, 2 * HOUR)
    }))

  test('a pause, wherever everything is', () =>
    inVirtualTime(async () => {
      const calls = { open: gate() }
      const pipeline = windowed(
        1,
        { in: unfused('std.inlet'), x: unfused(() => calls.open.opened), join: same, out: passing },
        { in: ['x', 'join'], x: ['join'], join: ['out'] },
      ).createPipeline()
      const putting = Promise.all(range(5).map((n) => pipeline.put(n)))
      await sleep(1)
      pipeline.pause()
      calls.open.open()
      await sleep(HOUR)
      expect(pipeline.snapshot().state).toBe('running')
      pipeline.resume()
      await putting
      expect((await pipeline.drain()).outcome).toBe('completed')
    }))

  test('a request that waits for an answer, a place or its turn', () =>
    inVirtualTime(async () => {
      const pipeline = windowed(
        1,
        { in: unfused('std.inlet'), x: unfused(obedient(HOUR)), join: same, out: passing },
        { in: ['x', 'join'], x: ['join'], join: ['out'] },
      ).createPipeline({ maxInFlight: 3, overload: 'wait' })
      const answers = await Promise.all(range(5).map((n) => pipeline.process(n)))
      expect(answers).toEqual(range(5).map((n) => [n, n]))
      expect((await pipeline.drain()).outcome).toBe('completed')
    }))

  test('requests in front of a lost worker that will go away by themselves', () =>
    inVirtualTime(async () => {
      const open = gate()
      const mid = having({ timeoutMs: TIMEOUT_MS, queueSize: 1, fuse: false }, () => open.opened)
      const pipeline = chain({ in: 'std.inlet', mid }).createPipeline({ graceMs: GRACE_MS })
      const answers = answersOf(range(4).map((n) => pipeline.process(n, { timeoutMs: HOUR })))
      const codes = (await answers).map((answer) => ('error' in answer ? answer.error.code : 'answered'))
      expect(codes).toEqual(['PLB_NODE_TIMEOUT', ...range(3).map(() => 'PLB_RUN_DEADLINE')])
      expect(pipeline.snapshot().state).toBe('running')
      open.open()
      expect((await pipeline.drain()).outcome).toBe('completed')
    }))

  test('a run in which a fork gets its credit back by what a stream coroutine leaves out', () =>
    inVirtualTime(async () => {
      const gathers = defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<number>) {
          let held: number[] = []
          for await (const n of inputs) {
            held.push(n)
            if (held.length < 4) continue
            yield held
            held = []
          }
        },
      })
      const seen = outputs()
      await expectPatience(region(unfused(gathers), 2), seen.options, 0)
      expect(seen.values).toEqual([
        [0, undefined],
        [1, undefined],
        [2, undefined],
        [3, range(4)],
        [4, undefined],
      ])
    }))
})

describe('inactivityMs', () => {
  const INACTIVE = 400
  const LONG = 20 * INACTIVE

  /** Stops reading after its third item. */
  const stops = (until: Promise<void>) =>
    defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        let taken = 0
        for await (const value of inputs) {
          if (++taken === 3) await until
          yield value
        }
      },
    })

  test('ends a run in which a stream coroutine stops reading, and names who waits for whom', () =>
    inVirtualTime(async () => {
      const open = gate()
      const { report, values, settledMs } = await played(
        chain({
          src: unfused(from(...range(9))),
          a: unfused(same, { queueSize: 1 }),
          stops: unfused(stops(open.opened), { queueSize: 2 }),
          out: passing,
        }),
        { inactivityMs: INACTIVE, graceMs: GRACE_MS },
      )
      open.open()
      expectStalled(report, ['src', 'a', 'stops', 'out'])
      expect(report.error?.message).toMatch(
        /^Nothing has moved for 400 ms: "src" waits .*"a".*"a" waits .*"stops".*"stops" is in a call/,
      )
      expect(detailOf(report.error as PipelineError, 'inactivityMs')).toBe(INACTIVE)
      expect(values).toEqual([0, 1])
      expect(settledMs).toBeGreaterThanOrEqual(INACTIVE + GRACE_MS)
      expect(settledMs).toBeLessThanOrEqual(1.25 * INACTIVE + GRACE_MS)
      expect(report.abandoned).toEqual(['stops'])
    }))

  test('ends it in a diamond too', () =>
    inVirtualTime(async () => {
      const open = gate()
      const { report } = await played(
        windowed(
          2,
          { src: from(...range(9)), stops: unfused(stops(open.opened)), other: unfused(passing), join: same },
          { src: ['stops', 'other'], stops: ['join'], other: ['join'] },
        ),
        { inactivityMs: INACTIVE, graceMs: GRACE_MS },
      )
      open.open()
      const names = waitsOf(report.error).map(({ node }) => node)
      expectStalled(report, names)
      expect(names).toEqual(expect.arrayContaining(['src', 'stops', 'other', 'join']))
      expect(report.error?.message).toMatch(/"join" waits for [^;]*"stops"/)
    }))

  test('is not there unless it is asked for', () =>
    inVirtualTime(async () => {
      const open = gate()
      const pipeline = chain({ src: from(1), x: () => open.opened }).createPipeline()
      await sleep(24 * HOUR)
      expect(pipeline.snapshot().state).toBe('running')
      open.open()
      expect((await pipeline.settled).outcome).toBe('completed')
    }))

  test.each<[string, (pipeline: () => Pipeline) => Plumber, object]>([
    [
      'a coroutine that waits for its own pipeline',
      (pipeline) => chain({ in: 'std.inlet', x: () => pipeline().process(1) }),
      {},
    ],
    [
      'a coroutine that drains its own pipeline',
      (pipeline) => chain({ in: 'std.inlet', x: () => pipeline().drain({ deadlineMs: HOUR }) }),
      {},
    ],
    [
      'a coroutine that waits for a pipeline that is full of it',
      (pipeline) =>
        chain({
          in: 'std.inlet',
          x: unfused((n: number) => Promise.all(range(3).map((more) => pipeline().put(n + more))), { queueSize: 1 }),
        }),
      {},
    ],
    [
      'a call that hangs',
      () => chain({ in: 'std.inlet', x: unfused(() => new Promise(() => {}), { timeoutMs: 2 * HOUR }), out: same }),
      {},
    ],
    [
      'a lost worker in front of an open inlet, for which others wait',
      () => chain({ in: 'std.inlet', x: hanging(new Promise(() => {})), out: same }),
      { items: 3 },
    ],
  ])('ends %s', (_what, make, { items = 1 }: { items?: number }) =>
    inVirtualTime(async () => {
      const pipeline: Pipeline = make(() => pipeline).createPipeline({ inactivityMs: INACTIVE, graceMs: GRACE_MS })
      for (const n of range(items)) await pipeline.put(n)
      const report = await pipeline.settled
      expect(report.error?.code).toBe('PLB_RUN_STALLED')
      expect(report.error?.message).toMatch(/"x"/)
    }),
  )

  test('ends an onOutput that waits for what it holds back, and says so', () =>
    inVirtualTime(async () => {
      const again = async ({ value }: Output): Promise<void> => {
        await pipeline.put(value)
        await pipeline.put(value)
      }
      const plumber = chain({ in: 'std.inlet', out: unfused(same, { queueSize: 1 }) })
      const pipeline: Pipeline = plumber.createPipeline({ inactivityMs: INACTIVE, graceMs: GRACE_MS, onOutput: again })
      await pipeline.put(1)
      const report = await pipeline.settled
      expect(report.error?.code).toBe('PLB_RUN_STALLED')
      expect(waitsOf(report.error).map(({ node }) => node)).toEqual(['in', 'out'])
      expect(report.error?.message).toMatch(/"in" waits .*"out".*"out" .*onOutput/)
    }))

  test('names who waits for an inlet that stays empty', () =>
    inVirtualTime(async () => {
      const plumber = plumberOf({ a: 'std.inlet', b: 'std.inlet', zip: same }, { a: ['zip'], b: ['zip'] })
      const pipeline = plumber.createPipeline({ inactivityMs: INACTIVE })
      await pipeline.put(1, { node: 'a' })
      const report = await pipeline.settled
      expectStalled(report, ['zip'])
      expect(waitsOf(report.error)[0]?.on).toBe('b')
    }))

  test.each([1, 10, 400, 403, 1_000])(
    'of %i ms strikes after one to one and a quarter of that, whenever the last thing moved',
    (inactivityMs) =>
      inVirtualTime(async () => {
        for (const offset of [0, 0.1, 0.24, 0.25, 0.26, 0.5, 0.74, 0.99, 1, 1.3, 2.49]) {
          const open = gate()
          const plumber = chain({ in: 'std.inlet', x: unfused(() => open.opened, { workers: 0 }) })
          const pipeline = plumber.createPipeline({ inactivityMs, graceMs: 1 })
          const struck: number[] = []
          pipeline.on('stall', () => void struck.push(now()))
          await pipeline.put(1)
          // As often as it takes to come so far without a stall.
          for (let rest = offset; rest > 0; rest -= 0.9) {
            await sleep(Math.floor(Math.min(rest, 0.9) * inactivityMs))
            await pipeline.put(2)
          }
          const moved = now()
          await pipeline.settled
          expect(struck).toHaveLength(1)
          // Timers know whole milliseconds only: each of the looks may be one of them late.
          expect((struck[0] ?? 0) - moved, `moved at ${moved}`).toBeGreaterThanOrEqual(inactivityMs)
          expect((struck[0] ?? 0) - moved, `moved at ${moved}`).toBeLessThanOrEqual(1.25 * inactivityMs + 5)
          open.open()
        }
      }),
  )

  test('leaves alone what is slow but moves', () =>
    inVirtualTime(async () => {
      const slow = unfused(obedient(INACTIVE - 1), { queueSize: 1 })
      const stages = { src: from(...range(20)), slow, batch: batched({ size: 3, maxWaitMs: 10 }, same), out: passing }
      const { report, settledMs } = await played(chain(stages), { inactivityMs: INACTIVE })
      expect(report.outcome).toBe('completed')
      expect(settledMs).toBeGreaterThan(19 * (INACTIVE - 1))
    }))

  test('leaves alone what gives one output after the other', () =>
    inVirtualTime(async () => {
      const many = unfused(async function* () {
        for (const n of range(20)) {
          await sleep(INACTIVE - 1)
          yield n
        }
      })
      const { report } = await played(chain({ src: from(0), many, out: same }), { inactivityMs: INACTIVE })
      expect(report.outcome).toBe('completed')
    }))

  test('leaves alone an idle pipeline, and what holds nothing that is under way', () =>
    inVirtualTime(async (clock) => {
      const stages = {
        in: 'std.inlet',
        window: unfused(same, { window: { size: 3 } }),
        lanes: unfused(same, { workers: 2 }),
        stream: unfused(passing),
        hooked: unfused(defineCoro({ setup: () => ({}), run: same, flush: () => {} })),
      }
      const pipeline = chain(stages).createPipeline({ inactivityMs: INACTIVE })
      for (const round of range(3)) {
        for (const n of range(4)) await pipeline.put(round + n)
        await sleep(INACTIVE / 2)
        expect(clock.timers, 'timers of an idle pipeline').toEqual([])
        await sleep(HOUR)
      }
      expect(pipeline.snapshot().state).toBe('running')
      expect((await pipeline.drain()).outcome).toBe('completed')
    }))

  test.each<[string, Stage, readonly unknown[]]>([
    ['an incomplete batch that waits for more', batched(3, same), [1, 2]],
    ['a batch that waits for its time', batched({ size: 3, maxWaitMs: LONG }, same), [1, 2]],
    ['an incomplete window', unfused(same, { window: { size: 3 } }), []],
    [
      'a delay before another attempt',
      unfused((n: number, { attempt }: Context) => (attempt === 1 ? Promise.reject(new Error('once')) : n), {
        retry: { attempts: 2, minDelayMs: LONG, maxDelayMs: LONG, jitter: 'none' },
      }),
      [1, 2],
    ],
    ['a rate', unfused(same, { rateLimit: { count: 1, perMs: LONG } }), [1, 2]],
  ])('leaves alone %s', (_what, x, values) =>
    inVirtualTime(async () => {
      const seen = outputs()
      const pipeline = chain({ in: 'std.inlet', x, out: passing }).createPipeline({
        inactivityMs: INACTIVE,
        ...seen.options,
      })
      for (const n of [1, 2]) await pipeline.put(n)
      await sleep(LONG / 2)
      expect(pipeline.snapshot().state).toBe('running')
      pipeline.end()
      const report = await pipeline.settled
      expect([report.outcome, report.error?.message]).toEqual(['completed', undefined])
      expect(seen.values).toEqual(values)
    }),
  )

  test('is not put off by another part of the graph that keeps waiting for its time', () =>
    inVirtualTime(async () => {
      const open = gate()
      const pipeline = plumberOf(
        {
          a: 'std.inlet',
          hangs: unfused(() => open.opened),
          b: 'std.inlet',
          rate: unfused(same, { rateLimit: { count: 1, perMs: LONG } }),
        },
        { a: ['hangs'], b: ['rate'] },
      ).createPipeline({ inactivityMs: INACTIVE, graceMs: 1 })
      await pipeline.put(1, { node: 'a' })
      for (const n of [1, 2]) await pipeline.put(n, { node: 'b' })
      const report = await pipeline.settled
      open.open()
      expect(report.error?.code).toBe('PLB_RUN_STALLED')
      expect(report.error?.message).toMatch(/"hangs" is in a call/)
      // Then nothing there has a time to wait for.
      expect(now()).toBeLessThanOrEqual(LONG + 2 * INACTIVE)
    }))

  test('watches again what was idle before', () =>
    inVirtualTime(async () => {
      const open = gate()
      const x = unfused((n: number) => (n === 0 ? n : open.opened))
      const pipeline = chain({ in: 'std.inlet', x }).createPipeline({ inactivityMs: INACTIVE, graceMs: 1 })
      expect(await pipeline.process(0)).toBe(0)
      await sleep(HOUR)
      const moved = now()
      const error = await failureOf(() => pipeline.process(1))
      expect(error.code).toBe('PLB_RUN_STALLED')
      expect(now() - moved).toBeGreaterThanOrEqual(INACTIVE)
      expect(now() - moved).toBeLessThanOrEqual(1.25 * INACTIVE + 5)
      open.open()
    }))

  test('does not count a pause, in which nothing can move', () =>
    inVirtualTime(async () => {
      for (const pausedMs of [1, 90, 110, 333, 10_000, HOUR]) {
        const open = gate()
        const pipeline = chain({ in: 'std.inlet', x: unfused(() => open.opened) }).createPipeline({
          inactivityMs: INACTIVE,
          graceMs: 1,
        })
        const struck: number[] = []
        pipeline.on('stall', () => void struck.push(now()))
        await pipeline.put(1)
        await pipeline.put(2)
        await sleep(10)
        pipeline.pause()
        await sleep(pausedMs)
        expect(pipeline.snapshot().state).toBe('running')
        pipeline.resume()
        const [resumed, before] = [now(), 10]
        await pipeline.settled
        // What passed before the pause may count, the pause may not.
        expect((struck[0] ?? 0) - resumed, `after ${pausedMs} ms`).toBeGreaterThanOrEqual(INACTIVE - before)
        expect((struck[0] ?? 0) - resumed, `after ${pausedMs} ms`).toBeLessThanOrEqual(1.25 * INACTIVE + 5)
        open.open()
      }
    }))

  test('leaves no timer behind, whatever ends the run', () =>
    inVirtualTime(async (clock) => {
      for (const end of ['end', 'drain', 'doomsday'] as const) {
        const pipeline = chain({ in: 'std.inlet', x: unfused(obedient(10)) }).createPipeline({ inactivityMs: HOUR })
        await pipeline.put(1)
        if (end === 'end') pipeline.end()
        else void pipeline[end]()
        await pipeline.settled
        expect(clock.timers).toEqual([])
      }
    }))

  test.each([[0], [-1], [Number.NaN], ['soon'], [Number.POSITIVE_INFINITY], [null]])(
    'of %s is PLB_OPTION_INVALID',
    async (inactivityMs) => {
      const plumber = chain({ src: from(1), out: same })
      const error = await failureOf(() => plumber.run(undefined, { inactivityMs: inactivityMs as never }))
      expect(error).toMatchObject({ code: 'PLB_OPTION_INVALID', details: { option: 'inactivityMs' } })
    },
  )
})

/*
 * Random graphs, with everything that nodes may have, run in random orders. A failure names its seed:
 *     SEED=123 npx vitest run --project e2e test/e2e/stalls.test.ts -t 'random graphs'
 */
const seeds = seedsOf(100, 1_000)

/** Decisions drawn from a seed, of which none lets time pass while something else can go on. */
function patient(seed: number): Scheduler {
  const choices = seededChoices(seed)
  const scheduler: Scheduler = new Scheduler({
    ...choices,
    choose: (ways) => choices.choose(ways > 1 && scheduler.clock.timers.length > 0 ? ways - 1 : ways),
  })
  return scheduler
}

/** A plumber whose forks may have so many frames open; with 0, as many as usual. */
function plumberWith(document: Document, coroMap: CoroMap, window: number): Plumber {
  const built = build(document, { coroMap })
  if (window === 0 || built.plan === undefined) return new Plumber(document, { coroMap }, built)
  const { plan } = built
  const forks = new Map([...plan.regions.forks].map(([node, fork]) => [node, { ...fork, window }]))
  return new Plumber(document, { coroMap }, { ...built, plan: { ...plan, regions: { ...plan.regions, forks } } })
}

type Document = ReturnType<typeof playable>['document']

/** Something that is done to a document. */
type Change = (document: Document) => Document

const SHAPE: Shape = { joins: 'all', calls: 'all', onError: 'skip' }

/** What somebody does to a run in the middle of it. */
const INTERFERENCES = ['nothing', 'a pause', 'a drain'] as const
type Interference = (typeof INTERFERENCES)[number]

interface Play {
  readonly interference: Interference
  readonly change?: Change
  readonly options: object
}

/** Runs a random graph to its end, in virtual time; some of its forks have few credits. */
async function playedAtRandom(seed: number, { interference, change = same, options }: Play): Promise<Report> {
  const graph = randomGraph(seed, SHAPE)
  const scheduler = patient(seed)
  const { document, coroMap } = playable(graph, scheduler)
  const restore = scheduler.install()
  try {
    const pipeline = plumberWith(change(document), coroMap, seed % 4).createPipeline({
      onOutput: ({ node, value }: Output) => scheduler.step(`${node} hands over ${String(value)}`),
      ...options,
    })
    const fed = feed(graph, scheduler, pipeline)
    await interfere(interference, { pipeline, scheduler, random: randomOf(seed) })
    await scheduler.drive(pipeline.settled)
    await fed
    const report = await pipeline.settled
    expectSound(report, fedBy(graph))
    return report
  } finally {
    await scheduler.releaseAll()
    restore()
  }
}

async function interfere(
  how: Interference,
  { pipeline, scheduler, random }: { pipeline: Pipeline; scheduler: Scheduler; random: Random },
): Promise<void> {
  if (how === 'nothing') return
  await scheduler.drive(pipeline.settled, { releases: random.integer(0, 100) })
  if (how === 'a drain') return void pipeline.drain({ deadlineMs: HOUR })
  pipeline.pause()
  // As much as there is to let go, or less: a worker may be lost meanwhile.
  for (let releases = random.integer(0, 30); releases > 0 && scheduler.release(); releases--) await turns(3)
  pipeline.resume()
}

describe.each(INTERFERENCES)('random graphs to which %s happens,', manySeeds, (interference) => {
  const some = interference === 'nothing' ? seeds : seeds.slice(0, Math.ceil(seeds.length * 0.4))

  test('with random delays, are never taken for stalled, nor for inactive', async () => {
    for (const seed of some)
      await withSeed(seed, async () => {
        // Longer than anything of theirs waits.
        const report = await playedAtRandom(seed, { interference, options: { inactivityMs: 1_000 } })
        expect([report.outcome, report.error?.message]).toEqual(['completed', undefined])
      })
  })

  test('and in which a call is lost, never stand still in silence: they stall, and name the call', async () => {
    let stalled = 0
    for (const seed of some)
      await withSeed(seed, async () => {
        const [lost, place] = [gate(), 1 + (seed % 3)]
        const inner = randomGraph(seed, SHAPE).nodes.filter(({ inputs }) => inputs.length > 0)
        const victim = inner[seed % inner.length]?.name ?? ''
        let calls = 0
        const change: Change = (document) => {
          const node = document.nodes[victim] as { coro: (...args: unknown[]) => unknown; properties: object }
          const coro = (...args: unknown[]): unknown => (++calls === place ? lost.opened : node.coro(...args))
          const properties = { ...node.properties, timeoutMs: 10, onError: 'skip' }
          return { ...document, nodes: { ...document.nodes, [victim]: { ...node, coro, properties } } } as never
        }
        const report = await playedAtRandom(seed, { interference, change, options: { graceMs: GRACE_MS } })
        lost.open()
        if (calls < place) return expect(report.outcome).toBe('completed')
        stalled++
        expect([report.outcome, report.error?.code], report.error?.message).toEqual(['failed', 'PLB_RUN_STALLED'])
        const whys = waitsOf(report.error).flatMap(({ node, why }) => (node === victim ? [why] : []))
        expect(whys).toContainEqual(expect.stringMatching(/ran out of time/))
        expect(report.abandoned).toContain(victim)
      })
    if (process.env.SEED === undefined) expect(stalled).toBeGreaterThan(some.length / 4)
  })
})
