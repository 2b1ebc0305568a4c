import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  failureOf,
  from,
  having,
  nodeOf,
  outputs,
  type Pipeline,
  plumberOf,
  range,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { expectAsNew, expectNothingInside, type Options, soon, withTime } from '../support/requests.js'
import { handClock } from '../support/still-clock.js'

/*
 * Requests: `process` sends one value through a standing graph and gives what became of this value (S28).
 */

const clock = handClock(0)

const double = (n: number): number => 2 * n
const half = (n: number): unknown => (n % 2 === 0 ? n / 2 : DROP)
/** As many outputs as the number says. */
const times = (n: number) => range(n).values()
/** A merge, by arrival. */
const merge = having({ aggregateInputs: false }, same)

/** A pipeline that stands until the test is over, when its books are checked; its inlets are called `in…`. */
async function standing<T>(
  plumber: ReturnType<typeof plumberOf>,
  work: (pipeline: Pipeline) => Promise<T>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  const pipeline = plumber.createPipeline(options)
  try {
    const result = await work(pipeline)
    await turns()
    expectNothingInside(pipeline)
    return result
  } finally {
    const report = await pipeline.drain()
    expect([report.outcome, report.error?.message]).toEqual(['completed', undefined])
    const inlets = Object.entries(plumber.nodes).flatMap(([name, { coro }]) => (coro === 'std.inlet' ? [name] : []))
    expectBalancedBooks(report, inlets)
  }
}

/** What `process` gives for a value. */
const answerOf = (plumber: ReturnType<typeof plumberOf>, value: unknown, options?: Options): Promise<unknown> =>
  standing(plumber, (pipeline) => pipeline.process(value, options))

/** What `processAll` gives for a value. */
const answersOf = (plumber: ReturnType<typeof plumberOf>, value: unknown, options?: Options): Promise<unknown[]> =>
  standing(plumber, (pipeline) => pipeline.processAll(value, options))

/** What is wrong with the number of outputs of a request. */
const cardinalityOf = async (plumber: ReturnType<typeof plumberOf>, value: unknown): Promise<unknown> => {
  const error = await failureOf(() => answerOf(plumber, value))
  expect(error).toMatchObject({ code: 'PLB_RUN_CARDINALITY', name: 'PipelineError' })
  return (error.details as { count: unknown }).count
}

/** A source, in front of which is one inlet, with two branches that are joined. */
const diamond = (a: Stage, b: Stage, join: Stage = same) =>
  plumberOf({ in: 'std.inlet', a, b, join }, { in: ['a', 'b'], a: ['join'], b: ['join'] })

/** A switch whose branches are merged. */
const switching = defineCoro({
  emits: ['even', 'odd'],
  run: (n: number, ctx: Context) => {
    ctx.emit(n % 2 === 0 ? 'even' : 'odd', n)
    return DROP
  },
})
const switched = plumberOf(
  { in: 'std.inlet', switching, left: (n: number) => `even ${n}`, right: (n: number) => `odd ${n}`, merge },
  {
    in: ['switching'],
    switching: [
      { to: 'left', port: 'even' },
      { to: 'right', port: 'odd' },
    ],
    left: ['merge'],
    right: ['merge'],
  },
)

