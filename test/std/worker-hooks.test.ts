import type { Context } from '@pipelines/core'
import type { WorkerStatus } from '@pipelines/std'
import { describe, expect, test } from 'vitest'
import * as coros from '../../packages/std/src/coros.js'
import { failureOf } from '../support/blackbox.js'
import { lineOf, through } from './ready.js'

/** Hooks, and what they were told. */
function hooks(onStart: (ctx: Context) => unknown = () => 'ready') {
  const started: number[] = []
  const ended: (WorkerStatus & { readonly state: unknown })[] = []
  return {
    started,
    ended,
    args: {
      onStart: (ctx: Context) => {
        started.push(ctx.worker.index)
        return onStart(ctx)
      },
      onDone: (ctx: Context, status: WorkerStatus) => void ended.push({ ...status, state: ctx.state }),
    },
  }
}

describe.each(['map', 'filter', 'flatMap', 'each', 'tee'])('std.%s', (coro) => {
  test('begins each worker once, and ends it', async () => {
    const { started, ended, args } = hooks()
    await through(coro, [1, 2, 3, 4, 5], { fn: async () => [], ...args }, { workers: 2 })
    expect(started).toEqual([0, 1])
    expect(ended).toMatchObject([
      { done: true, reason: undefined, state: 'ready' },
      { done: true, reason: undefined, state: 'ready' },
    ])
  })

  test('gives its function what "onStart" promised, as its state', async () => {
    const seen: unknown[] = []
    const fn = (_: unknown, ctx: Context) => {
      seen.push(ctx.state)
      return []
    }
    await through(coro, [1, 2], { fn, ...hooks(async () => ({ open: true })).args })
    expect(seen).toEqual([{ open: true }, { open: true }])
  })

  test('tells "onDone" what ended the run', async () => {
    const boom = new Error('boom')
    const { ended, args } = hooks()
    const fn = () => {
      throw boom
    }
    const error = await failureOf(() => through(coro, [1], { fn, ...args }))
    expect(ended).toEqual([expect.objectContaining({ done: false, reason: error })])
  })
})

describe('a hook', () => {
  test('that fails at the beginning ends the run, and no worker has begun that would have to end', async () => {
    const boom = new Error('boom')
    const { ended, args } = hooks(async () => {
      throw boom
    })
    const error = await failureOf(() => through('map', [1], { fn: (n: number) => n, ...args }))
    expect([error.cause, ended]).toEqual([boom, []])
  })

  test('is waited for at the end, and its failure is one of the run', async () => {
    const boom = new Error('boom')
    const onDone = async () => {
      await undefined
      throw boom
    }
    expect((await failureOf(() => through('each', [1], { fn: () => {}, onDone }))).cause).toBe(boom)
  })

  test.each<[reason: unknown, told: unknown]>([
    ['enough', 'enough'],
    [undefined, expect.anything()],
  ])('is called at doomsday too, with the reason (%s)', async (reason, told) => {
    const { ended, args } = hooks()
    const pipeline = lineOf([['inlet'], ['tee', { fn: () => {}, ...args }]]).createPipeline()
    await pipeline.put(1)
    await pipeline.doomsday(reason)
    expect(ended).toMatchObject([{ done: false, reason: told }])
  })

  test('is not called where no item has come', async () => {
    const { started, ended, args } = hooks()
    expect(await through('filter', [], { fn: () => true, ...args })).toEqual([])
    expect([started, ended]).toEqual([[], []])
  })

  test('is told how many other workers have not ended yet', () => {
    const { ended, args } = hooks()
    const worker = { index: 0, count: 3, active: 2 }
    coros.tee.teardown?.({ args, worker } as unknown as Context, undefined)
    expect(ended).toMatchObject([{ activeWorkers: 2 }])
  })

  test('may be there without the other', async () => {
    const { started, ended, args } = hooks()
    await through('each', [1], { fn: () => {}, onStart: args.onStart })
    await through('each', [1], { fn: () => {}, onDone: args.onDone })
    expect([started, ended]).toEqual([[0], [expect.objectContaining({ done: true, state: undefined })]])
  })
})
