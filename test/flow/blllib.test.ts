import { portable } from '@pipelines/flow'
import { type Callable, Pipeline, type PipelineOptions } from '@pipelines/flow/blllib'
import { gate } from '@pipelines/testkit'
import { threads } from '@pipelines/workers'
import { describe, expect, test } from 'vitest'
import { turns } from '../support/turns.js'
import * as work from './fixtures/flow-work.mjs'
import { all, byText, double, Endless, first, negate, nodesOf } from './flow-support.js'

/** A function that says this of itself. */
const having = <F extends (input: never) => unknown>(metrics: object, fn: F): F & Callable => Object.assign(fn, metrics)

const difference = having({ stateful: 2, batchSize: 10 }, ([a = 0, b = 0]: number[]) => b - a)

/** Adds up what it gets, and keeps the sum. */
class Sum {
  sum = 0

  call(n: number): number {
    this.sum += n
    return this.sum
  }
}

describe('a pipeline', () => {
  test('calls callables in a row', async () => {
    expect(await new Pipeline([double, negate]).apply([1, 2]).toArray()).toEqual([-2, -4])
  })

  test('of none gives its inputs', async () => {
    expect(await new Pipeline([]).apply([1, 2]).toArray()).toEqual([1, 2])
  })

  test('gives results in a loop', async () => {
    expect(await all(new Pipeline([difference]).apply([1, 4, 9]))).toEqual([3, 5])
  })

  test('can be applied as often as wanted, also at once', async () => {
    const pipeline = new Pipeline([difference, double])
    const results = await Promise.all(
      [
        [1, 2],
        [5, 7, 9],
      ].map((inputs) => pipeline.apply(inputs).toArray()),
    )
    expect(results).toEqual([[2], [4, 4]])
    expect(await pipeline.apply([0, 1]).toArray()).toEqual([2])
  })

  test('keeps what a callable keeps in itself', async () => {
    const pipeline = new Pipeline([new Sum()])
    expect(await pipeline.apply([1, 2]).toArray()).toEqual([1, 3])
    expect(await pipeline.apply([10]).toArray()).toEqual([13])
  })

  test('is not changed by who changes the list', async () => {
    const callables: Callable[] = [double]
    const pipeline = new Pipeline(callables)
    callables.push(negate)
    expect(await pipeline.apply([1]).toArray()).toEqual([2])
  })

  test('is a graph, too', async () => {
    const applied = new Pipeline([difference, double]).apply([1, 4, 9])
    expect(nodesOf(applied)['double']).toEqual({ coro: 'double', properties: { stateful: true, queueSize: 1 } })
    expect(await byText(applied)).toEqual([6, 10])
  })

  test('passes undefined and null on like anything', async () => {
    const pipeline = new Pipeline([() => undefined, String])
    expect(await pipeline.apply([1]).toArray()).toEqual(['undefined'])
  })

  test.each(['abc', null, 5])('refuses %o as inputs', (inputs) => {
    expect(() => new Pipeline([double]).apply(inputs as never)).toThrow(
      expect.objectContaining({ code: 'PLB_OPTION_INVALID' }),
    )
  })
})

describe('stateful', () => {
  /** Calls that wait until all that may be in progress are, and how many that were at most. */
  async function mostAtOnce(metrics: object, options?: PipelineOptions): Promise<number> {
    let [now, most] = [0, 0]
    const wait = having(metrics, async (n: unknown) => {
      most = Math.max(most, ++now)
      await turns(3)
      now--
      return n
    })
    await new Pipeline([wait], options).apply(Array.from({ length: 20 }, (_, n) => n)).run()
    return most
  }

  test('is true where nothing is said: one item after the other', async () => {
    expect(await mostAtOnce({})).toBe(1)
    expect(await mostAtOnce({ stateful: true, batchSize: 5 })).toBe(1)
    expect(await mostAtOnce({ stateful: true, batchSize: 5 }, { workers: 3 })).toBe(1)
  })

  test('false lets as many be in progress as batchSize says', async () => {
    expect(await mostAtOnce({ stateful: false, batchSize: 5 })).toBe(5)
    expect(await mostAtOnce({ stateful: false })).toBe(1)
  })

  test('false lets no more than the workers be in progress', async () => {
    expect(await mostAtOnce({ stateful: false, batchSize: 5 }, { workers: 3 })).toBe(3)
    expect(await mostAtOnce({ stateful: false, batchSize: 2 }, { workers: 3 })).toBe(2)
  })

  test('a number gives so many consecutive items, the next call those one further on', async () => {
    const seen = (size: number): Callable => having({ stateful: size }, (window: number[]) => window)
    expect(await new Pipeline([seen(1)]).apply([1, 2]).toArray()).toEqual([[1], [2]])
    expect(await new Pipeline([seen(3)]).apply([1, 2, 3, 4]).toArray()).toEqual([
      [1, 2, 3],
      [2, 3, 4],
    ])
    expect(await new Pipeline([seen(3)]).apply([1, 2]).toArray()).toEqual([])
  })

  test('a number lets several windows be in progress', async () => {
    expect(await mostAtOnce({ stateful: 2, batchSize: 4 })).toBe(4)
  })

  test('keeps every item where the queue is short', async () => {
    const items = Array.from({ length: 30 }, (_, n) => n)
    expect(await new Pipeline([new Sum(), negate]).apply(items).toArray()).toHaveLength(30)
  })

  test('results come in the order of the inputs, whoever is ready first', async () => {
    const open = gate()
    const late = having({ stateful: false, batchSize: 3 }, async (n: number) => {
      if (n === 1) await open.opened
      if (n === 3) open.open()
      return n
    })
    expect(await new Pipeline([late]).apply([1, 2, 3, 4]).toArray()).toEqual([1, 2, 3, 4])
  })
})

