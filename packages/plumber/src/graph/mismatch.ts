import { cut, type ErrorDetails, quote, show } from '@pipelines/core'
import type { ErrorObject } from 'ajv'
import { pointer, segmentsOf } from './names.js'
import { suggester } from './suggest.js'

/** An error of ajv as we report it. */
export interface Mismatch {
  /** Where, relative to what was checked. */
  readonly pointer: string
  /** Whether the value there is wrong; else a key is missing or too many. */
  readonly isValue: boolean
  /** Words for it; costs something, so only called for what is listed. */
  readonly describe: () => ErrorDetails<'GRAPH_SCHEMA'>
}

const WHOLE = 'The document'

/** Puts an error of ajv (made with `verbose`) into words. `whole` is what the checked value is called. */
export function describeMismatch(error: ErrorObject, whole: string = WHOLE): Mismatch {
  const { keyword, instancePath, params } = error
  const key =
    keyword === 'required'
      ? params['missingProperty']
      : keyword === 'additionalProperties'
        ? params['additionalProperty']
        : undefined
  if (typeof key !== 'string') {
    return { pointer: instancePath, isValue: true, describe: () => ({ what: wrongValue(error, whole) }) }
  }
  const describe = (): ErrorDetails<'GRAPH_SCHEMA'> =>
    keyword === 'required'
      ? { what: `${nameOf(instancePath, whole)} needs ${quote(key)}.` }
      : describeUnknownKey(error, key, whole)
  return { pointer: instancePath + pointer(key), isValue: false, describe }
}

/** Words for a key that the schema of an object does not have. */
export function describeUnknownKey(
  error: ErrorObject,
  key: string,
  whole: string = WHOLE,
): ErrorDetails<'GRAPH_SCHEMA'> {
  const properties: unknown = error.parentSchema?.['properties']
  const known = typeof properties === 'object' && properties !== null ? Object.keys(properties) : []
  const what = `${nameOf(error.instancePath, whole)} has the unknown key ${quote(key)}.`
  const hint = known.length === 0 ? undefined : `Its keys may be ${known.map(quote).join(', ')}.`
  return { what, suggestion: suggester(known)(key), hint }
}

/** What a value is called in messages: its keys from the root, with dots. */
function nameOf(path: string, whole: string): string {
  const keys = segmentsOf(path)
  return keys.length === 0 ? whole : quote(keys.join('.'))
}

/** Keywords of which the whole schema of the value says more than the one keyword. */
const OF_VALUE: ReadonlySet<string> = new Set([
  'type',
  'enum',
  'const',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'minLength',
  'maxLength',
  'coroutine',
])

function wrongValue(error: ErrorObject, whole: string): string {
  const name = nameOf(error.instancePath, whole)
  if (!OF_VALUE.has(error.keyword) || error.parentSchema === undefined)
    return `${name} ${error.message ?? 'does not fit'}.`
  return `${name} must be ${expectation(error.parentSchema)}, got ${shown(error.data)}.`
}

/** A symbol stands for an object that cannot be part of a document: see `parse`. */
function shown(value: unknown): string {
  return typeof value === 'symbol' ? cut(value.description ?? 'a symbol', 80) : show(value)
}

/** What a schema asks for, in words. */
function expectation(schema: Readonly<Record<string, unknown>>): string {
  if (schema['coroutine'] === true)
    return 'the name of a coroutine (1 to 256 characters), a function or the result of defineCoro()'
  if ('const' in schema) return JSON.stringify(schema['const'])
  if (Array.isArray(schema['enum'])) return oneOf(schema['enum'].map((value) => JSON.stringify(value)))
  const types: readonly unknown[] = Array.isArray(schema['type']) ? schema['type'] : [schema['type']]
  return oneOf(types.flatMap((type) => WORDS.get(type) ?? `a value of type ${show(type)}`)) + bounds(schema)
}

const WORDS: ReadonlyMap<unknown, string | readonly string[]> = new Map<unknown, string | readonly string[]>([
  ['string', 'a string'],
  ['boolean', ['true', 'false']],
  ['integer', 'an integer'],
  ['number', 'a number'],
  ['object', 'an object'],
  ['array', 'a list'],
  ['null', 'null'],
])

const oneOf = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

function bounds(schema: Readonly<Record<string, unknown>>): string {
  const { minimum, exclusiveMinimum, maximum, minLength, maxLength } = schema
  const parts: string[] = []
  if (minimum !== undefined) parts.push(`≥ ${String(minimum)}`)
  if (exclusiveMinimum !== undefined) parts.push(`> ${String(exclusiveMinimum)}`)
  if (maximum !== undefined) parts.push(`≤ ${String(maximum)}`)
  if (minLength !== undefined) parts.push(`of at least ${String(minLength)} characters`)
  if (maxLength !== undefined) parts.push(`of at most ${String(maxLength)} characters`)
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`
}
