import { DROP } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { chain, edgeOf, from, nodeOf, plumberOf, range, same } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

const counters = ['received', 'completed', 'failed', 'unprocessed', 'emitted', 'dropped', 'retried', 'late', 'busyMs']

/** A graph in which something is filtered, multiplied, merged and joined. */
const mixed = (properties: { readonly fuse?: boolean; readonly workers?: number; readonly queueSize?: number }) => {
  const node = (coro: object, more: object = {}) => ({ coro, properties: { ...properties, ...more } })
  function* twice(n: number) {
    yield n
    yield n
  }
  return plumberOf(
    {
      in: { coro: 'std.inlet', properties: properties.fuse === false ? { fuse: false } : {} },
      odd: node((n: number) => (n % 2 === 1 ? n : DROP)),
      twice: node(twice),
      merge: node(same, { aggregateInputs: false }),
      neg: node((n: number) => -n),
      join: node(same),
    },
    { in: ['odd', 'neg', 'join'], odd: ['twice'], twice: ['merge'], neg: ['merge', 'join'] },
  )
}

test('a report says how it ended, how long it took, and what it did', async () => {
  const report = await chain({ src: from(1, 2), out: same }).run()
  expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [], errors: [] })
  expect(report.durationMs).toBeGreaterThanOrEqual(0)
  expect(report.error).toBeUndefined()
  expect(report.reason).toBeUndefined()
})

test('a report has the counters of every node', async () => {
  const report = await chain({ src: from(1, 2), out: same }).run()
  expect(Object.keys(report.nodes).sort()).toEqual(['out', 'src'])
  for (const node of Object.values(report.nodes)) {
    expect(node).toMatchObject(Object.fromEntries(counters.map((counter) => [counter, expect.any(Number)])))
  }
})

test('a report has every edge', async () => {
  const report = await chain({ src: from(1, 2), mid: same, out: same }).run()
  expect(report.edges).toEqual([
    expect.objectContaining({ from: 'src', port: 'out', to: 'mid', entered: 2, left: 2, unprocessed: 0 }),
    expect.objectContaining({ from: 'mid', port: 'out', to: 'out', entered: 2, left: 2, unprocessed: 0 }),
  ])
  for (const { waits } of report.edges) expect(waits).toBeTypeOf('number')
})

test('a report is data: it survives a clone', async () => {
  const report = await chain({ src: from(1, 2), out: same }).run()
  expect(structuredClone(report)).toEqual(report)
})

describe.each([
  ['fused', {}],
  ['unfused', { fuse: false }],
  ['unfused, queues of one', { fuse: false, queueSize: 1 }],
  ['with four workers', { workers: 4 }],
])('the books, %s:', (_how, properties) => {
  test('everything that went in is accounted for', async () => {
    const report = await mixed(properties).run(range(20))
    expectBalancedBooks(report, ['in'])
    expect(nodeOf(report, 'in')).toMatchObject({ received: 20, completed: 20, emitted: 20 })
    expect(nodeOf(report, 'odd')).toMatchObject({ received: 20, completed: 20, emitted: 10, dropped: 10 })
    expect(nodeOf(report, 'twice')).toMatchObject({ received: 10, completed: 10, emitted: 20, dropped: 0 })
    expect(nodeOf(report, 'merge')).toMatchObject({ received: 40, completed: 40, emitted: 40 })
  })

  test('an output is counted once, however many successors there are', async () => {
    const report = await mixed(properties).run(range(20))
    expect(nodeOf(report, 'neg')).toMatchObject({ received: 20, emitted: 20 })
    expect(edgeOf(report, 'neg', 'merge')).toMatchObject({ entered: 20, left: 20 })
    expect(edgeOf(report, 'neg', 'join')).toMatchObject({ entered: 20, left: 20 })
  })

  test('a join counts every packet of a tuple', async () => {
    const report = await mixed(properties).run(range(20))
    expect(nodeOf(report, 'join')).toMatchObject({ received: 40, completed: 40, emitted: 20 })
  })

  test('the outputs are the same', async () => {
    const values = await mixed(properties).collect(range(4))
    const joined = values.filter((value) => Array.isArray(value))
    expect(joined).toEqual(range(4).map((n) => [n, -n]))
    expect(values.filter((value) => typeof value === 'number').sort()).toEqual([1, 1, 3, 3, -0, -1, -2, -3].sort())
  })
})
