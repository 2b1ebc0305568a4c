import { DROP, type Network } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ForkWindow } from '../../packages/core/src/frames.js'
import { finish, items, range, type Spec, same, start } from '../support/plans.js'
import { turns, until } from '../support/turns.js'
import { SHAPES } from './model.js'
import { runShape } from './shapes.js'

let started = vi.spyOn(ForkWindow.prototype, 'start')
beforeEach(() => {
  started = vi.spyOn(ForkWindow.prototype, 'start')
})
afterEach(() => started.mockRestore())

/** The windows of all forks that opened a frame in this test. */
const windows = (): ForkWindow[] => [...new Set(started.mock.contexts as ForkWindow[])]

/** No frame is left open, and never were more open than there may be. */
function expectFramesClosed(): void {
  for (const window of windows()) {
    expect(window.open).toBe(0)
    expect(window.peak).toBeLessThanOrEqual(window.size)
  }
}

/** A fork with a direct edge and a branch to a join. */
const diamond = (count: number, branch: Spec[string], join: Spec[string] = {}): Spec => ({
  src: { coro: items(...range(count)), to: ['branch', 'join'] },
  branch: { ...branch, to: ['join'] },
  join: { coro: same, ...join },
})

describe('a join by lineage', () => {
  test('pairs what descends from the same item', async () => {
    const { report, values } = await finish(diamond(200, { coro: (n: number) => n * 10 }))
    expect(values).toEqual(range(200).map((n) => [n, n * 10]))
    expect(report.nodes.join).toMatchObject({ received: 400, completed: 400, dropped: 0 })
    expectFramesClosed()
  })

  test('leaves out the items that a branch filtered, and counts them', async () => {
    const { report, values } = await finish({
      ...diamond(100, { coro: (n: number) => (n % 3 === 0 ? n : DROP) }, { to: ['out'] }),
      out: { coro: same },
    })
    expect(values).toEqual(
      range(100)
        .filter((n) => n % 3 === 0)
        .map((n) => [n, n]),
    )
    expect(report.nodes.join).toMatchObject({ received: 134, completed: 134, dropped: 66 })
    expectFramesClosed()
  })

  test('leaves out the items that a branch skipped because they failed', async () => {
    const odd = (n: number): number => {
      if (n % 2 === 1) throw new Error('odd')
      return n
    }
    const { report, values } = await finish(diamond(100, { coro: odd, props: { onError: 'skip' } }))
    expect([values.length, report.outcome, report.nodes.branch?.failed]).toEqual([50, 'completed', 50])
    expectFramesClosed()
  })

  test('pairs correctly when 8 unordered workers overtake each other', async () => {
    const gates = range(8).map(() => gate())
    const slow = async (n: number): Promise<number> => {
      if (n < 8) await gates[n]?.opened
      return n
    }
    const run = start(diamond(60, { coro: slow, props: { workers: 8, ordered: false } }))
    for (const one of gates.toReversed()) {
      one.open()
      await turns(2)
    }
    expect((await run.report()).outcome).toBe('completed')
    expect(run.values).toEqual(range(60).map((n) => [n, n]))
    expectFramesClosed()
  })

  test('that is unordered hands frames over as they become complete', async () => {
    const first = gate()
    const slow = (n: number): unknown => (n === 0 ? first.opened.then(() => n) : n)
    const props = { workers: 2, ordered: false }
    const run = start(diamond(20, { coro: slow, props }, { props: { ordered: false } }))
    await until(() => run.values.length === 19)
    first.open()
    await run.report()
    expect(run.values.at(-1)).toEqual([0, 0])
  })

  test('that is ordered hands nothing over before the first frame is decided', async () => {
    const first = gate()
    const slow = (n: number): unknown => (n === 0 ? first.opened.then(() => DROP) : n)
    const run = start(diamond(20, { coro: slow, props: { workers: 2, ordered: false } }))
    await turns()
    expect(run.values).toEqual([])
    first.open()
    await run.report()
    expect(run.values).toEqual(
      range(20)
        .slice(1)
        .map((n) => [n, n]),
    )
  })

  test('has its tuple in the order of the predecessors in the graph', async () => {
    const { values } = await finish({
      src: { coro: items(1), to: ['b', 'a'] },
      a: { coro: () => 'a', to: ['join'] },
      b: { coro: () => 'b', to: ['join'] },
      join: { coro: same },
    })
    expect(values).toEqual([['a', 'b']])
  })

  test('is merged where "aggregateInputs" is false', async () => {
    const { values, report } = await finish(diamond(10, { coro: same }, { props: { aggregateInputs: false } }))
    expect([values.length, report.nodes.join?.received, windows().length]).toEqual([20, 20, 0])
  })

  test('bounds how many items are inside the region', async () => {
    const held = gate()
    const run = start(diamond(500, { coro: () => held.opened, props: { queueSize: 400 } }))
    await turns()
    expect(windows().map(({ open, size }) => [open, size])).toEqual([[32, 32]])
    expect(run.network.snapshot().nodes.join?.received).toBe(32)
    held.open()
    await run.report()
    expectFramesClosed()
  })

  test('opens twice as many frames as there are workers inside, where that is more', async () => {
    const held = gate()
    const run = start(diamond(500, { coro: () => held.opened, props: { workers: 40 } }))
    await turns()
    expect(windows().map(({ size }) => size)).toEqual([82])
    held.open()
    await run.report()
  })
})

