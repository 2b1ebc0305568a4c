import {
  expectedOf,
  isLeaf,
  type RandomNode,
  Refusal,
  randomGraph,
  resultsOf,
  successorsOf,
  wiringOf,
} from '@pipelines/testkit/random-graphs'
import { expect, test } from 'vitest'

const plain: RandomNode = {
  name: '',
  work: 'map',
  style: 'plain',
  items: 0,
  inputs: [],
  fork: undefined,
  fails: false,
  properties: { workers: 1, ordered: true, queueSize: 1, fuse: true, aggregateInputs: true, onError: 'fail' },
}

/** A fork, a branch that filters, and a join of both. */
const diamond = {
  seed: 0,
  capacities: new Map(),
  keys: ['src', 'odd', 'join'],
  nodes: [
    { ...plain, name: 'src', items: 12 },
    { ...plain, name: 'odd', work: 'filter' as const, inputs: ['src'] },
    { ...plain, name: 'join', inputs: ['src', 'odd'], fork: 'src' },
  ],
}

test('a join pairs what descends from one output of its fork', () => {
  const [, odd, join] = diamond.nodes
  if (odd === undefined || join === undefined) throw new Error('unreachable')
  const expected: string[] = []
  let kept = 0
  for (const item of Array.from({ length: 12 }, (_, n) => `src#${n}`)) {
    const [passed] = resultsOf(odd, item) as string[]
    if (passed === undefined) continue
    kept++
    expected.push(...(resultsOf(join, `${item}+${passed}`) as string[]))
  }
  const { outputs, inOrder, nodes } = expectedOf(diamond)
  expect(kept).toBeGreaterThan(0)
  expect(kept).toBeLessThan(12)
  expect(outputs.get('join')).toEqual(expected)
  expect(inOrder.has('join')).toBe(true)
  expect(nodes.get('odd')).toEqual({ received: 12, completed: 12, failed: 0, dropped: 12 - kept, emitted: kept })
  expect(nodes.get('join')).toEqual({ received: 12 + kept, completed: 12 + kept, failed: 0, dropped: 0, emitted: kept })
})

test('what a node makes of a value depends on the two alone', () => {
  const failing = { ...plain, name: 'x', fails: true }
  const results = Array.from({ length: 70 }, (_, n) => resultsOf(failing, `value ${n}`))
  const refused = results.filter((result) => result instanceof Refusal).length
  expect(refused).toBeGreaterThan(3)
  expect(refused).toBeLessThan(25)
  expect(resultsOf(plain, 'a')).toEqual(resultsOf(plain, 'a'))
  expect(resultsOf(plain, 'a')).not.toEqual(resultsOf({ ...plain, name: 'other' }, 'a'))
})

test('a graph is wired as its nodes say', () => {
  const graph = randomGraph(11, { kind: 'any' })
  const wired = Object.entries(wiringOf(graph)).flatMap(([from, list]) =>
    list.map((to) => `${from} ${typeof to === 'string' ? to : to.to}`),
  )
  const drawn = graph.nodes.flatMap(({ name, inputs }) => inputs.map((input) => `${input} ${name}`))
  expect(wired.toSorted()).toEqual(drawn.toSorted())
  for (const { name } of graph.nodes) expect(isLeaf(graph, name)).toBe(successorsOf(graph, name).length === 0)
})
