import { setImmediate as turn } from 'node:timers/promises'
import { type Context, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import {
  aborted,
  chain,
  endless,
  failureOf,
  from,
  plumberOf,
  range,
  reportOf,
  same,
  settlesSoon,
  turns,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** All values of a stream. */
async function valuesOf(stream: AsyncIterable<{ readonly value: unknown }>): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const { value } of stream) values.push(value)
  return values
}

test('a stream gives each output with its node, port and meta', async () => {
  const seen: unknown[] = []
  for await (const output of chain({ src: from(1), out: (n: number) => n + 1 }).stream()) seen.push(output)
  expect(seen).toEqual([expect.objectContaining({ node: 'out', port: 'out', value: 2, meta: {} })])
})

test('a stream ends when the run does', async () => {
  expect(await valuesOf(chain({ src: from(...range(200)), out: same }).stream())).toEqual(range(200))
})

test('a stream gives the outputs of every leaf', async () => {
  const plumber = plumberOf({ src: from(1, 2), a: same, b: (n: number) => -n }, { src: ['a', 'b'] })
  expect((await valuesOf(plumber.stream())).sort()).toEqual([-1, -2, 1, 2])
})

test('a reader that stands still holds back the source', async () => {
  const numbers = endless()
  const stages = { src: unfused(numbers.source), out: unfused(same, { queueSize: 1 }) }
  const stream = chain(stages).stream()[Symbol.asyncIterator]()
  expect((await stream.next()).value).toMatchObject({ value: 0 })
  await turns(100)
  const read = numbers.read
  await turns(100)
  expect(numbers.read).toBe(read)
  expect(read).toBeLessThan(100)
  await stream.return?.()
})

test('a reader that is slow still gets everything, in order', async () => {
  const values: unknown[] = []
  for await (const { value } of chain({ src: from(...range(150)), out: same }).stream()) {
    if (values.push(value) % 10 === 0) await turn()
  }
  expect(values).toEqual(range(150))
})

test('leaving the loop ends the run well and returns the input', async () => {
  const numbers = endless()
  const reasons: unknown[] = []
  const out = defineCoro({ run: (n: number) => n, setup: () => 1, teardown: () => void reasons.push('torn down') })
  const values: unknown[] = []
  for await (const { value } of chain({ in: 'std.inlet', out }).stream(numbers.source())) {
    if (values.push(value) === 3) break
  }
  expect(values).toEqual([0, 1, 2])
  await until(() => numbers.closed && reasons.length > 0)
  expect(reasons).toEqual(['torn down'])
})

test('an error thrown in the loop is the one that the caller gets', async () => {
  const numbers = endless()
  const mine = new Error('mine')
  const reading = async () => {
    for await (const _ of chain({ src: numbers.source, out: same }).stream()) throw mine
  }
  await expect(reading()).rejects.toBe(mine)
  await until(() => numbers.closed)
})

test('an error of the run is thrown after what was handed over', async () => {
  const handedOver = gate()
  const boom = new Error('boom')
  const out = async (n: number) => {
    if (n < 3) return n
    await handedOver.opened
    throw boom
  }
  const values: unknown[] = []
  const error = await failureOf(async () => {
    for await (const { value } of chain({ src: from(1, 2, 3, 4), out }).stream()) {
      if (values.push(value) === 2) handedOver.open()
    }
  })
  expect(values).toEqual([1, 2])
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
})

test('a stream that nobody reads yet does not lose its first outputs', async () => {
  const stream = chain({ src: from(1, 2, 3), out: same }).stream()
  await turns()
  expect(await valuesOf(stream)).toEqual([1, 2, 3])
})

test('after an abort the reader gets nothing that the report lists as unprocessed', async () => {
  const controller = new AbortController()
  const values: unknown[] = []
  const error = await failureOf(async () => {
    const options = { signal: controller.signal }
    for await (const { value } of chain({ in: 'std.inlet', out: same }).stream(range(6), options)) {
      values.push(value)
      await turns(5)
      if (value === 2) controller.abort()
    }
  })
  const report = reportOf(error)
  expectBalancedBooks(report, ['in'])
  const left = report.unprocessed.map(({ value }) => value)
  expect(left.length).toBeGreaterThan(0)
  expect([...values, ...left].toSorted()).toEqual(range(values.length + left.length))
})

test.each(['return', 'throw'] as const)('%s ends the run, also while a next is waiting', async (how) => {
  const wait = (_: unknown, { signal }: Context) => aborted(signal)
  const stream = chain({ src: from(1), wait }).stream()
  const next = stream.next()
  await turns()
  const mine = new Error('mine')
  const left = how === 'return' ? stream.return() : stream.throw(mine).catch((error: unknown) => error)
  expect(await settlesSoon(Promise.all([next, left]))).toBe(true)
  expect([await next, await left]).toEqual([
    { done: true, value: undefined },
    how === 'return' ? { done: true, value: undefined } : mine,
  ])
})

test('wrong options are refused at the call', () => {
  const plumber = chain({ src: from(1), out: same })
  expect(() => plumber.stream(undefined, { deadlineMs: -1 })).toThrow(/deadlineMs/)
  expect(() => plumber.stream(undefined, { graceMS: 1 } as never)).toThrow(/graceMs/)
})
