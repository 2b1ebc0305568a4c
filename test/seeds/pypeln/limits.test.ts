import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '@pipelines/core'
import * as pl from '@pipelines/flow/pypeln'
import { gate } from '@pipelines/testkit'
import { processes, threads } from '@pipelines/workers'
import { describe, expect, test } from 'vitest'
import { endless, range, turns } from '../../support/blackbox.js'
import { inVirtualTime } from '../../support/virtual-time.js'
import * as work from './fixtures/limits.mjs'
import { all, BESIDE, HERE, MODULES, sharedWorkers } from './modules.js'
import { notebook } from './notebook.js'

sharedWorkers(work, new URL('./fixtures/limits.mjs', import.meta.url))

const numbers = range(10)
const inTime = numbers.filter((n) => n % 5 !== 2)

/** Elements without end that write themselves down. */
function* notedIn(file: string): Generator<work.Noted> {
  for (let n = 0; ; n++) yield { file, n }
}

describe('maxsize', () => {
  test.each(MODULES)('Y-15 PROBE (%s)', async (name, module) => {
    for (const options of [{}, { maxsize: 3 }])
      for (const out of [{}, { maxsize: 2 }]) {
        await using notes = await notebook()
        const open = gate()
        const stage = module.map(work.note, notedIn(notes.file), options)
        const run = pl.task
          .each(() => open.opened, stage, out)
          .run(undefined, {
            graceMs: 1,
            onStart: (run) => {
              setTimeout(() => run.doomsday(new Error('enough')), 300)
            },
          })
        await sleep(200)
        console.log(name, options, out, (await notes.lines()).length)
        open.open()
        await run.catch(() => {})
      }
  })
})

/** Runs it in time that jumps, or where that cannot be in that of the clock on the wall. */
const timed = <T>(module: pl.PypelnModule, work: () => Promise<T>): Promise<T> =>
  HERE.some(([, here]) => here === module) ? inVirtualTime(work) : work()

describe('timeoutMs', () => {
  const timeoutMs = 25

  test.each(MODULES)(
    'Y-16 every element that takes too long is dropped, and the others arrive (%s)',
    async (_, module) => {
      const options = { timeoutMs }
      await timed(module, async () => {
        expect(await module.map(work.slowAtTwoAndSeven, numbers, options).toArray()).toEqual(inTime)
        expect(await module.filter(work.slowAtTwoAndSeven, range(10), options).toArray()).toEqual(inTime.slice(1))
        expect(await module.flatMap(work.listedSlowly, numbers, options).toArray()).toEqual(inTime)
        expect(await module.each(work.slowAtTwoAndSeven, numbers, { ...options, run: true })).toBeUndefined()
      })
    },
  )

  test.each(MODULES)('Y-T04 an element that never ends is dropped, whatever it is told (%s)', async (_, module) => {
    const stage = module.map(work.endlessAtFive, numbers, { timeoutMs })
    const results = await timed(module, () => stage.toArray(undefined, { graceMs: 50 }))
    expect(results).toEqual(numbers.filter((n) => n !== 5))
  })

  test.each(MODULES)(
    'Y-16 an element that is dropped is told of, as an event and in the report (%s)',
    async (_, module) => {
      const told: unknown[] = []
      const stage = module.each(work.slowAtTwoAndSeven, numbers, { timeoutMs })
      const report = await timed(module, () =>
        stage.run(undefined, { onStart: (run) => run.on('error', ({ code }) => told.push(code)) }),
      )
      expect(told).toEqual(['PLB_NODE_TIMEOUT', 'PLB_NODE_TIMEOUT'])
      expect(report.errors.map(({ code }) => code)).toEqual(told)
    },
  )

  test.each(MODULES)('Y-03 Y-16 parts that were given in time stay (%s)', async (_, module) => {
    const stage = module.flatMap(work.thenSlow, [1, 2], { timeoutMs })
    expect(await timed(module, () => stage.toArray())).toEqual([1, 2])
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
    const takes = (n: number, { signal }: Context): Promise<number> => sleep(n * 6, n, { signal })
    const options = { timeoutMs, workers: 0 }
    const results = await inVirtualTime(() => pl.task.map(takes, numbers, options).toArray())
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
      const stage = module.map(work.loopingAtTwoAndSeven, numbers, { timeoutMs, onStart: work.noteStart })
      const options = { executors: [executor], env: { file: notes.file } }
      expect(await stage.toArray(undefined, options)).toEqual(inTime)
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

  test.each(HERE.flatMap(([name, module]) => [2, 0].map((maxsize) => [name, module, maxsize] as const)))(
    'Y-T11 flatMap with too little time loses parts, and with enough of it none (%s, %#)',
    async (_, module, maxsize) => {
      await inVirtualTime(async () => {
        const short = module.flatMap(parts(100), numbers, { timeoutMs: 10, maxsize })
        expect(await short.toArray()).toEqual(numbers)
        const long = module.flatMap(parts(10), numbers, { timeoutMs: 100, maxsize })
        expect(await long.toArray()).toHaveLength(20)
      })
    },
  )
})
void [endless, turns, gate, all, BESIDE]
