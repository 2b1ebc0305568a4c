import type { CsvError, Parser } from 'csv-parse'
import type { ArgSchema } from './args.js'
import { feed } from './put.js'

export interface CsvReadOptions {
  readonly delimiter?: string
  readonly header?: boolean | readonly string[]
  readonly quote?: string
  readonly escape?: string
  readonly comment?: string
  readonly trim?: boolean
}

const CHARACTER = { type: 'string', minLength: 1, maxLength: 1 }

/** Args that reading and writing share. */
export const CSV_ARGS: Readonly<Record<string, ArgSchema>> = {
  delimiter: {
    type: 'string',
    minLength: 1,
    description: 'What stands between two fields: a comma, or a tab where the path ends with `.tsv`.',
  },
  quote: { ...CHARACTER, default: '"', description: 'What stands around a field that needs it.' },
  escape: { ...CHARACTER, default: '"', description: 'What stands before a quote inside such a field.' },
}

/** The names of columns, or whether there are any. */
export const HEADER: Readonly<Record<string, unknown>> = {
  anyOf: [{ type: 'boolean' }, { type: 'array', items: { type: 'string' }, minItems: 1, uniqueItems: true }],
}

/** The arg `csv` of what reads. */
export const CSV_READ_ARG: ArgSchema = {
  type: 'object',
  properties: {
    ...CSV_ARGS,
    header: {
      ...HEADER,
      default: true,
      description:
        '`true`: the first line has the names of the columns, and each record is an object. A list: these are the names, and the first line is a record. `false`: records are lists.',
    },
    comment: { type: 'string', minLength: 1, description: 'What lines to be left out begin with.' },
    trim: { type: 'boolean', default: false, description: 'Whether blanks around fields are left out.' },
  },
  additionalProperties: false,
  description: 'How CSV is written, where the format is `csv`.',
}

export interface CsvSource {
  /** What is read, for messages. */
  readonly where: string
  readonly maxRecordBytes: number
}

/** The records of CSV in UTF-8: objects, or lists where there are no names. Fields are texts. Blank lines have none. */
export async function* csvRecords(
  bytes: AsyncIterable<Buffer>,
  options: CsvReadOptions,
  { where, maxRecordBytes }: CsvSource,
): AsyncGenerator<unknown, void, void> {
  const parser = await parserOf(options, maxRecordBytes)
  const feeding = feed(parser, bytes)
  try {
    for await (const record of parser) yield record
  } catch (error) {
    throw isCsvError(error) ? placed(error, where) : error
  } finally {
    await feeding // the loop has destroyed the parser, whatever ended it
  }
}

async function parserOf({ header = true, ...options }: CsvReadOptions, maxRecordBytes: number): Promise<Parser> {
  const { parse } = await import('csv-parse')
  return parse({
    ...options,
    columns: header === true ? namesOf : header === false ? false : [...header],
    bom: true,
    skip_empty_lines: true,
    max_record_size: maxRecordBytes,
  })
}

/** Two columns of one name would be one in the record, and half of the fields lost. */
function namesOf(header: string[]): string[] {
  const twice = header.find((name, place) => header.indexOf(name) !== place)
  if (twice === undefined) return header
  throw new Error(`Two columns have the name ${JSON.stringify(twice)}. Give other names as "header", or false.`)
}

const isCsvError = (error: unknown): error is CsvError =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')

function placed(error: CsvError, where: string): Error {
  const line: unknown = error['lines']
  const what = error.message.replace(/ (?:on|at) line \d+$/, '')
  return Object.assign(new Error(`${where}, line ${line}: ${what}.`, { cause: error }), { code: error.code })
}
