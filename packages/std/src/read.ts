import { readFile } from 'node:fs/promises'
import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema, countArg } from './args.js'
import { chunksOf } from './chunks.js'
import { CSV_READ_ARG, type CsvReadOptions, csvRecords } from './csv-read.js'
import { delimiterOf, FORMATS, type Format, formatOf } from './formats.js'
import { type LinesOptions, lineBlocks, MAX_LINE_BYTES } from './lines.js'
import { valuesOf } from './ndjson.js'
import { pathOf } from './paths.js'
import { conflict, isSource } from './role.js'
import { Unpacked } from './unpacked.js'
import { asUtf8, decoderOf } from './utf8.js'

interface ReadArgs {
  readonly path?: string
  readonly format?: Format
  readonly encoding?: string
  readonly keepNewlines?: boolean
  readonly csv?: CsvReadOptions
  readonly maxLineBytes?: number
}

const ENCODING = 'utf-8'

/** Reads files. */
export const read: CoroDefinition<unknown> = defineCoro({
  args: argsSchema('Reads a file, or, where the node has inputs, the file that each input is the path of.', {
    path: { type: 'string', minLength: 1, description: 'The file of a node without inputs.' },
    format: {
      type: 'string',
      enum: FORMATS,
      description:
        'What becomes an item: a line, the value of a line of JSON, a record of CSV, or the whole file as a text or Buffer. Where it is left out, the end of the path tells: `.ndjson`, `.jsonl`, `.csv`, `.tsv`; else lines.',
    },
    encoding: {
      type: 'string',
      default: ENCODING,
      description: 'A name that `TextDecoder` knows, such as `latin1`. Bytes that do not fit are an error.',
    },
    keepNewlines: { type: 'boolean', default: false, description: 'Whether lines keep their ends.' },
    csv: CSV_READ_ARG,
    maxLineBytes: {
      ...countArg(1, 'Most bytes of a line or record, in UTF-8; a longer one is an error.'),
      default: MAX_LINE_BYTES,
    },
  }),
  run(input: unknown, ctx: Context) {
    const args = argsOf<ReadArgs>(ctx)
    const alone = isSource(input)
    if (alone !== (args.path !== undefined)) throw misplaced(ctx, alone)
    const path = pathOf(alone ? args.path : input)
    const format = args.format ?? formatOf(path)
    if (format !== 'text' && format !== 'bytes') return itemsOf(path, format, args)
    const whole = wholeOf(path, format, args)
    return alone ? whole.then((item) => [item]) : whole
  },
})

function misplaced(ctx: Context, alone: boolean): Error {
  return alone
    ? conflict(ctx, 'reads no file: it has no inputs, and no arg "path"', 'Add "path".')
    : conflict(ctx, 'has inputs, which are paths, and the arg "path" besides', 'Leave one of them out.')
}

async function wholeOf(path: string, format: 'text' | 'bytes', args: ReadArgs): Promise<string | Buffer> {
  const bytes = await readFile(path)
  if (format === 'bytes') return bytes
  const { encoding = ENCODING } = args
  const decoder = decoderOf(encoding)
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw new Error(`"${path}" is not in the encoding "${encoding}".`, { cause: error })
  }
}

function itemsOf(path: string, format: Exclude<Format, 'text' | 'bytes'>, args: ReadArgs): unknown {
  const { encoding = ENCODING, maxLineBytes = MAX_LINE_BYTES, keepNewlines = false } = args
  const where = `"${path}"`
  const bytes = asUtf8(chunksOf(path), encoding, where)
  if (format === 'csv')
    return csvRecords(bytes, { delimiter: delimiterOf(path), ...args.csv }, { where, maxRecordBytes: maxLineBytes })
  return new Unpacked(blocksOf(bytes, format, { where, maxLineBytes, keepNewlines }))
}

async function* blocksOf(
  bytes: AsyncIterable<Buffer>,
  format: 'lines' | 'ndjson',
  options: LinesOptions,
): AsyncGenerator<Iterable<unknown>, void, void> {
  for await (const block of lineBlocks(bytes, options))
    yield format === 'lines' ? block.lines : valuesOf(block, options.where)
}
