import { type Context, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { finish, items, line, range, start } from '../support/plans.js'
import { turns, until } from '../support/turns.js'

/** A coroutine whose hooks note what happens, with what they are given in addition. */
function hooked(
  extra: {
    setup?: () => unknown
    run?: (n: number) => unknown
    teardown?: () => unknown
    flush?: (ctx: Context) => unknown
  } = {},
) {
  const life: unknown[] = []
  const coro = defineCoro({
    setup: (ctx: Context) => {
      life.push('setup')
      return extra.setup?.() ?? `state of ${ctx.worker.index}`
    },
    run: (n: number) => extra.run?.(n) ?? n,
    ...(extra.flush && { flush: extra.flush }),
    teardown: (_: Context, reason: unknown) => {
      life.push(reason === undefined ? 'teardown' : ['teardown', reason])
      return extra.teardown?.()
    },
  })
  const count = (what: string): number =>
    life.filter((one) => one === what || (Array.isArray(one) && one[0] === what)).length
  return { coro, life, count }
}

describe('a worker slot', () => {
  test('is set up once before its first item and torn down once after its last', async () => {
    const { coro, life } = hooked()
    await finish(line({ src: items(1, 2, 3), work: { coro } }))
    expect(life).toEqual(['setup', 'teardown'])
  })

  test.each([1, 3, 8])('has its own setup and teardown, for each of %i', async (workers) => {
    const { coro, count } = hooked({ setup: () => turns(1), run: () => turns(2) })
    await finish(line({ src: items(...range(40)), work: { coro, props: { workers } } }))
    expect([count('setup'), count('teardown')]).toEqual([workers, workers])
  })

  test('keeps its state for itself', async () => {
    const states: unknown[] = []
    const coro = defineCoro({
      setup: async ({ worker }: Context) => ({ slot: worker.index }),
      run: async (_: number, { state, worker }: Context) => {
        states.push([state, worker.index])
        await turns(1)
      },
    })
    await finish(line({ src: items(...range(20)), work: { coro, props: { workers: 4 } } }))
    expect(states).toHaveLength(20)
    for (const [state, index] of states as [unknown, number][]) expect(state).toEqual({ slot: index })
  })

  test('is torn down once with the reason when the run is doomed', async () => {
    const reason = new Error('enough')
    const { coro, life } = hooked({ run: () => turns(5) })
    const run = start(line({ src: items(1, 2, 3), work: { coro } }))
    await turns(2)
    await run.network.doomsday(reason)
    expect(life).toEqual(['setup', ['teardown', reason]])
  })

  test.each([1, 4])('is torn down once when doomed in mid-setup, with %i workers', async (workers) => {
    const held = gate()
    const { coro, count } = hooked({ setup: () => held.opened })
    const run = start(line({ src: items(...range(9)), work: { coro, props: { workers } } }))
    await until(() => count('setup') === workers)
    const settled = run.network.doomsday()
    held.open()
    expect((await settled).abandoned).toEqual([])
    expect([count('setup'), count('teardown')]).toEqual([workers, workers])
  })

  test('is torn down even if its setup ends after its node was given up', async () => {
    const held = gate()
    const { coro, count } = hooked({ setup: () => held.opened })
    const run = start(line({ src: items(1), work: { coro } }), { graceMs: 5 })
    await turns()
    expect((await run.network.doomsday()).abandoned).toEqual(['work'])
    expect(count('teardown')).toBe(0)
    held.open()
    await turns()
    expect(count('teardown')).toBe(1)
  })

  test('that was never used is neither set up nor torn down', async () => {
    const { coro, life } = hooked()
    await finish(line({ src: items(), work: { coro } }))
    expect(life).toEqual([])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('setup')
      },
    ],
    ['rejects', () => Promise.reject(new Error('setup'))],
  ])('whose setup %s fails the run and has no teardown', async (_, setup) => {
    const { coro, count } = hooked({ setup })
    const { report } = await finish(line({ src: items(1, 2), work: { coro, props: { workers: 2 } } }))
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'work', phase: 'setup' } })
    expect(count('teardown')).toBe(0)
  })

  test('whose setup failed does not keep others from their teardown', async () => {
    let slots = 0
    const { coro, count } = hooked({
      setup: async () => {
        if (++slots === 2) {
          await turns(3)
          throw new Error('second')
        }
      },
      run: () => turns(1),
    })
    const { report } = await finish(line({ src: items(...range(9)), work: { coro, props: { workers: 3 } } }))
    expect([report.outcome, count('setup'), count('teardown')]).toEqual(['failed', 3, 2])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('teardown')
      },
    ],
    ['rejects', () => Promise.reject(new Error('teardown'))],
  ])('whose teardown %s fails the run, and every slot is torn down', async (_, teardown) => {
    const { coro, count } = hooked({ teardown, run: () => turns(1) })
    const { report } = await finish(line({ src: items(...range(9)), work: { coro, props: { workers: 3 } } }))
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { phase: 'teardown' } })
    expect(count('teardown')).toBe(3)
  })

  test('whose teardown hangs is given up after the grace period, and named', async () => {
    const { coro, count } = hooked({ teardown: () => new Promise(() => {}) })
    const { report } = await finish(line({ src: items(1), work: { coro } }), { graceMs: 10 })
    expect([report.outcome, report.abandoned, count('teardown')]).toEqual(['completed', ['work'], 1])
  })

  test('whose teardown hangs at doomsday is torn down only once', async () => {
    const { coro, count } = hooked({ teardown: () => new Promise(() => {}) })
    const run = start(line({ src: items(1), work: { coro } }), { graceMs: 10 })
    await until(() => count('teardown') === 1)
    const report = await run.network.doomsday()
    expect([report.abandoned, count('teardown')]).toEqual([['work'], 1])
  })

  test('of a stuck call is torn down when the node is given up', async () => {
    const { coro, count } = hooked({ run: () => new Promise(() => {}) })
    const run = start(line({ src: items(1), work: { coro } }), { graceMs: 5 })
    await turns()
    await run.network.doomsday()
    expect([count('setup'), count('teardown')]).toEqual([1, 1])
  })
})

