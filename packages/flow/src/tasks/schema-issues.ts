import { isDeepStrictEqual } from 'node:util'
import { cut, type Issue, issue, type JsonSchema, quote, type Schema, type StandardSchema } from '@pipelines/core'
import { pointer } from '@pipelines/plumber'
import type { Entry } from './entry.js'

/** Longest schema in a message, in characters. */
const SHOWN = 200

/** A task that takes something else than the one before it gives, where both say what. */
export function schemaIssues(entry: Entry, before: Entry | undefined): readonly Issue[] {
  const { place, name, input } = entry
  const output = before?.output
  if (before === undefined || input === undefined || output === undefined || areEqual(output, input)) return []
  const [taken, given] = [shown(input, 'input'), shown(output, 'output')]
  const isHidden = jsonOf(input, 'input') === undefined || jsonOf(output, 'output') === undefined
  const what = `takes ${taken}, but ${quote(before.name)} before it gives ${taken === given ? 'another one' : given}`
  const hint = isHidden ? 'Give both the same schema object.' : 'Declare the same for both.'
  return [issue('CORO_TYPE', pointer(place, 'input'), { node: name, what, hint })]
}

/** Whether two schemas say the same, word by word; the order of keys says nothing. */
function areEqual(output: Schema, input: Schema): boolean {
  if (output === input) return true
  const [given, taken] = [jsonOf(output, 'output'), jsonOf(input, 'input')]
  return given !== undefined && taken !== undefined && isDeepStrictEqual(given, taken)
}

const isStandard = (schema: Schema): schema is StandardSchema => typeof schema !== 'boolean' && '~standard' in schema

/** A Standard Schema says it in its own way, if at all. @see https://standardschema.dev/json-schema */
function jsonOf(schema: Schema, side: 'input' | 'output'): JsonSchema | undefined {
  if (!isStandard(schema)) return schema
  try {
    const converter = schema['~standard'].jsonSchema as Readonly<Record<string, unknown>> | undefined
    const convert = converter?.[side]
    const made: unknown = typeof convert === 'function' ? convert.call(converter, { target: 'draft-07' }) : undefined
    return typeof made === 'object' && made !== null ? (made as JsonSchema) : undefined
  } catch {
    return undefined // it cannot be said in JSON Schema
  }
}

function shown(schema: Schema, side: 'input' | 'output'): string {
  const json = jsonOf(schema, side)
  if (json !== undefined) return cut(JSON.stringify(json), SHOWN)
  return isStandard(schema) ? `a schema of ${quote(schema['~standard'].vendor)}` : 'a schema'
}
