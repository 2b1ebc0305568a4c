import {
  expectedOf,
  faltersOf,
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
  expect(nodes.get('odd')).toEqual({
    received: 12,
    completed: 12,
    failed: 0,
    dropped: 12 - kept,
    emitted: kept,
    retried: 0,
  })
  const both = 12 + kept
  expect(nodes.get('join')).toEqual({
    received: both,
    completed: both,
    failed: 0,
    dropped: 0,
    emitted: kept,
    retried: 0,
  })
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

test('a batch that fails takes all its members along, which the run has to say', () => {
  const batch = { size: 3, returns: 'each' } as const
  const [src, odd] = diamond.nodes
  if (src === undefined || odd === undefined) throw new Error('unreachable')
  const map = {
    ...odd,
    work: 'map' as const,
    fails: true,
    properties: { ...odd.properties, onError: 'skip', batch } as const,
  }
  const graph = { ...diamond, keys: ['src', 'odd'], nodes: [src, map] }
  const refusing = Array.from({ length: 12 }, (_, n) => `src#${n}`).filter(
    (item) => resultsOf(map, item) instanceof Refusal,
  )
  const alone = expectedOf(graph)
  expect(alone.nodes.get('odd')).toMatchObject({ failed: refusing.length, emitted: 12 - refusing.length })
  const refused = new Set([...refusing, 'src#0', 'src#1', 'src#2'].map((item) => `odd ${item}`))
  const together = expectedOf(graph, { refused, retried: new Map() })
  expect(together.nodes.get('odd')).toMatchObject({ failed: refused.size, emitted: 12 - refused.size })
  expect(together.roots).toMatchObject({ errored: refused.size, delivered: 12 - refused.size })
  expect(together.failures).toBe(refused.size)
})

test('a call that falters is made again, one that fails is made as often as it may be', () => {
  const retry = { attempts: 3, minDelayMs: 0, jitter: 'none' } as const
  const [src, odd] = diamond.nodes
  if (src === undefined || odd === undefined) throw new Error('unreachable')
  const map = {
    ...odd,
    work: 'map' as const,
    fails: true,
    properties: { ...odd.properties, onError: 'skip', retry } as const,
  }
  const items = Array.from({ length: 60 }, (_, n) => `src#${n}`)
  const refusing = items.filter((item) => resultsOf(map, item) instanceof Refusal)
  const falters = items.filter((item) => !refusing.includes(item)).map((item) => faltersOf(map, item))
  expect(new Set(falters)).toEqual(new Set([0, 1, 2]))
  expect(faltersOf(odd, 'src#0'), 'without attempts').toBe(0)
  const { nodes } = expectedOf({ ...diamond, keys: ['src', 'odd'], nodes: [{ ...src, items: 60 }, map] })
  const retried = falters.reduce((sum, times) => sum + times, 2 * refusing.length)
  expect(nodes.get('odd')).toMatchObject({ failed: refusing.length, emitted: 60 - refusing.length, retried })
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
