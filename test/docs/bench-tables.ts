import { existsSync, readFileSync } from 'node:fs'
import { FIGURES, show } from '../../bench/src/figures.js'
import type { ResultBlock, Results } from '../../bench/src/results.js'
import { repositoryRoot } from '../support/repository.js'

const BEGIN = '<!-- generated from bench/results/table.json: run UPDATE_DOCS=1 npx vitest run --project docs -->'
const END = '<!-- end of what is generated -->'

/** What the last full run of the bench found out. Throws where there was none. */
export function lastResults(): Results {
  const file = new URL('bench/results/table.json', repositoryRoot)
  if (!existsSync(file)) throw new Error('There is no bench/results/table.json. Make it with: npm run bench')
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** Puts the tables between their two marks. Throws where these are missing. */
export function withBenchTables(text: string, results: Results): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin === -1 || end < begin) throw new Error(`Put the tables between\n${BEGIN}\n${END}`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${benchTables(results)}\n\n${text.slice(end)}`
}

export function benchTables(results: Results): string {
  return [headOf(results), ...results.blocks.map(section)].join('\n\n')
}

/** The text of a page without what is generated. */
export function withoutTables(text: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  return begin === -1 ? text : text.slice(0, begin) + text.slice(end)
}

/** Times and ratios in a text, as the tables show them. */
export function figuresIn(text: string): readonly string[] {
  return text.match(/\d[\d.,]* (?:×|ns|µs)(?!\p{L})/gu) ?? []
}

function headOf({ date, node, machine, rounds, blocks }: Results): string {
  const verdicts = blocks.flatMap((block) => block.verdicts)
  const met = verdicts.filter((verdict) => verdict.met).length
  return [
    `Node ${node}, ${machine}, ${date}; medians of ${rounds} interleaved rounds.`,
    `${met} of ${verdicts.length} targets are met.`,
  ].join(' ')
}

function section(block: ResultBlock): string {
  const targets = block.verdicts.map(
    ({ target, shown, met }) => `- ${met ? 'met' : '**not met**'}, ${shown}: ${cell(target)}`,
  )
  return [`### ${cell(block.title)}`, table(block), ...(targets.length > 0 ? [targets.join('\n')] : [])].join('\n\n')
}

function table({ columns, rows }: ResultBlock): string {
  const bounded = rows.some(({ bounds }) => bounds !== undefined)
  const heads = ['', ...columns.map((column) => FIGURES[column].head), ...(bounded ? ['bounds'] : [])]
  const rules = ['---', ...columns.map(() => '---:'), ...(bounded ? ['---'] : [])]
  const body = rows.map(({ name, ours, bounds, figures }) => [
    ours ? `**${cell(name)}**` : cell(name),
    ...columns.map((column) => show(column, figures[column])),
    ...(bounded ? [bounds ? 'yes' : 'no'] : []),
  ])
  return [heads, rules, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Text that means nothing to Markdown or HTML. */
function cell(text: string): string {
  return text.replaceAll(/[|*_]/g, '\\$&').replaceAll('<', '&lt;')
}
