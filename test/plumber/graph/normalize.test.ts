import { NODE_PROPERTIES } from '@pipelines/core'
import { expect, test } from 'vitest'
import { build, check } from '../../../packages/plumber/src/build.js'
import type { Graph, GraphDocument } from '../../../packages/plumber/src/graph/document.js'

const graphOf = (document: GraphDocument): Graph | undefined => build(document, { coroMap: { x: () => 1 } }).graph
const merge = { aggregateInputs: false }
const nodes = { a: { coro: 'x' }, b: { coro: 'x', properties: { queueSize: 8 } }, c: { coro: 'x', properties: merge } }

test('every default is filled in, and every node has a list of successors', () => {
  const graph = graphOf({ nodes, graph: { b: ['c'], a: ['b', { to: 'c', port: 'p', queueSize: 2 }] } })
  const specs = Object.entries(NODE_PROPERTIES).filter(([, spec]) => spec.default !== undefined)
  const defaults = Object.fromEntries(specs.map(([name, spec]) => [name, spec.default]))
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

test('a property without a default is absent where it is not set', () => {
  const { properties } = graphOf({ nodes, graph: { a: ['b', 'c'] } })?.nodes['b'] ?? {}
  const absent = Object.entries(NODE_PROPERTIES).flatMap(([name, spec]) => (spec.default === undefined ? [name] : []))
  expect(absent).toContain('retry')
  expect(Object.keys(properties ?? {}).filter((name) => absent.includes(name))).toEqual([])
})

test.each([
  [{ retry: { attempts: 3 } }, { attempts: 3, minDelayMs: 100, maxDelayMs: 30_000, factor: 2, jitter: 'full' }],
  [{ retry: { factor: 1, attempts: 2, jitter: 'none' } }, { attempts: 2, factor: 1, jitter: 'none', minDelayMs: 100 }],
  [{ batch: { size: 5 } }, { size: 5, returns: 'each' }],
  [{ batch: { size: 5, maxWaitMs: 0, returns: 'one' } }, { size: 5, maxWaitMs: 0, returns: 'one' }],
  [{ window: { size: 3 } }, { size: 3, step: 1, partial: false }],
  [{ window: { size: 3, step: undefined, partial: true } }, { size: 3, step: 1, partial: true }],
  [{ rateLimit: { count: 2, perMs: 0.5 } }, { count: 2, perMs: 0.5 }],
  [
    { maxErrors: { perMs: 10, count: 2 }, onError: 'skip' },
    { count: 2, perMs: 10 },
  ],
] as const)('the defaults inside of %j are filled in', (properties, expected) => {
  const graph = graphOf({ nodes: { a: nodes.a, b: { coro: 'x', properties } }, graph: { a: ['b'] } })
  const [name = ''] = Object.keys(properties)
  const value = Reflect.get(graph?.nodes['b']?.properties ?? {}, name)
  expect(value).toMatchObject(expected)
  if (name === 'batch' && !('maxWaitMs' in expected)) expect(value).not.toHaveProperty('maxWaitMs')
  expect(Object.isFrozen(value)).toBe(true)
})

test('what objects inherit is not read', () => {
  const inherited = JSON.parse('{"retry":{"attempts":2,"__proto__":{"factor":7}}}')
  const document = { nodes: { a: nodes.a, b: { coro: 'x', properties: inherited } }, graph: { a: ['b'] } }
  expect(check(document).map(({ pointer }) => pointer)).toEqual(['/nodes/b/properties/retry/__proto__'])
  const polluted = { attempts: 2, factor: undefined }
  Object.setPrototypeOf(polluted, null)
  const graph = graphOf({
    ...document,
    nodes: { ...document.nodes, b: { coro: 'x', properties: { retry: polluted } } },
  })
  expect(graph?.nodes['b']?.properties.retry?.factor).toBe(2)
})

test('a value that is wrong inside of a property is passed over, and the property too if it needs it', () => {
  const places = (properties: object): string[] => {
    const document = { nodes: { a: nodes.a, b: { coro: function* () {}, properties } }, graph: { a: ['b'] } }
    return check(document).map(({ code, pointer }) => `${code} ${pointer.replace('/nodes/b/properties/', '')}`)
  }
  // What is left is looked at.
  expect(places({ retry: { attempts: 2, factor: 0 } })).toEqual([
    'PLB_GRAPH_SCHEMA retry/factor',
    'PLB_OPTION_CONFLICT retry',
  ])
  expect(places({ retry: { attempts: 'x', factor: 1 } })).toEqual(['PLB_GRAPH_SCHEMA retry/attempts'])
  expect(places({ batch: { size: 2 }, window: { sice: 2 } })).toEqual([
    'PLB_GRAPH_SCHEMA window/size',
    'PLB_GRAPH_SCHEMA window/sice',
  ])
})

test('a graph is frozen all the way down and without prototypes', () => {
  const graph = graphOf({
    nodes: {
      a: { coro: 'x', args: { list: [{}] }, properties: { fuse: false } },
      b: { coro: 'x', properties: { queueSize: 8, retry: { attempts: 2 }, batch: { size: 2 } } },
    },
    graph: { a: ['b'] },
  })
  expect(graph?.nodes['b']?.properties.retry).toBeDefined()
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
