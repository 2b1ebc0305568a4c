import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import type { Context } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { aborted, chain, endless, failureOf, having, range, same, turns, unfused } from '../support/blackbox.js'
import { expectAsNew, expectNothingInside, soon } from '../support/requests.js'
import { handClock } from '../support/still-clock.js'

/*
 * Requests beyond a promise for values: outputs one by one, handles, and what a request may say for itself.
 */

const clock = handClock(0)

function* upTo(n: number): Generator<number> {
  for (let i = 1; i <= n; i++) yield i
}

/** Reads a stream to its end, or to its error. */
async function readAll(
  stream: AsyncIterable<{ readonly value: unknown }>,
): Promise<{ values: unknown[]; error?: unknown }> {
  const values: unknown[] = []
  try {
    for await (const { value } of stream) values.push(value)
    return { values }
  } catch (error) {
    return { values, error }
  }
}

describe('the outputs of a request, one by one,', () => {
  test('are the same as all of them at once, in the same order', async () => {
    const pipeline = chain({ in: 'std.inlet', upTo, same }).createPipeline()
    const { values } = await readAll(pipeline.processStream(5))
    expect(values).toEqual(await pipeline.processAll(5))
    expect((await readAll(pipeline.processStream(0))).values).toEqual([])
    expectNothingInside(pipeline)
    await pipeline.drain()
  })

  test('tell their node and their meta', async () => {
    const pipeline = chain({ in: 'std.inlet', same }).createPipeline()
    const stream = pipeline.processStream('x', { meta: { a: 1 } })
    expect((await stream.next()).value).toMatchObject({ node: 'same', value: 'x', meta: { a: 1 } })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    await expectAsNew(pipeline, same)
  })

  test('are not made before they are asked for', async () => {
    const seen: number[] = []
    const pipeline = chain({ in: 'std.inlet', see: (n: number) => seen.push(n) }).createPipeline()
    const stream = pipeline.processStream(1)
    await turns()
    expect([seen, pipeline.load().inFlight]).toEqual([[], 0])
    await stream.return()
    await turns()
    expect(seen).toEqual([])
    await pipeline.drain()
  })

  test.each([1, 3, 10])('make their leaf wait while %i of them wait to be taken', async (queueSize) => {
    const numbers = endless()
    const pipeline = chain({ in: 'std.inlet', numbers: numbers.source }).createPipeline()
    const stream = pipeline.processStream(1, { queueSize })
    expect((await stream.next()).value).toMatchObject({ value: 0 })
    await turns()
    const ahead = numbers.read
    await turns()
    expect([numbers.read, ahead <= queueSize + 3, ahead >= queueSize]).toEqual([ahead, true, true])
    await stream.return()
    expect(numbers.closed).toBe(true)
    expectNothingInside(pipeline)
    await pipeline.drain()
  })

  test.each(['break', 'throw'] as const)('end the request when their reader leaves (%s)', async (how) => {
    const numbers = endless()
    const pipeline = chain({ in: 'std.inlet', numbers: numbers.source, same: unfused(same) }).createPipeline()
    try {
      for await (const { value } of pipeline.processStream(1)) {
        if (value !== 5) continue
        if (how === 'break') break
        throw new Error('enough')
      }
    } catch (error) {
      expect(error).toMatchObject({ message: 'enough' })
    }
    expect(numbers.closed).toBe(true)
    await soon(() => pipeline.load().inFlight === 0)
    expectNothingInside(pipeline)
    await pipeline.drain()
  })

  test('end at once when the reader leaves while the next one is waited for', async () => {
    const called = gate()
    const wait = (_: unknown, { signal }: Context) => {
      called.open()
      return aborted(signal)
    }
    const pipeline = chain({ in: 'std.inlet', wait }).createPipeline()
    const stream = pipeline.processStream(1)
    const next = stream.next()
    await called.opened
    await stream.return()
    expect(await next).toMatchObject({ done: true })
    expectNothingInside(pipeline)
    await pipeline.drain()
  })

  test('end with the error of an item, after what was handed over before', async () => {
    function* late(n: number): Generator<number> {
      yield n
      throw new Error('late')
    }
    const pipeline = chain({ in: 'std.inlet', late }).createPipeline()
    const { values, error } = await readAll(pipeline.processStream(7))
    expect([values, error]).toEqual([[7], expect.objectContaining({ code: 'PLB_NODE_FAILED' })])
    expectNothingInside(pipeline)
    await pipeline.drain()
  })

  test('end with the reason of their signal, and let go of it', async () => {
    const controller = new AbortController()
    const numbers = endless()
    const pipeline = chain({ in: 'std.inlet', numbers: numbers.source }).createPipeline()
    const stream = pipeline.processStream(1, { signal: controller.signal })
    await stream.next()
    controller.abort(new Error('why'))
    const { error } = await readAll(stream)
    expect(error).toMatchObject({ code: 'PLB_RUN_CANCELLED', cause: { message: 'why' } })
    expect([numbers.closed, getEventListeners(controller.signal, 'abort')]).toEqual([true, []])
    await pipeline.drain()
  })

  test('end with the deadline, though nobody reads', async () => {
    const numbers = endless()
    const pipeline = chain({ in: 'std.inlet', numbers: numbers.source }).createPipeline()
    const stream = pipeline.processStream(1, { timeoutMs: 20 })
    await stream.next()
    clock.now = 20
    await expect.poll(() => numbers.closed, { timeout: 10_000 }).toBe(true)
    expect((await readAll(stream)).error).toMatchObject({ code: 'PLB_RUN_DEADLINE' })
    await pipeline.drain()
  })

  test('of one request may wait while those of others flow, where no order is kept', async () => {
    const pipeline = chain({ in: 'std.inlet', upTo: having({ workers: 8, ordered: false }, upTo) }).createPipeline()
    const slow = pipeline.processStream(100)
    await slow.next()
    expect(await pipeline.processAll(3)).toEqual([1, 2, 3])
    expect((await readAll(slow)).values).toHaveLength(99)
    await pipeline.drain()
  })

  test.each([0, 1.5, '3'])('cannot be %j at a time', async (queueSize) => {
    const pipeline = chain({ in: 'std.inlet', same }).createPipeline()
    expect(() => pipeline.processStream(1, { queueSize: queueSize as number })).toThrow('"queueSize"')
    await pipeline.drain()
  })
})

