import { type Context, DROP, defineCoro, type Sample } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  failureOf,
  having,
  nodeOf,
  outputs,
  type Pipeline,
  plumberOf,
  putEach,
  range,
  same,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { handClock } from '../support/still-clock.js'

/*
 * Looking into a running pipeline: samples of what a node or an edge carries. The time is what the test says it is.
 */

const clock = handClock(1_000)

const ALL = { perSecond: Number.POSITIVE_INFINITY }

/** A place for samples, and the listener that fills it. */
function samples() {
  const seen: Sample[] = []
  return {
    seen,
    listener: (sample: Sample) => void seen.push(sample),
    get values() {
      return seen.map(({ value }) => value)
    },
  }
}

const feed = (pipeline: Pipeline, values: readonly unknown[], stepMs = 0) =>
  putEach(pipeline, values, { clock, stepMs })

const WAYS = [{}, { fuse: false }]

/** An inlet, a node and a leaf. */
const line = (options: object = {}) =>
  chain({ in: 'std.inlet', inc: (n: number) => n + 1, out: (n: number) => `out ${n}` }).createPipeline(options)

describe.each(WAYS)('a tap (run options %j)', (options) => {
  test('of a node shows what it hands on', async () => {
    const pipeline = line(options)
    const tap = samples()
    pipeline.tap('inc', ALL, tap.listener)
    await feed(pipeline, [1, 2, 3])
    expect(tap.seen).toEqual([2, 3, 4].map((value) => ({ node: 'inc', port: 'out', value, meta: {} })))
    await pipeline.drain()
  })

  test('of an inlet, a source or a leaf shows its outputs', async () => {
    const pipeline = line(options)
    const [first, last] = [samples(), samples()]
    pipeline.tap('in', ALL, first.listener)
    pipeline.tap('out', ALL, last.listener)
    await feed(pipeline, [1, 2])
    expect([first.values, last.values]).toEqual([
      [1, 2],
      ['out 2', 'out 3'],
    ])
    expect(last.seen[0]).toMatchObject({ node: 'out', port: 'out' })
    await pipeline.drain()
    const open = gate()
    async function* src() {
      await open.opened
      yield* [1, 2]
    }
    const sourced = chain({ src, out: same }).createPipeline(options)
    const tap = samples()
    sourced.tap('src', ALL, tap.listener)
    open.open()
    await sourced.settled
    expect(tap.values).toEqual([1, 2])
  })

  test('of a node shows each output once, however many successors it has', async () => {
    const plumber = plumberOf({ in: 'std.inlet', a: same, b: same, c: same }, { in: ['a', 'b', 'c'] })
    const pipeline = plumber.createPipeline(options)
    const tap = samples()
    pipeline.tap('in', ALL, tap.listener)
    await feed(pipeline, [1, 2])
    expect(tap.seen).toEqual([1, 2].map((value) => ({ node: 'in', port: 'out', value, meta: {} })))
    await pipeline.drain()
  })

  test('of an edge shows what takes that edge, and where it goes', async () => {
    const split = defineCoro({
      emits: ['odd'],
      run: (n: number, ctx: Context) => {
        if (n % 2 === 0) return n
        ctx.emit('odd', n)
        return DROP
      },
    })
    const plumber = plumberOf(
      { in: 'std.inlet', split, a: same, b: same },
      { in: ['split'], split: ['a', { to: 'b', port: 'odd' }] },
    )
    const pipeline = plumber.createPipeline(options)
    const [even, odd, node] = [samples(), samples(), samples()]
    pipeline.tap({ from: 'split', to: 'a' }, ALL, even.listener)
    pipeline.tap({ from: 'split', to: 'b', port: 'odd' }, ALL, odd.listener)
    pipeline.tap('split', ALL, node.listener)
    await feed(pipeline, range(4))
    expect(even.seen).toEqual([0, 2].map((value) => ({ node: 'split', port: 'out', to: 'a', value, meta: {} })))
    expect(odd.seen).toEqual([1, 3].map((value) => ({ node: 'split', port: 'odd', to: 'b', value, meta: {} })))
    expect(node.seen.map(({ port, value }) => [port, value])).toEqual([
      ['out', 0],
      ['odd', 1],
      ['out', 2],
      ['odd', 3],
    ])
    await pipeline.drain()
  })

  test('shows each value of a generator, nothing that is dropped, and tuples of a join', async () => {
    const plumber = plumberOf(
      {
        in: 'std.inlet',
        times: (n: number) => range(n).values(),
        join: having({ collect: 'product', missing: 'skip' }, same),
        out: same,
      },
      { in: ['times', 'join'], times: ['join'], join: ['out'] },
    )
    const pipeline = plumber.createPipeline(options)
    const [times, join, edge] = [samples(), samples(), samples()]
    pipeline.tap('times', ALL, times.listener)
    pipeline.tap('join', ALL, join.listener)
    pipeline.tap({ from: 'times', to: 'join' }, ALL, edge.listener)
    await feed(pipeline, [0, 2, 1])
    expect(times.values).toEqual([0, 1, 0])
    expect(edge.values).toEqual([0, 1, 0])
    expect(join.values).toEqual([
      [2, 0],
      [2, 1],
      [1, 0],
    ])
    await pipeline.drain()
  })

  test('shows the meta, and the value itself', async () => {
    const tagged = (value: object, ctx: Context) => {
      ctx.emit('out', value, { meta: { more: 1 } })
      return DROP
    }
    const pipeline = chain({ in: 'std.inlet', tagged, out: same }).createPipeline(options)
    const tap = samples()
    pipeline.tap('tagged', ALL, tap.listener)
    const value = { deep: [1] }
    await pipeline.put(value, { meta: { trace: 't' } })
    await pipeline.drain()
    expect(tap.seen).toEqual([{ node: 'tagged', port: 'out', value, meta: { trace: 't', more: 1 } }])
    expect(tap.seen[0]?.value).toBe(value)
  })

  test('begins when it is set and ends when it is stopped; stopping twice is harmless', async () => {
    const pipeline = line(options)
    const [early, late] = [samples(), samples()]
    const stopEarly = pipeline.tap('inc', ALL, early.listener)
    await feed(pipeline, [1])
    pipeline.tap('inc', ALL, late.listener)
    await feed(pipeline, [2])
    stopEarly()
    stopEarly()
    await feed(pipeline, [3])
    expect([early.values, late.values]).toEqual([
      [2, 3],
      [3, 4],
    ])
    await pipeline.drain()
  })

  test('with the same listener twice is two taps', async () => {
    const pipeline = line(options)
    const tap = samples()
    const stop = pipeline.tap('inc', ALL, tap.listener)
    pipeline.tap('inc', ALL, tap.listener)
    await feed(pipeline, [1])
    stop()
    await feed(pipeline, [2])
    expect(tap.values).toEqual([2, 2, 3])
    await pipeline.drain()
  })

  test('changes nothing in what the pipeline does', async () => {
    const run = async (tapped: boolean) => {
      const seen = outputs()
      const pipeline = line({ ...options, ...seen.options })
      if (tapped) for (const node of ['in', 'inc', 'out']) pipeline.tap(node, ALL, () => {})
      await feed(pipeline, range(20))
      const report = await pipeline.drain()
      expectBalancedBooks(report, ['in'])
      return { values: seen.values, inc: nodeOf(report, 'inc') }
    }
    expect(await run(true)).toEqual(await run(false))
  })
})

