import { type Context, DROP } from '@pipelines/core'
import { elementIndex, Flow, flow, type WorkerStatus } from '@pipelines/flow'
import * as pl from '@pipelines/flow/pypeln'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { turns } from '../support/turns.js'
import { inVirtualTime } from '../support/virtual-time.js'
import { all, double, Endless, first, isLarge, negate, nodesOf } from './flow-support.js'

const { sync, task } = pl
const modules = { sync, task }
const numbers = [1, 2, 3]
const pair = (n: number): number[] => [n, -n]

/** What a stage gives, whatever it is. */
const result = async (stage: Flow<unknown>): Promise<unknown[]> => stage.toArray()

describe.each(Object.entries(modules))('%s', (_, module) => {
  test('map gives one output per element', async () => {
    expect(await result(module.map(double, numbers))).toEqual([2, 4, 6])
    expect(await result(module.map(double)(numbers))).toEqual([2, 4, 6])
  })

  test('map takes async functions and generators, and leaves DROP out', async () => {
    expect(await result(module.map(async (n: number) => n, numbers))).toEqual(numbers)
    expect(await result(module.map(function* (n: number) { yield n; yield n }, [1]))).toEqual([1, 1]) // biome-ignore format: short
    expect(await result(module.map((n: number) => (n > 1 ? n : DROP), numbers))).toEqual([2, 3])
  })

  test('filter keeps what the function says yes to', async () => {
    expect(await result(module.filter(isLarge, numbers))).toEqual([3])
    expect(await result(module.filter(async (n: number) => n > 2)(numbers))).toEqual([3])
  })

  test('flatMap gives the parts of what the function gives', async () => {
    expect(await result(module.flatMap(pair, [1, 2]))).toEqual([1, -1, 2, -2])
    expect(await result(module.flatMap(async (n: number) => pair(n))([1]))).toEqual([1, -1])
  })

  test('each gives nothing, and runs when it is run', async () => {
    const seen: number[] = []
    const stage = module.each((n: number) => seen.push(n), numbers)
    expect(seen).toEqual([])
    expect(await result(stage)).toEqual([])
    await module.run(module.each((n: number) => seen.push(n))(numbers))
    expect(seen).toEqual([...numbers, ...numbers])
  })

  test('each runs at once where that is asked for', async () => {
    const seen: number[] = []
    expect(await module.each((n: number) => seen.push(n), numbers, { run: true })).toBeUndefined()
    expect(await module.each((n: number) => seen.push(n), { run: true })(numbers)).toBeUndefined()
    expect(seen).toEqual([...numbers, ...numbers])
  })

  test('each that runs at once rejects with the error of its function', async () => {
    const fail = (): never => {
      throw new RangeError('no')
    }
    await expect(module.each(fail, numbers, { run: true })).rejects.toMatchObject({ cause: { name: 'RangeError' } })
  })

  test('concat gives the elements of all, of stages and of anything else', async () => {
    const stage = module.concat([module.map(double, numbers), [100], new Set([200])])
    expect((await result(stage)).sort()).toEqual([100, 2, 200, 4, 6])
    expect(await result(module.concat([]))).toEqual([])
  })

  test('concat of one stage with itself, and again, gives three copies; the function runs once', async () => {
    let calls = 0
    const stage = module.map((n: number) => n + calls++ * 0, numbers)
    const three = module.concat([module.concat([stage, stage]), stage])
    expect((await result(three)).sort()).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3])
    expect(calls).toBe(3)
  })

  test('ordered puts elements in order of the source', async () => {
    const stage = module.concat([module.map(double, numbers), module.map((n: number) => n * 20, numbers)])
    const tens = (await result(module.ordered(stage))).map((n) => String(n).charAt(0))
    expect(tens).toEqual(['2', '2', '4', '4', '6', '6'])
    expect(await result(pl.pipe(numbers, module.map(double), module.ordered()))).toEqual([2, 4, 6])
  })

  test('fromIterable begins with anything that can be iterated', async () => {
    expect(await result(module.fromIterable(numbers))).toEqual(numbers)
    expect(await result(module.fromIterable()(new Set(numbers)))).toEqual(numbers)
    expect(await result(module.fromIterable(lateNumbers()))).toEqual(numbers)
    expect(nodesOf(module.fromIterable(numbers, { name: 'in', maxsize: 3 }))).toMatchObject({
      in: {},
      pass: { properties: { queueSize: 3 } },
    })
  })

  test('toIterable gives the elements one by one, with their places where wanted', async () => {
    const places = numbers.map((value, place) => ({ index: [place], value }))
    expect(await all(module.toIterable(numbers))).toEqual(numbers)
    expect(await all(module.toIterable()(module.map(double, numbers)))).toEqual([2, 4, 6])
    expect(await all(module.toIterable(numbers, { returnIndex: true }))).toEqual(places)
    expect(await all(module.toIterable({ returnIndex: true, maxsize: 2 })(numbers))).toEqual(places)
  })

  test('run runs stages together, and does nothing without any', async () => {
    const seen: number[] = []
    const note = (n: number): unknown => seen.push(n)
    expect((await module.run(module.each(note, [1]), module.each(note, [2])))?.outcome).toBe('completed')
    expect(seen.sort()).toEqual([1, 2])
    expect(await module.run()).toBeUndefined()
  })

  test('a stage is a description: each run is a new one', async () => {
    let calls = 0
    const stage = module.map((n: number) => n + calls++ * 0, numbers)
    expect([await result(stage), await result(stage), calls]).toEqual([numbers, numbers, 6])
  })

  test('hooks give the state, and know of the end', async () => {
    const seen: unknown[] = []
    const options = {
      onStart: () => ({ more: 10 }),
      onDone: (_: Context, { done, activeWorkers }: WorkerStatus) => seen.push({ done, activeWorkers }),
    }
    const add = (n: number, { state }: Context<{ more: number }>): number => n + state.more
    expect(await result(module.map(add, numbers, options as never))).toEqual([11, 12, 13])
    expect(seen).toEqual([{ done: true, activeWorkers: 0 }])
  })

  test('the place of an element is what elementIndex tells', async () => {
    const place = (_: unknown, context: Context): unknown => elementIndex(context)
    const stage = module.flatMap(pair, module.fromIterable([1], { elementIndex: true }))
    expect(await result(module.map(place, stage))).toEqual([
      [0, 0],
      [0, 1],
    ])
  })

  test('a bound of 0 is the default, as pypeln writes it', () => {
    for (const stage of [module.map(double, numbers, { maxsize: 0 }), module.map(double, numbers)])
      expect(nodesOf(stage)['double']?.properties).not.toHaveProperty('queueSize')
    expect(nodesOf(module.map(double, numbers, { maxsize: 3 }))['double']?.properties?.queueSize).toBe(3)
    expect(nodesOf(module.map(double, numbers, { queueSize: 4, maxsize: 3 }))['double']?.properties?.queueSize).toBe(4)
  })

  test('concat has the bound that it is given', () => {
    expect(nodesOf(module.concat([numbers, numbers], { maxsize: 5 }))['concat']?.properties?.queueSize).toBe(5)
    expect(nodesOf(module.concat([numbers, numbers], { maxsize: 0 }))['concat']?.properties?.queueSize).toBeUndefined()
  })

  test.each([[3], [1]])('with a bound of %i and one element taken, so many more and two are made', async (maxsize) => {
    let calls = 0
    const stage = module.map((n: number) => n + calls++ * 0, new Endless())
    const items = module.toIterable(stage, { maxsize })
    await items.next()
    await turns()
    await items.return()
    expect(calls).toBe(maxsize + 2)
  })

  test('an element that takes too long is dropped, and the run goes on', async () => {
    const slow = (n: number, { signal }: Context): unknown =>
      n === 2 ? new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true })) : n
    const stage = module.map(slow, numbers, { timeoutMs: 10 })
    expect(await inVirtualTime(() => result(stage))).toEqual([1, 3])
    expect(await inVirtualTime(() => result(module.each(slow, numbers, { timeoutMs: 10 })))).toEqual([])
  })

  test('parts that were given in time stay', async () => {
    const slow = async function* (n: number, { signal }: Context): AsyncGenerator<number> {
      yield n
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      yield -n
    }
    expect(await inVirtualTime(() => result(module.flatMap(slow, [1, 2], { timeoutMs: 10 })))).toEqual([1, 2])
  })

  test('a time of 0 is no limit, as pypeln writes it', () => {
    const { properties } = nodesOf(module.map(double, numbers, { timeoutMs: 0 }))['double'] ?? {}
    expect(properties).not.toHaveProperty('timeoutMs')
  })

  test('a text is no source, and is not taken for options either', () => {
    for (const call of [
      () => module.map(double, 'abc' as never),
      () => module.filter(double, 'abc' as never),
      () => module.flatMap(pair, 'abc' as never),
      () => module.each(double, 'abc' as never),
      () => module.fromIterable('abc'),
      () => module.toIterable('abc'),
      () => module.ordered('abc'),
    ])
      expect(call).toThrow('Put the text in a list, or split it.')
  })

  test.each(['abc', null, 5, {}])('a stage that waits for its source refuses %o', (source) => {
    for (const stage of [module.map(double), module.ordered(), module.fromIterable(), module.toIterable()])
      expect(() => stage(source as never)).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
    expect(() => module.concat([source as never])).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
  })
})

