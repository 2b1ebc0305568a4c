import { defineCoro, inline } from '@pipelines/core'
import { expect, test } from 'vitest'
import { build } from '../../../packages/plumber/src/build.js'

const run = (): number => 1
const coroMap = { f: run, stream: defineCoro({ kind: 'stream', run }), source: defineCoro({ kind: 'source', run }) }

function planOf(
  nodes: Readonly<Record<string, string>>,
  graph: Readonly<Record<string, readonly (string | { to: string; port?: string; queueSize?: number })[]>>,
) {
  const document = { nodes: Object.fromEntries(Object.entries(nodes).map(([name, coro]) => [name, { coro }])), graph }
  const { plan, issues } = build(document, { coroMap })
  if (plan === undefined) throw new Error(JSON.stringify(issues))
  return plan
}

test('nodes are numbered as in nodes, edges by key and place in graph', () => {
  const plan = planOf({ c: 'f', b: 'f', a: 'f' }, { a: ['b', 'c'], b: ['c'] })
  expect(plan.nodes.map(({ name }) => name)).toEqual(['c', 'b', 'a'])
  expect(plan.edges.map(({ from, to }) => [from, to])).toEqual([
    [2, 1],
    [2, 0],
    [1, 0],
  ])
  expect(plan.order).toEqual([2, 1, 0])
  expect(plan.nodes.map(({ inputs, outputs }) => [inputs, outputs])).toEqual([
    [[1, 2], []],
    [[0], [2]],
    [[], [0, 1]],
  ])
})

test('the kind of a coroutine comes from it, or from its place', () => {
  const plan = planOf({ a: 'f', b: 'f', c: 'stream', d: 'source', e: 'std.inlet' }, { a: ['b'], b: ['c'] })
  expect(plan.nodes.map(({ kind }) => kind)).toEqual(['source', 'map', 'stream', 'source', 'inlet'])
})

test('a function becomes a definition, and a definition stays the same', () => {
  const { nodes } = planOf({ a: 'f', b: 'stream' }, { a: ['b'] })
  expect(nodes[0]?.coro).toEqual({ run })
  expect(nodes[1]?.coro).toStrictEqual(coroMap.stream)
  expect(nodes[1]?.coro?.run).toBe(coroMap.stream.run)
  expect(nodes[0]?.executor).toBe(inline)
})

test('an edge has its own capacity, or that of the node at its end', () => {
  const { edges } = planOf({ a: 'f', b: 'f', c: 'f' }, { a: [{ to: 'b', queueSize: 3 }, 'c'] })
  expect(edges.map(({ capacity, port }) => [capacity, port])).toEqual([
    [3, 'out'],
    [64, 'out'],
  ])
})

test('the plan has one way to say windows, and the graph what was written', () => {
  const nodes = {
    a: { coro: 'f' },
    b: { coro: 'f', properties: { stateful: 3 } },
    c: { coro: 'f', properties: { stateful: true } },
    d: { coro: 'f', properties: { window: { size: 4, step: 2 } } },
    e: { coro: 'f', properties: { stateful: false, workers: 0, queueSize: 5 } },
  }
  const { plan, graph } = build({ nodes, graph: { a: ['b', 'c', 'd', 'e'] } }, { coroMap })
  const properties = plan?.nodes.map((node) => node.properties) ?? []
  expect(properties.map(({ window }) => window)).toEqual([
    undefined,
    { size: 3, step: 1, partial: false },
    undefined,
    { size: 4, step: 2, partial: false },
    undefined,
  ])
  expect(properties.map(({ workers, ordered }) => [workers, ordered])).toEqual([
    [1, true],
    [1, true],
    [1, true],
    [1, true],
    [5, true],
  ])
  expect(graph?.nodes['b']?.properties.stateful).toBe(3)
  expect(graph?.nodes['b']?.properties).not.toHaveProperty('window')
})

test('joins are analysed', () => {
  const { regions } = planOf({ a: 'f', b: 'f', c: 'f', d: 'f' }, { a: ['b', 'c'], b: ['d'], c: ['d'] })
  expect([...regions.forkOf]).toEqual([[3, 0]])
})
