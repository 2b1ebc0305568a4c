import type { Race, Result } from './race.js'
import { race } from './race.js'

/** How much a workload is to do. */
export interface Scale {
  readonly quick: boolean
  readonly rounds: number
}

/** One question, answered by one or more tables. */
export interface Workload {
  readonly name: string
  readonly measure: (scale: Scale) => Promise<Table[]>
}

/** What a workload found out; the rows are also what `--json` prints. */
export interface Table {
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
}

export interface Column {
  readonly key: string
  readonly head: string
  readonly show: (value: number) => string
}

/** `name`, and a number for every column. */
export type Row = Readonly<Record<string, string | number>>

export const count = (value: number): string => Math.round(value).toLocaleString('en-US')
export const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ×`
const percent = (value: number): string => `±${Math.round(value * 50)} %`

/** Runs a race and makes its table. */
export async function raceTable(options: Race): Promise<Table> {
  const rows: readonly Result[] = await race(options)
  return {
    title: options.title,
    columns: [
      { key: 'ofOurs', head: 'of ours', show: times },
      { key: 'ofReference', head: `of ${options.reference}`, show: times },
      { key: 'nsPerItem', head: 'ns/item', show: count },
      { key: 'spread', head: 'noise', show: percent },
    ],
    rows: rows.map((row) => ({ ...row })),
  }
}
