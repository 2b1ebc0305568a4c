import { NODE_PROPERTIES } from '@pipelines/core'
import { NAME_LENGTH, NAME_PATTERN, RESERVED_NAMES } from './names.js'

/** Longest name of a coroutine, and of a document, in characters. */
const TEXT_LENGTH = 256

type SchemaObject = Readonly<Record<string, unknown>>

const TEXT: SchemaObject = { type: 'string', maxLength: 10_000 }
const NAMES: SchemaObject = { maxLength: NAME_LENGTH, pattern: NAME_PATTERN, not: { enum: RESERVED_NAMES } }

/**
 * The JSON Schema (draft-07) of graph documents, for editors and other tools. The file `graph.schema.json` of the
 * package is made from it, and it from the table of node properties.
 */
export function graphSchema(): SchemaObject {
  const coro = {
    type: 'string',
    minLength: 1,
    maxLength: TEXT_LENGTH,
    description: 'Name of the coroutine in the coroMap.',
  }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Pipelines graph',
    ...documentSchema({ coro, keys: { propertyNames: NAMES }, name: { ...NAMES } }),
  }
}

/** What differs between the published schema and the one that checks documents given in code. */
export interface SchemaVariant {
  /** Schema of `coro`: in code it may be a function. */
  readonly coro: SchemaObject
  /** What is said of the keys of `nodes` and `graph`: bad names have a code of their own, so they are checked elsewhere. */
  readonly keys: SchemaObject
  /** Schema of names in values. */
  readonly name: SchemaObject
}

/** The schema of a document, without its head. */
export function documentSchema({ coro, keys, name }: SchemaVariant): SchemaObject {
  return {
    description: 'A graph of named nodes, each with a coroutine, and of edges between them.',
    type: 'object',
    additionalProperties: false,
    required: ['nodes', 'graph'],
    properties: {
      $schema: { type: 'string', description: 'Where this schema is, for editors.' },
      version: { type: 'integer', const: 1, description: 'Version of the format.' },
      name: { type: 'string', maxLength: TEXT_LENGTH, description: 'Name of the graph, for people.' },
      description: TEXT,
      nodes: {
        description: 'The nodes by name.',
        type: 'object',
        ...keys,
        additionalProperties: nodeSchema(coro),
      },
      graph: {
        description: 'For each node, the nodes it sends to; null, an empty list or no entry for a leaf.',
        type: 'object',
        ...keys,
        additionalProperties: { type: ['array', 'null'], items: successorSchema(name) },
      },
    },
  }
}

function nodeSchema(coro: SchemaObject): SchemaObject {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['coro'],
    properties: {
      coro,
      args: { type: 'object', description: 'Given to the coroutine as ctx.args, literally.' },
      properties: propertiesSchema(),
      description: TEXT,
    },
  }
}

/** Made from the one table: a property that is not in it does not exist. */
function propertiesSchema(): SchemaObject {
  const properties: Record<string, SchemaObject> = {}
  for (const [name, { schema, default: value, description }] of Object.entries(NODE_PROPERTIES)) {
    properties[name] = { ...schema, ...(value === undefined ? {} : { default: value }), description }
  }
  const { schema } = NODE_PROPERTIES.aggregateInputs
  properties['aggregate_inputs'] = { ...schema, description: 'The older spelling of "aggregateInputs".' }
  return { type: 'object', description: 'How the node runs.', additionalProperties: false, properties }
}

function successorSchema(name: SchemaObject): SchemaObject {
  const { schema } = NODE_PROPERTIES.queueSize
  return {
    type: ['string', 'object'],
    ...name,
    additionalProperties: false,
    required: ['to'],
    properties: {
      to: { type: 'string', ...name, description: 'The node at the end of the edge.' },
      port: { type: 'string', ...name, default: 'out', description: 'The output that the edge starts from.' },
      queueSize: { ...schema, description: 'Capacity of the queue of this edge, instead of that of its node.' },
    },
  }
}

/** The text of the file `graph.schema.json`. */
export function schemaText(): string {
  return `${JSON.stringify(graphSchema(), undefined, 2)}\n`
}
