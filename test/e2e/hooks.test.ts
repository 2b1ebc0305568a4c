import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  failureOf,
  from,
  nodeOf,
  range,
  reportOf,
  same,
  turns,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** A coroutine that notes all that happens to it; its calls wait at the gate, if there is one. */
function noted(wait?: Promise<void>) {
  const life: string[] = []
  const coro = defineCoro({
    setup: (ctx: Context) => {
      life.push('setup')
      return { slot: ctx.worker.index }
    },
    run: async (n: number) => {
      life.push(`run ${n}`)
      await wait
      return n
    },
    flush: () => {
      life.push('flush')
    },
    teardown: () => void life.push('teardown'),
  })
  return { life, coro }
}

/** How often something happened. */
const count = (life: readonly string[], what: string): number => life.filter((entry) => entry.startsWith(what)).length

describe('the life of a coroutine', () => {
  test('is set-up, items, flush, tear-down', async () => {
    const { life, coro } = noted()
    await chain({ src: from(1, 2), coro, out: same }).run()
    expect(life).toEqual(['setup', 'run 1', 'run 2', 'flush', 'teardown'])
  })

  test('is lived once in each worker slot', async () => {
    const open = gate()
    const { life, coro } = noted(open.opened)
    const running = chain({ src: from(...range(9)), coro: unfused(coro, { workers: 3 }), out: same }).run()
    await until(() => count(life, 'run') === 3)
    open.open()
    expectBalancedBooks(await running, [])
    expect(['setup', 'run', 'flush', 'teardown'].map((what) => count(life, what))).toEqual([3, 9, 3, 3])
  })

  test('does not begin before the first item', async () => {
    const { life, coro } = noted()
    const pipeline = chain({ in: 'std.inlet', coro }).createPipeline()
    await until(() => pipeline.snapshot().state === 'running')
    expect(life).toEqual([])
    await pipeline.put(1)
    await until(() => life.includes('run 1'))
    expect(life).toEqual(['setup', 'run 1'])
    await pipeline.drain()
  })

  test('has as many tear-downs as set-ups when there are no items', async () => {
    const { life, coro } = noted()
    await chain({ src: from(), coro, out: same }).run()
    expect(count(life, 'teardown')).toBe(count(life, 'setup'))
  })

  test('without items and without a flush has no set-up and so no tear-down', async () => {
    const life: string[] = []
    const note = (what: string) => () => void life.push(what)
    const coro = defineCoro({ setup: note('setup'), run: same, teardown: note('teardown') })
    await chain({ src: from(), coro, out: same }).run()
    expect(life).toEqual([])
  })

  test('has one tear-down when another node fails', async () => {
    const { life, coro } = noted()
    const out = () => {
      throw new Error('boom')
    }
    await failureOf(() => chain({ src: from(1, 2), coro, out }).run())
    expect([count(life, 'setup'), count(life, 'teardown')]).toEqual([1, 1])
  })

  test('has one tear-down when it fails itself', async () => {
    const life: string[] = []
    const coro = defineCoro({
      setup: () => void life.push('setup'),
      run: () => Promise.reject(new Error('boom')),
      teardown: () => void life.push('teardown'),
    })
    await failureOf(() => chain({ src: from(1, 2), coro, out: same }).run())
    expect(life).toEqual(['setup', 'teardown'])
  })

  test('ends at doomsday with one tear-down, which is told the reason', async () => {
    const reasons: unknown[] = []
    const coro = defineCoro({
      setup: () => ({}),
      run: (_: unknown, ctx: Context) => aborted(ctx.signal),
      teardown: (_ctx, reason) => void reasons.push(reason),
    })
    const pipeline = chain({ in: 'std.inlet', coro: unfused(coro) }).createPipeline()
    await pipeline.put(1)
    await until(() => nodeOf(pipeline.snapshot(), 'coro').inProgress === 1)
    expectBalancedBooks(await pipeline.doomsday('deploy'), ['in'])
    expect(reasons).toEqual(['deploy'])
  })
})

describe('ctx.worker.active', () => {
  test('is how many others are set up, and not torn down', async () => {
    const [open, setup, run, teardown] = [gate(), [] as number[], [] as number[], [] as number[]]
    const coro = defineCoro({
      setup: ({ worker }) => void setup.push(worker.active),
      run: async (n: number, ctx: Context) => {
        await open.opened
        run.push(ctx.worker.active)
        return n
      },
      teardown: async ({ worker }) => void teardown.push(worker.active),
    })
    const running = chain({ src: from(...range(6)), coro: unfused(coro, { workers: 3 }) }).run()
    await until(() => setup.length === 3)
    open.open()
    await running
    expect([setup, run, teardown]).toEqual([[0, 1, 2], Array(6).fill(2), [2, 1, 0]])
  })

  test('does not count a worker whose setup has failed', async () => {
    const seen: number[] = []
    const coro = defineCoro({
      setup: ({ worker }) => {
        if (worker.index === 1) throw new Error('boom')
      },
      run: (n: number) => turns(1).then(() => n),
      teardown: ({ worker }) => void seen.push(worker.active),
    })
    await failureOf(() => chain({ src: from(1, 2), coro: unfused(coro, { workers: 2 }) }).run())
    expect(seen).toEqual([0])
  })

  test('is 0 where a chain has one worker', async () => {
    const active = (_: unknown, { worker }: Context) => worker.active
    expect(await chain({ src: from(1, 2), active }).collect()).toEqual([0, 0])
  })
})

