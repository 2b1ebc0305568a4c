import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import {
  chain,
  failureOf,
  from,
  nodeOf,
  outputs,
  plumberOf,
  range,
  reportOf,
  same,
  turns,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

const double = (n: number) => 2 * n

/** A coroutine that fails on one number. */
const failOn = (bad: number, error: unknown) => (n: number) => {
  if (n === bad) throw error
  return n
}

test('run resolves with a report once everything has flowed out', async () => {
  const report = await chain({ src: from(1, 2, 3), out: double }).run()
  expect(report.outcome).toBe('completed')
  expect(nodeOf(report, 'out')).toMatchObject({ received: 3, completed: 3, emitted: 3 })
  expectBalancedBooks(report, [])
})

test('run hands each output to onOutput, with the node and port that it left by', async () => {
  const seen: unknown[] = []
  await chain({ src: from(1, 2), out: double }).run(undefined, {
    onOutput: ({ node, port, value }) => void seen.push({ node, port, value }),
  })
  expect(seen).toEqual([
    { node: 'out', port: 'out', value: 2 },
    { node: 'out', port: 'out', value: 4 },
  ])
})

test('run of a graph without items completes', async () => {
  const report = await chain({ src: from(), mid: double, out: double }).run()
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
})

test('run rejects with an error that carries the report', async () => {
  const error = await failureOf(() => chain({ src: from(1, 2), out: failOn(2, new Error('boom')) }).run())
  expect(reportOf(error)).toMatchObject({ outcome: 'failed' })
  expect(reportOf(error).error).toMatchObject({ code: 'PLB_NODE_FAILED' })
  expectBalancedBooks(reportOf(error), [])
})

test('collect gives the values of one leaf in its order', async () => {
  const slow = async (n: number) => {
    await turns(n % 3)
    return n
  }
  const plumber = chain({ src: from(...range(20)), out: { coro: slow, properties: { workers: 5 } } })
  expect(await plumber.collect()).toEqual(range(20))
})

test('collect gives the values of several leaves as they arrive', async () => {
  const open = gate()
  const late = async (n: number) => {
    await open.opened
    return -n
  }
  const plumber = plumberOf({ src: from(1, 2), late, soon: same }, { src: ['late', 'soon'] })
  const collecting = plumber.collect()
  await turns()
  open.open()
  expect(await collecting).toEqual([1, 2, -1, -2])
})

test('collect keeps each leaf in its own order', async () => {
  const plumber = plumberOf({ src: from(...range(50)), a: same, b: (n: number) => -n - 1 }, { src: ['a', 'b'] })
  const values = await plumber.collect<number>()
  expect(values.filter((n) => n >= 0)).toEqual(range(50))
  expect(values.filter((n) => n < 0)).toEqual(range(50).map((n) => -n - 1))
})

test('collect rejects with an error that carries the report', async () => {
  const error = await failureOf(() => chain({ src: from(1, 2), out: failOn(1, new Error('boom')) }).collect())
  expect(error.code).toBe('PLB_NODE_FAILED')
  expect(reportOf(error).outcome).toBe('failed')
})

test('onOutput is awaited: one output at a time, and nobody runs ahead', async () => {
  const open = gate()
  let [calls, most] = [0, 0]
  const running = chain({ src: from(...range(5)), out: double }).run(undefined, {
    onOutput: async () => {
      most = Math.max(most, ++calls)
      await open.opened
      calls--
    },
  })
  await turns()
  expect(calls).toBe(1)
  open.open()
  expectBalancedBooks(await running, [])
  expect(most).toBe(1)
})

test('onOutput holds back the sources', async () => {
  const open = gate()
  let read = 0
  function* source() {
    for (; read < 1_000; read++) yield read
  }
  const running = chain({ src: source, out: double }).run(undefined, { onOutput: () => open.opened })
  await turns(100)
  expect(read).toBeLessThan(300)
  open.open()
  expect(nodeOf(await running, 'out').emitted).toBe(1_000)
})

test.each([
  ['throws', () => Promise.reject(new Error('disk full'))],
  [
    'rejects',
    () => {
      throw new Error('disk full')
    },
  ],
])('onOutput that %s fails the run', async (_how, onOutput) => {
  const error = await failureOf(() => chain({ src: from(...range(100)), out: double }).run(undefined, { onOutput }))
  expect(error.cause).toEqual(new Error('disk full'))
  expect(reportOf(error).outcome).toBe('failed')
  expectBalancedBooks(reportOf(error), [])
})

test('a run and a collect of the same Plumber do not know of each other', async () => {
  const plumber = chain({ src: from(...range(10)), out: double })
  const seen = outputs()
  const [report, values] = await Promise.all([plumber.run(undefined, seen.options), plumber.collect()])
  expect(seen.values).toEqual(values)
  expect(nodeOf(report, 'out').received).toBe(10)
})