describe('nothing is read ahead of its turn', () => {
  const slow = (metrics: object): Callable => having(metrics, async (n: unknown) => n)

  /** How many inputs are read for the first result, when everything that can move has done so. */
  async function readFor(callable: Callable): Promise<number> {
    const inputs = new Endless()
    const results = new Pipeline([callable]).apply(inputs)[Symbol.asyncIterator]()
    await turns()
    expect(inputs.read).toBe(0)
    await results.next()
    await turns()
    const { read } = inputs
    await results.return()
    expect(inputs.returned).toBe(1)
    return read
  }

  test.each([1, 3, 10])('a stateful callable with batchSize %i reads so many more, and four', async (batchSize) => {
    // The result that was taken, the next one that waits, one in hand, batchSize in the queue, one in hand at the source.
    expect(await readFor(slow({ batchSize }))).toBeLessThanOrEqual(batchSize + 4)
  })

  test.each([1, 3, 10])('one with any worker and batchSize %i has so many in work, too', async (batchSize) => {
    expect(await readFor(slow({ stateful: false, batchSize }))).toBeLessThanOrEqual(2 * batchSize + 4)
  })

  test('one that runs here has no larger queue than another', async () => {
    expect(await readFor(slow({ runInMaster: true }))).toBeLessThanOrEqual(5)
  })

  test('so inputs may never end', async () => {
    const inputs = new Endless()
    const results = new Pipeline([difference, slow({ stateful: false, batchSize: 3 })]).apply(inputs)
    expect(await first(3, results)).toEqual([1, 1, 1])
    expect(inputs).toMatchObject({ begun: 1, returned: 1 })
  })
})

describe('an error', () => {
  const failAt = (place: number): Callable =>
    having({ stateful: false, batchSize: 4 }, async (n: number) => {
      if (n === place) throw new RangeError(`no ${n}`)
      return n
    })

  test('comes at the place of its input, after the results before it', async () => {
    const seen: unknown[] = []
    const loop = async (): Promise<void> => {
      for await (const result of new Pipeline([failAt(3)]).apply([1, 2, 3, 4])) seen.push(result)
    }
    await expect(loop()).rejects.toMatchObject({ cause: { message: 'no 3' } })
    expect(seen).toEqual([1, 2])
  })

  test('of a stateful callable is told, too', async () => {
    const failing = (): never => {
      throw new RangeError('no')
    }
    await expect(new Pipeline([failing]).apply([1]).run()).rejects.toMatchObject({ cause: { name: 'RangeError' } })
  })

  test('of the inputs is told, too', async () => {
    function* inputs(): Generator<number> {
      yield 1
      throw new RangeError('no more')
    }
    await expect(new Pipeline([double]).apply(inputs()).run()).rejects.toMatchObject({ cause: { message: 'no more' } })
  })

  test('leaves the pipeline as it was', async () => {
    const pipeline = new Pipeline([failAt(3)])
    await expect(pipeline.apply([3]).run()).rejects.toThrow('no 3')
    expect(await pipeline.apply([1, 2]).toArray()).toEqual([1, 2])
  })
})

describe('an executor', () => {
  portable(work, new URL('fixtures/flow-work.mjs', import.meta.url))

  test('runs functions of modules, and what is to run here runs here', async () => {
    const own = threads({ idleMs: 0 })
    const here = having({ runInMaster: true }, (n: number) => n + 1)
    const applied = new Pipeline([work.double, here], { executor: 'thread' }).apply([1, 2])
    expect(await applied.toArray(undefined, { executors: [own] })).toEqual([3, 5])
    expect(nodesOf(applied)['double']?.properties).toMatchObject({ executor: 'thread', stateful: true })
    await own.close()
  })

  test('refuses closures and objects', async () => {
    const refused = { details: { issues: [{ code: 'PLB_CORO_NOT_PORTABLE' }] } }
    for (const callable of [double, new Sum()])
      await expect(new Pipeline([callable], { executor: 'thread' }).apply([1]).run()).rejects.toMatchObject(refused)
  })
})
