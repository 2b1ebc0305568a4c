import { flow } from '@pipelines/flow'
import * as pl from '@pipelines/flow/pypeln'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { endless, range, turns } from '../../support/blackbox.js'
import { inVirtualTime } from '../../support/virtual-time.js'
import * as work from './fixtures/stages.mjs'
import { all, HERE, late, MODULES, sharedWorkers, sorted } from './modules.js'
import { notebook } from './notebook.js'

sharedWorkers(work, new URL('./fixtures/stages.mjs', import.meta.url))

const numbers = range(10)
const doubled = numbers.map(work.double)

test.each(MODULES)(
  'Y-08 toIterable gives elements with their places, in call form and in a pipe (%s)',
  async (_, module) => {
    const options = { returnIndex: true, maxsize: 2 } as const
    const expected = numbers.map((n) => ({ index: [n], value: n * 2 }))
    const stage = module.map(work.double, numbers)
    expect(await all(module.toIterable(stage, options))).toEqual(expected)
    expect(await all(pl.pipe(numbers, module.map(work.double), module.toIterable(options)))).toEqual(expected)
  },
)

test.each(MODULES)('Y-08 toIterable takes what is no stage too (%s)', async (_, module) => {
  expect(await all(module.toIterable(numbers, { maxsize: 2 }))).toEqual(numbers)
  expect(await all(module.toIterable(late(['a']), { returnIndex: true }))).toEqual([{ index: [0], value: 'a' }])
})

test.each(MODULES)(
  'Y-09 a stage can be taken apart by "for await", or asked for all it has (%s)',
  async (_, module) => {
    const stage = module.map(work.double, late(numbers))
    const seen: number[] = []
    for await (const n of stage) seen.push(n)
    expect(seen).toEqual(doubled)
    expect(await module.map(work.double, late(numbers)).toArray()).toEqual(doubled)
  },
)

test.each(MODULES)('Y-10 run drains several stages together, and does nothing without any (%s)', async (_, module) => {
  await using notes = await notebook()
  const elements = numbers.map((n) => ({ file: notes.file, n }))
  const stages = [module.map(work.note, elements.slice(0, 5)), pl.sync.each(work.note, late(elements.slice(5)))]
  expect((await module.run(...stages))?.outcome).toBe('completed')
  expect(sorted((await notes.lines()).map(Number))).toEqual(numbers)
  expect(await module.run()).toBeUndefined()
})

test.each(MODULES)('Y-11 a pipe ends in any function (%s)', async (_, module) => {
  const [asList, asSet] = [
    await pl.pipe(numbers, module.map(work.double), all),
    await pl.pipe(numbers, module.map(work.double), async (stage) => new Set(await all(stage))),
  ]
  expect([asList, [...asSet]]).toEqual([doubled, doubled])
})

test.each(MODULES)('Y-11 stages without a source join one another (%s)', async (_, module) => {
  const both = pl.pipe(module.map(work.double), pl.task.filter(work.isLarge))
  const expected = doubled.filter(work.isLarge)
  expect(await both(numbers).toArray()).toEqual(expected)
  expect(await pl.pipe(numbers, both, pl.sync.map(work.add1)).toArray()).toEqual(expected.map(work.add1))
})

test.each(MODULES)(
  'Y-12 a stage is a description: nothing runs before it is run, and each run does all again (%s)',
  async (_, module) => {
    await using notes = await notebook()
    const stage = module.map(
      work.note,
      numbers.map((n) => ({ file: notes.file, n })),
    )
    expect(await notes.lines()).toEqual([])
    expect([await stage.toArray(), await all(stage)]).toEqual([numbers, numbers])
    expect(await notes.lines()).toHaveLength(20)
  },
)

test.each(MODULES)('Y-12 what has been kept is not made again (%s)', async (_, module) => {
  await using notes = await notebook()
  const kept = await module
    .map(
      work.note,
      numbers.map((n) => ({ file: notes.file, n })),
    )
    .toArray()
  const stage = module.map(work.double, kept)
  expect([await stage.toArray(), await stage.toArray()]).toEqual([doubled, doubled])
  expect(await notes.lines()).toHaveLength(10)
})

test.each(MODULES)('Y-12 what can be read once only cannot be run again (%s)', async (_, module) => {
  const stage = module.map(work.same, late(numbers))
  await stage.run()
  await expect(stage.run()).rejects.toMatchObject({ code: 'PLB_STATE_ALREADY_STARTED' })
})

test.each(MODULES)(
  'Y-13 a stage with two consumers works once, and each of them gets every element (%s)',
  async (_, module) => {
    await using notes = await notebook()
    const stage = module.map(
      work.note,
      numbers.map((n) => ({ file: notes.file, n })),
    )
    const both = module.concat([pl.task.map(work.double, stage), pl.sync.map(work.add1, stage)])
    expect(sorted(await both.toArray())).toEqual(sorted(numbers.flatMap((n) => [n * 2, n + 1])))
    expect(await notes.lines()).toHaveLength(10)
  },
)

test.each(MODULES)('Y-13 it works once also where its consumers are run together (%s)', async (_, module) => {
  await using notes = await notebook()
  const stage = module.map(
    work.note,
    numbers.map((n) => ({ file: notes.file, n })),
  )
  const seen: number[][] = [[], []]
  await module.run(...seen.map((list) => pl.task.each((n: number) => list.push(n), stage)))
  expect(seen).toEqual([numbers, numbers])
  expect(await notes.lines()).toHaveLength(10)
})

test.each(HERE)('Y-31 a stage that waits asks for nothing: no timer is there to wake it (%s)', async (_, module) => {
  await inVirtualTime(async (clock) => {
    const [waits, goesOn] = [gate(), gate()]
    const source = async function* (): AsyncGenerator<number> {
      waits.open()
      await goesOn.opened
      yield 1
    }
    const result = pl.pipe(source(), module.map(work.double), module.filter(work.isLarge, { maxsize: 1 })).toArray()
    await waits.opened
    expect(clock.timers).toEqual([])
    goesOn.open()
    expect(await result).toEqual([])
  })
})

test.each(MODULES)(
  'Y-32 stages run in the event loop of the program, which goes on meanwhile (%s)',
  async (_, module) => {
    const controller = new AbortController()
    const input = endless()
    const run = module.each(work.nothing, input.source()).run(undefined, { signal: controller.signal })
    const ended = expect(run).rejects.toMatchObject({ code: 'PLB_RUN_DOOMED' })
    await turns(3)
    controller.abort()
    await ended
    expect(input.closed).toBe(true)
  },
)

test('Y-32 a stage runs in a loop that has begun, and starts none of its own', async () => {
  const stage = pl.task.map(async (n: number) => flow([n]).map(work.double).toArray(), numbers, { workers: 3 })
  expect(sorted((await stage.toArray()).flat())).toEqual(doubled)
})
