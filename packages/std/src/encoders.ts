import { show } from '@pipelines/core/coro'
import { CsvLines, type CsvWriteOptions } from './csv-write.js'
import type { Format } from './formats.js'
import { jsonOf } from './ndjson.js'

/** Makes what is written of an item. */
export type Encoder = (item: unknown) => string | Uint8Array

/**
 * Loads how items are written in a format. What it gives makes the encoder of a file.
 *
 * @returns a function of whether nothing is in the file yet
 */
export async function encoding(format: Format, csv: CsvWriteOptions): Promise<(isEmpty: boolean) => Encoder> {
  if (format !== 'csv') return () => ENCODERS[format]
  const { stringify } = await import('csv-stringify/sync')
  return (isEmpty) => {
    const lines = new CsvLines(stringify, csv, isEmpty)
    return (item) => lines.of(item)
  }
}

const ENCODERS: Readonly<Record<Exclude<Format, 'csv'>, Encoder>> = {
  lines(item) {
    const line = plainText(item, 'lines')
    return line.endsWith('\n') ? line : `${line}\n`
  },
  ndjson: (item) => `${jsonOf(item)}\n`,
  text: (item) => plainText(item, 'text'),
  bytes(item) {
    if (item instanceof Uint8Array) return item
    if (item instanceof ArrayBuffer) return new Uint8Array(item)
    throw new TypeError(`The format "bytes" takes Buffers, not ${show(item)}.`)
  },
}

const PLAIN: ReadonlySet<string> = new Set(['string', 'number', 'bigint', 'boolean'])

function plainText(item: unknown, format: Format): string {
  if (typeof item === 'string') return item
  if (PLAIN.has(typeof item)) return String(item)
  throw new TypeError(
    `The format "${format}" takes texts and numbers, not ${show(item)}. Use "ndjson", or make it a text first.`,
  )
}
