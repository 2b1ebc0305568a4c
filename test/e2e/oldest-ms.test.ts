import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  edgeOf,
  nodeOf,
  type Pipeline,
  plumberOf,
  putEach,
  range,
  same,
  turns,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { handClock } from '../support/still-clock.js'

/*
 * How long the oldest packet of an edge has been there. The time is what the test says it is.
 */

const clock = handClock(1_000)

const feed = (pipeline: Pipeline, values: readonly unknown[], stepMs = 0) =>
  putEach(pipeline, values, { clock, stepMs })

/** An inlet, a node and a leaf. */
const line = (options: object = {}) =>
  chain({ in: 'std.inlet', inc: (n: number) => n + 1, out: (n: number) => `out ${n}` }).createPipeline(options)

describe('oldestMs', () => {
  /** An inlet before a node of which each call waits at a gate of its own. */
  function held(queueSize = 1_000) {
    const gates = new Map<number, ReturnType<typeof gate>>()
    const gateOf = (n: number) => gates.get(n) ?? gates.set(n, gate()).get(n) ?? gate()
    const wait = (n: number) => gateOf(n).opened.then(() => n)
    const pipeline = chain({ in: unfused('std.inlet'), wait: unfused(wait, { queueSize }) }).createPipeline()
    return {
      pipeline,
      pass: async (n: number) => {
        gateOf(n).open()
        await until(() => nodeOf(pipeline.snapshot(), 'wait').completed === n + 1)
        await turns(2)
      },
      finish: async () => {
        for (const n of range(1_000)) gateOf(n).open()
        expectBalancedBooks(await pipeline.drain(), ['in'])
      },
      edge: () => edgeOf(pipeline.snapshot(), 'in', 'wait'),
    }
  }

  test('is 0 where an edge is empty, whatever was in it', async () => {
    const { pipeline, pass, finish, edge } = held()
    expect(edge().oldestMs).toBe(0)
    await feed(pipeline, [0, 1], 500)
    expect(edge().depth).toBe(1)
    await pass(0)
    expect(edge()).toMatchObject({ depth: 0, oldestMs: 0 })
    clock.now += 10_000
    expect(edge().oldestMs).toBe(0)
    await finish()
    expect(edge().oldestMs).toBe(0)
  })

  test('is 0 at edges inside of a call chain, which hold nothing', async () => {
    const pipeline = line()
    await feed(pipeline, range(5), 1_000)
    for (const { depth, oldestMs } of pipeline.snapshot().edges) expect([depth, oldestMs]).toEqual([0, 0])
    await pipeline.drain()
  })

  test('grows while nobody takes the oldest packet', async () => {
    const { pipeline, finish, edge } = held()
    await feed(pipeline, range(40), 0)
    expect(edge()).toMatchObject({ depth: 39, oldestMs: 0 })
    for (const passed of [1, 999, 59_000]) {
      const before = edge().oldestMs
      clock.now += passed
      expect(edge().oldestMs).toBe(before + passed)
    }
    await finish()
  })

  test.each([1, 10, 333])('is told to within the time in which 16 packets enter: one every %i ms', async (stepMs) => {
    const { pipeline, pass, finish, edge } = held()
    const enteredAt: number[] = []
    let taken = 0
    const expectTold = () => {
      const { depth, oldestMs, left } = edge()
      const [oldest] = enteredAt.slice(left)
      if (depth === 0 || oldest === undefined) return expect(oldestMs).toBe(0)
      expect(oldestMs).toBeGreaterThanOrEqual(0)
      expect(Math.abs(oldestMs - (clock.now - oldest)), `packet ${left} of ${enteredAt.length}`).toBeLessThanOrEqual(
        16 * stepMs,
      )
    }
    for (const n of range(150)) {
      enteredAt.push(clock.now)
      await feed(pipeline, [n])
      expectTold()
      clock.now += stepMs
      // Two packets enter for each that leaves, later one for three.
      for (const _ of range(n < 80 ? n % 2 : 3)) if (taken < n) await pass(taken++)
      expectTold()
    }
    while (taken < 150) {
      await pass(taken++)
      clock.now += stepMs
      expectTold()
    }
    expect(edge()).toMatchObject({ depth: 0, oldestMs: 0 })
    await finish()
  })

  test('is the age in a full edge too, whose producer waits', async () => {
    const { pipeline, finish, edge } = held(4)
    await feed(pipeline, range(5))
    const late = pipeline.put(5)
    clock.now += 7_000
    expect(edge()).toMatchObject({ depth: 4, capacity: 4, oldestMs: 7_000 })
    await finish()
    await late.catch(() => {})
  })

  test('is 0 before a join by lineage, which takes what comes at once', async () => {
    const open = gate()
    const plumber = plumberOf(
      { in: 'std.inlet', slow: unfused((n: number) => open.opened.then(() => n)), join: same },
      { in: ['slow', 'join'], slow: ['join'] },
    )
    const pipeline = plumber.createPipeline()
    await feed(pipeline, [1, 2])
    clock.now += 3_000
    const { depth, oldestMs } = edgeOf(pipeline.snapshot(), 'in', 'join')
    expect([depth, oldestMs, nodeOf(pipeline.snapshot(), 'join').received]).toEqual([0, 0, 2])
    open.open()
    await pipeline.drain()
  })
})
