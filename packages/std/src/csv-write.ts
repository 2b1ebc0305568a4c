import { show } from '@pipelines/core/coro'
import type { Input, Options } from 'csv-stringify'
import type { ArgSchema } from './args.js'
import { CSV_ARGS, HEADER } from './csv-read.js'

export interface CsvWriteOptions {
  readonly delimiter?: string
  readonly header?: boolean | readonly string[]
  readonly quote?: string
  readonly escape?: string
  readonly escapeFormulas?: boolean
}

/** The arg `csv` of what writes. */
export const CSV_WRITE_ARG: ArgSchema = {
  type: 'object',
  properties: {
    ...CSV_ARGS,
    header: {
      ...HEADER,
      default: true,
      description:
        'The names of the columns, or `true` for those of the first object. They are the first line, unless something is appended to. With `false` there is no such line.',
    },
    escapeFormulas: {
      type: 'boolean',
      default: false,
      description: "Whether fields that spreadsheets would take for formulas get a `'` before them.",
    },
  },
  additionalProperties: false,
  description: 'How CSV is written, where the format is `csv`.',
}

type Row = Readonly<Record<string, unknown>>
/** Makes lines of CSV. */
type Stringify = (rows: Input, options: Options) => string

/** Writes records as lines of CSV: lists, or objects that have no other keys than the columns. */
export class CsvLines {
  readonly #stringify: Stringify
  readonly #options: Options
  #columns: readonly string[] | undefined
  /** Whether the names of the columns are still to be written. */
  #headed: boolean

  /**
   * @param stringify that of the library, which is loaded where it is needed
   * @param headed whether the names of the columns are to be written, where there are any
   */
  constructor(
    stringify: Stringify,
    { header = true, escapeFormulas = false, ...options }: CsvWriteOptions,
    headed: boolean,
  ) {
    this.#stringify = stringify
    this.#options = {
      ...options,
      escape_formulas: escapeFormulas,
      cast: { boolean: String, date: (date) => date.toISOString() },
    }
    this.#columns = typeof header === 'boolean' ? undefined : header
    this.#headed = headed && header !== false
  }

  /** The lines of one record: before the first one, those of the header. */
  of(record: unknown): string {
    const fields = Array.isArray(record) ? record : this.#fieldsOf(record)
    const rows = this.#headed && this.#columns !== undefined ? [this.#columns, fields] : [fields]
    // One empty field would be a blank line, which is no record.
    const text = this.#stringify(rows, { ...this.#options, quoted_empty: fields.length === 1 })
    this.#headed = false
    return text
  }

  #fieldsOf(record: unknown): unknown[] {
    if (typeof record !== 'object' || record === null)
      throw new TypeError(`A record of CSV is an object or a list, not ${show(record)}.`)
    const row = record as Row // any object may be read by key
    const keys = Object.keys(row)
    this.#columns ??= keys
    const columns = this.#columns
    const other = keys.find((key) => !columns.includes(key))
    if (other !== undefined)
      throw new Error(`The record has ${JSON.stringify(other)}, which is none of its columns: ${columns.join(', ')}.`)
    return columns.map((name) => (Object.hasOwn(row, name) ? row[name] : undefined))
  }
}