describe('process gives what becomes of a value', () => {
  test.each<[string, ReturnType<typeof plumberOf>, unknown, unknown]>([
    ['at an inlet that is a leaf', chain({ in: 'std.inlet' }), 5, 5],
    ['in a chain', chain({ in: 'std.inlet', double, out: (n: number) => n + 1 }), 5, 11],
    [
      'in a chain of nodes that do not share',
      chain({ in: unfused('std.inlet'), a: unfused(double), b: unfused(double) }),
      5,
      20,
    ],
    ['behind a filter that lets it through', chain({ in: 'std.inlet', half, out: same }), 8, 4],
    ['behind a node that gives one by a generator', chain({ in: 'std.inlet', times, out: same }), 1, 0],
    ['behind a promised generator', chain({ in: 'std.inlet', late: async (n: number) => times(n) }), 1, 0],
    ['of a diamond', diamond(double, same), 5, [10, 5]],
    ['of a diamond whose branches are merged, when one filters', diamond(half, () => DROP, merge), 6, 3],
    ['of a diamond that gets parts', diamond(half, same, having({ missing: 'partial' }, same)), 5, [undefined, 5]],
    ['of a diamond that collects', diamond(times, same, having({ collect: 'all' }, same)), 3, [[0, 1, 2], [3]]],
    ['of a switch, to one side', switched, 4, 'even 4'],
    ['of a switch, to the other side', switched, 5, 'odd 5'],
    [
      'of two leaves of which one gives nothing',
      plumberOf({ in: 'std.inlet', log: () => undefined, out: double }, { in: ['log', 'out'] }),
      5,
      10,
    ],
    [
      'of a value of which several parts were filtered again',
      chain({ in: 'std.inlet', times, only: (n: number) => (n === 3 ? n : DROP), out: same }),
      9,
      3,
    ],
  ])('%s', async (_where, plumber, value, expected) => {
    expect(await answerOf(plumber, value)).toEqual(expected)
    expect(await answersOf(plumber, value)).toEqual([expected])
  })

  test('of nested regions', async () => {
    const nodes = { in: 'std.inlet', a: double, b: same, c: half, d: same, inner: same, join: same }
    const plumber = plumberOf(nodes, {
      in: ['a', 'b'],
      a: ['c', 'd'],
      c: ['inner'],
      d: ['inner'],
      inner: ['join'],
      b: ['join'],
    })
    await standing(plumber, async (pipeline) => {
      expect(await pipeline.process(3)).toEqual([[3, 6], 3])
      const all = await Promise.all(range(100).map((n) => pipeline.process(n)))
      expect(all).toEqual(range(100).map((n) => [[n, 2 * n], n]))
    })
  })

  test.each<[unknown]>([
    [null],
    [0],
    [''],
    [false],
    [Number.NaN],
    [[]],
    [[1, 2]],
    [{}],
    [new Error('a value')],
    [same],
  ])('be it %s, and be it the same object', async (value) => {
    expect(await answerOf(chain({ in: 'std.inlet', mid: same, out: same }), value)).toBe(value)
  })

  test('also of undefined, which is a value at every node but a leaf', async () => {
    const shown = chain({ in: 'std.inlet', mid: same, out: (value: unknown) => String(value) })
    expect(await answerOf(shown, undefined)).toBe('undefined')
  })

  test('one after the other, and many at once, each its own', async () => {
    const slow = async (n: number) => {
      await turns(n % 3)
      return n
    }
    const plumber = chain({
      in: unfused('std.inlet'),
      slow: unfused(slow, { workers: 5, ordered: false, queueSize: 2 }),
      out: unfused(double, { queueSize: 1 }),
    })
    await standing(plumber, async (pipeline) => {
      for (const n of range(20)) expect(await pipeline.process(n)).toBe(2 * n)
      const answers = await Promise.all(range(200).map((n) => pipeline.process(n)))
      expect(answers).toEqual(range(200).map(double))
    })
  })

  test('as soon as it is there, whatever other requests wait for', async () => {
    const open = gate()
    const wait = async (n: number) => {
      if (n === 0) await open.opened
      return n
    }
    const plumber = chain({ in: 'std.inlet', wait: unfused(wait, { workers: 2, ordered: false }), out: same })
    await standing(plumber, async (pipeline) => {
      const slow = pipeline.process(0)
      expect(await pipeline.process(1)).toBe(1)
      expect(await settlesSoon(slow)).toBe(false)
      open.open()
      expect(await slow).toBe(0)
    })
  })

  test('but not before all that descends from it is done', async () => {
    const open = gate()
    const log = async () => {
      await open.opened
    }
    const plumber = plumberOf({ in: 'std.inlet', log, out: double }, { in: ['log', 'out'] })
    await standing(plumber, async (pipeline) => {
      const answer = pipeline.process(4)
      expect(await settlesSoon(answer)).toBe(false)
      open.open()
      expect(await answer).toBe(8)
    })
  })
})

describe('process, of any other number of outputs than one, is PLB_RUN_CARDINALITY:', () => {
  test.each<[string, ReturnType<typeof plumberOf>, unknown, number]>([
    ['filtered', chain({ in: 'std.inlet', half, out: same }), 3, 0],
    ['at a leaf that gives nothing', chain({ in: 'std.inlet', out: () => DROP }), 3, 0],
    ['at a leaf that returns undefined', chain({ in: 'std.inlet', out: () => undefined }), 3, 0],
    ['expanded to none', chain({ in: 'std.inlet', times, out: same }), 0, 0],
    ['expanded to several', chain({ in: 'std.inlet', times, out: same }), 3, 3],
    ['delivered at two leaves', plumberOf({ in: 'std.inlet', a: same, b: same }, { in: ['a', 'b'] }), 3, 2],
    ['missing at a join', diamond(half, same), 3, 0],
    ['merged from two sides', diamond(double, same, merge), 3, 2],
  ])('%s', async (_what, plumber, value, count) => {
    expect(await cardinalityOf(plumber, value)).toBe(count)
  })

  test('which says nothing of a cause where nothing failed', async () => {
    const error = await failureOf(() => answerOf(chain({ in: 'std.inlet', half, out: same }), 1))
    expect(error.cause).toBeUndefined()
  })
})

describe('processAll', () => {
  test.each<[string, ReturnType<typeof plumberOf>, unknown, unknown[]]>([
    ['an empty list where a leaf has no output', chain({ in: 'std.inlet', out: () => undefined }), 1, []],
    ['an empty list for what was filtered', chain({ in: 'std.inlet', half, out: same }), 1, []],
    ['the outputs of a generator, in its order', chain({ in: 'std.inlet', times, out: double }), 4, [0, 2, 4, 6]],
    [
      'outputs of outputs, in their order',
      chain({ in: 'std.inlet', times, again: times, out: same }),
      4,
      [0, 0, 1, 0, 1, 2],
    ],
    [
      'the tuples of a product',
      diamond(times, times, having({ collect: 'product' }, same)),
      2,
      [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ],
    ],
  ])('gives %s', async (_what, plumber, value, expected) => {
    expect(await answersOf(plumber, value)).toEqual(expected)
  })

  test('gives the outputs of several leaves in the order in which they were handed over', async () => {
    const gates = { a: gate(), b: gate(), c: gate() }
    const wait = (name: 'a' | 'b' | 'c') => async (n: number) => {
      await gates[name].opened
      return `${name} ${n}`
    }
    const plumber = plumberOf({ in: 'std.inlet', a: wait('a'), b: wait('b'), c: wait('c') }, { in: ['a', 'b', 'c'] })
    await standing(plumber, async (pipeline) => {
      const answer = pipeline.processAll(7)
      for (const name of ['b', 'c', 'a'] as const) {
        gates[name].open()
        await turns()
      }
      expect(await answer).toEqual(['b 7', 'c 7', 'a 7'])
    })
  })

  test('gives any number of them through queues of one place', async () => {
    const [many, out] = [unfused(times, { queueSize: 1 }), unfused(double, { queueSize: 1 })]
    const values = await answersOf(chain({ in: unfused('std.inlet'), many, out }), 1_000)
    expect(values).toEqual(range(1_000).map(double))
  })

  test('gives a list that is the caller’s own', async () => {
    await standing(chain({ in: 'std.inlet', times, out: same }), async (pipeline) => {
      const first = await pipeline.processAll(2)
      first.push('mine')
      expect(await pipeline.processAll(2)).toEqual([0, 1])
    })
  })

  test('keeps the outputs of requests apart that are under way together', async () => {
    const slowly = async function* (n: number) {
      for (const part of range(5)) {
        await turns(1)
        yield [n, part]
      }
    }
    const plumber = chain({ in: 'std.inlet', slowly: unfused(slowly, { workers: 4, ordered: false }), out: same })
    await standing(plumber, async (pipeline) => {
      const all = await Promise.all(range(12).map((n) => pipeline.processAll(n)))
      expect(all).toEqual(range(12).map((n) => range(5).map((part) => [n, part])))
    })
  })
})

