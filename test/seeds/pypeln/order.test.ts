import { type Flow, portable } from '@pipelines/flow'
import * as pl from '@pipelines/flow/pypeln'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { endless, range } from '../../support/blackbox.js'
import { inVirtualTime } from '../../support/virtual-time.js'
import * as work from './fixtures/order.mjs'
import * as places from './fixtures/places.mjs'
import { all, HERE, MODULES, sharedWorkers, sorted } from './modules.js'

sharedWorkers(work, new URL('./fixtures/order.mjs', import.meta.url))
portable(places, new URL('./fixtures/places.mjs', import.meta.url))

const numbers = range(30)
const doubled = numbers.map(work.double)
const two = { workers: 2 }

/** The first elements; then the loop is left. */
async function first<T>(count: number, stage: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = []
  for await (const value of stage) if (taken.push(value) === count) break
  return taken
}

/** The numbers from 1 to 3, of which the first comes last. */
function overtaking(): Flow<number> {
  const open = gate()
  const fn = async (n: number): Promise<number> => {
    if (n === 1) await open.opened
    if (n === 3) open.open()
    return n
  }
  return pl.task.map(fn, [1, 2, 3], { workers: 3 })
}

test.each(MODULES)('Y-06 Y-T18 two workers, then ordered, give the order of the source (%s)', async (_, module) => {
  const stage = module.map(work.afterTurns, numbers, two)
  expect(await module.ordered(stage).toArray()).toEqual(numbers)
  expect(await pl.pipe(stage, module.ordered(), all)).toEqual(numbers)
})

test.each(MODULES)('Y-06 elements that have overtaken others are put in order (%s)', async (_, module) => {
  expect(await overtaking().toArray()).toEqual([2, 3, 1])
  expect(await module.ordered(overtaking()).toArray()).toEqual([1, 2, 3])
})

test('Y-06 of several sources the elements of one place come together, as they came (sync)', async () => {
  const merged = pl.sync.concat([[10, 11], [20, 21]]) // biome-ignore format: short
  expect(await inVirtualTime(() => pl.sync.ordered(merged).toArray())).toEqual([10, 20, 11, 21])
})

test.each(MODULES)('Y-06 of several sources the elements come by their places (%s)', async (_, module) => {
  const merged = module.concat([module.map(work.double, [0, 1, 2]), module.map(work.double, [10, 11, 12])])
  const places = (await module.ordered(merged).toArray()).map((n) => (n % 20) / 2)
  expect(places).toEqual([0, 0, 1, 1, 2, 2])
})

test.each(MODULES)(
  'Y-06 ordered gives elements as soon as it can, also of a source without end (%s)',
  async (_, module) => {
    const stage = module.ordered(module.map(work.double, endless().source(), two))
    expect(await first(5, stage)).toEqual(doubled.slice(0, 5))
  },
)

test.each(MODULES)('Y-06 a window bounds what is held, in call form and in a pipe (%s)', async (_, module) => {
  const merged = () => module.concat([endless().source(), endless().source()])
  const expected = [0, 0, 1, 1, 2, 2]
  await inVirtualTime(async () => {
    expect(await first(6, module.ordered(merged(), { window: 4 }))).toEqual(expected)
    expect(await first(6, pl.pipe(merged(), module.ordered({ window: 4 })))).toEqual(expected)
  })
})

test.each(HERE)('Y-06 an element that is too late for the window ends the run (%s)', async (_, module) => {
  const merged = module.concat([overtaking(), []])
  const run = module.ordered(merged, { window: 1 }).run()
  await expect(run).rejects.toMatchObject({ code: 'PLB_NODE_FAILED' })
  expect(await module.ordered(module.concat([overtaking(), []]), { window: 2 }).toArray()).toEqual([1, 2, 3])
})

test.each(MODULES)(
  'Y-22 a place is the position in the source, and one number more for each flatMap (%s)',
  async (_, module) => {
    const source = module.fromIterable([5, 6], { elementIndex: true })
    const parts = module.flatMap(work.pair, pl.sync.flatMap(work.pair, source))
    expect(await module.map(places.placeOf, source).toArray()).toEqual([[0], [1]])
    const expected = range(8).map((n) => [n >> 2, (n >> 1) & 1, n & 1])
    expect(await module.map(places.placeOf, parts).toArray()).toEqual(expected)
  },
)

test.each(MODULES)('Y-22 what a filter leaves out leaves a gap (%s)', async (_, module) => {
  const source = module.fromIterable([5, 1, 6], { elementIndex: true })
  expect(await module.map(places.placeOf, module.filter(work.isLarge, source)).toArray()).toEqual([[0], [2]])
})

test('Y-22 Y-28 places survive all changes of module', async () => {
  const stage = pl.pipe(
    pl.sync.fromIterable([5, 6], { elementIndex: true }),
    pl.process.map(work.double),
    pl.thread.flatMap(work.pair),
    pl.sync.filter(work.isLarge),
  )
  const inTask = pl.task.map(places.placeOf, pl.process.map(work.double, stage))
  const expected = range(4).map((n) => [n >> 1, n & 1])
  expect(await inTask.toArray()).toEqual(expected)
  expect(await pl.process.map(places.placeOf, stage).toArray()).toEqual(expected)
})

test('Y-28 stages of all modules behind one another, with the least room, lose nothing', async () => {
  const narrow = { workers: 2, maxsize: 1 }
  const many = range(200)
  const half = pl.pipe(many, pl.thread.map(work.afterTurns, narrow), pl.task.map(work.afterTurns, narrow))
  const whole = pl.pipe(half, pl.process.map(work.afterTurns, narrow), pl.sync.map(work.double, narrow))
  expect(sorted(await all(pl.thread.toIterable(whole, { maxsize: 1 })))).toEqual(many.map(work.double))
})

const pairs = MODULES.flatMap((one) => MODULES.filter((other) => other !== one).map((other) => [one, other] as const))

test.each(pairs.map(([[a, before], [b, after]]) => [a, b, before, after] as const))(
  'Y-T19 Y-28 %s, then %s: two workers each, ordered, give the order of the source',
  async (_a, _b, before, after) => {
    const stage = after.map(work.afterTurns, before.map(work.afterTurns, numbers, two), two)
    expect(await after.ordered(stage).toArray()).toEqual(numbers)
  },
)
