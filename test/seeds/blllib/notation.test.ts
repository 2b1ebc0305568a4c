import { threadId } from 'node:worker_threads'
import { DROP } from '@pipelines/core'
import { type Callable, Pipeline } from '@pipelines/flow/blllib'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { aborted, endless, failureOf, range, turns } from '../../support/blackbox.js'
import * as work from './fixtures/notation-operations.mjs'

/** A callable that says this of itself. */
const having = <F extends (...parameters: never[]) => unknown>(metrics: object, fn: F): F & Callable =>
  Object.assign(fn, metrics)

const same = <T>(value: T): T => value

class Accumulator {
  #sum = 0
  call(n: number): number {
    this.#sum += n
    return this.#sum
  }
}

test('B-01 all callables are checked when a pipeline is made, and there is nothing to close', async () => {
  expect(() => new Pipeline([same, {} as never])).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
  expect(() => new Pipeline([same, having({ stateful: 0 }, () => {})])).toThrow('callables[1].stateful')
  const pipeline = new Pipeline([(n: number) => n + 1, (n: number) => -n])
  expect(await pipeline.apply([1, 2, 3]).toArray()).toEqual([-2, -3, -4])
})

test('B-02 apply reads nothing; work begins with the first result that is asked for', async () => {
  const numbers = endless()
  const results = new Pipeline([same]).apply(numbers.source())
  await turns()
  expect(numbers.read).toBe(0)
  for await (const result of results) {
    expect(result).toBe(0)
    break
  }
  expect(numbers.closed).toBe(true)
})

test('B-02 it may be applied again, also while it runs; what can be read once is not read twice', async () => {
  const pipeline = new Pipeline([(n: number) => n * 2])
  const [one, other] = [pipeline.apply([1, 2]), pipeline.apply([5].values())]
  expect(await Promise.all([one.toArray(), other.toArray(), one.toArray()])).toEqual([[2, 4], [10], [2, 4]])
  await expect(other.toArray()).rejects.toMatchObject({ code: 'PLB_STATE_ALREADY_STARTED' })
})

test('B-03 a pipeline that names no executor runs in the program itself', async () => {
  const here = `${process.pid}/${threadId}`
  const results = await new Pipeline([work.visit, work.visit]).apply([[]]).toArray()
  expect(results).toEqual([[here, here]])
})

test('B-03 what a callable keeps, it keeps from one apply to the next', async () => {
  const pipeline = new Pipeline([new Accumulator()])
  expect(await pipeline.apply([1, 2]).toArray()).toEqual([1, 3])
  expect(await pipeline.apply([10]).toArray()).toEqual([13])
})

/** How many calls of a callable are in progress at most, while each waits. */
async function mostAtOnce(metrics: object, workers?: number): Promise<number> {
  let [now, most] = [0, 0]
  const waiting = having(metrics, async (n: unknown) => {
    most = Math.max(most, ++now)
    await turns(2)
    now--
    return n
  })
  await new Pipeline([waiting], workers === undefined ? {} : { workers }).apply(range(20)).run()
  return most
}

test.each([
  ['nothing is said', { batchSize: 5 }, 1],
  ['true', { stateful: true, batchSize: 5 }, 1],
  ['false', { stateful: false, batchSize: 5 }, 5],
  ['a number', { stateful: 2, batchSize: 5 }, 5],
])('B-04 stateful: where it is %s', async (_, metrics, most) => {
  expect(await mostAtOnce(metrics)).toBe(most)
})

test.each([0, -1, 1.5, Number.NaN, '2', null])('B-05 stateful: %j is refused when a pipeline is made', (stateful) => {
  expect(() => new Pipeline([having({ stateful }, () => {})])).toThrow('callables[0].stateful')
})

test('B-06 a window of one is a list, which no window is not', async () => {
  expect(await new Pipeline([work.windowsOf1]).apply([7]).toArray()).toEqual([[7]])
  expect(await new Pipeline([work.single]).apply([7]).toArray()).toEqual([7])
})

test.each([1, 2, 7])('B-07 batchSize: %i so many inputs are in progress at once', async (batchSize) => {
  expect(await mostAtOnce({ stateful: false, batchSize })).toBe(batchSize)
})

test.each([0, -1, 1.5, '5', null])('B-07 batchSize: %j is refused, and not converted', (batchSize) => {
  expect(() => new Pipeline([having({ batchSize }, () => {})])).toThrow('callables[0].batchSize')
})

test.each([true, false, undefined, 0])(
  'B-08 runInMaster: %j makes it run alone, whatever it is',
  async (runInMaster) => {
    expect(await mostAtOnce({ runInMaster, stateful: false, batchSize: 5 })).toBe(1)
    const windows = having({ runInMaster, stateful: 2 }, (pair: number[]) => pair)
    expect(await new Pipeline([windows]).apply([1, 2, 3]).toArray()).toEqual([
      [1, 2],
      [2, 3],
    ])
  },
)

test.each([
  [3, 5, 3],
  [5, 2, 2],
])('B-09 workers: %i of batchSize %i let %i be in progress', async (workers, batchSize, most) => {
  expect(await mostAtOnce({ stateful: false, batchSize }, workers)).toBe(most)
})

test('B-10 results come in the order of the inputs: all wait for the oldest one', async () => {
  const open = gate()
  const late = having({ stateful: false, batchSize: 3 }, async (n: number) => {
    if (n === 0) await open.opened
    if (n === 2) open.open()
    return n
  })
  expect(await new Pipeline([late]).apply(range(6)).toArray()).toEqual(range(6))
})