describe('through nodes that do more than one call per item,', () => {
  test('a batch gives every request its own', async () => {
    const sizes: number[] = []
    const all = (list: number[]) => {
      sizes.push(list.length)
      return list.map((n) => 10 * n)
    }
    const plumber = chain({ in: 'std.inlet', batch: having({ batch: { size: 4 } }, all), out: same })
    await standing(plumber, async (pipeline) => {
      expect(await Promise.all(range(4).map((n) => pipeline.process(n)))).toEqual([0, 10, 20, 30])
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4)
    })
  })

  test('a batch that no other request can fill does not wait', async () => {
    const plumber = chain({
      in: 'std.inlet',
      batch: having({ batch: { size: 100 } }, (list: number[]) => list.map(double)),
      out: same,
    })
    await standing(plumber, async (pipeline) => {
      expect(await pipeline.process(1)).toBe(2)
      expect(await Promise.all([2, 3, 4].map((n) => pipeline.process(n)))).toEqual([4, 6, 8])
    })
  })

  test('a batch waits for what is still on its way to it', async () => {
    const open = gate()
    const seen: number[][] = []
    const wait = async (n: number) => {
      if (n === 2) await open.opened
      return n
    }
    const all = (list: number[]) => {
      seen.push(list)
      return list
    }
    const plumber = chain({
      in: 'std.inlet',
      wait: unfused(wait, { workers: 3 }),
      batch: unfused(all, { batch: { size: 100 } }),
    })
    await standing(plumber, async (pipeline) => {
      const answers = [0, 1, 2].map((n) => pipeline.process(n))
      await turns()
      expect(seen).toEqual([])
      open.open()
      expect(await Promise.all(answers)).toEqual([0, 1, 2])
      expect(seen).toEqual([[0, 1, 2]])
    })
  })

  test('a batch with maxWaitMs waits so long, and no longer', () =>
    withTime(async ({ pass }) => {
      const all = (list: number[]) => list.map(double)
      const plumber = chain({ in: 'std.inlet', batch: having({ batch: { size: 3, maxWaitMs: 500 } }, all), out: same })
      await standing(plumber, async (pipeline) => {
        const answer = pipeline.process(1)
        await pass(499)
        expect(await settlesSoon(answer)).toBe(false)
        await pass(1)
        expect(await answer).toBe(2)
      })
    }))

  test('DROP in a list of results drops one request’s only', async () => {
    const all = (list: number[]) => list.map((n) => (n % 2 === 0 ? n : DROP))
    const plumber = chain({ in: 'std.inlet', batch: having({ batch: { size: 4 } }, all), out: same })
    await standing(plumber, async (pipeline) => {
      const answers = await Promise.all(range(4).map((n) => pipeline.processAll(n)))
      expect(answers).toEqual([[0], [], [2], []])
    })
  })

  test('a stream coroutine that passes on', async () => {
    const running = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<number>) {
        let sum = 0
        for await (const n of inputs) {
          sum += n
          yield [n, sum]
        }
      },
    })
    await standing(chain({ in: 'std.inlet', running, out: same }), async (pipeline) => {
      expect(await Promise.all([1, 2, 3].map((n) => pipeline.process(n)))).toEqual([
        [1, 1],
        [2, 3],
        [3, 6],
      ])
      expect(await pipeline.process(4)).toEqual([4, 10])
    })
  })

  test('a stream coroutine that keeps items: the request whose item it took last has the outputs', async () => {
    const pairs = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<number>) {
        let held: number[] = []
        for await (const n of inputs) {
          held.push(n)
          if (held.length < 2) continue
          yield held
          held = []
        }
      },
    })
    await standing(chain({ in: 'std.inlet', pairs, out: same }), async (pipeline) => {
      expect(await pipeline.processAll(1)).toEqual([])
      expect(await pipeline.processAll(2)).toEqual([[1, 2]])
    })
  })

  test('a partition, a rate, a lock step, one worker in order', () =>
    withTime(async ({ flow }) => {
      const plumber = plumberOf(
        {
          in: 'std.inlet',
          part: { coro: 'double', properties: { partitionBy: 'parity', workers: 3, ordered: false } },
          rate: having({ rateLimit: { count: 2, perMs: 100 } }, same),
          step: unfused(same, { packetsInFlight: 1 }),
          one: unfused(same, { stateful: true }),
        },
        { in: ['part'], part: ['rate'], rate: ['step'], step: ['one'] },
        { coroMap: { double, parity: (n: number) => n % 2, rate: same, step: same, one: same } },
      )
      const pipeline = plumber.createPipeline()
      expect(await flow(Promise.all(range(9).map((n) => pipeline.process(n))))).toEqual(range(9).map(double))
      await expectAsNew(pipeline, double, { flow })
    }))

  test('retries are one answer', () =>
    withTime(async ({ flow, clock: virtual }) => {
      const flaky = (n: number, { attempt }: Context) => {
        if (attempt < 3) throw new Error('not yet')
        return [n, attempt]
      }
      const retry = { attempts: 3, minDelayMs: 100, jitter: 'none' }
      const pipeline = chain({ in: 'std.inlet', flaky: having({ retry }, flaky), out: same }).createPipeline()
      expect(await flow(pipeline.process(1))).toEqual([1, 3])
      expect(virtual.now).toBe(300)
      await expectAsNew(pipeline, (n) => [n, 3], { flow })
    }))
})

