import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '@pipelines/core'
import * as pl from '@pipelines/flow/pypeln'
import { gate } from '@pipelines/testkit'
import { processes, threads } from '@pipelines/workers'
import { describe, expect, test } from 'vitest'
import { range } from '../../support/blackbox.js'
import { inVirtualTime } from '../../support/virtual-time.js'
import * as work from './fixtures/limits.mjs'
import { BESIDE, HERE, MODULES, sharedWorkers } from './modules.js'
import { notebook } from './notebook.js'

sharedWorkers(work, new URL('./fixtures/limits.mjs', import.meta.url))

const numbers = range(10)
const inTime = numbers.filter((n) => n % 5 !== 2)

/** Elements without end that write themselves down. */
function* notedIn(file: string): Generator<work.Noted> {
  for (let n = 0; ; n++) yield { file, n }
}

describe('maxsize', () => {
  test.each(MODULES)('Y-T09 with an output bound of 3 and one element taken, five are made (%s)', async (_, module) => {
    await using notes = await notebook()
    const items = module.toIterable(module.map(work.note, notedIn(notes.file)), { maxsize: 3 })
    await items.next()
    expect(await notes.countAfter(5)).toBe(5)
    await items.return(undefined)
  })

  test.each(MODULES)('Y-08 Y-T09 the output bound counts in a pipe too (%s)', async (_, module) => {
    await using notes = await notebook()
    const items = pl.pipe(notedIn(notes.file), module.map(work.note), module.toIterable({ maxsize: 3 }))
    await items.next()
    expect(await notes.countAfter(5)).toBe(5)
    await items.return(undefined)
  })

  test.each(MODULES)('Y-15 the bound of a stage holds back the one before it (%s)', async (_, module) => {
    const { made } = await behindFull(module, { maxsize: 2 }, 4)
    expect(made).toBe(4)
  })

  test.each(MODULES)('Y-15 without a word there is a bound too (%s)', async (name, module) => {
    const { made } = await behindFull(module, {}, 66)
    expect(made).toBeLessThanOrEqual(name === 'sync' || name === 'task' ? 66 : 66 + AHEAD)
  })

  test.each(MODULES)('Y-15 a stage that is held back holds back what it reads (%s)', async (_, module) => {
    const { read } = await behindFull(module, { maxsize: 2 }, 4, { maxsize: 3 })
    expect(read).toBeLessThanOrEqual(9)
  })
})

/** The most results that a worker may have made before anybody has room for them. */
const AHEAD = 512

/**
 * How many elements a stage has made, and how many it has been given, once the one behind it is full: at least so many
 * have been made by then.
 */
async function behindFull(
  module: pl.PypelnModule,
  bound: { readonly maxsize?: number },
  least: number,
  own: { readonly maxsize?: number } = {},
): Promise<{ readonly made: number; readonly read: number }> {
  await using notes = await notebook()
  const open = gate()
  const controller = new AbortController()
  let read = 0
  const counted = function* (): Generator<work.Noted> {
    for (const element of notedIn(notes.file)) {
      read++
      yield element
    }
  }
  const stage = pl.task.each(() => open.opened, module.map(work.note, counted(), own), bound)
  const run = stage.run(undefined, { signal: controller.signal }).catch(() => {})
  const made = await notes.countAfter(least)
  const before = read
  controller.abort()
  open.open()
  await run
  return { made, read: before }
}

/** Runs it in time that jumps, or where that cannot be in that of the clock on the wall. */
const timed = <T>(module: pl.PypelnModule, work: () => Promise<T>): Promise<T> =>
  HERE.some(([, here]) => here === module) ? inVirtualTime(work) : work()

