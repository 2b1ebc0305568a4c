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
  const rows = Object.entries(NODE_PROPERTIES).map(
    ([name, { schema, default: value, description }]) =>
      `| \`${name}\` | ${rule(schema)} | \`${JSON.stringify(value)}\` | ${description.replaceAll('|', '\\|')} |`,
  )
  return ['| property | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

/** What a schema allows, in a few words. */
function rule({ type, minimum, enum: values }: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(values)) return values.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  return `${String(type)}${minimum === undefined ? '' : ` ≥ ${String(minimum)}`}`
}
