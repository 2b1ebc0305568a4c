import * as pl from '@pipelines/flow/pypeln'
import { expect, test } from 'vitest'
import { range } from '../../support/blackbox.js'
import { inVirtualTime } from '../../support/virtual-time.js'
import { sum, sumTo } from '../pipeline-lib/strategies.js'
import * as work from './fixtures/stages.mjs'
import { all, CONCURRENT, late, MODULES, sharedWorkers, sorted } from './modules.js'
import { notebook } from './notebook.js'

sharedWorkers(work, new URL('./fixtures/stages.mjs', import.meta.url))

const numbers = range(10)
const doubled = numbers.map(work.double)
const threes = numbers.flatMap(work.three)
const two = { workers: 2 }

test.each(MODULES)('Y-01 map gives one output per element of whatever can be iterated (%s)', async (_, module) => {
  const sources: pl.Source<number>[] = [numbers, new Set(numbers), late(numbers), pl.sync.map(work.same, numbers)]
  for (const source of sources) expect(await module.map(work.double, source).toArray()).toEqual(doubled)
})

test.each(MODULES)('Y-01 map without a source waits for one (%s)', async (_, module) => {
  const stage = module.map(work.double)
  expect(await stage(numbers).toArray()).toEqual(doubled)
  expect(await stage([7]).toArray()).toEqual([14])
})

test.each(MODULES)('Y-01 map takes functions that promise, and passes null on (%s)', async (_, module) => {
  expect(await module.map(work.laterAdd1, numbers).toArray()).toEqual(range(11).slice(1))
  expect(await module.map(work.nothing, numbers).toArray()).toEqual(Array(10).fill(null))
})

test.each(MODULES)(
  'Y-02 filter keeps the elements that its function finds, with their places (%s)',
  async (_, module) => {
    const large = [6, 8].map((value) => ({ index: [value / 2], value }))
    const stage = module.filter(work.isLarge, module.map(work.double, range(5)))
    expect((await all(module.toIterable(stage, { returnIndex: true }))).slice(1)).toEqual(large)
    expect(await module.filter(work.laterIsLarge)(numbers).toArray()).toEqual(range(10).slice(4))
  },
)

test.each(MODULES)(
  'Y-03 flatMap gives the parts of a list, a generator, or a promise of them (%s)',
  async (_, module) => {
    for (const fn of [work.three, work.givingThree, work.laterGivingThree, work.laterThree])
      expect(await module.flatMap(fn, numbers).toArray()).toEqual(threes)
  },
)

test.each(MODULES)('Y-04 Y-T14 each gives nothing, and is done when it is run (%s)', async (_, module) => {
  await using notes = await notebook()
  const elements = numbers.map((n) => ({ file: notes.file, n }))
  const stage = module.each(work.note, elements)
  expect(await notes.lines()).toEqual([])
  expect(await stage.toArray()).toEqual([])
  expect(await notes.lines()).toEqual(numbers.map(String))
  await module.run(stage)
  expect(await notes.lines()).toHaveLength(20)
})

test.each(MODULES)('Y-04 Y-T14 each with "run" is done at once, also in a pipe (%s)', async (_, module) => {
  await using notes = await notebook()
  const elements = numbers.map((n) => ({ file: notes.file, n }))
  expect(await module.each(work.note, elements, { run: true })).toBeUndefined()
  expect(await notes.lines()).toEqual(numbers.map(String))
  expect(await pl.pipe(elements, module.each(work.note, { run: true }))).toBeUndefined()
  expect(await notes.lines()).toHaveLength(20)
})

test('Y-05 concat serves its inputs in turn, and leaves out those that have ended (sync)', async () => {
  const stage = pl.sync.concat([[1, 2, 3], [4, 5, 6, 7]]) // biome-ignore format: short
  expect(await inVirtualTime(() => stage.toArray())).toEqual([1, 4, 2, 5, 3, 6, 7])
})

test.each(CONCURRENT)('Y-05 concat gives all elements of all inputs, as they come (%s)', async (_, module) => {
  const stage = module.concat([module.map(work.double, numbers), late([1, 3]), new Set([5])], { maxsize: 2 })
  expect(sorted(await stage.toArray())).toEqual(sorted([...doubled, 1, 3, 5]))
})

test.each(MODULES)(
  'Y-07 fromIterable is a source whose elements know their places where asked (%s)',
  async (_, module) => {
    const places = ['a', 'b'].map((value, place) => ({ index: [place], value }))
    const options = { maxsize: 3, elementIndex: true }
    for (const stage of [module.fromIterable(['a', 'b'], options), module.fromIterable<string>(options)(['a', 'b'])]) {
      expect(await all(module.toIterable(stage, { returnIndex: true }))).toEqual(places)
      expect(JSON.stringify(stage.toBlueprint().graph)).toContain('"queueSize":3')
    }
  },
)