describe('timeoutMs', () => {
  /** So long that no other element takes as long on a machine that is busy. */
  const timeoutMs = 150
  const options = { timeoutMs }

  test.each(MODULES)(
    'Y-16 every element that takes too long is dropped and told of; the others arrive (%s)',
    async (_, module) => {
      const told: unknown[] = []
      const results: unknown[] = []
      const stage = module.map(work.slowAtTwoAndSeven, numbers, options)
      const report = await timed(module, () =>
        stage.run(undefined, {
          onStart: (run) => run.on('error', ({ code }) => told.push(code)),
          onOutput: ({ value }) => results.push(value),
        }),
      )
      expect(results).toEqual(inTime)
      expect(told).toEqual(['PLB_NODE_TIMEOUT', 'PLB_NODE_TIMEOUT'])
      expect(report.errors.map(({ code }) => code)).toEqual(told)
    },
  )

  test.each(HERE)('Y-16 it is so in each kind of stage (%s)', async (_, module) => {
    await inVirtualTime(async () => {
      expect(await module.filter(work.slowAtTwoAndSeven, numbers, options).toArray()).toEqual(inTime.slice(1))
      expect(await module.flatMap(work.listedSlowly, numbers, options).toArray()).toEqual(inTime)
      expect(await module.each(work.slowAtTwoAndSeven, numbers, { ...options, run: true })).toBeUndefined()
    })
  })

  test.each(MODULES)(
    'Y-T04 an element that would never end is dropped, the other nine arrive (%s)',
    async (_, module) => {
      const stage = module.map(work.untilToldAtFive, numbers, options)
      expect(await timed(module, () => stage.toArray())).toEqual(numbers.filter((n) => n !== 5))
    },
  )

  test.each(BESIDE)('Y-T04 beside the program it is dropped whatever it hears (%s)', async (_, module) => {
    const stage = module.map(work.endlessAtFive, numbers, options)
    expect(await stage.toArray(undefined, { graceMs: 1 })).toEqual(numbers.filter((n) => n !== 5))
  })

  test.each(HERE)(
    'Y-T04 in the program one that does not listen keeps its worker, and the run says so (%s)',
    async (_, module) => {
      const run = inVirtualTime(() => module.map(work.endlessAtFive, numbers, options).toArray())
      await expect(run).rejects.toMatchObject({ code: 'PLB_RUN_STALLED' })
    },
  )

  test.each(MODULES)('Y-03 Y-16 parts that were given in time stay (%s)', async (_, module) => {
    const stage = module.flatMap(work.thenSlow, [1], options)
    expect(await timed(module, () => stage.toArray())).toEqual([1])
  })

  test.each(HERE)('Y-16 the time that the consumer takes does not count (%s)', async (_, module) => {
    await inVirtualTime(async () => {
      const seen: number[] = []
      for await (const n of module.map(work.double, numbers, { timeoutMs, maxsize: 1 })) {
        seen.push(n)
        await sleep(10 * timeoutMs)
      }
      expect(seen).toEqual(numbers.map(work.double))
    })
  })

  test('Y-16 of several elements that are worked on at once each has its own time (task)', async () => {
    const takes = (n: number, { signal }: Context): Promise<number> => sleep(n * 35, n, { signal })
    const stage = pl.task.map(takes, numbers, { ...options, workers: 0 })
    const results = await inVirtualTime(() => stage.toArray())
    expect(results).toEqual([0, 1, 2, 3, 4])
  })

  test.each([
    ['thread', pl.thread, threads],
    ['process', pl.process, processes],
  ] as const)(
    'Y-16 a worker that hears nothing is replaced each time, and begins anew (%s)',
    async (_, module, make) => {
      await using notes = await notebook()
      await using executor = make({ idleMs: 0, stuckMs: 10 })
      const stage = module.map(work.loopingAtTwoAndSeven, [2, 7, 8], { timeoutMs, onStart: work.noteStart })
      const own = { executors: [executor], env: { file: notes.file } }
      expect(await stage.toArray(undefined, own)).toEqual([8])
      expect(await notes.lines()).toHaveLength(3)
    },
  )

  /** Gives a part at once, and another one after so long. */
  const parts = (pauseMs: number) =>
    async function* (n: number, { signal }: Context): AsyncGenerator<number> {
      yield n
      await sleep(pauseMs, undefined, { signal })
      yield -n
    }

  test.each(HERE.flatMap(([name, module]) => [2, 0].map((maxsize) => [name, maxsize, module] as const)))(
    'Y-T11 flatMap with too little time loses parts, and with enough of it none (%s, maxsize %i)',
    async (_, maxsize, module) => {
      await inVirtualTime(async () => {
        const short = module.flatMap(parts(100), numbers, { timeoutMs: 10, maxsize })
        expect(await short.toArray()).toEqual(numbers)
        const long = module.flatMap(parts(10), numbers, { timeoutMs: 100, maxsize })
        expect(await long.toArray()).toHaveLength(20)
      })
    },
  )
})
