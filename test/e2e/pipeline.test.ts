import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  edgeOf,
  failureOf,
  nodeOf,
  outputs,
  type Pipeline,
  plumberOf,
  range,
  same,
  settlesSoon,
  turns,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** An inlet, and behind it a coroutine that waits at a gate. */
function behindGate(properties: Readonly<Record<string, unknown>> = {}) {
  const open = gate()
  const seen = outputs()
  const wait = async (value: unknown) => {
    await open.opened
    return value
  }
  const pipeline = chain({ in: unfused('std.inlet'), wait: unfused(wait, properties) }).createPipeline(seen.options)
  return { open, seen, pipeline }
}

/** Puts until a put has to wait, and gives that one, with how many were accepted before it. */
async function fill(pipeline: Pipeline): Promise<{ waiting: Promise<unknown>; accepted: number }> {
  for (let n = 0; n < 1_000; n++) {
    const waiting = Promise.resolve(pipeline.put(n))
    waiting.catch(() => {})
    if (!(await settlesSoon(waiting))) return { waiting, accepted: n }
  }
  throw new Error('The pipeline holds a thousand items, and still takes more.')
}

describe('put', () => {
  test('brings a value into the only inlet', async () => {
    const seen = outputs()
    const pipeline = chain({ in: 'std.inlet', out: (n: number) => n + 1 }).createPipeline(seen.options)
    await pipeline.put(1)
    await until(() => seen.values.length === 1)
    await pipeline.put(2)
    await until(() => seen.values.length === 2)
    pipeline.end()
    expectBalancedBooks(await pipeline.settled, ['in'])
    expect(seen.values).toEqual([2, 3])
  })

  test('brings a value into the inlet that is named', async () => {
    const seen = outputs()
    const plumber = plumberOf({ a: 'std.inlet', b: 'std.inlet', out: same }, { a: ['out'], b: ['out'] })
    const pipeline = plumber.createPipeline(seen.options)
    await pipeline.put('left', { node: 'a' })
    await pipeline.put('right', { node: 'b' })
    pipeline.end()
    expectBalancedBooks(await pipeline.settled, ['a', 'b'])
    expect(seen.values).toEqual([['left', 'right']])
  })

  test('waits while the pipeline is full', async () => {
    const { open, seen, pipeline } = behindGate({ queueSize: 2 })
    const { waiting, accepted } = await fill(pipeline)
    expect(nodeOf(pipeline.snapshot(), 'in').received).toBeGreaterThanOrEqual(accepted)
    open.open()
    await waiting
    pipeline.end()
    expectBalancedBooks(await pipeline.settled, ['in'])
    expect(seen.values).toEqual(range(accepted + 1))
  })

  test('that waits is taken back by its signal, and its value never comes', async () => {
    const { open, seen, pipeline } = behindGate({ queueSize: 1 })
    const { waiting, accepted } = await fill(pipeline)
    const controller = new AbortController()
    const refused = Promise.resolve(pipeline.put('never', { signal: controller.signal }))
    controller.abort(new Error('client left'))
    await expect(refused).rejects.toMatchObject({ name: 'AbortError' })
    open.open()
    await waiting
    pipeline.end()
    expectBalancedBooks(await pipeline.settled, ['in'])
    expect(seen.values).toEqual(range(accepted + 1))
  })

  test.each([
    ['the pipeline was ended', (pipeline: Pipeline) => pipeline.end()],
    ['the pipeline was drained', (pipeline: Pipeline) => pipeline.drain()],
    ['doomsday', (pipeline: Pipeline) => pipeline.doomsday()],
  ])('is PLB_STATE_NOT_RUNNING after %s', async (_what, end) => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    await end(pipeline)
    expect((await failureOf(() => pipeline.put(1))).code).toBe('PLB_STATE_NOT_RUNNING')
    await pipeline.settled
    expect((await failureOf(() => pipeline.put(1))).code).toBe('PLB_STATE_NOT_RUNNING')
  })

  test('that waits is settled by doomsday', async () => {
    const { open, pipeline } = behindGate({ queueSize: 1 })
    const { waiting } = await fill(pipeline)
    const dooming = pipeline.doomsday()
    open.open()
    await Promise.allSettled([waiting])
    expectBalancedBooks(await dooming, ['in'])
  })

  test('needs the name of an inlet that is there', async () => {
    const pipeline = plumberOf(
      { a: 'std.inlet', b: 'std.inlet', out: same },
      { a: ['out'], b: ['out'] },
    ).createPipeline()
    for (const options of [{ node: 'out' }, { node: 'nobody' }, { node: 'toString' }, {}]) {
      expect((await failureOf(() => pipeline.put(1, options))).code).toBe('PLB_OPTION_INVALID')
    }
    await pipeline.doomsday()
  })
})

describe('end', () => {
  test('lets what is inside flow out', async () => {
    const { open, seen, pipeline } = behindGate()
    for (const n of [1, 2, 3]) await pipeline.put(n)
    pipeline.end()
    expect(await settlesSoon(pipeline.settled)).toBe(false)
    open.open()
    expect((await pipeline.settled).outcome).toBe('completed')
    expect(seen.values).toEqual([1, 2, 3])
  })

  test('of one inlet leaves the other one open', async () => {
    const seen = outputs()
    const merge = { coro: same, properties: { aggregateInputs: false } }
    const pipeline = plumberOf(
      { a: 'std.inlet', b: 'std.inlet', merge },
      { a: ['merge'], b: ['merge'] },
    ).createPipeline(seen.options)
    await pipeline.put(1, { node: 'a' })
    pipeline.end({ node: 'a' })
    expect((await failureOf(() => pipeline.put(2, { node: 'a' }))).code).toBe('PLB_STATE_NOT_RUNNING')
    await pipeline.put(3, { node: 'b' })
    expect(await settlesSoon(pipeline.settled)).toBe(false)
    pipeline.end({ node: 'b' })
    expectBalancedBooks(await pipeline.settled, ['a', 'b'])
    expect([...seen.values].sort()).toEqual([1, 3])
  })

  test('twice is harmless', async () => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    pipeline.end()
    pipeline.end()
    expect((await pipeline.settled).outcome).toBe('completed')
  })
})

