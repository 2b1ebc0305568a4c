import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { renderChart } from './chart.js'
import type { Figures } from './figures.js'
import type { Verdict } from './targets.js'
import type { Block } from './workload.js'

const FOLDER = new URL('../results/', import.meta.url)
const LINE_WIDTH = 120

/** Everything that a run of the bench found out. */
export interface Results {
  readonly date: string
  readonly node: string
  readonly machine: string
  readonly rounds: number
  readonly blocks: readonly ResultBlock[]
}

/** A table, its first column being the one that its rows are compared by. */
export interface ResultBlock extends Pick<Block, 'title' | 'columns'> {
  readonly workload: string
  readonly rows: readonly {
    readonly name: string
    readonly ours: boolean
    readonly bounds?: boolean
    readonly figures: Figures
  }[]
  readonly verdicts: readonly Verdict[]
}

/** What was measured, without the single rounds. */
export function collectResults(rounds: number, measured: ReadonlyMap<string, readonly Block[]>): Results {
  const blocks = [...measured].flatMap(([workload, found]) =>
    found.map(({ title, columns, rows, verdicts }) => ({
      workload,
      title,
      columns,
      rows: rows.map(({ samples: _, ...row }) => row),
      verdicts,
    })),
  )
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    machine: machine(),
    rounds,
    blocks,
  }
}

export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim()}`
}

/** Writes the table and the chart that the documentation shows. */
export async function saveResults(results: Results): Promise<void> {
  await mkdir(FOLDER, { recursive: true })
  await writeFile(new URL('table.json', FOLDER), toJson(results))
  await writeFile(new URL('chart.svg', FOLDER), renderChart(results))
}

/** JSON as the formatter of this repository wants it: lists of plain values in one line. Four digits say enough. */
export function toJson(value: unknown): string {
  const digits = (_: string, found: unknown): unknown =>
    typeof found === 'number' && !Number.isInteger(found) ? Number(found.toPrecision(4)) : found
  const text = JSON.stringify(value, digits, 2)
  return `${text.replaceAll(
    /^(.*)\[\n([^[\]{}]+)\n *\](,?)$/gm,
    (whole, before: string, list: string, after: string) => {
      const line = `${before}[${list.trim().replaceAll(/\n */g, ' ')}]${after}`
      return line.length <= LINE_WIDTH ? line : whole
    },
  )}\n`
}
