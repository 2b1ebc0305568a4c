import { type Coro, DROP, isPipelineError, packet, Queue, startProcessor } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { range } from '../support/plans.js'
import { settlesSoon, turns } from '../support/turns.js'

/** A queue with these values that has ended. */
function given(...values: readonly unknown[]): Queue {
  const queue = new Queue(Math.max(1, values.length))
  for (const value of values) queue.offer(packet(value))
  queue.end()
  return queue
}

async function valuesOf(queue: Queue): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const { value } of queue) values.push(value)
  return values
}

const work = (coro: Coro, input: Queue, output: Queue, properties = {}) =>
  startProcessor({ name: 'work', coro, inputs: [input], outputs: [output], properties })

describe('a processor between queues', () => {
  test('works off its input, ends its output and reports', async () => {
    const output = new Queue(2)
    const node = work((n: number) => (n % 2 ? n * 10 : DROP), given(...range(10)), output)
    expect(await valuesOf(output)).toEqual([10, 30, 50, 70, 90])
    const report = await node.settled
    expect(report).toMatchObject({
      outcome: 'completed',
      unprocessed: [],
      counts: { received: 10, completed: 10, emitted: 5, dropped: 5 },
    })
    expect([node.name, node.state]).toEqual(['work', 'ended'])
  })

  test('gives every output to each of its queues', async () => {
    const outputs = [new Queue(9), new Queue(9)]
    startProcessor({ name: 'work', coro: (n: number) => n, inputs: [given(1, 2)], outputs })
    expect(await Promise.all(outputs.map(valuesOf))).toEqual([
      [1, 2],
      [1, 2],
    ])
  })

  test('pairs several inputs by position, also those that were full before', async () => {
    const output = new Queue(9)
    const node = startProcessor({
      name: 'zip',
      coro: ([a, b]: [number, string]) => `${a}${b}`,
      inputs: [given(1, 2), given('a', 'b')],
      outputs: [output],
    })
    expect([await valuesOf(output), (await node.settled).outcome]).toEqual([['1a', '2b'], 'completed'])
  })

  test('reports inputs of different lengths after the pairs there are', async () => {
    const output = new Queue(9)
    const node = startProcessor({
      name: 'zip',
      coro: (pair: unknown) => pair,
      inputs: [given(1, 2), given('a')],
      outputs: [output],
    })
    expect(await valuesOf(output)).toEqual([[1, 'a']])
    expect(await node.settled).toMatchObject({
      outcome: 'failed',
      error: { code: 'PLB_RUN_UNEQUAL' },
      unprocessed: [{ node: 'zip', value: 2 }],
    })
  })

  test('merges several inputs that were full before', async () => {
    const output = new Queue(9)
    startProcessor({
      name: 'merge',
      coro: (n: number) => n,
      inputs: [given(1, 2), given(10), given()],
      outputs: [output],
      properties: { aggregateInputs: false },
    })
    expect(await valuesOf(output)).toEqual([1, 10, 2])
  })

  test('gives its coroutine args and env', async () => {
    const output = new Queue(9)
    startProcessor({
      name: 'work',
      coro: (n: number, { args, env }) => [n, args, env],
      inputs: [given(1)],
      outputs: [output],
      args: { a: 1 },
      env: { e: 2 },
    })
    expect(await valuesOf(output)).toEqual([[1, { a: 1 }, { e: 2 }]])
  })

  test('ends as failed with the error of its coroutine, and never rejects', async () => {
    const output = new Queue(9)
    const input = given(1, 2, 3)
    const mine = new Error('mine')
    const { outcome, error, counts, unprocessed } = await work(() => Promise.reject(mine), input, output).settled
    expect([outcome, isPipelineError(error), error?.cause, counts.failed]).toEqual(['failed', true, mine, 1])
    expect([unprocessed.map(({ value }) => value), await valuesOf(output)]).toEqual([[2, 3], []])
  })

  test('with "skip" goes on', async () => {
    const output = new Queue(9)
    const coro = (n: number): number => {
      if (n === 2) throw new Error('two')
      return n
    }
    const { outcome, counts } = await work(coro, given(1, 2, 3), output, { onError: 'skip' }).settled
    expect([outcome, counts.failed, await valuesOf(output)]).toEqual(['completed', 1, [1, 3]])
  })

  test('that is told to stop closes its input and lets its call return', async () => {
    const held = gate()
    const input = new Queue(9)
    for (const n of range(3)) input.offer(packet(n))
    let closed = false
    input.onClose = () => {
      closed = true
    }
    const output = new Queue(9)
    const node = work((n: number) => held.opened.then(() => n), input, output)
    await turns()
    node.stop()
    expect([closed, await settlesSoon(node.settled)]).toEqual([true, false])
    held.open()
    expect((await node.settled).outcome).toBe('completed')
    expect(await valuesOf(output)).toEqual([0])
  })

  test('stops when its reader has left', async () => {
    const input = new Queue(1)
    const output = new Queue(1)
    const node = work((n: number) => n, input, output)
    const producing = (async () => {
      for (let n = 0; await input.put(packet(n)); n++);
    })()
    for await (const { value } of output) if (value === 3) break
    await producing
    expect((await node.settled).outcome).toBe('completed')
  })

  test('that fails does not wait for room in an output that nobody reads', async () => {
    const output = new Queue(1)
    const failing = gate()
    const coro = async (n: number): Promise<number> => {
      if (n < 2) return n
      await failing.opened
      throw new Error('two')
    }
    const node = work(coro, given(0, 1, 2), output, { workers: 3, ordered: false })
    await turns()
    failing.open()
    expect(await settlesSoon(node.settled)).toBe(true)
    expect((await node.settled).error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { message: 'two' } })
  })

  test('joins with others to a pipeline with backpressure', async () => {
    const queues = range(4).map(() => new Queue(1))
    const [first, ...rest] = queues
    const nodes = rest.map((output, n) => work((value: number) => value + 1, queues[n] ?? output, output))
    const producing = (async () => {
      for (const n of range(50)) await first?.put(packet(n))
      first?.end()
    })()
    const last = queues.at(-1) ?? new Queue(1)
    expect(await valuesOf(last)).toEqual(range(50).map((n) => n + 3))
    await producing
    expect((await Promise.all(nodes.map(({ settled }) => settled))).map(({ outcome }) => outcome)).toEqual(
      range(3).map(() => 'completed'),
    )
  })
})