describe('a standing pipeline', () => {
  test('is idle, not over, while it waits for input', async () => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    expect(await settlesSoon(pipeline.settled)).toBe(false)
    expect(pipeline.snapshot().state).toBe('running')
    pipeline.end()
    await pipeline.settled
    expect(pipeline.snapshot().state).toBe('settled')
  })

  test('shows in a snapshot what it holds', async () => {
    const { open, pipeline } = behindGate({ queueSize: 5 })
    for (const n of range(4)) await pipeline.put(n)
    await until(() => edgeOf(pipeline.snapshot(), 'in', 'wait').depth === 3)
    const snapshot = pipeline.snapshot()
    expect(nodeOf(snapshot, 'wait')).toMatchObject({ received: 1, completed: 0, failed: 0, inProgress: 1 })
    expect(edgeOf(snapshot, 'in', 'wait')).toMatchObject({ port: 'out', entered: 4, left: 1, depth: 3, capacity: 5 })
    open.open()
    await pipeline.drain()
    expect(edgeOf(pipeline.snapshot(), 'in', 'wait')).toMatchObject({ entered: 4, left: 4, depth: 0 })
    expect(nodeOf(pipeline.snapshot(), 'wait')).toMatchObject({ completed: 4, inProgress: 0 })
  })
})

describe('pause', () => {
  test('stops what has not begun, and resume lets it go on', async () => {
    const seen = outputs()
    const pipeline = chain({ in: 'std.inlet', mid: same, out: same }).createPipeline(seen.options)
    await pipeline.put(1)
    await until(() => seen.values.length === 1)
    pipeline.pause()
    const puts = [pipeline.put(2), pipeline.put(3)]
    await turns()
    expect(seen.values).toEqual([1])
    pipeline.resume()
    await Promise.all(puts)
    await until(() => seen.values.length === 3)
    pipeline.end()
    expectBalancedBooks(await pipeline.settled, ['in'])
    expect(seen.values).toEqual([1, 2, 3])
  })

  test('lets a call in progress finish', async () => {
    const open = gate()
    const finished: number[] = []
    const wait = async (n: number) => {
      await open.opened
      finished.push(n)
    }
    const pipeline = chain({ in: unfused('std.inlet'), wait: unfused(wait) }).createPipeline()
    for (const n of [1, 2]) await pipeline.put(n)
    await until(() => nodeOf(pipeline.snapshot(), 'wait').inProgress === 1)
    pipeline.pause()
    open.open()
    await turns()
    expect(finished).toEqual([1])
    pipeline.resume()
    expectBalancedBooks(await pipeline.drain(), ['in'])
    expect(finished).toEqual([1, 2])
  })

  test('does not keep doomsday waiting', async () => {
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    pipeline.pause()
    expect((await pipeline.doomsday()).outcome).toBe('doomed')
  })
})

describe('setWorkers', () => {
  test('lets more items be in progress at once, from now on', async () => {
    const { open, seen, pipeline } = behindGate({ queueSize: 20 })
    for (const n of range(10)) await pipeline.put(n)
    await until(() => nodeOf(pipeline.snapshot(), 'wait').inProgress === 1)
    pipeline.setWorkers('wait', 4)
    await until(() => nodeOf(pipeline.snapshot(), 'wait').inProgress === 4)
    await turns()
    expect(nodeOf(pipeline.snapshot(), 'wait').inProgress).toBe(4)
    open.open()
    expectBalancedBooks(await pipeline.drain(), ['in'])
    expect(seen.values).toEqual(range(10))
  })

  test('lets fewer items be in progress once those at work are done', async () => {
    const gates = range(10).map(gate)
    const wait = (n: number) => gates[n]?.opened
    const pipeline = chain({ in: unfused('std.inlet'), wait: unfused(wait, { workers: 3 }) }).createPipeline()
    for (const n of range(10)) await pipeline.put(n)
    await until(() => nodeOf(pipeline.snapshot(), 'wait').inProgress === 3)
    pipeline.setWorkers('wait', 1)
    for (const n of [0, 1, 2]) gates[n]?.open()
    await until(() => nodeOf(pipeline.snapshot(), 'wait').completed === 3)
    await turns()
    expect(nodeOf(pipeline.snapshot(), 'wait').inProgress).toBe(1)
    for (const { open } of gates) open()
    expectBalancedBooks(await pipeline.drain(), ['in'])
  })

  test.each([
    ['nobody', 2],
    ['toString', 2],
    ['wait', -1],
    ['wait', 1.5],
    ['wait', Number.NaN],
  ])('of %s to %d is PLB_OPTION_INVALID', async (node, count) => {
    const { pipeline } = behindGate()
    expect((await failureOf(() => pipeline.setWorkers(node, count))).code).toBe('PLB_OPTION_INVALID')
    await pipeline.doomsday()
  })
})
