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
  ['onError', 'rout', '"fail", "skip" or "route", got "rout"'],
  ['timeoutMs', 0, 'a number > 0 and ≤ 2147483647, got 0'],
  ['timeoutMs', Number.NaN, 'a number > 0 and ≤ 2147483647, got NaN'],
  ['timeoutMs', Infinity, 'a number > 0 and ≤ 2147483647, got Infinity'],
  ['stateful', 'yes', 'true, false or an integer ≥ 1, got "yes"'],
  ['stateful', 0, 'true, false or an integer ≥ 1, got 0'],
  ['partitionBy', '', 'a string of at least 1 characters and of at most 256 characters, got ""'],
  ['emit', true, '"atomic", got true'],
  ['retry', 3, 'an object, got 3'],
  ['retry.attempts', 0, 'an integer ≥ 1, got 0'],
  ['retry.jitter', 'half', '"full" or "none", got "half"'],
  ['batch.size', 2.5, 'an integer ≥ 1, got 2.5'],
  ['batch.maxWaitMs', -1, 'a number ≥ 0 and ≤ 2147483647, got -1'],
  ['window.partial', 'no', 'true or false, got "no"'],
  ['rateLimit.perMs', 0, 'a number > 0 and ≤ 2147483647, got 0'],
  ['unequal', 5, '"strict", "shortest" or "longest", got 5'],
  ['ordered', 1, 'true or false, got 1'],
])('the property %s cannot be %j', (name, value, expected) => {
  const [property = '', key] = name.split('.')
  const valid = { retry: { attempts: 1 }, batch: { size: 1 }, window: { size: 1 }, rateLimit: { count: 1, perMs: 1 } }
  const properties = { [property]: key === undefined ? value : { ...Reflect.get(valid, property), [key]: value } }
  const nodes = { a: { coro: 'x' }, b: { coro: 'x', properties } }
  expect(messages({ nodes, graph: { a: ['b'] } })).toEqual([
    `/nodes/b/properties/${name.replace('.', '/')}: "nodes.b.properties.${name}" must be ${expected}.`,
  ])
})

test('only the properties in the table exist', () => {
  for (const name of Object.keys(NODE_PROPERTIES)) {
    const [message = ''] = messages(at({ properties: { [`${name}x`]: 1 } }))
    expect(message).toBe(
      `/nodes/a/properties/${name}x: "nodes.a.properties" has the unknown key "${name}x". Did you mean "${name}"?`,
    )
  }
  expect(messages(at({ properties: { zzz: {} } }))[0]).toContain('Its keys may be "aggregateInputs"')
})

test('only the keys in the table exist inside of a property, and some are needed', () => {
  const properties = {
    retry: { attemps: 2, minDelay: 1 },
    rateLimit: {},
    batch: { size: 2, __proto__: null, constructor: 1 },
    window: { size: 1, overlap: 1 },
  }
  expect(messages({ nodes: { a: { coro: 'x' }, b: { coro: 'x', properties } }, graph: { a: ['b'] } })).toEqual([
    '/nodes/b/properties/retry/attempts: "nodes.b.properties.retry" needs "attempts".',
    '/nodes/b/properties/retry/attemps: "nodes.b.properties.retry" has the unknown key "attemps". Did you mean "attempts"?',
    '/nodes/b/properties/retry/minDelay: "nodes.b.properties.retry" has the unknown key "minDelay". Did you mean "minDelayMs"?',
    '/nodes/b/properties/rateLimit/count: "nodes.b.properties.rateLimit" needs "count".',
    '/nodes/b/properties/rateLimit/perMs: "nodes.b.properties.rateLimit" needs "perMs".',
    '/nodes/b/properties/batch/constructor: "nodes.b.properties.batch" has the unknown key "constructor". Its keys may be "size", "maxWaitMs", "returns".',
    '/nodes/b/properties/window/overlap: "nodes.b.properties.window" has the unknown key "overlap". Its keys may be "size", "step", "partial".',
    '/nodes/b/properties/window: Node "b" has "window" beside "batch", and both say which items a call gets together. Keep one of the two.',
  ])
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
