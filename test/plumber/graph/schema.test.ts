import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { NODE_PROPERTIES } from '@pipelines/core'
import { expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'
import { graphSchema, schemaText } from '../../../packages/plumber/src/graph/schema.js'

const home = new URL('../../../packages/plumber/', import.meta.url)
const { Ajv } = createRequire(new URL('package.json', home))('ajv')
const valid = new Ajv({ allowUnionTypes: true }).compile(graphSchema()) as (document: unknown) => boolean

test('graph.schema.json is up to date: else run packages/plumber/scripts/write-schema.mjs', () => {
  expect(readFileSync(new URL('graph.schema.json', home), 'utf8')).toBe(schemaText())
})

test('the schema describes every property and its default', () => {
  const { properties } = graphSchema() as {
    properties: { nodes: { additionalProperties: { properties: { properties: object } } } }
  }
  const described = properties.nodes.additionalProperties.properties.properties
  for (const [name, { schema, description, default: value }] of Object.entries(NODE_PROPERTIES)) {
    expect(described).toHaveProperty(['properties', name], { ...schema, description, default: value })
  }
})

const node = { coro: 'x' }
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
]
const bad: readonly object[] = [
  { nodes: { a: node } },
  { nodes: { '1': node }, graph: {} },
  { nodes: { constructor: node, a: node }, graph: {} },
  { nodes: { a: { coro: 1 } }, graph: {} },
  { nodes: { a: { ...node, properties: { timeoutMs: 1 } } }, graph: {} },
  { nodes: { a: node, b: node }, graph: { a: [{ to: 'b', port: '' }] } },
  { version: 2, nodes: { a: node }, graph: {} },
]

test.each(good)('the schema and the check accept %j', (document) => {
  expect([valid(document), check(document)]).toEqual([true, []])
})

test.each(bad)('the schema and the check refuse %j', (document) => {
  expect(valid(document)).toBe(false)
  expect(check(document)).toHaveLength(1)
})
