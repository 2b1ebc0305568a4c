import { FIGURES, show } from './figures.js'
import type { Verdict } from './targets.js'
import type { Block } from './workload.js'

/** A block as text: the table, and below it what was to be reached. */
export function printBlock({ title, columns, rows, verdicts }: Block): string {
  const bounds = rows.some((row) => row.bounds !== undefined)
  const head = ['', ...columns.map((column) => FIGURES[column].head), ...(bounds ? ['bounds'] : [])]
  const body = rows.map(({ name, figures, bounds: has }) => [
    name,
    ...columns.map((column) => show(column, figures[column])),
    ...(has === undefined ? [] : [has ? 'yes' : 'no']),
  ])
  return [title, ...grid(head, body), ...verdicts.map((verdict) => `  ${line(verdict)}`)].join('\n')
}

/** All targets of all workloads. */
export function printSummary(measured: ReadonlyMap<string, readonly Block[]>): string {
  const verdicts = [...measured].flatMap(([workload, blocks]) =>
    blocks.flatMap((block) => block.verdicts.map((verdict) => ({ workload, verdict }))),
  )
  const met = verdicts.filter(({ verdict }) => verdict.met).length
  const lines = verdicts.map(({ workload, verdict }) => `${workload.padEnd(4)} ${line(verdict)}`)
  return [`${met} of ${verdicts.length} targets met`, ...lines].join('\n')
}

function line({ target, shown, met }: Verdict): string {
  return `${met ? 'met    ' : 'NOT MET'} ${target}: ${shown}`
}

function grid(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, place) => Math.max(...[head, ...body].map((cells) => cells[place]?.length ?? 0)))
  const aligned = (cells: readonly string[]): string =>
    cells
      .map((cell, place) => (place === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[place] ?? 0)))
      .join('  ')
      .trimEnd()
  return [aligned(head), aligned(widths.map((width) => '─'.repeat(width))), ...body.map(aligned)]
}
