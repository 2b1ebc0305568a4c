import { setInterval, setTimeout } from 'node:timers'
import { concat, type Flow, flow, portable } from '@pipelines/flow'
import { Plumber } from '@pipelines/plumber'
import { threads } from '@pipelines/workers'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import * as work from './fixtures/flow-work.mjs'
import { all, double, namesOf, nodesOf } from './flow-support.js'

/*
 * Threads are shared by the tests of this file. Those that wait for the next test have a timer each, so timers are not looked
 * at after each test. What runs on threads runs in processes: see the tests of pypeln's modules.
 */

const url = new URL('fixtures/flow-work.mjs', import.meta.url)
portable(work, url)

const timers = { setTimeout, setInterval }
beforeEach(() => {
  Object.assign(globalThis, timers)
})

const shared = threads()
const executors = [shared]
const executor = 'thread'
afterAll(() => shared.close())

describe('on threads', () => {
  const onWorkers = { executor, workers: 2 }
  const result = (described: Flow<unknown>): Promise<unknown[]> => described.toArray(undefined, { executors })

  test('every kind of stage runs, with functions of a module', async () => {
    const described = flow([1, 2, 3])
      .map(work.double, onWorkers)
      .filter(work.isLarge, onWorkers)
      .flatMap(work.twice, onWorkers)
      .tee(work.nothing, onWorkers)
      .skip(1, { executor })
      .take(2, { executor })
      .distinct(undefined, { executor })
    expect(await result(described)).toEqual([4, 6])
    expect(await result(described.each(work.nothing, onWorkers))).toEqual([])
  })

  test('hooks make the state of each worker', async () => {
    const described = flow([1, 2]).map(work.addMore, {
      ...onWorkers,
      onStart: work.open,
      onDone: work.close,
    })
    expect(await result(described)).toEqual([101, 102])
  })

  test('coroutines in a group have their names', async () => {
    const described = flow([1]).map(work.group.negate, { executor })
    expect(nodesOf(described)).toMatchObject({ negate: { coro: 'flow-work.group.negate' } })
    expect(await result(described)).toEqual([-1])
  })

  test('items keep their places', async () => {
    const described = flow(['a'])
      .flatMap(() => [1, 2])
      .map(work.double, { executor })
    const items = await all(described.toIterable({ returnIndex: true, executors }))
    expect(items.map(({ index }) => index)).toEqual([
      [0, 0],
      [0, 1],
    ])
    const parts = flow([1], { elementIndex: true }).flatMap(work.twice, { executor })
    expect(await result(parts.map(work.place, { executor }))).toEqual([
      [0, 0],
      [0, 1],
    ])
  })

  test('an error is the one that the function threw', async () => {
    const run = result(flow([1]).map(work.fail, { executor }))
    await expect(run).rejects.toMatchObject({ cause: { name: 'RangeError', message: 'not 1' } })
  })

  test('a closure cannot run, nor be called by a stage that runs there', async () => {
    const issues = [{ code: 'PLB_CORO_NOT_PORTABLE' }]
    const refused = { code: 'PLB_GRAPH_INVALID', details: { issues } }
    await expect(result(flow([1]).map(double, { executor }))).rejects.toMatchObject(refused)
    await expect(result(flow([1]).filter(() => true, { executor }))).rejects.toMatchObject(refused)
    const hooked = flow([1]).map(work.double, { executor, onStart: () => 1 })
    await expect(result(hooked)).rejects.toMatchObject(refused)
  })

  test('runInMaster keeps a stage here, closure or not', async () => {
    const described = flow([1]).map(double, { executor, runInMaster: true })
    expect(nodesOf(described)['double']).toEqual({ coro: 'double' })
    expect(await result(described)).toEqual([2])
  })

  test('a key may be found by a closure: that is done here', async () => {
    const described = flow([1, 2, 3]).map(work.double, { ...onWorkers, partitionBy: (n: number) => n % 2 })
    expect(await result(described)).toEqual([2, 4, 6])
  })

  test('the text of a graph runs the same', async () => {
    const { graph, coroMap } = flow([1, 2, 3]).map(work.double, onWorkers).filter(work.isLarge, onWorkers).toBlueprint()
    const plumber = await Plumber.create(JSON.stringify(graph), { coroMap, executors })
    expect(await plumber.collect()).toEqual([4, 6])
  })
})

describe('portable', () => {
  test('gives the module back, and leaves what is no coroutine alone', () => {
    expect(portable(work, url)).toBe(work)
    expect(work.limit).toBe(5)
  })

  test('names functions after their module and their export', () => {
    expect(nodesOf(flow([1]).map(work.double))['double']).toEqual({ coro: 'flow-work.double' })
    expect(nodesOf(flow([1]).filter(work.isLarge))['isLarge']?.args).toEqual({ fn: 'flow-work.isLarge' })
  })

  test('leaves them functions like any other where nobody asks for workers', async () => {
    expect(await flow([1, 2]).map(work.double).toArray()).toEqual([2, 4])
    expect(flow([1]).map(work.double).toBlueprint().executors).toBeUndefined()
  })

  test('tells two modules of one name apart, and a closure of that name', () => {
    const other = { triple: (n: number) => n * 3 }
    portable(other, 'file:///elsewhere/flow-work.mjs')
    const closure = Object.defineProperty((n: number) => n, 'name', { value: 'flow-work' })
    const described = flow([1]).map(work.double).map(other.triple).map(closure)
    expect(Object.values(nodesOf(described)).map(({ coro }) => coro)).toEqual([
      'from',
      'flow-work.double',
      'flow-work-2.triple',
      'flow-work-3',
    ])
  })

  test('keeps to the first module that a function was exported by', () => {
    portable({ again: work.double }, 'file:///elsewhere/again.mjs')
    expect(nodesOf(flow([1]).map(work.double))['double']?.coro).toBe('flow-work.double')
  })

  test.each(['file:///x/std.js', 'file:///x/constructor.js', 'file:///x/1.js', 'data:text/javascript,0', 'file:///x/'])(
    'finds a name for a module at %s',
    async (place) => {
      const own = { run: (n: number) => n + 1 }
      portable(own, place)
      expect(await flow([1]).map(own.run).filter(own.run).toArray()).toEqual([2])
    },
  )
})

describe('the executors of a blueprint', () => {
  test('are those that its stages name, the same for all blueprints', () => {
    const described = flow([1]).map(work.double, { executor: 'thread' }).filter(work.isLarge, { executor: 'process' })
    const [one, other] = [described.toBlueprint().executors, described.toBlueprint().executors]
    expect(one?.map(({ name }) => name)).toEqual(['thread', 'process'])
    expect(other).toEqual(one)
    expect(other?.[0]).toBe(one?.[0])
  })

  test('are there once, however many stages name them', () => {
    const described = flow([1]).map(work.double, { executor: 'thread' }).map(work.double, { executor: 'thread' })
    expect(described.toBlueprint().executors).toHaveLength(1)
  })

  test('that nobody knows are an issue of the graph', async () => {
    const issues = [{ code: 'PLB_OPTION_INVALID', pointer: '/nodes/double/properties/executor' }]
    const run = flow([1]).map(work.double, { executor: 'elsewhere' }).run()
    await expect(run).rejects.toMatchObject({ details: { issues } })
  })

  test('can be given in their place, under any name', async () => {
    const own = threads({ name: 'own', idleMs: 0 })
    const described = concat([flow([1]), flow([2])]).map(work.double, { executor: 'own' })
    expect((await described.toArray(undefined, { executors: [own] })).sort()).toEqual([2, 4])
    expect(namesOf(described)).toContain('double')
    await own.close()
  })
})