test.each(MODULES)('Y-07 fromIterable of a stage keeps the places that its elements have (%s)', async (_, module) => {
  const stage = module.fromIterable(module.filter(work.isLarge, numbers))
  const [first] = await all(module.toIterable(stage, { returnIndex: true }))
  expect(first).toEqual({ index: [4], value: 4 })
})

test.each(MODULES)(
  'Y-34 the functions of the first example give what it says: 3 is not larger than 3 (%s)',
  async (_, module) => {
    const stage = module.map(work.add1, numbers, { workers: 2, maxsize: 4 })
    expect(sorted(await module.filter(work.isLarge, stage).toArray())).toEqual([4, 5, 6, 7, 8, 9, 10])
  },
)

test.each(MODULES)('Y-T01 identity gives the list again, in call form and in a pipe (%s)', async (_, module) => {
  expect(await module.map(work.same, numbers).toArray()).toEqual(numbers)
  expect(await pl.pipe(numbers, module.map(work.same), (stage) => stage.toArray())).toEqual(numbers)
  expect(await all(module.map(work.same, late(numbers)))).toEqual(numbers)
})

test.each(MODULES)('Y-T02 one worker keeps order, two give the same elements (%s)', async (name, module) => {
  expect(await module.map(work.double, numbers).toArray()).toEqual(doubled)
  const both = await module.map(work.double, numbers, two).toArray()
  expect(name === 'sync' ? both : sorted(both)).toEqual(doubled)
})

test.each(MODULES)(
  'Y-T10 flatMap of three per element is in order with one worker, complete with three (%s)',
  async (_, module) => {
    for (const fn of [work.three, work.givingThree, work.laterGivingThree, work.laterThree]) {
      expect(await module.flatMap(fn, late(numbers)).toArray()).toEqual(threes)
      expect(sorted(await module.flatMap(fn, numbers, { workers: 3 }).toArray())).toEqual(sorted(threes))
    }
  },
)

test.each(MODULES)('Y-T12 concat of two stages of one parent gives the elements of both (%s)', async (_, module) => {
  const parent = module.map(work.add1, numbers)
  const stage = module.concat([module.map(work.double, parent), module.map(work.add1, parent)])
  expect(sorted(await stage.toArray())).toEqual(sorted(numbers.flatMap((n) => [(n + 1) * 2, n + 2])))
})

test.each(MODULES)(
  'Y-T13 concat of a stage with itself, and again with itself, gives three copies (%s)',
  async (_, module) => {
    const stage = module.map(work.double, numbers)
    const three = module.concat([module.concat([stage, stage]), stage])
    expect(sorted(await three.toArray())).toEqual(doubled.flatMap((n) => [n, n, n]))
  },
)

test.each(MODULES)('Y-T15 filter behind flatMap behind map, in call form and in a pipe (%s)', async (_, module) => {
  const expected = numbers.map(work.add1).flatMap(work.three).filter(work.isLarge)
  const called = module.filter(work.isLarge, module.flatMap(work.three, pl.sync.map(work.add1, numbers), two))
  expect(sorted(await called.toArray())).toEqual(sorted(expected))
  const piped = pl.pipe(numbers, module.map(work.add1), module.flatMap(work.three), module.filter(work.laterIsLarge))
  expect(await piped.toArray()).toEqual(expected)
})

test.each(MODULES)('Y-T16 fromIterable gives its elements again, in order, in both forms (%s)', async (_, module) => {
  for (const source of [() => numbers, () => late(numbers)]) {
    expect(await module.fromIterable(source()).toArray()).toEqual(numbers)
    expect(await pl.pipe(source(), module.fromIterable(), (stage) => stage.toArray())).toEqual(numbers)
  }
})

test.each(MODULES)(
  'Y-T17 groups of ten may be made between two stages, here or by anything else (%s)',
  async (_, module) => {
    const stage = module.fromIterable(range(25))
    const expected = [sumTo(10), sum(range(20).slice(10)), sum(range(25).slice(20))]
    for (const groups of [stage.batch(10), partition(stage, 10)])
      expect(await all(module.toIterable(module.map(work.sum, groups)))).toEqual(expected)
  },
)

/** Groups of elements: what a user may have at hand. */
async function* partition<T>(elements: AsyncIterable<T>, size: number): AsyncGenerator<T[], void, void> {
  let group: T[] = []
  for await (const element of elements)
    if (group.push(element) === size) {
      yield group
      group = []
    }
  if (group.length > 0) yield group
}
