import { type CoroDefinition, isCoroDefinition } from '@pipelines/core'
import * as coros from '../../packages/std/src/coros.js'
import { rule, type Schema } from './property-table.js'

const BEGIN = '<!-- generated from the schemas of std: run UPDATE_DOCS=1 npx vitest run --project docs std -->'
const END = '<!-- end of what is generated -->'

/** What is told on a page of its own. */
const FILES_AND_PROGRAMS = ['exec', 'ffmpeg', 'fetch', 'glob', 'read', 'write']

/** A ready coroutine by its name after `std.`. */
export type Named = readonly [name: string, coro: CoroDefinition]

/** All of them. Throws where the module exports anything else. */
export const ALL: readonly Named[] = Object.entries<unknown>(coros).map(([name, coro]) => {
  if (!isCoroDefinition(coro)) throw new Error(`The export "${name}" of coros.ts is no coroutine.`)
  return [name, coro]
})

/** The pages of the guide that have a table, and which coroutines are in it. */
export const STD_PAGES: readonly { readonly path: string; readonly has: readonly Named[] }[] = [
  { path: 'docs/guide/ready-coroutines.md', has: ALL.filter(([name]) => !FILES_AND_PROGRAMS.includes(name)) },
  { path: 'docs/guide/files-and-programs.md', has: ALL.filter(([name]) => FILES_AND_PROGRAMS.includes(name)) },
].filter(({ has }) => has.length > 0)

/** Puts the table of some coroutines between its two marks. Throws where they are missing. */
export function withStdTable(text: string, has: readonly Named[]): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin === -1 || end < begin) throw new Error(`Put the table between\n${BEGIN}\n${END}`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${stdTable(has)}\n\n${text.slice(end)}`
}

export function stdTable(has: readonly Named[]): string {
  const rows = has.flatMap(([name, coro]) => [
    rowOf(`std.${name}`, '', '', argsOf(coro).description),
    ...argRows(name, argsOf(coro), coro.refs),
  ])
  return ['| coroutine, arg | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

/** A row for each arg, and for each key of those that are objects. */
function argRows(name: string, { properties, required }: Args, refs: readonly string[] = []): string[] {
  return Object.entries(properties).flatMap(([arg, schema]) => {
    const { default: value, description } = schema
    const given = required.includes(arg) ? 'required' : value === undefined ? '' : `\`${JSON.stringify(value)}\``
    const rule = refs.includes(arg) ? 'function' : ruleOf(schema)
    return [rowOf(`${name}.${arg}`, rule, given, description), ...argRows(`${name}.${arg}`, keysOf(schema))]
  })
}

interface Args {
  readonly description: unknown
  readonly properties: Readonly<Record<string, Schema>>
  readonly required: readonly string[]
}

/** What the schema of its args says of a coroutine. */
export const argsOf = (coro: CoroDefinition): Args => keysOf((coro.args ?? {}) as Schema)

function keysOf({ description, properties = {}, required = [] }: Schema): Args {
  return {
    description,
    properties: properties as Readonly<Record<string, Schema>>,
    required: required as readonly string[],
  }
}

const rowOf = (name: string, value: string, given: string, meaning: unknown): string =>
  `| \`${name}\` | ${value} | ${given} | ${String(meaning).replaceAll('|', '\\|')} |`.replace(/ {2,}\|/g, ' |')

/** What a value may be, in a few words. */
function ruleOf(schema: Schema): string {
  const { type, minimum, anyOf, items } = schema
  if (Array.isArray(anyOf)) return anyOf.map(ruleOf).join(', or ')
  if (type === 'array') return items === undefined ? 'list' : `list of ${ruleOf(items as Schema)}`
  if (type === undefined && schema['enum'] === undefined) return 'anything'
  // Beyond this bound no integer is exact: people need not be told.
  return rule(minimum === Number.MIN_SAFE_INTEGER ? { type } : schema)
}