describe('a branch that gives several outputs for one item', () => {
  const twice = function* (n: number): Generator<number> {
    yield n
    if (n === 3) yield n
  }

  test('ends the run, and the error names it', async () => {
    const { report, values } = await finish(diamond(10, { coro: twice }))
    expect(report).toMatchObject({
      outcome: 'failed',
      error: { code: 'PLB_NODE_CARDINALITY', details: { node: 'join', input: 'branch', count: 2 } },
    })
    expect(values).toEqual(range(3).map((n) => [n, n]))
  })

  test('with "skip" costs that frame only', async () => {
    const { report, values } = await finish(diamond(10, { coro: twice }, { props: { onError: 'skip' } }))
    expect(values).toEqual(
      range(10)
        .filter((n) => n !== 3)
        .map((n) => [n, n]),
    )
    expect(report.nodes.join).toMatchObject({ received: 21, completed: 18, failed: 3 })
    expect(report.errors.map(({ code }) => code)).toEqual(['PLB_NODE_CARDINALITY'])
    expectFramesClosed()
  })

  test('is right where the expansion is in front of the fork', async () => {
    const { values } = await finish({
      src: { coro: items(1, 2), to: ['fork'] },
      fork: {
        coro: function* (n: number) {
          yield n * 10
          yield n * 10 + 1
        },
        to: ['branch', 'join'],
      },
      branch: { coro: same, to: ['join'] },
      join: { coro: same },
    })
    expect(values).toEqual([10, 11, 20, 21].map((n) => [n, n]))
  })
})

describe('regions of every shape', () => {
  test.each(Object.entries(SHAPES))('%s gives what the norm says, with queues of one', async (_, text) => {
    await runShape(text, { queueSize: 1 })
    expectFramesClosed()
  })

  test.each(Object.entries(SHAPES))('%s gives what the norm says with filters and workers', async (_, text) => {
    await runShape(text, { queueSize: 2, workers: 3, filter: true })
    expectFramesClosed()
  })
})