describe('a failure that is routed', () => {
  const refuse = (n: number) => {
    if (n < 0) throw new RangeError(`not ${n}`)
    return n
  }
  const routed = (letter: Stage, work: Stage = refuse) =>
    plumberOf(
      { in: 'std.inlet', work: having({ onError: 'route' }, work), out: double, letter },
      { in: ['work'], work: ['out', { to: 'letter', port: 'error' }] },
    )

  test('is what the request gets from the dead-letter branch', async () => {
    await standing(routed(same), async (pipeline) => {
      expect(await pipeline.process(3)).toBe(6)
      const letter = await pipeline.process(-3, { meta: { user: 'ann' } })
      expect(letter).toMatchObject({
        error: { code: 'PLB_NODE_FAILED', node: 'work', attempts: 1 },
        input: -3,
        meta: { user: 'ann' },
      })
      expect((letter as { error: { message: string } }).error.message).toContain('not -3')
    })
  })

  test('is nothing where the dead-letter branch gives nothing', async () => {
    await standing(
      routed(() => undefined),
      async (pipeline) => {
        expect(await pipeline.processAll(-3)).toEqual([])
        expect((await failureOf(() => pipeline.process(-3))).code).toBe('PLB_RUN_CARDINALITY')
        expect(await pipeline.process(3)).toBe(6)
      },
    )
  })

  test('is repaired and merged', async () => {
    const plumber = plumberOf(
      {
        in: 'std.inlet',
        work: having({ onError: 'route' }, refuse),
        repair: ({ input }: { input: number }) => -input,
        merge,
      },
      { in: ['work'], work: ['merge', { to: 'repair', port: 'error' }], repair: ['merge'] },
    )
    await standing(plumber, async (pipeline) => {
      expect(await Promise.all([1, -2, 3, -4].map((n) => pipeline.process(n)))).toEqual([1, 2, 3, 4])
    })
  })

  test('closes the region in which it happened', async () => {
    const plumber = plumberOf(
      { in: 'std.inlet', a: having({ onError: 'route' }, refuse), b: same, join: same, letter: () => undefined },
      { in: ['a', 'b'], a: ['join', { to: 'letter', port: 'error' }], b: ['join'] },
    )
    await standing(plumber, async (pipeline) => {
      for (const n of range(100)) expect(await pipeline.processAll(-1 - n)).toEqual([])
      expect(await pipeline.process(1)).toEqual([1, 1])
    })
  })
})

describe('several inlets', () => {
  const two = plumberOf(
    { in1: 'std.inlet', in2: 'std.inlet', a: double, b: (n: number) => -n, merge },
    {
      in1: ['a'],
      in2: ['b'],
      a: ['merge'],
      b: ['merge'],
    },
  )

  test('take requests by name', async () => {
    await standing(two, async (pipeline) => {
      expect(await pipeline.process(3, { node: 'in1' })).toBe(6)
      expect(await pipeline.process(3, { node: 'in2' })).toBe(-3)
      const both = range(40).map((n) => pipeline.process(n, { node: n % 2 === 0 ? 'in1' : 'in2' }))
      expect(await Promise.all(both)).toEqual(range(40).map((n) => (n % 2 === 0 ? 2 * n : -n)))
    })
  })

  test('need a name that is there', async () => {
    await standing(two, async (pipeline) => {
      for (const options of [{}, { node: 'merge' }, { node: 'nobody' }, { node: 'toString' }, { node: 7 }])
        expect((await failureOf(() => pipeline.process(1, options as never))).code).toBe('PLB_OPTION_INVALID')
    })
  })

  test('may have been ended one by one', async () => {
    await standing(two, async (pipeline) => {
      pipeline.end({ node: 'in1' })
      expect((await failureOf(() => pipeline.process(1, { node: 'in1' }))).code).toBe('PLB_STATE_NOT_RUNNING')
      expect(await pipeline.process(1, { node: 'in2' })).toBe(-1)
    })
  })

  test('may lead to one join, beside a fork that only one of them comes from', async () => {
    const plumber = plumberOf(
      { in1: 'std.inlet', in2: 'std.inlet', fork: merge, a: double, b: same, join: same },
      { in1: ['fork'], in2: ['fork'], fork: ['a', 'b'], a: ['join'], b: ['join'] },
    )
    await standing(plumber, async (pipeline) => {
      const answers = range(40).map((n) => pipeline.process(n, { node: n % 3 === 0 ? 'in1' : 'in2' }))
      expect(await Promise.all(answers)).toEqual(range(40).map((n) => [2 * n, n]))
    })
  })
})

