import { isCoroDefinition } from '@pipelines/core'
import { Ajv, type ValidateFunction } from 'ajv'
import type { Findings } from './findings.js'
import { describeMismatch } from './mismatch.js'
import type { Parsed } from './parse.js'
import { documentSchema } from './schema.js'

/** Longest name of a coroutine. */
const REF_LENGTH = 256

/**
 * Checks the shape of a document against the schema, and adds every mismatch to the findings. Returns the JSON pointers
 * of the values that must not be used; missing and superfluous keys spoil nothing else.
 */
export function checkShape({ document, lost }: Parsed, findings: Findings): ReadonlySet<string> {
  const bad = new Set(lost)
  compiled ??= compile()
  if (compiled(document)) return bad
  for (const error of compiled.errors ?? []) {
    const { pointer, isValue, describe } = describeMismatch(error)
    if (bad.has(pointer)) continue
    if (isValue) bad.add(pointer)
    findings.add('GRAPH_SCHEMA', pointer, describe)
  }
  return bad
}

let compiled: ValidateFunction | undefined

/** Compiled once, when the first document is checked. */
function compile(): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, ownProperties: true, strict: true, allowUnionTypes: true, verbose: true })
  ajv.addKeyword({ keyword: 'coroutine', schemaType: 'boolean', errors: false, validate: isRef })
  return ajv.compile(documentSchema({ coro: { coroutine: true }, keys: {}, name: {} }))
}

/** Whether a value may stand at `coro`: a name, a function, or what defineCoro() gives. */
function isRef(_schema: unknown, value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && value.length <= REF_LENGTH
  return typeof value === 'function' || isCoroDefinition(value)
}