test('B-11 no more is read than the batches hold, and one more for each result', async () => {
  const numbers = endless()
  const two = having({ stateful: false, batchSize: 3 }, async (n: number) => n)
  const results = new Pipeline([two, having({ batchSize: 2 }, same)]).apply(numbers.source())[Symbol.asyncIterator]()
  const reads: number[] = []
  for (const _ of range(4)) {
    await results.next()
    await turns(10)
    reads.push(numbers.read)
  }
  await results.return?.()
  const [first = 0] = reads
  // 3 in work and 3 in front of the first one, 1 and 2 of the second one; results and inputs in hand.
  expect(first).toBeLessThanOrEqual(13)
  expect(reads).toEqual([first, first + 1, first + 2, first + 3])
})

test('B-12 whoever has enough of an endless input leaves the loop', async () => {
  const numbers = endless()
  const seen: unknown[] = []
  for await (const result of new Pipeline([work.single, work.windowsOf2]).apply(numbers.source()))
    if (seen.push(result) === 3) break
  expect(seen).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
  ])
  expect(numbers.closed).toBe(true)
})

test('B-13 a stateful callable with room for one input loses none', async () => {
  const sums = new Pipeline([new Accumulator()]).apply(range(10))
  expect(Object.values(sums.toBlueprint().graph.nodes)[1]?.properties).toMatchObject({ queueSize: 1 })
  expect(await sums.toArray()).toEqual([0, 1, 3, 6, 10, 15, 21, 28, 36, 45])
})

test('B-14 results that have ended may be ended again', async () => {
  const results = new Pipeline([new Accumulator()]).apply([1, 2])[Symbol.asyncIterator]()
  const seen = [await results.next(), await results.next(), await results.next()]
  expect(seen.map(({ done }) => done)).toEqual([false, false, true])
  expect(await results.return?.()).toMatchObject({ done: true })
  expect(await results.return?.()).toMatchObject({ done: true })
  expect(await results.next()).toMatchObject({ done: true })
})

test('B-17 null and undefined go on to the next callable; DROP does not', async () => {
  const given = [1, null, undefined, DROP]
  const pipeline = new Pipeline([(n: number) => given[n], String])
  expect(await pipeline.apply(range(4)).toArray()).toEqual(['1', 'null', 'undefined'])
})

test('B-19 where no callable needs workers, there are none', () => {
  const free = having({ stateful: false, batchSize: 4 }, same)
  expect(new Pipeline([free, free]).apply([1]).toBlueprint().executors ?? []).toEqual([])
})

test('B-20 when a callable fails, calls that wait are told, and the inputs are closed', async () => {
  const numbers = endless()
  let told = 0
  const waiting = having({ stateful: false, batchSize: 3 }, async (n: number, { signal }: { signal: AbortSignal }) => {
    if (n < 2) return aborted(signal).catch(() => told++)
    throw new RangeError('two is too much')
  })
  const error = await failureOf(() => new Pipeline([waiting as Callable]).apply(numbers.source()).run())
  expect(error.cause).toMatchObject({ message: 'two is too much' })
  expect(told).toBe(2)
  expect(numbers.closed).toBe(true)
})

test('B-20 inputs that give something in their "finally" do not stand in the way of an early end', async () => {
  function* inputs(): Generator<number> {
    try {
      yield* [1, 2, 3, 4, 5, 6, 7, 8]
    } finally {
      yield 99
    }
  }
  const seen: unknown[] = []
  for await (const result of new Pipeline([same]).apply(inputs())) {
    seen.push(result)
    break
  }
  expect(seen).toEqual([1])
})

class Difference2Stateful {
  #cache: number[] = []
  call(x: number): number | typeof DROP {
    this.#cache = [...this.#cache, x].slice(-3)
    const [first = 0] = this.#cache
    return this.#cache.length === 3 ? x - first : DROP
  }
}

class Difference2Stateless {
  static readonly stateful = 3
  call([x = 0, _, z = 0]: number[]): number {
    return z - x
  }
}

test('B-T03 the accumulator of the README is stateful', async () => {
  expect(await new Pipeline([new Accumulator()]).apply([1, 2, 3, 4]).toArray()).toEqual([1, 3, 6, 10])
})

test('B-T03 the second difference is the same with a state and with windows of three', async () => {
  const inputs = range(9).map((n) => n ** 3)
  const [kept, windows] = [new Difference2Stateful(), new Difference2Stateless()].map((difference) =>
    new Pipeline([difference]).apply(inputs).toArray(),
  )
  expect(await kept).toEqual(inputs.slice(2).map((n, at) => n - (inputs[at] ?? 0)))
  expect(await windows).toEqual(await kept)
})

class Add {
  readonly stateful = 2
  readonly batchSize = 10
  call([x, y]: [number, number]): number {
    return x + y
  }
}

class Add2 {
  static readonly stateful = 2
  static readonly batchSize = 10
  call([x, y]: [number, number]): number {
    return x + y
  }
}

test.each([
  ['a function', having({ stateful: 2, batchSize: 10 }, ([x, y]: [number, number]) => x + y)],
  ['an instance', new Add()],
  ['a class', new Add2()],
])('B-T04 metrics are set on %s', async (_, callable: Callable) => {
  const results = new Pipeline([callable]).apply([1, 2, 3, 4])
  expect(Object.values(results.toBlueprint().graph.nodes)[1]?.properties).toMatchObject({ stateful: 2, workers: 10 })
  expect(await results.toArray()).toEqual([3, 5, 7])
})