test('a graph without an inlet takes no request', async () => {
  const pipeline = chain({ src: from(1), out: same }).createPipeline()
  expect((await failureOf(() => pipeline.process(1))).code).toMatch(/^PLB_(OPTION_INVALID|STATE_NOT_RUNNING)$/)
  await pipeline.settled
})

describe('outputs of requests', () => {
  test('go to their caller, and those of put to onOutput', async () => {
    const seen = outputs()
    const plumber = chain({ in: 'std.inlet', times, out: same })
    await standing(
      plumber,
      async (pipeline) => {
        const asked = [pipeline.processAll(3), pipeline.processAll(2)]
        await pipeline.put(4)
        expect(await pipeline.processAll(1)).toEqual([0])
        expect(await Promise.all(asked)).toEqual([
          [0, 1, 2],
          [0, 1],
        ])
      },
      seen.options,
    )
    expect(seen.values).toEqual([0, 1, 2, 3])
  })

  test('of a batch of both go to each', async () => {
    const seen = outputs()
    const all = (list: number[]) => list.map(double)
    const plumber = chain({ in: 'std.inlet', batch: unfused(all, { batch: { size: 4 } }) })
    await standing(
      plumber,
      async (pipeline) => {
        const asked = [pipeline.process(1), pipeline.put(2), pipeline.process(3), pipeline.put(4)]
        expect(await Promise.all(asked)).toEqual([2, undefined, 6, undefined])
        await soon(() => seen.values.length === 2)
      },
      seen.options,
    )
    expect(seen.values).toEqual([4, 8])
  })

  test('do not wait for an onOutput that is slow', async () => {
    const open = gate()
    const out = having({ workers: 2, ordered: false }, same)
    const pipeline = chain({ in: 'std.inlet', out }).createPipeline({ onOutput: () => open.opened })
    await pipeline.put(1)
    await turns()
    expect(await pipeline.process(2)).toBe(2)
    open.open()
    expectBalancedBooks(await pipeline.drain(), ['in'])
  })
})

describe('the env of a request', () => {
  const env = (_: unknown, ctx: Context) => ({ ...ctx.env })

  test('is laid over that of the pipeline, which is laid over that of the Plumber', async () => {
    const plumber = chain({ in: 'std.inlet', env }, { env: { a: 'plumber', b: 'plumber', c: 'plumber' } })
    await standing(
      plumber,
      async (pipeline) => {
        const [a, b, c] = ['plumber', 'pipeline', 'request']
        expect(await pipeline.process(1, { env: { c } })).toEqual({ a, b, c })
        expect(await pipeline.process(1)).toEqual({ a, b, c: b })
      },
      { env: { b: 'pipeline', c: 'pipeline' } },
    )
  })

  test('is that of no other request, in the same worker or beside it', async () => {
    const wait = async (n: number, ctx: Context) => {
      await turns(n % 4)
      return [n, ctx.env['user']]
    }
    const seen = outputs()
    const nodes = { in: 'std.inlet', a: same, wait: unfused(wait, { workers: 3 }), join: (pair: unknown[]) => pair[1] }
    const plumber = plumberOf(nodes, { in: ['a', 'wait'], a: ['join'], wait: ['join'] })
    await standing(
      plumber,
      async (pipeline) => {
        const users = range(30).map((n) => (n % 3 === 2 ? undefined : `user ${n}`))
        const answers = users.map((user, n) => pipeline.process(n, user === undefined ? {} : { env: { user } }))
        await pipeline.put(99)
        expect(await Promise.all(answers)).toEqual(users.map((user, n) => [n, user]))
        await soon(() => seen.values.length === 1)
      },
      seen.options,
    )
    expect(seen.values).toEqual([[99, undefined]])
  })

  test('reaches every node behind the inlet', async () => {
    const add = (list: unknown[], ctx: Context) => [...[list].flat(), ctx.env['user']]
    const plumber = plumberOf(
      { in: 'std.inlet', a: add, b: add, join: ([a, b]: unknown[][], ctx: Context) => [a, b, ctx.env['user']] },
      { in: ['a', 'b'], a: ['join'], b: ['join'] },
    )
    expect(await answerOf(plumber, [], { env: { user: 'ann' } })).toEqual([['ann'], ['ann'], 'ann'])
  })

  test('cannot be changed by a coroutine for the others', async () => {
    const spoil = (_: unknown, ctx: Context) => [Reflect.set(ctx.env, 'user', 'eve'), ctx.env['user']]
    expect(await answerOf(chain({ in: 'std.inlet', spoil }), 1, { env: { user: 'ann' } })).toEqual([false, 'ann'])
  })
})