describe('the handle of a request', () => {
  test('has its answer', async () => {
    const pipeline = chain({ in: 'std.inlet', upTo }).createPipeline()
    const { outputs } = await pipeline.request(2).answer
    expect(outputs.map(({ node, value }) => [node, value])).toEqual([
      ['upTo', 1],
      ['upTo', 2],
    ])
    await pipeline.drain()
  })

  test('takes it out, and tells its calls why; nobody else notices', async () => {
    const reasons: unknown[] = []
    const open = gate()
    const wait = async (n: number, { signal }: Context) => {
      if (n > 1) return open.opened.then(() => n)
      return aborted(signal).catch((reason) => {
        reasons.push(reason)
        throw reason
      })
    }
    const pipeline = chain({ in: 'std.inlet', wait: having({ workers: 2 }, wait) }).createPipeline()
    const [first, second] = [pipeline.request(1), pipeline.process(2)]
    await turns()
    first.cancel('why')
    expect(await failureOf(() => first.answer)).toMatchObject({
      name: 'AbortError',
      code: 'PLB_RUN_CANCELLED',
      cause: 'why',
    })
    open.open()
    expect([await second, reasons]).toEqual([2, ['why']])
    expectNothingInside(pipeline)
    await pipeline.drain()
  })

  test('does nothing when it has its answer, nor the second time', async () => {
    const pipeline = chain({ in: 'std.inlet', same }).createPipeline()
    const request = pipeline.request(1)
    await request.answer
    request.cancel()
    request.cancel('again')
    expect((await request.answer).outputs).toHaveLength(1)
    await expectAsNew(pipeline, same)
  })

  test('cancels one that waits to be let in', async () => {
    const open = gate()
    const seen: number[] = []
    const wait = (n: number) => {
      seen.push(n)
      return open.opened.then(() => n)
    }
    const pipeline = chain({ in: 'std.inlet', wait }).createPipeline({ maxInFlight: 1, overload: 'wait' })
    const requests = range(3).map((n) => pipeline.request(n))
    requests[1]?.cancel()
    open.open()
    const settled = await Promise.allSettled(requests.map(({ answer }) => answer))
    expect([settled.map(({ status }) => status), seen]).toEqual([
      ['fulfilled', 'rejected', 'fulfilled'],
      [0, 2],
    ])
    await pipeline.drain()
  })
})

describe('a taker of the outputs of a request', () => {
  test('gets them one at a time, and the leaf waits for it', async () => {
    const log: string[] = []
    const open = gate()
    const onOutput = async ({ value }: { readonly value: unknown }) => {
      log.push(`take ${value}`)
      await open.opened
      log.push(`took ${value}`)
    }
    const pipeline = chain({ in: 'std.inlet', upTo }).createPipeline()
    const { answer } = pipeline.request(2, { onOutput })
    await turns()
    expect(log).toEqual(['take 1'])
    open.open()
    expect((await answer).outputs).toEqual([])
    expect(log).toEqual(['take 1', 'took 1', 'take 2', 'took 2'])
    await pipeline.drain()
  })

  test('runs in the async context of whoever asked', async () => {
    const storage = new AsyncLocalStorage<number>()
    const seen: unknown[] = []
    const pipeline = chain({
      in: 'std.inlet',
      later: having({ workers: 2 }, async (n: number) => turns(1).then(() => n)),
    }).createPipeline()
    const ask = (n: number) =>
      storage.run(n, () => pipeline.request(n, { onOutput: () => void seen.push(storage.getStore()) }).answer)
    await Promise.all([ask(1), ask(2)])
    expect(seen.toSorted()).toEqual([1, 2])
    await pipeline.drain()
  })

  test('that throws fails its request alone', async () => {
    const pipeline = chain({ in: 'std.inlet', upTo }).createPipeline()
    const onOutput = () => {
      throw new Error('full')
    }
    const [bad, good] = [pipeline.request(3, { onOutput }), pipeline.processAll(3)]
    expect(String((await failureOf(() => bad.answer)).cause)).toContain('full')
    expect(await good).toEqual([1, 2, 3])
    expectNothingInside(pipeline)
    await pipeline.drain()
  })
})
