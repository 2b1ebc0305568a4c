import * as pl from '@pipelines/flow/pypeln'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { endless, range, turns } from '../../support/blackbox.js'
import * as work from './fixtures/workers.mjs'
import { BESIDE, CONCURRENT, MODULES, sharedWorkers, sorted } from './modules.js'
import { notebook } from './notebook.js'

sharedWorkers(work, new URL('./fixtures/workers.mjs', import.meta.url))

const numbers = range(10)
const three = { workers: 3 }
const hooks = { ...three, onStart: work.open, onDone: work.close }
const ada = { name: 'ada', more: 100 }

/** The modules, each with the number of workers that a stage has when it asks for three. */
const THREE = MODULES.map(([name, module]) => [name, module, name === 'sync' ? 1 : 3] as const)

/** What was told of the end of a worker. */
interface End {
  readonly index: number
  readonly state: unknown
  readonly done: boolean
  readonly activeWorkers: number
  readonly hasReason: boolean
}

interface Hooked {
  readonly starts: readonly string[]
  readonly ends: readonly End[]
}

/** Uses stages whose hooks write down their calls; gives what they wrote. */
async function hooked(use: (env: { readonly file: string }) => Promise<unknown>): Promise<Hooked> {
  await using notes = await notebook()
  await use({ file: notes.file })
  const lines = await notes.lines()
  const ends = lines.filter((line) => line.startsWith('{')).map((line): End => JSON.parse(line))
  return { starts: lines.filter((line) => line.startsWith('start')).sort(), ends }
}

/** As many elements as are worked on at once: their calls wait for each other, so each worker gets one of them. */
const meetingOf = (file: string, count: number): work.Meeting[] => Array(count).fill({ file: `${file}-met`, count })

/** Runs a stage whose workers all get an element. */
const met = (module: pl.PypelnModule, workers: number): Promise<Hooked> =>
  hooked((env) => module.each(work.meet, meetingOf(env.file, workers), hooks).run(undefined, { env }))

/** A function that waits for a gate, and how many calls of it have begun. */
function waiting(): { begun: number; readonly open: () => void; readonly fn: () => Promise<number[]> } {
  const { open, opened } = gate()
  const fn = async (): Promise<number[]> => {
    state.begun++
    await opened
    return []
  }
  const state = { begun: 0, open, fn }
  return state
}

describe('how many', () => {
  test.each(THREE)(
    'Y-14 as many elements are worked on at once as there are workers (%s)',
    async (_, module, workers) => {
      await using notes = await notebook()
      const results = module.map(work.meet, meetingOf(notes.file, workers), three)
      expect(await results.toArray()).toHaveLength(workers)
    },
  )

  test.each(THREE.slice(0, 2))('Y-14 not one more is worked on at once (%s)', async (_, module, workers) => {
    const calls = waiting()
    const run = module.each(calls.fn, numbers, { ...three, run: true })
    await turns()
    expect(calls.begun).toBe(workers)
    calls.open()
    await run
  })

  test.each(['map', 'filter', 'flatMap', 'each'] as const)(
    'Y-14 no number of workers means as many as the queue holds (task.%s)',
    async (kind) => {
      const calls = waiting()
      const add: (fn: () => Promise<number[]>, source: number[], options: object) => ReturnType<typeof pl.task.concat> =
        pl.task[kind]
      const run = add(calls.fn, numbers, { workers: 0, maxsize: 5 }).run()
      await turns()
      expect(calls.begun).toBe(5)
      calls.open()
      expect((await run).outcome).toBe('completed')
    },
  )

  test.each(BESIDE)(
    'Y-14 no workers at all would give nothing, and are refused before any starts (%s)',
    (_, module) => {
      const refused = expect.objectContaining({ code: 'PLB_GRAPH_INVALID' })
      expect(() => module.map(work.double, numbers, { workers: 0 }).toMermaid()).toThrow(refused)
      expect(() => module.each(work.double, numbers, { workers: 0 }).toMermaid()).toThrow(refused)
    },
  )

  test.each(CONCURRENT)('Y-14 what is no number of workers is refused (%s)', async (_, module) => {
    for (const workers of [-1, 1.5, Number.NaN]) {
      const run = module.map(work.double, numbers, { workers }).run()
      await expect(run).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID' })
    }
  })

  test.each(THREE)('Y-20 Y-T05 each worker has an index, from 0 (%s)', async (_, module, workers) => {
    const seen = await module.map(work.indexOf, range(100), three).toArray()
    for (const index of new Set(seen)) expect(range(workers)).toContain(index)
    const { ends } = await met(module, workers)
    expect(sorted(ends.map(({ index }) => index))).toEqual(range(workers))
  })
})