describe('the meta of a request', () => {
  test('goes with its value, and with what descends from it', async () => {
    const meta = (_: unknown, ctx: Context) => ({ ...ctx.meta })
    const plumber = plumberOf(
      {
        in: 'std.inlet',
        a: meta,
        times: () => [1].values(),
        b: meta,
        join: ([a, b]: unknown[], ctx: Context) => [a, b, { ...ctx.meta }],
      },
      { in: ['a', 'times'], a: ['join'], times: ['b'], b: ['join'] },
    )
    const user = { user: 'ann' }
    expect(await answerOf(plumber, 0, { meta: user })).toEqual([user, user, user])
    expect(await answerOf(plumber, 0)).toEqual([{}, {}, {}])
  })

  test('is read-only, and a copy', async () => {
    const given: Record<string, unknown> = { user: 'ann' }
    const open = gate()
    const spoil = async (_: unknown, ctx: Context) => {
      await open.opened
      return [Reflect.set(ctx.meta, 'user', 'eve'), ctx.meta['user']]
    }
    await standing(chain({ in: 'std.inlet', spoil }), async (pipeline) => {
      const answer = pipeline.process(1, { meta: given })
      given['user'] = 'ben'
      open.open()
      expect(await answer).toEqual([false, 'ann'])
    })
  })
})

describe('trace', () => {
  interface Step {
    readonly node: string
    readonly index: number
    readonly attempts: number
    readonly enteredMs: number
    readonly startedMs: number
    readonly endedMs: number
    readonly outcome: string
  }

  /** The steps of a request, but for those of the inlet, which has no call. */
  function tracing(): { steps: Step[]; trace: (step: Step) => void } {
    const steps: Step[] = []
    return { steps, trace: (step) => void (step.node !== 'in' && steps.push(step)) }
  }

  test('is told of each call of the request as it ends, and process still gives the value', async () => {
    const { steps, trace } = tracing()
    const plumber = chain({ in: 'std.inlet', a: double, times, out: same })
    expect(await answersOf(plumber, 1, { trace })).toEqual([0, 1])
    // A call is told of when it has ended: that of the generator after those for what it yielded.
    expect(steps.map(({ node }) => node)).toEqual(['a', 'out', 'out', 'times'])
    for (const step of steps) {
      expect(step).toMatchObject({ attempts: 1, outcome: 'completed' })
      expect(0 <= step.enteredMs && step.enteredMs <= step.startedMs && step.startedMs <= step.endedMs).toBe(true)
    }
    expect(steps.slice(1, 3).map(({ index }) => index)).toEqual([0, 1])
  })

  test('is not told of the calls of others', async () => {
    const [one, other] = [tracing(), tracing()]
    await standing(chain({ in: 'std.inlet', a: unfused(same), b: unfused(same) }), async (pipeline) => {
      await Promise.all([
        pipeline.process(1, { trace: one.trace }),
        pipeline.process(2),
        pipeline.process(3, { trace: other.trace }),
        pipeline.put(4),
      ])
    })
    for (const { steps } of [one, other]) expect(steps.map(({ node }) => node)).toEqual(['a', 'b'])
    expect([one, other].map(({ steps }) => steps.map(({ index }) => index))).toEqual([
      [0, 0],
      [2, 2],
    ])
  })

  test('tells the time since the request began: when the item came, when the call began, and when it ended', async () => {
    const open = [gate(), gate()]
    const { steps, trace } = tracing()
    const wait = async (n: number) => {
      await open[n]?.opened
      return n
    }
    clock.now = 5
    await standing(chain({ in: unfused('std.inlet'), wait: unfused(wait) }), async (pipeline) => {
      const first = pipeline.process(0)
      await turns()
      clock.now = 10
      const second = pipeline.process(1, { trace })
      await turns()
      clock.now = 30
      open[0]?.open()
      await first
      await turns()
      clock.now = 70
      open[1]?.open()
      await second
    })
    expect(steps).toEqual([
      { node: 'wait', index: 1, attempts: 1, enteredMs: 0, startedMs: 20, endedMs: 60, outcome: 'completed' },
    ])
  })

  test('tells how often was tried, and what came of it', () =>
    withTime(async ({ flow }) => {
      const { steps, trace } = tracing()
      const flaky = (n: number, { attempt }: Context) => {
        if (attempt < n) throw new Error('not yet')
        return n
      }
      const retry = { attempts: 3, minDelayMs: 10, jitter: 'none' }
      const pipeline = chain({ in: 'std.inlet', flaky: having({ retry }, flaky) }).createPipeline()
      await flow(pipeline.process(2, { trace }))
      await failureOf(() => flow(pipeline.process(4, { trace })))
      expect(steps).toMatchObject([
        { node: 'flaky', attempts: 2, outcome: 'completed' },
        { node: 'flaky', attempts: 3, outcome: 'failed' },
      ])
      await pipeline.drain()
    }))

  test('that throws is logged, and hurts nobody', async () => {
    const logged: object[] = []
    const silent = (): void => {}
    const error = (fields: object): unknown => logged.push(fields)
    const logger = { debug: silent, info: silent, warn: silent, error }
    const broken = new Error('no disk')
    const trace = () => {
      throw broken
    }
    await standing(chain({ in: 'std.inlet', a: same, out: same }, { logger }), async (pipeline) => {
      expect(await pipeline.process(1, { trace })).toBe(1)
    })
    expect(logged).toMatchObject([{ err: broken }, { err: broken }])
  })

  test('tells of a call that was cancelled', async () => {
    const { steps, trace } = tracing()
    const controller = new AbortController()
    const open = gate()
    const pipeline = chain({ in: 'std.inlet', wait: () => open.opened }).createPipeline()
    const asked = pipeline.process(1, { trace, signal: controller.signal })
    await turns()
    controller.abort()
    await failureOf(() => asked)
    open.open()
    await pipeline.drain()
    expect(steps).toMatchObject([{ node: 'wait', attempts: 1, outcome: 'cancelled' }])
  })
})

