import { isCoroDefinition } from '@pipelines/core'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Findings } from './findings.js'
import { describeMismatch, describeUnknownKey } from './mismatch.js'
import { own, pointer } from './names.js'
import type { Parsed } from './parse.js'
import { documentSchema } from './schema.js'

/** Longest name of a coroutine. */
const REF_LENGTH = 256

/** Checks of the parts of a document. */
interface Validators {
  /** The document without what is in `nodes` and `graph`. */
  readonly document: ValidateFunction
  readonly node: ValidateFunction
  readonly successors: ValidateFunction
}

/**
 * Checks the shape of a document against the schema, and adds every mismatch to the findings. Returns the JSON pointers
 * of the values that must not be used; missing and superfluous keys spoil nothing else.
 *
 * Nodes and lists are checked one by one, and one that stands in many places only once: ajv lists all the errors of what
 * it checks, with an object for each, and there may be millions.
 */
export function checkShape({ document, lost }: Parsed, findings: Findings): ReadonlySet<string> {
  validators ??= compile()
  const bad = new Set(lost)
  const report = new Report(bad, findings)
  report.errors(errorsOf(validators.document, document), '')
  report.table(document, 'nodes', validators.node)
  report.table(document, 'graph', validators.successors)
  return bad
}

class Report {
  readonly #bad: Set<string>
  readonly #findings: Findings
  /** The keys that an error is about: one object in many places may have very many. */
  readonly #unknown = new Map<ErrorObject, readonly string[]>()

  constructor(bad: Set<string>, findings: Findings) {
    this.#bad = bad
    this.#findings = findings
  }

  /** Checks every value of an object in the document. */
  table(document: unknown, key: string, validate: ValidateFunction): void {
    const values = isObject(document) ? own(document, key) : undefined
    if (!isObject(values)) return
    const known = new Map<unknown, readonly ErrorObject[]>()
    for (const name of Object.keys(values)) {
      const value = own(values, name)
      const errors = known.get(value) ?? errorsOf(validate, value)
      if (errors.length === 0) continue
      if (isObject(value)) known.set(value, errors)
      this.errors(errors, `/${key}${pointer(name)}`)
    }
  }

  /** Adds errors of what stands at `path`. */
  errors(errors: readonly ErrorObject[], path: string): void {
    for (const found of errors) {
      const error = { ...found, instancePath: path + found.instancePath }
      if (error.keyword !== CLOSED) this.#mismatch(error)
      else {
        const keys = this.#unknown.get(found) ?? unknownKeys(found.parentSchema, found.data)
        this.#unknown.set(found, keys)
        this.#unknownKeys(error, keys)
      }
    }
  }

  #mismatch(error: ErrorObject): void {
    const { pointer, isValue, describe } = describeMismatch(error)
    if (this.#bad.has(pointer)) return
    if (isValue) this.#bad.add(pointer)
    this.#findings.add('GRAPH_SCHEMA', pointer, describe)
  }

  #unknownKeys(error: ErrorObject, keys: readonly string[]): void {
    for (const [place, key] of keys.entries()) {
      if (this.#findings.full) {
        this.#findings.skip(keys.length - place)
        break
      }
      const path = error.instancePath + pointer(key)
      if (!this.#bad.has(path)) this.#findings.add('GRAPH_SCHEMA', path, () => describeUnknownKey(error, key))
    }
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function errorsOf(validate: ValidateFunction, value: unknown): readonly ErrorObject[] {
  return validate(value) ? [] : (validate.errors ?? [])
}

let validators: Validators | undefined

/** Compiled once, when the first document is checked. */
function compile(): Validators {
  const ajv = new Ajv({ allErrors: true, ownProperties: true, strict: true, allowUnionTypes: true, verbose: true })
  // ajv counts code points one by one, and 10,000 nodes may share a description of 50 MB.
  replaceLength(ajv, 'minLength', (least, text) => text.length >= least)
  replaceLength(ajv, 'maxLength', (most, text) => text.length <= most)
  ajv.addKeyword({ keyword: 'coroutine', schemaType: 'boolean', errors: false, validate: isRef })
  ajv.addKeyword({ keyword: CLOSED, type: 'object', schemaType: 'boolean', errors: false, validate: isClosed })
  const whole = closed(documentSchema({ coro: { coroutine: true }, keys: {}, name: {} }))
  const { nodes, graph, ...others } = propertiesOf(whole)
  const table = { type: 'object' }
  return {
    document: ajv.compile({ ...whole, properties: { ...others, nodes: table, graph: table } }),
    node: ajv.compile(valuesOf(nodes)),
    successors: ajv.compile(valuesOf(graph)),
  }
}

function replaceLength(ajv: Ajv, keyword: string, validate: (length: number, text: string) => boolean): void {
  ajv.removeKeyword(keyword)
  ajv.addKeyword({ keyword, type: 'string', schemaType: 'number', errors: false, validate })
}

/** Whether a value may stand at `coro`: a name, a function, or what defineCoro() gives. */
function isRef(_schema: unknown, value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && value.length <= REF_LENGTH
  try {
    return typeof value === 'function' || isCoroDefinition(value)
  } catch {
    return false // a proxy
  }
}

/** Takes the place of `additionalProperties: false`: one error, however many keys there are too many. */
const CLOSED = 'closed'

function isClosed(_schema: unknown, value: object, schema?: unknown): boolean {
  return unknownKeys(schema, value).length === 0
}

function unknownKeys(schema: unknown, value: unknown): string[] {
  const known = propertiesOf(schema)
  return isObject(value) ? Object.keys(value).filter((key) => !Object.hasOwn(known, key)) : []
}

type SchemaObject = Readonly<Record<string, unknown>>

/** The same schema with the keyword in it. */
function closed(schema: SchemaObject): SchemaObject {
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (key === 'additionalProperties' && value === false) return [CLOSED, true]
    return [key, isObject(value) ? closed(value as SchemaObject) : value]
  })
  return Object.fromEntries(entries)
}

const propertiesOf = (schema: unknown): SchemaObject => partOf(schema, 'properties')
const valuesOf = (schema: unknown): SchemaObject => partOf(schema, 'additionalProperties')

function partOf(schema: unknown, key: string): SchemaObject {
  const part = isObject(schema) ? own(schema, key) : undefined
  return isObject(part) ? (part as SchemaObject) : {} // parts of our own schema
}