describe('a listener that throws', () => {
  test('is logged, and hurts nobody', async () => {
    const logged: unknown[] = []
    const note = (fields: unknown, message?: unknown) => void logged.push([fields, message])
    const logger = { debug: note, info: note, warn: note, error: note }
    const seen = outputs()
    const boom = new Error('boom')
    const plumber = chain({ in: 'std.inlet', inc: same, out: same }, { logger })
    const pipeline = plumber.createPipeline(seen.options)
    const tap = samples()
    pipeline.tap('inc', ALL, () => {
      throw boom
    })
    pipeline.tap('inc', ALL, tap.listener)
    await feed(pipeline, [1, 2])
    const report = await pipeline.drain()
    expect(report).toMatchObject({ outcome: 'completed', errors: [] })
    expect([seen.values, tap.values]).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(logged.length).toBeGreaterThan(0)
    expect(logged.flat().some((what) => what === boom || Object.values(Object(what)).includes(boom))).toBe(true)
  })

  test('may reject later, or set a tap of itself', async () => {
    const pipeline = line()
    let seen = 0
    const again = async () => {
      seen++
      pipeline.tap('inc', ALL, again)
      throw new Error('late')
    }
    pipeline.tap('inc', ALL, again)
    await feed(pipeline, [1, 2])
    expect((await pipeline.drain()).outcome).toBe('completed')
    expect(seen).toBe(1 + 2)
  })

  test('may stop its own tap, set another one, or end the run', async () => {
    const pipeline = line()
    const tap = samples()
    const stop = pipeline.tap('inc', ALL, (sample) => {
      tap.listener(sample)
      stop()
      pipeline.tap('out', ALL, tap.listener)
    })
    await feed(pipeline, [1, 2])
    expect(tap.values.filter((value) => typeof value === 'number')).toEqual([2])
    expect(tap.values).toContain('out 3')
    pipeline.tap('inc', ALL, () => void pipeline.doomsday('seen enough'))
    await pipeline.put(5).catch(() => {})
    expect((await pipeline.settled).outcome).toBe('doomed')
  })
})