describe('the report', () => {
  const work = (n: number) => {
    if (n < 0) throw new Error(`not ${n}`)
    return n > 9 ? DROP : n
  }

  test('counts the verdicts of requests', async () => {
    const open = gate()
    const wait = async (n: number) => {
      if (n === 5) await open.opened
      return n
    }
    const pipeline = chain({ in: 'std.inlet', work, wait: unfused(wait, { workers: 9 }) }).createPipeline()
    const controller = new AbortController()
    const requests = [0, 1, -1, 10].map((n) => pipeline.processAll(n))
    const victim = pipeline.process(5, { signal: controller.signal })
    await Promise.allSettled(requests)
    controller.abort()
    await failureOf(() => victim)
    open.open()
    const report = await pipeline.drain()
    expect(report.outcome).toBe('completed')
    expect(report.roots).toEqual({ delivered: 2, filtered: 1, errored: 1, aborted: 1, deadLettered: 0 })
    expectBalancedBooks(report, ['in'])
  })

  test('counts them beside those of put, where a ledger is kept', async () => {
    const pipeline = chain({ in: 'std.inlet', work, out: same }).createPipeline({ ledger: true })
    for (const n of [0, 10]) await pipeline.put(n)
    await Promise.allSettled([1, 2, -1, 10].map((n) => pipeline.process(n)))
    const { roots } = await pipeline.drain()
    expect(roots).toEqual({ delivered: 3, filtered: 2, errored: 1, aborted: 0, deadLettered: 0 })
  })

  test('has no verdicts where there was neither a ledger nor a request', async () => {
    const pipeline = chain({ in: 'std.inlet', work }).createPipeline()
    await pipeline.put(1)
    expect((await pipeline.drain()).roots).toBeUndefined()
  })

  test('counts the packets of requests like all others', async () => {
    const pipeline = chain({ in: unfused('std.inlet'), times: unfused(times), out: unfused(same) }).createPipeline()
    for (const n of [0, 1, 2]) await pipeline.processAll(n)
    const report = await pipeline.drain()
    expectBalancedBooks(report, ['in'])
    expect(nodeOf(report, 'in')).toMatchObject({ received: 3, completed: 3, emitted: 3 })
    expect(nodeOf(report, 'times')).toMatchObject({ received: 3, completed: 3, emitted: 3, dropped: 1 })
    expect(nodeOf(report, 'out')).toMatchObject({ received: 3, completed: 3, emitted: 3 })
  })
})

describe('drain and end', () => {
  test.each<[string, (pipeline: Pipeline) => unknown]>([
    ['drain', (pipeline) => pipeline.drain()],
    ['end', (pipeline) => pipeline.end()],
  ])('%s lets requests under way have their answers, and takes no more', async (_what, end) => {
    const open = gate()
    const wait = async (n: number) => {
      await open.opened
      return n
    }
    const plumber = chain({ in: unfused('std.inlet'), wait: unfused(wait, { queueSize: 1 }) })
    const pipeline = plumber.createPipeline()
    // One in a call, one in the queue, and some in front of the inlet.
    const requests = range(5).map((n) => pipeline.process(n))
    await turns()
    void end(pipeline)
    expect((await failureOf(() => pipeline.process(9))).code).toBe('PLB_STATE_NOT_RUNNING')
    open.open()
    expect(await Promise.all(requests)).toEqual(range(5))
    const report = await pipeline.settled
    expect(report.outcome).toBe('completed')
    expect((await failureOf(() => pipeline.processAll(9))).code).toBe('PLB_STATE_NOT_RUNNING')
  })
})

describe('a request is refused with PLB_OPTION_CONFLICT', () => {
  const groups = defineCoro({ run: same, flush: () => 'rest' })
  const one = defineCoro({ oneToOne: true, run: same })
  const zip = (join: Stage) =>
    plumberOf({ in1: 'std.inlet', in2: 'std.inlet', bad: join }, { in1: ['bad'], in2: ['bad'] })

  test.each<[string, ReturnType<typeof plumberOf>]>([
    ['a join of two inlets by position', zip(same)],
    [
      'a join by position in a diamond',
      plumberOf(
        { in1: 'std.inlet', a: one, b: one, bad: having({ match: 'position' }, same) },
        { in1: ['a', 'b'], a: ['bad'], b: ['bad'] },
      ),
    ],
    ['a window', chain({ in1: 'std.inlet', mid: same, bad: having({ window: { size: 2 } }, same) })],
    ['a window of stateful', chain({ in1: 'std.inlet', mid: same, bad: having({ stateful: 2 }, same) })],
    ['a batch that gives one', chain({ in1: 'std.inlet', bad: having({ batch: { size: 2, returns: 'one' } }, same) })],
    ['a flush', chain({ in1: 'std.inlet', mid: same, bad: groups, out: same })],
    [
      'a flush far behind, on one of several ways',
      plumberOf(
        { in1: 'std.inlet', a: same, b: same, c: same, bad: groups },
        { in1: ['a', 'b'], b: ['c'], c: ['bad'] },
      ),
    ],
  ])('where something behind its inlet has no single root: %s', async (_what, plumber) => {
    const pipeline = plumber.createPipeline()
    for (const method of ['process', 'processAll'] as const) {
      const error = await failureOf(() => pipeline[method](1, { node: 'in1' }))
      expect(error).toMatchObject({ code: 'PLB_OPTION_CONFLICT', details: { node: 'bad' } })
      expect(error.message).toContain('"bad"')
    }
    await turns()
    expect(nodeOf(pipeline.snapshot(), 'in1').received).toBe(0)
    const report = await pipeline.drain()
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
  })

  test('but not where that is behind another inlet only, or where there is one root after all', async () => {
    const plumber = plumberOf(
      {
        in1: 'std.inlet',
        in2: 'std.inlet',
        in3: 'std.inlet',
        zip: same,
        flush: groups,
        window: having({ window: { size: 2 } }, same),
        fine: having({ stateful: true }, same),
        each: having({ batch: { size: 2, returns: 'each' }, stateful: false }, same),
      },
      { in1: ['fine'], fine: ['each'], in2: ['zip', 'flush'], in3: ['zip', 'window'] },
    )
    await standing(plumber, async (pipeline) => {
      expect(await pipeline.process(1, { node: 'in1' })).toBe(1)
      for (const node of ['in2', 'in3'])
        expect((await failureOf(() => pipeline.process(1, { node }))).code).toBe('PLB_OPTION_CONFLICT')
    })
  })
})

