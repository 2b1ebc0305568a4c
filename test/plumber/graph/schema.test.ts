import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { NODE_PROPERTIES } from '@pipelines/core'
import { expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'
import { graphSchema, schemaText } from '../../../packages/plumber/src/graph/schema.js'

const home = new URL('../../../packages/plumber/', import.meta.url)
const { Ajv } = createRequire(new URL('package.json', home))('ajv')
const valid = new Ajv({ allowUnionTypes: true }).compile(graphSchema()) as (document: unknown) => boolean

const node = { coro: 'x' }

test('graph.schema.json is up to date: else run packages/plumber/scripts/write-schema.mjs', () => {
  expect(readFileSync(new URL('graph.schema.json', home), 'utf8')).toBe(schemaText())
})

test('the schema describes every property and its default', () => {
  const { properties } = graphSchema() as {
    properties: { nodes: { additionalProperties: { properties: { properties: object } } } }
  }
  const described = properties.nodes.additionalProperties.properties.properties
  for (const [name, { schema, description, default: value }] of Object.entries(NODE_PROPERTIES)) {
    const more = value === undefined ? {} : { default: value }
    expect(described).toHaveProperty(['properties', name], { ...schema, description, ...more })
  }
})

test('the schema has no default that is undefined', () => {
  const open: unknown[] = [graphSchema()]
  const empty: unknown[] = []
  for (const value of open) {
    if (typeof value !== 'object' || value === null) continue
    if ('default' in value && value.default === undefined) empty.push(value)
    open.push(...Object.values(value))
  }
  expect(empty).toEqual([])
})

const line = (properties: object): object => ({
  nodes: { a: node, b: { ...node, properties } },
  graph: { a: ['b'] },
})

const good: readonly object[] = [
  { nodes: { a: node }, graph: {} },
  {
    $schema: './s.json',
    version: 1,
    name: 'Ä',
    description: '',
    nodes: { a: { ...node, args: {}, description: '' } },
    graph: { a: null },
  },
  {
    nodes: { a: node, b: { ...node, properties: { aggregate_inputs: false, workers: 0 } } },
    graph: { a: ['b', { to: 'b', port: 'x', queueSize: 1 }] },
  },
  line({ partitionBy: 'y', packetsInFlight: 1, timeoutMs: 0.1, emit: 'atomic', stateful: true }),
  line({ retry: { attempts: 1, minDelayMs: 0, maxDelayMs: 2 ** 31 - 1, factor: 1.5, jitter: 'none' } }),
  line({ onError: 'skip', maxErrors: { count: 1, perMs: 0.5 }, rateLimit: { count: 1, perMs: 1 } }),
  line({ batch: { size: 1, maxWaitMs: 0, returns: 'one' } }),
  line({ window: { size: 1, step: 7, partial: true } }),
  line({ stateful: 1 }),
]
const bad: readonly object[] = [
  { nodes: { a: node } },
  { nodes: { '1': node }, graph: {} },
  { nodes: { constructor: node, a: node }, graph: {} },
  { nodes: { a: { coro: 1 } }, graph: {} },
  { nodes: { a: { ...node, properties: { timeout: 1 } } }, graph: {} },
  { nodes: { a: node, b: node }, graph: { a: [{ to: 'b', port: '' }] } },
  { version: 2, nodes: { a: node }, graph: {} },
  ...[0, -1, 2 ** 31, '5', null].map((timeoutMs) => line({ timeoutMs })),
  ...[0, 1.5, true, {}].map((packetsInFlight) => line({ packetsInFlight })),
  ...['', 'x'.repeat(257), 5].map((partitionBy) => line({ partitionBy })),
  ...[0, 1.5, 'yes', null].map((stateful) => line({ stateful })),
  ...[{}, { attempts: 0 }, { attempts: 2, factor: 0.5 }, { attempts: 2, jitter: 'some' }, 2, []].map((retry) =>
    line({ retry }),
  ),
  ...[{ count: 1 }, { count: 0, perMs: 1 }, { count: 1, perMs: 0 }, { count: 1, perMs: 1, per: 1 }].map((rateLimit) =>
    line({ rateLimit }),
  ),
  line({ batch: { size: 2, returns: 'all' } }),
  line({ batch: { maxWaitMs: 2 } }),
  line({ window: { size: 2, step: 0 } }),
  line({ window: { size: 2, partial: 'yes' } }),
  line({ emit: 'each' }),
]

test.each(good)('the schema and the check accept %j', (document) => {
  expect([valid(document), check(document)]).toEqual([true, []])
})

test.each(bad)('the schema and the check refuse %j', (document) => {
  expect(valid(document)).toBe(false)
  expect(check(document)).toHaveLength(1)
})