describe('the beginning', () => {
  test.each(THREE)('Y-17 Y-T03 onStart has run once per worker (%s)', async (_, module, workers) => {
    const { starts } = await met(module, workers)
    expect(starts).toEqual(range(workers).map((index) => `start ${index}`))
  })

  test.each(MODULES)('Y-17 a worker without an element need not begin; what has begun ends (%s)', async (_, module) => {
    const { starts, ends } = await hooked((env) => module.map(work.double, [1], hooks).run(undefined, { env }))
    expect(starts).toContain('start 0')
    expect(ends).toHaveLength(starts.length)
  })

  test.each(MODULES)('Y-17 Y-T03 onStart may promise what it gives, or give nothing (%s)', async (_, module) => {
    await hooked(async (env) => {
      const later = module.map(work.stateOf, [1], { onStart: work.openLater })
      expect(await later.toArray(undefined, { env })).toEqual([ada])
      const only = module.map(work.double, [1], { onStart: work.openOnly })
      expect(await only.toArray(undefined, { env })).toEqual([2])
    })
  })

  test.each(MODULES)(
    'Y-19 Y-T06 what onStart gives is in the context of the function and of onDone (%s)',
    async (_, module) => {
      const { ends } = await hooked(async (env) => {
        const states = await module.map(work.stateOf, range(100), hooks).toArray(undefined, { env })
        expect(states).toEqual(Array(100).fill(ada))
      })
      for (const { state } of ends) expect(state).toEqual(ada)
      expect(ends).not.toEqual([])
    },
  )
})

describe('the end', () => {
  test.each(MODULES)(
    'Y-18 Y-T07 the last onDone is told that all is done and nobody goes on (%s)',
    async (_, module) => {
      const { ends } = await hooked((env) => module.each(work.double, numbers, hooks).run(undefined, { env }))
      for (const end of ends) expect(end).toMatchObject({ done: true, hasReason: false })
      expect(ends.map(({ activeWorkers }) => activeWorkers)).toContain(0)
    },
  )

  test.each(THREE)('Y-21 each onDone is told how many workers go on (%s)', async (_, module, workers) => {
    const { ends } = await met(module, workers)
    expect(sorted(ends.map(({ activeWorkers }) => activeWorkers))).toEqual(range(workers))
  })

  test.each(MODULES)('Y-21 they are counted well also where elements take no time (%s)', async (_, module) => {
    for (let run = 0; run < 15; run++) {
      const { ends } = await hooked((env) => module.each(work.double, numbers, hooks).run(undefined, { env }))
      expect(sorted(ends.map(({ activeWorkers }) => activeWorkers))).toEqual(range(ends.length))
    }
  })

  test.each(THREE)('Y-18 onDone is called after an error too, with a reason (%s)', async (_, module, workers) => {
    const { ends } = await hooked(async (env) => {
      const run = module.map(work.meetAndFail, meetingOf(env.file, workers), hooks).run(undefined, { env })
      await expect(run).rejects.toMatchObject({ cause: { message: 'no more' } })
    })
    expect(ends).toHaveLength(workers)
    for (const end of ends) expect(end).toMatchObject({ done: false, hasReason: true, state: ada })
  })

  test.each(MODULES)('Y-18 onDone is called when the loop is left, before that is over (%s)', async (_, module) => {
    const input = endless()
    const { starts, ends } = await hooked(async (env) => {
      const stage = module.map(work.double, input.source(), hooks)
      for await (const _element of module.toIterable(stage, { env })) break
    })
    expect(starts).toContain('start 0')
    expect(ends).toHaveLength(starts.length)
  })

  test.each(MODULES)('Y-18 each kind of stage has its hooks (%s)', async (_, module) => {
    const own = { onStart: work.open, onDone: work.close }
    const stages = [module.filter(work.all, own), module.flatMap(work.listed, own)] as const
    const { starts, ends } = await hooked((env) =>
      pl.pipe(numbers, ...stages, module.each(work.double, own)).run(undefined, { env }),
    )
    expect([starts.length, ends.length]).toEqual([3, 3])
  })
})

test('Y-29 in place of shared attributes, threads share memory', async () => {
  const counter = new Int32Array(new SharedArrayBuffer(4))
  await pl.thread.each(work.count, Array(10).fill(counter), { workers: 2, run: true })
  expect(counter[0]).toBe(10)
})

test.each(BESIDE)('Y-33 a worker may have children of its own (%s)', async (_, module) => {
  expect(await module.map(work.byChild, [21]).toArray()).toEqual([42])
})
