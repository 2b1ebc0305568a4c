import { type Context, packet, Queue, startProcessor } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { settlesSoon, turns, until } from '../../support/turns.js'

const same = (value: unknown): unknown => value

const reverse = (text: string): string => [...text].reverse().join('')

/** A queue that holds the values and then ends. */
async function queueOf(...values: readonly unknown[]): Promise<Queue> {
  const queue = new Queue(64)
  for (const value of values) await queue.put(packet(value))
  queue.end()
  return queue
}

/** All values of a queue, in order, until it ends. */
async function valuesOf(queue: Queue): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const { value } of queue) values.push(value)
  return values
}

test('P-25 a processor starts by itself and works without a Plumber', async () => {
  const [input, output] = [new Queue(64), new Queue(64)]
  const running = startProcessor({ name: 'double', coro: (n: number) => 2 * n, inputs: [input], outputs: [output] })
  await input.put(packet(21))
  await until(() => running.counters.completed === 1)
  expect(output.take()?.value).toBe(42)
  input.end()
  await running.settled
})

test('P-25 a processor shows its name, its state and its counters', async () => {
  const output = new Queue(64)
  const running = startProcessor({ name: 'same', coro: same, inputs: [await queueOf(1, 2, 3)], outputs: [output] })
  expect(running.name).toBe('same')
  expect(running.state).toBeTypeOf('string')
  expect(await valuesOf(output)).toEqual([1, 2, 3])
  await running.settled
  expect(running.counters).toMatchObject({ received: 3, completed: 3, failed: 0, emitted: 3 })
})

test('P-25 a processor that has seen the end of its input ends its outputs', async () => {
  const outputs = [new Queue(64), new Queue(64)]
  const running = startProcessor({ name: 'same', coro: same, inputs: [await queueOf('a', 'b')], outputs })
  expect(await Promise.all(outputs.map(valuesOf))).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ])
  await running.settled
})

test('P-25 the env given to a processor reaches its coroutine', async () => {
  const output = new Queue(64)
  const coro = (_: unknown, { env: { sid } }: Context) => sid
  const running = startProcessor({
    name: 'sid',
    coro,
    inputs: [await queueOf(1)],
    outputs: [output],
    env: { sid: 'session-1' },
  })
  expect(await valuesOf(output)).toEqual(['session-1'])
  await running.settled
})

test('P-25 the properties of a processor are those of a node', async () => {
  const open = gate()
  const output = new Queue(64)
  const running = startProcessor({
    name: 'wide',
    coro: (n: number) => open.opened.then(() => n),
    inputs: [await queueOf(0, 1, 2, 3, 4, 5)],
    outputs: [output],
    properties: { workers: 3 },
  })
  await until(() => running.counters.received === 3)
  await turns()
  expect(running.counters.received).toBe(3)
  open.open()
  expect(await valuesOf(output)).toEqual([0, 1, 2, 3, 4, 5])
  await running.settled
})

test('P-25 without aggregation a processor merges its sources', async () => {
  const output = new Queue(64)
  const running = startProcessor({
    name: 'merge',
    coro: same,
    inputs: [await queueOf(1, 2), await queueOf('a', 'b')],
    outputs: [output],
    properties: { aggregateInputs: false },
  })
  const values = await valuesOf(output)
  expect(values.filter((value) => typeof value === 'number')).toEqual([1, 2])
  expect(values.filter((value) => typeof value === 'string')).toEqual(['a', 'b'])
  await running.settled
})

test('P-25 a queue that is full makes its producer wait', async () => {
  const queue = new Queue(2)
  await queue.put(packet(1))
  await queue.put(packet(2))
  const third = Promise.resolve(queue.put(packet(3)))
  expect(await settlesSoon(third)).toBe(false)
  expect(queue.take()?.value).toBe(1)
  expect(await third).toBe(true)
  expect([queue.take()?.value, queue.take()?.value, queue.take()]).toEqual([2, 3, undefined])
})

test('P-25 a processor can be stopped while its input is still open', async () => {
  const [input, output] = [new Queue(64), new Queue(64)]
  const running = startProcessor({ name: 'same', coro: same, inputs: [input], outputs: [output] })
  await input.put(packet(1))
  await until(() => running.counters.completed === 1)
  expect(await settlesSoon(Promise.resolve(running.settled))).toBe(false)
  await running.stop()
  expect(await settlesSoon(Promise.resolve(running.settled))).toBe(true)
})

test('P-T06 a stand-alone processor with one source and one destination reverses a string', async () => {
  const [input, output] = [new Queue(64), new Queue(64)]
  const running = startProcessor({ name: 'rev', coro: reverse, inputs: [input], outputs: [output] })
  await input.put(packet('abc'))
  input.end()
  expect(await valuesOf(output)).toEqual(['cba'])
  await running.settled
})

test('P-T07 a stand-alone processor with two sources waits for both and joins the reversed values', async () => {
  const [left, right, output] = [new Queue(64), new Queue(64), new Queue(64)]
  const coro = ([a, b]: readonly [string, string]) => reverse(a) + reverse(b)
  const running = startProcessor({ name: 'cat', coro, inputs: [left, right], outputs: [output] })
  await left.put(packet('abc'))
  await turns()
  expect(output.take()).toBeUndefined()
  await right.put(packet('xyz'))
  await until(() => running.counters.emitted === 1)
  expect(output.take()?.value).toBe('cbazyx')
  left.end()
  right.end()
  await running.settled
})

test('P-T07 two sources are paired by position', async () => {
  const output = new Queue(64)
  const inputs = [await queueOf('a', 'b', 'c'), await queueOf(1, 2, 3)]
  const running = startProcessor({ name: 'pair', coro: same, inputs, outputs: [output] })
  expect(await valuesOf(output)).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ])
  await running.settled
})
