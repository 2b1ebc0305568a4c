import { type Context, DROP } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { expect, test } from 'vitest'
import type { SourceOutput } from '../../support/blackbox.js'
import { chain, failureOf, from, nodeOf, plumberOf, range, reportOf, same } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'

/** All orders of a list. */
function orders<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, at) => orders(items.toSpliced(at, 1)).map((rest) => [item, ...rest]))
}

test('P-05 the order of keys in nodes and graph never has to agree', async () => {
  const nodes = [
    ['inp', { coro: 'count' }] as const,
    ['mid', { coro: 'inc' }] as const,
    ['out', { coro: 'ten' }] as const,
  ]
  const graph = [['inp', ['mid']] as const, ['mid', ['out']] as const, ['out', null] as const]
  const coroMap = { count: from(1, 2), inc: (n: number) => n + 1, ten: (n: number) => 10 * n }
  for (const nodesInOrder of orders(nodes)) {
    for (const graphInOrder of orders<(typeof graph)[number]>(graph)) {
      const document = { nodes: Object.fromEntries(nodesInOrder), graph: Object.fromEntries(graphInOrder) }
      expect(await new Plumber(document, { coroMap }).collect()).toEqual([20, 30])
    }
  }
})

test('P-05 the order of nodes does not change what a join hands over', async () => {
  const stages = { src: from(1, 2), neg: (n: number) => -n, ten: (n: number) => 10 * n, out: same }
  for (const names of orders(Object.entries(stages))) {
    const plumber = plumberOf(Object.fromEntries(names), { src: ['ten', 'neg'], neg: ['out'], ten: ['out'] })
    expect(await plumber.collect()).toEqual([
      [-1, 10],
      [-2, 20],
    ])
  }
})

test('P-06 a node without incoming edges is a source: it is given an output and runs once', async () => {
  const given: unknown[] = []
  const source = (output: unknown) => {
    given.push(output)
    return [1, 2]
  }
  await chain({ src: source, out: same }).run()
  expect(given).toEqual([expect.objectContaining({ put: expect.any(Function) })])
})

test('P-06 every other node is given items', async () => {
  const given: unknown[] = []
  const note = (value: unknown) => {
    given.push(value)
    return value
  }
  await chain({ src: from('a', 'b'), mid: note, out: note }).run()
  expect(given.sort()).toEqual(['a', 'a', 'b', 'b'])
})

test('P-06 a node alone is both source and leaf', async () => {
  const plumber = new Plumber({ nodes: { only: { coro: from(1, 2, 3) } }, graph: {} }, { coroMap: {} })
  expect(await plumber.collect()).toEqual([1, 2, 3])
})

test('P-07 a source pushes any number of items with put', async () => {
  async function push(output: SourceOutput, { args: { num } }: Context) {
    for (const n of range(Number(num))) await output.put(n)
  }
  for (const num of [0, 1, 200]) {
    const plumber = chain({ src: { coro: push, args: { num } }, out: same })
    expect(await plumber.collect()).toEqual(range(num))
  }
})

test('P-07 that a source has finished is told to everyone behind it', async () => {
  const report = await chain({ src: from(1, 2, 3), mid: same, out: same }).run()
  expect(report.outcome).toBe('completed')
  expect(nodeOf(report, 'out').received).toBe(3)
  expectBalancedBooks(report, [])
})

test('P-07 the error of a source fails the run instead of being swallowed', async () => {
  const boom = new Error('no more input')
  function* source() {
    yield 1
    throw boom
  }
  const error = await failureOf(() => chain({ src: source, out: same }).run())
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
  expect(reportOf(error).outcome).toBe('failed')
  expectBalancedBooks(reportOf(error), [])
})

test('P-08 a node with one input is given the value itself', async () => {
  const value = { id: 1 }
  const seen: unknown[] = []
  await chain({ src: from(value), out: (given: unknown) => void seen.push(given) }).run()
  expect(seen).toHaveLength(1)
  expect(seen[0]).toBe(value)
})

test('P-08 only an aggregate is given a tuple', async () => {
  const plumber = plumberOf({ src: from(1), a: same, b: same, out: same }, { src: ['a', 'b'], a: ['out'], b: ['out'] })
  expect(await plumber.collect()).toEqual([[1, 1]])
})

test('P-08 DROP filters', async () => {
  const odd = (n: number) => (n % 2 === 1 ? n : DROP)
  const plumber = chain({ src: from(1, 2, 3, 4, 5), odd, out: same })
  const report = await plumber.run()
  expect(await plumber.collect()).toEqual([1, 3, 5])
  expect(nodeOf(report, 'odd')).toMatchObject({ received: 5, completed: 5, dropped: 2, emitted: 3 })
  expectBalancedBooks(report, [])
})

test('P-08 null and undefined are items like any other on their way', async () => {
  const plumber = chain({
    src: from(1, 2),
    mid: (n: number) => (n === 1 ? null : undefined),
    out: (value: unknown) => String(value),
  })
  expect(await plumber.collect()).toEqual(['null', 'undefined'])
})

test('P-08 a list that a coroutine returns is one item', async () => {
  const plumber = chain({ src: from(3), mid: (n: number) => range(n), out: same })
  expect(await plumber.collect()).toEqual([[0, 1, 2]])
})
