import { NODE_PROPERTIES } from '@pipelines/core'

const BEGIN = '<!-- generated from NODE_PROPERTIES: run UPDATE_DOCS=1 npx vitest run --project docs -->'
const END = '<!-- end of what is generated -->'

/** Puts the table of node properties between its two marks. Throws where they are missing. */
export function withPropertyTable(text: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin === -1 || end < begin) throw new Error(`Put the table between\n${BEGIN}\n${END}`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${propertyTable()}\n\n${text.slice(end)}`
}

export function propertyTable(): string {
  const rows = Object.entries(NODE_PROPERTIES).flatMap(([name, { schema, default: value, description }]) => {
    const keys = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Schema>>)
    const inner = keys.map(([key, of]) =>
      row(`${name}.${key}`, of, { value: of['default'], meaning: of['description'] }),
    )
    return [row(name, schema, { value, meaning: description }), ...inner]
  })
  return ['| property | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

export type Schema = Readonly<Record<string, unknown>>

function row(name: string, schema: Schema, { value, meaning }: { value: unknown; meaning: unknown }): string {
  const shown = value === undefined ? '' : ` \`${JSON.stringify(value)}\``
  return `| \`${name}\` | ${rule(schema)} |${shown} | ${String(meaning).replaceAll('|', '\\|')} |`
}

/** What a schema allows, in a few words. */
export function rule({ type, minimum, exclusiveMinimum, enum: values, properties, required }: Schema): string {
  if (Array.isArray(values)) return values.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  if (typeof properties === 'object' && properties !== null && Array.isArray(required))
    return `\`{ ${Object.keys(properties)
      .map((key) => (required.includes(key) ? key : `${key}?`))
      .join(', ')} }\``
  const least = minimum === undefined ? '' : ` ≥ ${String(minimum)}`
  const above = exclusiveMinimum === undefined ? '' : ` > ${String(exclusiveMinimum)}`
  return `${[type].flat().join(' or ')}${least}${above}`
}