async function* lateNumbers(): AsyncGenerator<number> {
  yield* numbers
}

describe('workers', () => {
  /** The most calls of a function that were in progress at once, of so many elements. */
  async function mostAtOnce(module: pl.PypelnModule, options: pl.PypelnOptions): Promise<number> {
    let [now, most] = [0, 0]
    const wait = async (): Promise<void> => {
      most = Math.max(most, ++now)
      await turns(3)
      now--
    }
    await module.each(wait, Array.from({ length: 20 }), { ...options, run: true })
    return most
  }

  test('of a task are so many elements at once', async () => {
    expect(await mostAtOnce(task, { workers: 4 })).toBe(4)
    expect(await mostAtOnce(task, {})).toBe(1)
  })

  test('of a task are as many as its queue holds, where there are 0', async () => {
    expect(await mostAtOnce(task, { workers: 0, maxsize: 6 })).toBe(6)
  })

  test('of sync are always one', async () => {
    expect(await mostAtOnce(sync, { workers: 4 })).toBe(1)
    expect(nodesOf(sync.map(double, numbers, { workers: 4, ordered: false }))['double']?.properties).toEqual({
      workers: 1,
      ordered: true,
    })
  })

  test('of a task may overtake one another, unless order is asked for', async () => {
    const overtaking = (): Flow<number> => {
      const open = gate()
      const late = async (n: number): Promise<number> => {
        if (n === 1) await open.opened
        if (n === 3) open.open()
        return n
      }
      return task.map(late, numbers, { workers: 3 })
    }
    expect(await overtaking().toArray()).toEqual([2, 3, 1])
    expect(await task.ordered(overtaking()).toArray()).toEqual([1, 2, 3])
    expect(await task.map(double, overtaking(), { ordered: true }).toArray()).toEqual([4, 6, 2])
  })
})