describe('options that are wrong are PLB_OPTION_INVALID', () => {
  const plumber = chain({ in: 'std.inlet', out: same })

  test.each<[string, unknown]>([
    ['null', null],
    ['a number', 5],
    ['node', { node: 5 }],
    ['meta', { meta: 'ann' }],
    ['meta', { meta: null }],
    ['env', { env: 'ann' }],
    ['env', { env: null }],
    ['signal', { signal: {} }],
    ['signal', { signal: new AbortController() }],
    ['timeoutMs', { timeoutMs: -1 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['timeoutMs', { timeoutMs: 2 ** 31 }],
    ['timeoutMs', { timeoutMs: 'soon' }],
    ['trace', { trace: true }],
    ['trace', { trace: {} }],
  ])('of a request: %s', async (option, options) => {
    await standing(plumber, async (pipeline) => {
      for (const method of ['process', 'processAll'] as const) {
        const error = await failureOf(() => pipeline[method](1, options as never))
        expect(error.code).toBe('PLB_OPTION_INVALID')
        if (typeof options === 'object' && options !== null) expect(error.details).toMatchObject({ option })
      }
      await turns()
      expect(nodeOf(pipeline.snapshot(), 'in').received).toBe(0)
    })
  })

  test.each([
    ['nod', 'node'],
    ['metas', 'meta'],
    ['singal', 'signal'],
    ['timeoutMS', 'timeoutMs'],
    ['timeOutMs', 'timeoutMs'],
    ['tracer', 'trace'],
  ])('of a request: %s, which is said to be %s', async (option, suggestion) => {
    await standing(plumber, async (pipeline) => {
      const error = await failureOf(() => pipeline.process(1, { [option]: undefined } as never))
      expect(error).toMatchObject({ code: 'PLB_OPTION_INVALID', details: { option, suggestion } })
    })
  })

  test('of a request, and come as a rejection', async () => {
    await standing(plumber, async (pipeline) => {
      const promise = pipeline.process(1, { trace: true } as never)
      expect(promise).toBeInstanceOf(Promise)
      await expect(promise).rejects.toMatchObject({ code: 'PLB_OPTION_INVALID' })
    })
  })

  test.each<[string, unknown]>([
    ['maxInFlight', 0],
    ['maxInFlight', -1],
    ['maxInFlight', 1.5],
    ['maxInFlight', Number.NaN],
    ['maxInFlight', '3'],
    ['overload', 'drop'],
    ['overload', true],
  ])('of a pipeline: %s %s', async (option, value) => {
    const error = await failureOf(() => plumber.createPipeline({ [option]: value } as never))
    expect(error).toMatchObject({ code: 'PLB_OPTION_INVALID', details: { option } })
  })

  test.each([
    ['maxInflight', 'maxInFlight'],
    ['overlod', 'overload'],
  ])('of a pipeline: %s, which is said to be %s', async (option, suggestion) => {
    const error = await failureOf(() => plumber.createPipeline({ [option]: 1 } as never))
    expect(error).toMatchObject({ code: 'PLB_OPTION_INVALID', details: { option, suggestion } })
  })
})

test('two pipelines of one Plumber answer for themselves', async () => {
  const plumber = diamond(double, same)
  await standing(plumber, (one) =>
    standing(plumber, async (other) => {
      const asked = range(20).map((n) => (n % 2 === 0 ? one : other).process(n))
      expect(await Promise.all(asked)).toEqual(range(20).map((n) => [2 * n, n]))
      expect([one, other].map((pipeline) => nodeOf(pipeline.snapshot(), 'in').received)).toEqual([10, 10])
    }),
  )
})

test('a coroutine may make a request of its own to another pipeline', async () => {
  await standing(chain({ in: 'std.inlet', double }), async (inner) => {
    const call = (n: number) => inner.process(n)
    const plumber = chain({ in: 'std.inlet', call: having({ workers: 4 }, call), out: same })
    await standing(plumber, async (outer) => {
      expect(await Promise.all(range(20).map((n) => outer.process(n)))).toEqual(range(20).map(double))
    })
  })
})

test('requests that follow each other at once, from what the last one gave', async () => {
  await standing(chain({ in: 'std.inlet', next: (n: number) => n + 1, out: same }), async (pipeline) => {
    let n = 0
    while (n < 2_000) n = Number(await pipeline.process(n))
    expect(n).toBe(2_000)
  })
})
