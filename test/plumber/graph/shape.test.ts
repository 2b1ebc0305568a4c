import { NODE_PROPERTIES } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'

const at = (node: object, graph: object = {}): object => ({
  nodes: { a: { coro: 'x', ...node }, b: { coro: 'x' } },
  graph: { a: ['b'], ...graph },
})
const messages = (document: unknown): string[] =>
  check(document).map(({ pointer, message }) => `${pointer}: ${message}`)

test.each([
  [null, 'null'],
  [5, '5'],
  ['"text"', '"text"'],
  [[], 'an array of 0'],
  [new Map(), '[object Map]'],
  [undefined, 'undefined'],
])('%s is not a document', (document, shown) => {
  expect(messages(document)).toEqual([`: The document must be an object, got ${shown}.`])
})

test('a document needs nodes and graph', () => {
  expect(messages({})).toEqual(['/nodes: The document needs "nodes".', '/graph: The document needs "graph".'])
})

test('an unknown version is refused', () => {
  expect(messages({ ...at({}), version: 2 })).toEqual(['/version: "version" must be 1, got 2.'])
})

test.each([
  ['workers', 'four', 'an integer ≥ 0, got "four"'],
  ['workers', -1, 'an integer ≥ 0, got -1'],
  ['workers', 1.5, 'an integer ≥ 0, got 1.5'],
  ['workers', Number.NaN, 'an integer ≥ 0, got NaN'],
  ['queueSize', 0, 'an integer ≥ 1, got 0'],
  ['onError', 'route', '"fail" or "skip", got "route"'],
  ['unequal', 5, '"strict", "shortest" or "longest", got 5'],
  ['ordered', 1, 'true or false, got 1'],
])('the property %s cannot be %j', (name, value, expected) => {
  const path = `properties.${name}`
  expect(messages(at({ properties: { [name]: value } }))).toEqual([
    `/nodes/a/${path.replace('.', '/')}: "nodes.a.${path}" must be ${expected}.`,
  ])
})

test('only the properties in the table exist', () => {
  for (const name of Object.keys(NODE_PROPERTIES)) {
    const [message = ''] = messages(at({ properties: { [`${name}x`]: 1 } }))
    expect(message).toBe(
      `/nodes/a/properties/${name}x: "nodes.a.properties" has the unknown key "${name}x". Did you mean "${name}"?`,
    )
  }
  expect(messages(at({ properties: { retry: {} } }))[0]).toContain('Its keys may be "aggregateInputs"')
})

test('aggregateInputs cannot be given in both spellings', () => {
  expect(messages(at({ properties: { aggregateInputs: true, aggregate_inputs: true } }))).toEqual([
    '/nodes/a/properties/aggregate_inputs: "nodes.a.properties" has both "aggregateInputs" and "aggregate_inputs". Keep one of the two.',
  ])
})

describe('a coroutine', () => {
  test.each([[5], [{}], [''], [null], [['x']], ['x'.repeat(257)]])('is not %j', (coro) => {
    expect(messages(at({ coro }))[0]).toContain('/nodes/a/coro: "nodes.a.coro" must be the name of a coroutine')
  })
})

test('successors are names or objects', () => {
  expect(messages(at({}, { a: ['b', 5, {}, { to: 'b', prot: 'x' }], b: 'a' }))).toEqual([
    '/graph/a/1: "graph.a.1" must be a string or an object, got 5.',
    '/graph/a/2/to: "graph.a.2" needs "to".',
    '/graph/a/3/prot: "graph.a.3" has the unknown key "prot". Did you mean "port"?',
    '/graph/b: "graph.b" must be a list or null, got "a".',
    '/graph/a/3: Node "a" sends to "b" twice by port "out". Remove one of the two, or give them different ports.',
  ])
})

test('long values are cut in messages', () => {
  const [message = ''] = messages(at({ properties: { workers: 'x'.repeat(100_000) } }))
  expect(message.length).toBeLessThan(300)
})