describe('ctx.state', () => {
  /** Adds up what its own slot has seen. */
  const sum = defineCoro({
    setup: () => ({ total: 0 }),
    run: (n: number, ctx: Context) => {
      const state = ctx.state as { total: number }
      state.total += n
      return state.total
    },
  })

  test('is what setup gave, for as long as the slot lives', async () => {
    expect(await chain({ src: from(1, 2, 3), sum }).collect()).toEqual([1, 3, 6])
  })

  test('begins anew in every run', async () => {
    const plumber = chain({ src: from(1, 2, 3), sum })
    expect(await Promise.all([plumber.collect(), plumber.collect()])).toEqual([
      [1, 3, 6],
      [1, 3, 6],
    ])
  })

  test('may be made asynchronously, and no item comes before it', async () => {
    const open = gate()
    const coro = defineCoro({
      setup: async () => {
        await open.opened
        return 'ready'
      },
      run: (_: unknown, ctx: Context) => ctx.state,
    })
    const running = chain({ src: from(1, 2), coro }).collect()
    open.open()
    expect(await running).toEqual(['ready', 'ready'])
  })

  test('that cannot be made fails the run', async () => {
    const boom = new Error('no connection')
    const coro = defineCoro({ setup: () => Promise.reject(boom), run: same })
    const error = await failureOf(() => chain({ src: from(1, 2), coro, out: same }).run())
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
    expectBalancedBooks(reportOf(error), [])
  })
})

describe('flush', () => {
  test('may emit what is left', async () => {
    const groups = defineCoro({
      setup: () => [] as number[],
      run: (n: number, ctx: Context) => {
        const group = ctx.state as number[]
        if (group.push(n) === 3) ctx.emit('out', group.splice(0))
        return DROP
      },
      flush: (ctx: Context) => {
        const rest = ctx.state as number[]
        if (rest.length > 0) ctx.emit('out', rest)
      },
    })
    expect(await chain({ src: from(...range(7)), groups, out: same }).collect()).toEqual([[0, 1, 2], [3, 4, 5], [6]])
  })

  test('comes after the last item has left', async () => {
    const seen: unknown[] = []
    const coro = defineCoro({
      setup: () => ({}),
      run: async (n: number) => n,
      flush: (ctx: Context) => ctx.emit('out', 'flushed'),
    })
    await chain({ src: from(1, 2, 3), coro: unfused(coro), out: (value: unknown) => void seen.push(value) }).run()
    expect(seen).toEqual([1, 2, 3, 'flushed'])
  })

  test('that throws fails the run', async () => {
    const boom = new Error('cannot flush')
    const coro = defineCoro({ setup: () => ({}), run: same, flush: () => Promise.reject(boom) })
    const error = await failureOf(() => chain({ src: from(1), coro, out: same }).run())
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
  })
})

describe('kind: "stream"', () => {
  const pairs = defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<number>) {
      let held: number[] = []
      for await (const n of inputs) {
        held.push(n)
        if (held.length < 2) continue
        yield held
        held = []
      }
      if (held.length > 0) yield held
    },
  })

  test('consumes its inputs for the whole run and yields what it likes', async () => {
    expect(await chain({ src: from(...range(5)), pairs, out: same }).collect()).toEqual([[0, 1], [2, 3], [4]])
    const report = await chain({ src: from(...range(5)), pairs, out: same }).run()
    expect(nodeOf(report, 'pairs')).toMatchObject({ received: 5, completed: 5, emitted: 3 })
    expectBalancedBooks(report, [])
  })

  test('may be a leaf', async () => {
    expect(await chain({ in: 'std.inlet', pairs }).collect([1, 2, 3])).toEqual([[1, 2], [3]])
  })

  test('with several workers gives each item to one of them', async () => {
    const seen: number[] = []
    const eat = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<number>) {
        for await (const n of inputs) {
          seen.push(n)
          yield n
        }
      },
    })
    const report = await chain({ src: from(...range(50)), eat: unfused(eat, { workers: 3 }), out: same }).run()
    expect(seen.toSorted((a, b) => a - b)).toEqual(range(50))
    expectBalancedBooks(report, [])
  })

  test('that throws fails the run', async () => {
    const boom = new Error('in the middle')
    const half = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<number>) {
        for await (const n of inputs) {
          if (n === 2) throw boom
          yield n
        }
      },
    })
    const error = await failureOf(() => chain({ src: from(1, 2, 3), half, out: same }).run())
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
    expectBalancedBooks(reportOf(error), [])
  })
})
