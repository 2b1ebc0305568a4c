import { type Context, type CoroDefinition, defineCoro, type TeardownReason } from '@pipelines/core/coro'
import { argsOf, argsSchema } from './args.js'
import { CSV_WRITE_ARG, type CsvWriteOptions } from './csv-write.js'
import { type Encoder, encoding } from './encoders.js'
import { FileWriter } from './file-writer.js'
import { delimiterOf, FORMATS, type Format, formatOf } from './formats.js'
import { onlyWorker } from './only-worker.js'
import { pathOf } from './paths.js'

interface WriteArgs {
  readonly path: string
  readonly format?: Format
  readonly append?: boolean
  readonly atomic?: boolean
  readonly csv?: CsvWriteOptions
}

interface Writing {
  readonly writer: FileWriter
  readonly encode: Encoder
}

/** Writes items to a file. */
export const write: CoroDefinition<unknown, Writing> = defineCoro({
  kind: 'map',
  args: argsSchema(
    'Writes each item to a file, and passes it on. Where there are no items, the file is empty.',
    {
      path: { type: 'string', minLength: 1, description: 'The file.' },
      format: {
        type: 'string',
        enum: FORMATS,
        description:
          'How an item is written: a text as a line (with an end, if it has none), a value as a line of JSON, a record of CSV, a text or Buffer as it is. Where it is left out, the end of the path tells, as for `std.read`.',
      },
      append: { type: 'boolean', default: false, description: 'Whether it adds to the file that is there.' },
      atomic: {
        type: 'boolean',
        default: true,
        description:
          'Whether another file is written, beside it, which takes its place when the run has got so far without an error; else it is removed. Not where it adds to a file.',
      },
      csv: CSV_WRITE_ARG,
    },
    ['path'],
  ),
  async setup(ctx: Context): Promise<Writing> {
    onlyWorker(ctx, 'writes a file')
    const { path: given, format, append = false, atomic = true, csv } = argsOf<WriteArgs>(ctx)
    const path = pathOf(given)
    const encoderFor = await encoding(format ?? formatOf(path), { delimiter: delimiterOf(path), ...csv })
    const writer = await FileWriter.open(path, { append, atomic })
    return { writer, encode: encoderFor(writer.isEmpty) }
  },
  run(item: unknown, { state: { writer, encode } }: Context<Writing>) {
    const written = writer.write(encode(item))
    return written === undefined ? item : written.then(() => item)
  },
  flush: ({ state }: Context<Writing>) => state.writer.commit(),
  /** A node that nobody wants more of has no `flush`, and has ended well. */
  teardown: ({ state }: Context<Writing>, reason: TeardownReason) =>
    reason === undefined ? state.writer.commit() : state.writer.discard(),
})
