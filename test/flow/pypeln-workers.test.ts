import { setInterval, setTimeout } from 'node:timers'
import { flow, portable } from '@pipelines/flow'
import * as pl from '@pipelines/flow/pypeln'
import { processes, threads } from '@pipelines/workers'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import * as work from './fixtures/flow-work.mjs'
import { all, double, nodesOf } from './flow-support.js'

/*
 * Threads and processes are shared by the tests of this file. Those that wait for the next test have a timer each, so timers
 * are not looked at after each test.
 */

portable(work, new URL('fixtures/flow-work.mjs', import.meta.url))

const timers = { setTimeout, setInterval }
beforeEach(() => {
  Object.assign(globalThis, timers)
})

const executors = [threads(), processes()]
const own = { executors }
afterAll(async () => {
  for (const executor of executors) await executor.close()
})

const numbers = [1, 2, 3]
const two = { workers: 2 }
const sorted = async (items: AsyncIterable<number>): Promise<number[]> => (await all(items)).sort((a, b) => a - b)

const modules: readonly (readonly [string, pl.PypelnModule])[] = [
  ['thread', pl.thread],
  ['process', pl.process],
]

describe.each(modules)('%s', (name, module) => {
  test('map, filter, flatMap and each run there, in call form', async () => {
    const doubled = module.map(work.double, numbers, two)
    const parts = module.flatMap(work.twice, module.filter(work.isLarge, doubled, two), two)
    expect(await sorted(parts.toIterable(own))).toEqual([4, 4, 6, 6])
    expect(await module.each(work.nothing, parts, two).toArray(undefined, own)).toEqual([])
    for (const node of ['double', 'isLarge', 'twice'])
      expect(nodesOf(parts)[node]?.properties).toMatchObject({ executor: name, workers: 2, ordered: false })
  })

  test('map, filter, flatMap and each run there, in partial form', async () => {
    const stage = pl.pipe(numbers, module.map(work.double), module.filter(work.isLarge), module.flatMap(work.twice))
    expect(await stage.toArray(undefined, own)).toEqual([4, 4, 6, 6])
    expect(await pl.pipe(stage, module.each(work.nothing)).toArray(undefined, own)).toEqual([])
  })

  test('concat, ordered and fromIterable need no workers', async () => {
    const [one, other] = [module.map(work.double, numbers, two), module.map(work.double, [7], two)]
    const stage = module.ordered(module.concat([one, other, module.fromIterable([100])]))
    const items = await stage.toArray(undefined, own)
    expect(new Set(items.slice(0, 3))).toEqual(new Set([2, 14, 100]))
    expect(items.slice(3)).toEqual([4, 6])
  })

  test('ordered keeps the order of several workers', async () => {
    const many = Array.from({ length: 40 }, (_, n) => n)
    const stage = pl.pipe(many, module.map(work.double, two), module.ordered())
    expect(await stage.toArray(undefined, own)).toEqual(many.map(double))
  })

  test('toIterable gives elements with their places', async () => {
    const items = module.toIterable(module.flatMap(work.twice, [5]), { returnIndex: true, ...own })
    expect(await all(items)).toEqual([
      { index: [0, 0], value: 5 },
      { index: [0, 1], value: 5 },
    ])
  })

  test('hooks make the state of each worker, which knows its number', async () => {
    const stage = module.map(work.addMore, numbers, { ...two, onStart: work.open, onDone: work.close })
    expect(await sorted(stage.toIterable(own))).toEqual([101, 102, 103])
  })

  test('the place of an element is known there', async () => {
    const stage = module.map(work.place, module.fromIterable(['a', 'b'], { elementIndex: true }))
    expect(await stage.toArray(undefined, own)).toEqual([[0], [1]])
  })

  test('an element that takes too long is dropped', async () => {
    const stage = module.map(work.hangsAtTwo, numbers, { timeoutMs: 30 })
    expect(await stage.toArray(undefined, own)).toEqual([1, 3])
  })

  test('an element that never ends is dropped as well, whether its function listens or not', async () => {
    const stage = module.map(work.neverAtTwo, numbers, { timeoutMs: 30 })
    expect(await stage.toArray(undefined, { ...own, graceMs: 10 })).toEqual([1, 3])
  })

  test('an error of the function ends the run, and is the one that it threw', async () => {
    const stage = module.map(work.fail, numbers)
    await expect(stage.run(undefined, own)).rejects.toMatchObject({ cause: { name: 'RangeError', message: 'not 1' } })
  })

  test('closures are refused, whatever they are for', async () => {
    const refused = { code: 'PLB_GRAPH_INVALID', details: { issues: [{ code: 'PLB_CORO_NOT_PORTABLE' }] } }
    await expect(module.map(double, numbers).run(undefined, own)).rejects.toMatchObject(refused)
    await expect(module.filter(Boolean, numbers).run(undefined, own)).rejects.toMatchObject(refused)
    const hooked = module.map(work.double, numbers, { onStart: () => 1 })
    await expect(hooked.run(undefined, own)).rejects.toMatchObject(refused)
  })

  test('no workers at all are refused: nothing would ever come out', async () => {
    await expect(module.map(work.double, numbers, { workers: 0 }).run(undefined, own)).rejects.toMatchObject({
      code: 'PLB_GRAPH_INVALID',
    })
  })
})

test('the modules go together, and with flows', async () => {
  const stage = pl.pipe(
    flow(numbers).map((n) => n - 1),
    pl.thread.map(work.double),
    pl.sync.map((n) => n + 1),
    pl.process.map(work.double, two),
    pl.task.filter((n) => n > 2),
    pl.thread.ordered(),
  )
  expect(await stage.toArray(undefined, own)).toEqual([6, 10])
})