describe('pipe', () => {
  test('joins a source and stages of any module', async () => {
    const sums = pl.pipe(numbers, sync.map(double), task.filter(isLarge), sync.flatMap(pair), task.map(negate))
    expect(await sums.toArray()).toEqual([-4, 4, -6, 6])
  })

  test('ends with any function', async () => {
    expect(await pl.pipe(numbers, sync.map(double), (stage) => stage.toArray())).toEqual([2, 4, 6])
    expect(await all(pl.pipe(numbers, sync.map(double), task.toIterable()))).toEqual([2, 4, 6])
    expect(await pl.pipe(numbers, task.each(double, { run: true }))).toBeUndefined()
  })

  test('joins stages that wait for their source', async () => {
    const both = pl.pipe(sync.map(double), task.map(negate))
    expect(await both(numbers).toArray()).toEqual([-2, -4, -6])
    const three = pl.pipe(sync.map(double), sync.map(double), (stage: Flow<number>) => stage.toArray())
    expect(await three([1])).toEqual([4])
  })

  test('joins what it has joined', async () => {
    const both = pl.pipe(sync.map(double), sync.map(negate))
    expect(await pl.pipe(numbers, both, sync.map(double)).toArray()).toEqual([-4, -8, -12])
    expect(await pl.pipe(both, both)([1]).toArray()).toEqual([4])
  })

  test('takes a flow, and gives one', async () => {
    const stage = pl.pipe(flow(numbers).map(double), sync.map(negate))
    expect(stage).toBeInstanceOf(Flow)
    expect(await stage.take(1).toArray()).toEqual([-2])
  })

  test('refuses what is no source', () => {
    for (const source of ['abc', 5, null])
      expect(() => pl.pipe(source as never, sync.map(double))).toThrow('must be an iterable')
  })

  test('left early ends everything', async () => {
    const items = new Endless()
    await first(3, pl.pipe(items, task.map(double, { workers: 2 }), sync.filter(isLarge)))
    expect(items).toMatchObject({ begun: 1, returned: 1 })
  })
})

test('partition and sum, with a method of flows between', async () => {
  const stage = pl.pipe(
    [1, 2, 3, 4, 5],
    (source) => source.batch(2),
    task.map((ns: number[]) => ns.reduce((a, b) => a + b)),
  )
  expect(await stage.toArray()).toEqual([3, 7, 5])
})
