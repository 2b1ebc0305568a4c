import type { JsonSchema } from '@pipelines/core'
import type { ResolvedHandler } from './options.js'
import type { ServedGraph } from './served-graph.js'

/** What a route takes and gives, in JSON Schema: what is not known, or comes as a stream, is left out. */
export interface RouteSchema {
  readonly body?: JsonSchema
  readonly response?: { readonly 200: JsonSchema }
}

/** As far as the graph tells. */
export function schemaOf({ contract }: ServedGraph, { reply, body, inlet, input }: ResolvedHandler): RouteSchema {
  const taken = input === undefined && contract.inlets.length > 0 ? contract.inputSchema(inlet) : undefined
  const given = contract.outputSchema()
  return {
    ...(taken !== undefined && body !== 'ndjson' && { body: body === 'array' ? listOf(taken) : taken }),
    ...(given !== undefined && reply === 'value' && { response: { 200: given } }),
    ...(given !== undefined && reply === 'array' && { response: { 200: listOf(given) } }),
  }
}

const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items })
