import type { JsonSchema, Schema, StandardResult, StandardSchema } from '@pipelines/core'
import { Ajv, type ErrorObject, type Options } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { isPromise } from './coro-map.js'
import { describeMismatch } from './graph/mismatch.js'
import { pointer } from './graph/names.js'

/** One thing that does not fit. */
export interface SchemaProblem {
  /** Where in the value, as a JSON pointer. */
  readonly pointer: string
  /** Without a full stop. */
  readonly what: string
  readonly suggestion?: string | undefined
}

/** What a schema says of a value. `value` is what to go on with: a Standard Schema may have transformed it. */
export type Verdict =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly SchemaProblem[] }

/** Checks a value. `subject` names it in messages. Throws only if the schema itself cannot be used. */
export type Validator = (value: unknown, subject: string) => Verdict

/** Makes a checker from a JSON Schema (draft-07, or 2019-09 and 2020-12 if it says so) or a Standard Schema. Throws if the schema is wrong. */
export function validatorOf(schema: Schema): Validator {
  if (isStandard(schema)) return (value) => standardVerdict(schema, value)
  const known = typeof schema === 'object' ? compiled.get(schema) : undefined
  if (known !== undefined) return known
  const validator = compileJsonSchema(schema)
  if (typeof schema === 'object') compiled.set(schema, validator)
  return validator
}

const compiled: WeakMap<object, Validator> = new WeakMap()

/** Schemas of users: unknown keywords and formats are theirs, and nothing is filled in or converted. */
const OPTIONS: Options = {
  allErrors: true,
  ownProperties: true,
  strict: false,
  validateFormats: false,
  verbose: true,
  logger: false,
}

function compileJsonSchema(schema: JsonSchema): Validator {
  const dialect = typeof schema === 'object' ? schema['$schema'] : undefined
  const ajv = typeof dialect === 'string' && /20(19-09|20-12)/.test(dialect) ? new Ajv2020(OPTIONS) : new Ajv(OPTIONS)
  const validate = ajv.compile(schema)
  return (value, subject) => {
    if (validate(value) === true) return { ok: true, value }
    return { ok: false, problems: (validate.errors ?? []).map((error) => problemOf(error, subject)) }
  }
}

function problemOf(error: ErrorObject, subject: string): SchemaProblem {
  const mismatch = describeMismatch(error, subject)
  const { what, suggestion } = mismatch.describe()
  return { pointer: mismatch.pointer, what: what.replace(/\.$/, ''), suggestion }
}

/** Whether a schema is a Standard Schema; some of them are functions. */
export function isStandard(schema: unknown): schema is StandardSchema {
  return ((typeof schema === 'object' && schema !== null) || typeof schema === 'function') && '~standard' in schema
}

function standardVerdict(schema: StandardSchema, value: unknown): Verdict {
  const result: StandardResult | PromiseLike<unknown> = schema['~standard'].validate(value)
  if (isPromise(result)) {
    // Nobody waits for it; a rejection must not end the process.
    result.then(undefined, () => {})
    throw new TypeError('it answers with a promise, and only synchronous schemas can be used')
  }
  if (result.issues === undefined) return { ok: true, value: result.value }
  return {
    ok: false,
    problems: result.issues.map(({ message, path }) => ({ pointer: pathOf(path), what: inPlace(message, path) })),
  }
}

const keyOf = (part: unknown): string =>
  String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part)

const pathOf = (path: readonly unknown[] | undefined): string => pointer(...(path ?? []).map(keyOf))

function inPlace(message: string, path: readonly unknown[] | undefined): string {
  const text = message.replace(/\.$/, '')
  return path === undefined || path.length === 0 ? text : `${JSON.stringify(path.map(keyOf).join('.'))}: ${text}`
}