describe('a region that is left early', () => {
  /** Takes two items and returns. */
  const two = async (inputs: AsyncIterable<unknown>): Promise<void> => {
    let seen = 0
    for await (const _ of inputs) if (++seen === 2) return
  }

  test('by a consumer that is done still joins everything', async () => {
    const { report, values } = await finish({
      src: { coro: items(...range(300)), to: ['a', 'join'] },
      a: { coro: same, to: ['join', 'exit'] },
      exit: { kind: 'stream', coro: two as never },
      join: { coro: ([a, b]: [number, number]) => a - b },
    })
    expect([report.outcome, values.length, new Set(values)]).toEqual(['completed', 300, new Set([0])])
    expectFramesClosed()
  })

  test('by its join lets the other successors of the fork go on', async () => {
    const { report, values } = await finish({
      src: { coro: items(...range(300)), to: ['a', 'join', 'other'] },
      a: { coro: same, to: ['join'] },
      join: { kind: 'stream', coro: two as never },
      other: { coro: same },
    })
    expect([report.outcome, values.length]).toEqual(['completed', 300])
    expectFramesClosed()
  })

  test('by a node inside it leaves out the frames that this node never completed', async () => {
    const { report } = await finish({
      src: { coro: items(...range(300)), to: ['a', 'join'] },
      a: { kind: 'stream', coro: two as never, to: ['join'] },
      join: { coro: same },
    })
    expect([report.outcome, report.nodes.src?.emitted]).toEqual(['completed', 300])
    expectFramesClosed()
  })

  test('does not stand still because of calls that obeyed their signal', async () => {
    const inside = gate()
    const obedient = (n: number, { signal }: { signal: AbortSignal }): unknown => {
      if (n < 2) return n
      inside.open()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const spec: Spec = {
      src: { coro: items(...range(200)), to: ['a', 'join'] },
      a: { coro: obedient, props: { workers: 2 }, to: ['b'] },
      b: {
        kind: 'stream',
        coro: (inputs: AsyncIterable<unknown>) => leaveAt(inputs, inside.opened) as never,
        to: ['join'],
      },
      join: { coro: same },
    }
    const { report } = await finish(spec, { deadlineMs: 1_000 })
    expect([report.outcome, report.error]).toEqual(['completed', undefined])
    expectFramesClosed()
  })

  test('does not stand still because of a call that ignored its signal', async () => {
    const inside = gate()
    const never = (n: number): unknown => {
      if (n < 2) return n
      inside.open()
      return new Promise(() => {})
    }
    const spec: Spec = {
      src: { coro: items(...range(200)), to: ['a', 'join'] },
      a: { coro: never, to: ['b'] },
      b: {
        kind: 'stream',
        coro: (inputs: AsyncIterable<unknown>) => leaveAt(inputs, inside.opened) as never,
        to: ['join'],
      },
      join: { coro: same },
    }
    const { report } = await finish(spec, { deadlineMs: 1_000, graceMs: 20 })
    expect([report.outcome, report.abandoned]).toEqual(['completed', ['a']])
    expectFramesClosed()
  })

  test('by all that feed a join leaves no frame open at that join', async () => {
    const { report, values } = await finish({
      src: { coro: items(...range(100)), to: ['a', 'b', 'other'] },
      a: { kind: 'stream', coro: two as never, to: ['join'] },
      b: { kind: 'stream', coro: two as never, to: ['join'] },
      join: { coro: same },
      other: { coro: same },
    })
    expect([report.outcome, values.length]).toEqual(['completed', 100])
    expectFramesClosed()
  })

  test('by joins that are done leaves no frame open at the join behind them', async () => {
    const { report } = await finish({
      src: { coro: items(...range(100)), to: ['x', 'j1', 'j2', 'other'] },
      x: { coro: same, to: ['j1', 'j2'] },
      j1: { kind: 'stream', coro: two as never, to: ['j3'] },
      j2: { kind: 'stream', coro: two as never, to: ['j3'] },
      j3: { coro: same },
      other: { coro: same },
    })
    expect(report.outcome).toBe('completed')
    expectFramesClosed()
  })
})

/** Takes two items, waits, and returns. */
async function leaveAt(inputs: AsyncIterable<unknown>, moment: Promise<void>): Promise<void> {
  let seen = 0
  for await (const _ of inputs)
    if (++seen === 2) {
      await moment
      return
    }
}

describe('doomsday', () => {
  test('lists what was stored at a join, once', async () => {
    const held = gate()
    const run = start(diamond(10, { coro: () => held.opened }), { graceMs: 50 })
    await until(() => run.network.snapshot().nodes.join?.received === 10)
    held.open()
    await run.network.doomsday()
    const report = await run.report()
    const stored = report.unprocessed.filter(({ node }) => node === 'join').map(({ value }) => value)
    expect([stored, report.nodes.join?.unprocessed]).toEqual([range(10), 10])
  })

  test('lets an output go that waits for a credit', async () => {
    const held = gate()
    const run = start(diamond(100, { coro: () => held.opened, props: { queueSize: 100 } }))
    await until(() => run.network.snapshot().nodes.join?.received === 32)
    held.open()
    await run.network.doomsday()
    const report = await run.report()
    expect(report.unprocessed.filter(({ node }) => node === 'src')).toEqual([{ node: 'src', value: 32, meta: {} }])
  })
})

test('a put that waits for a credit can be taken back', async () => {
  const held = gate()
  const run = start({
    in: { kind: 'inlet', to: ['branch', 'join'] },
    branch: { coro: () => held.opened, props: { queueSize: 100 }, to: ['join'] },
    join: { coro: same },
  })
  const put = (network: Network, n: number, signal?: AbortSignal) => network.put(0, n, signal ? { signal } : {})
  for (const n of range(32)) await put(run.network, n)
  const controller = new AbortController()
  const waiting = put(run.network, 32, controller.signal)
  controller.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'PLB_RUN_CANCELLED' })
  held.open()
  await run.network.drain()
  expect((await run.report()).nodes.in).toMatchObject({ received: 32, completed: 32 })
  expectFramesClosed()
})

test('random diamonds with random filters pair exactly what both sides gave', async () => {
  const check = async (count: number, left: readonly boolean[], right: readonly boolean[]): Promise<void> => {
    const keep = (kept: readonly boolean[]) => (n: number) => (kept[n % kept.length] ? n : DROP)
    const { values } = await finish({
      src: { coro: items(...range(count)), to: ['a', 'b'] },
      a: { coro: keep(left), props: { workers: 3 }, to: ['join'] },
      b: { coro: keep(right), props: { queueSize: 1 }, to: ['join'] },
      join: { coro: same },
    })
    const both = range(count).filter((n) => left[n % left.length] && right[n % right.length])
    expect(values).toEqual(both.map((n) => [n, n]))
  }
  const kept = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 })
  await fc.assert(fc.asyncProperty(fc.nat(80), kept, kept, check), { numRuns: 60 })
})
