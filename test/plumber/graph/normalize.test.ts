import { NODE_PROPERTIES } from '@pipelines/core'
import { expect, test } from 'vitest'
import { build } from '../../../packages/plumber/src/build.js'
import type { Graph, GraphDocument } from '../../../packages/plumber/src/graph/document.js'

const graphOf = (document: GraphDocument): Graph | undefined => build(document, { coroMap: { x: () => 1 } }).graph
const merge = { aggregateInputs: false }
const nodes = { a: { coro: 'x' }, b: { coro: 'x', properties: { queueSize: 8 } }, c: { coro: 'x', properties: merge } }

test('every default is filled in, and every node has a list of successors', () => {
  const graph = graphOf({ nodes, graph: { b: ['c'], a: ['b', { to: 'c', port: 'p', queueSize: 2 }] } })
  const defaults = Object.fromEntries(Object.entries(NODE_PROPERTIES).map(([name, spec]) => [name, spec.default]))
  expect(graph).toEqual({
    version: 1,
    nodes: {
      a: { coro: 'x', args: {}, properties: defaults },
      b: { coro: 'x', args: {}, properties: { ...defaults, queueSize: 8 } },
      c: { coro: 'x', args: {}, properties: { ...defaults, ...merge } },
    },
    graph: {
      b: [{ to: 'c', port: 'out', queueSize: 64 }],
      a: [
        { to: 'b', port: 'out', queueSize: 8 },
        { to: 'c', port: 'p', queueSize: 2 },
      ],
      c: [],
    },
  })
  expect(Object.keys(graph?.graph ?? {})).toEqual(['b', 'a', 'c'])
})

test('a graph is frozen all the way down and without prototypes', () => {
  const graph = graphOf({
    nodes: { a: { coro: 'x', args: { list: [{}] }, properties: { fuse: false } }, b: nodes.b },
    graph: { a: ['b'] },
  })
  const open: unknown[] = []
  const seen = [graph] as unknown[]
  for (const value of seen) {
    if (typeof value !== 'object' || value === null) continue
    if (!Object.isFrozen(value)) open.push(value)
    seen.push(...Object.values(value))
  }
  expect(open).toEqual([])
  expect(Object.getPrototypeOf(graph?.nodes)).toBeNull()
})

test('the older spelling of aggregateInputs is read', () => {
  const graph = graphOf({ nodes: { ...nodes, a: { coro: 'x', properties: { aggregate_inputs: false } } }, graph: {} })
  expect(graph?.nodes['a']?.properties).toMatchObject({ aggregateInputs: false })
  expect(graph?.nodes['a']?.properties).not.toHaveProperty('aggregate_inputs')
})

test('workers: 0 are as many as the queue holds, in the plan', () => {
  const document = {
    nodes: { ...nodes, b: { coro: 'x', properties: { workers: 0, queueSize: 8 } } },
    graph: { a: ['b'] },
  }
  const { graph, plan } = build(document, { coroMap: { x: () => 1 } })
  expect(graph?.nodes['b']?.properties.workers).toBe(0)
  expect(plan?.nodes[1]?.properties.workers).toBe(8)
  expect(build(document, { coroMap: { x: () => 1 }, limits: { workers: 5 } }).plan?.nodes[1]?.properties.workers).toBe(
    5,
  )
})