describe('perSecond', () => {
  /** Times of the samples of values that come every `stepMs`, for so many of them. */
  async function timesOf(count: number, stepMs: number, ...options: [] | [{ readonly perSecond?: number }]) {
    const pipeline = line()
    const times: number[] = []
    const listener = () => void times.push(clock.now - 1_000)
    if (options[0] === undefined) pipeline.tap('inc', listener)
    else pipeline.tap('inc', options[0], listener)
    await feed(pipeline, range(count), stepMs)
    await pipeline.drain()
    return times
  }

  test.each([
    ['10 unless told otherwise', [], 10],
    ['10 with empty options', [{}] as [object], 10],
    ['1', [{ perSecond: 1 }] as [object], 1],
    ['25', [{ perSecond: 25 }] as [object], 25],
  ] as const)('is the most samples in any second: %s', async (_what, options, most) => {
    const times = await timesOf(300, 10, ...(options as [] | [object]))
    expect(times[0]).toBe(0)
    for (const start of times)
      expect(times.filter((at) => at >= start && at < start + 1_000).length).toBeLessThanOrEqual(most)
    // Three seconds of plenty give nearly as many as there may be.
    expect(times.length).toBeGreaterThanOrEqual(3 * most * 0.8)
  })

  test('lets everything through that comes slowly enough', async () => {
    expect(await timesOf(20, 250)).toHaveLength(20)
  })

  test('does not save up what was not used', async () => {
    const pipeline = line()
    const tap = samples()
    pipeline.tap('inc', { perSecond: 5 }, tap.listener)
    await feed(pipeline, [0])
    clock.now += 60_000
    await feed(pipeline, range(100))
    expect(tap.values.length).toBeLessThanOrEqual(1 + 5)
    expect(tap.values.length).toBeGreaterThan(1)
    await pipeline.drain()
  })

  test('shows the first value of each tap, whenever it is set', async () => {
    const pipeline = line()
    await feed(pipeline, range(50))
    const [one, other] = [samples(), samples()]
    pipeline.tap('inc', { perSecond: 1 }, one.listener)
    pipeline.tap({ from: 'inc', to: 'out' }, { perSecond: 0.001 }, other.listener)
    await feed(pipeline, [50, 51])
    expect([one.values, other.values]).toEqual([[51], [51]])
    await pipeline.drain()
  })

  test.each([-1, 0, Number.NaN, '10', null])('cannot be %j', async (perSecond) => {
    const pipeline = line()
    const error = await failureOf(() => pipeline.tap('inc', { perSecond } as never, () => {}))
    expect(error.code).toBe('PLB_OPTION_INVALID')
    await pipeline.drain()
  })
})

describe('a tap of what is not there', () => {
  const plumber = plumberOf(
    { in: 'std.inlet', parse: defineCoro({ emits: ['odd'], run: same }), load: same, store: same },
    { in: ['parse'], parse: ['load', { to: 'store', port: 'odd' }] },
  )

  test.each<[unknown, string]>([
    ['prase', '"parse"'],
    [{ from: 'prase', to: 'load' }, '"parse"'],
    [{ from: 'parse', to: 'laod' }, '"load"'],
    [{ from: 'parse', to: 'store', port: 'od' }, '"odd"'],
  ])('is refused, with a suggestion: %j', async (target, suggestion) => {
    const pipeline = plumber.createPipeline()
    const error = await failureOf(() => pipeline.tap(target as never, () => {}))
    expect(error.code).toBe('PLB_OPTION_INVALID')
    expect(error.message).toContain(`Did you mean ${suggestion}`)
    await pipeline.drain()
  })

  test.each([
    'toString',
    '__proto__',
    { from: 'in', to: 'load' },
    { from: 'load', to: 'parse' },
    { from: 'parse', to: 'store' },
    { from: 'parse' },
    {},
    null,
    7,
  ])('is refused: %j', async (target) => {
    const pipeline = plumber.createPipeline()
    expect((await failureOf(() => pipeline.tap(target as never, () => {}))).code).toBe('PLB_OPTION_INVALID')
    await pipeline.drain()
  })

  test('or without a listener is refused', async () => {
    const pipeline = plumber.createPipeline()
    for (const rest of [[], [{}], [{}, 'listener']])
      expect((await failureOf(() => Reflect.apply(pipeline.tap, pipeline, ['parse', ...rest]))).code).toBe(
        'PLB_OPTION_INVALID',
      )
    await pipeline.drain()
  })
})