describe('flush', () => {
  test('runs once per slot after the last item, and what it gives are outputs', async () => {
    const flush = function* ({ state }: Context): Generator<string> {
      yield `flushed ${String(state)}`
    }
    const { coro, life } = hooked({ flush })
    const { values } = await finish(line({ src: items(1, 2), work: { coro }, out: (value: unknown) => value }))
    expect(values).toEqual([1, 2, 'flushed state of 0'])
    expect(life).toEqual(['setup', 'teardown'])
  })

  test('runs on one slot where there was no item: an aggregate of nothing is a result', async () => {
    const { coro, life } = hooked({ flush: () => 'rest' })
    const { values } = await finish(line({ src: items(), work: { coro } }))
    expect([values, life]).toEqual([['rest'], ['setup', 'teardown']])
  })

  test('runs once for each slot that had an item', async () => {
    let flushed = 0
    const { coro, count } = hooked({ flush: () => flushed++, run: () => turns(2) })
    await finish(line({ src: items(...range(9)), work: { coro, props: { workers: 3 } } }))
    expect([flushed, count('setup'), count('teardown')]).toEqual([3, 3, 3])
  })

  test('may emit, and gives nothing when it returns nothing', async () => {
    const { coro } = hooked({ flush: (ctx) => ctx.emit('out', 'emitted') })
    const { values } = await finish(line({ src: items(1), work: { coro }, out: (value: unknown) => value }))
    expect(values).toEqual([1, 'emitted'])
  })

  test('that fails ends the run, after the slots were torn down', async () => {
    const { coro, count } = hooked({ flush: () => Promise.reject(new Error('flush')) })
    const { report } = await finish(line({ src: items(1), work: { coro }, out: (value: unknown) => value }))
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'work', phase: 'flush' } })
    expect(count('teardown')).toBe(1)
  })

  test('does not run when the run is doomed', async () => {
    let flushed = 0
    const { coro } = hooked({ flush: () => flushed++, run: () => turns(3) })
    const run = start(line({ src: items(1, 2), work: { coro } }))
    await turns(1)
    await run.network.doomsday()
    expect(flushed).toBe(0)
  })

  test('that never ends is given up at doomsday', async () => {
    const { coro, count } = hooked({ flush: () => new Promise(() => {}) })
    const run = start(line({ src: items(1), work: { coro } }), { graceMs: 10 })
    await turns()
    expect((await run.network.doomsday()).abandoned).toEqual(['work'])
    expect(count('teardown')).toBe(1)
  })
})
