import { isUtf8 } from 'node:buffer'

/** Lines that came together, and the number of the first one, from 1. */
export interface LineBlock {
  readonly lines: readonly string[]
  readonly first: number
}

export interface LinesOptions {
  /** What is read, for messages. */
  readonly where: string
  /** Most bytes of one line, its end left out. */
  readonly maxLineBytes: number
  /** Whether lines keep their ends. */
  readonly keepNewlines?: boolean
}

/** The value of `maxLineBytes` where there is none. */
export const MAX_LINE_BYTES: number = 16 * 1024 * 1024

const NEWLINE = 10
const RETURN = 13
const BOM = '\uFEFF'

/**
 * Splits UTF-8 into lines, which end with `\n` or `\r\n`; the last one may have no end. A byte order mark is left out.
 * Throws an Error that names the line where one is too long, or no UTF-8.
 */
export async function* lineBlocks(
  bytes: AsyncIterable<Buffer>,
  options: LinesOptions,
): AsyncGenerator<LineBlock, void, void> {
  let first = 1
  let begun: Buffer[] = []
  let size = 0
  const blockOf = (block: Buffer): LineBlock => {
    const lines = split(textOf(block, first, options), first === 1, options)
    if (block.length > options.maxLineBytes) refuseLong(lines, first, options)
    return { lines, first }
  }
  for await (const chunk of bytes) {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    if (end > 0) {
      const whole = chunk.subarray(0, end)
      const block = blockOf(begun.length === 0 ? whole : Buffer.concat([...begun, whole]))
      first += block.lines.length
      begun = []
      size = 0
      yield block
    }
    if (end === chunk.length) continue
    begun.push(chunk.subarray(end))
    size += chunk.length - end
    // One more: its end may be two bytes long, and only the first of them be here.
    if (size > options.maxLineBytes + 1) throw tooLong(first, options)
  }
  if (size > 0) yield blockOf(Buffer.concat(begun))
}

function textOf(block: Buffer, first: number, { where }: LinesOptions): string {
  if (isUtf8(block)) return block.toString('utf8')
  let line = first
  for (let start = 0; start < block.length; line++) {
    const next = block.indexOf(NEWLINE, start) + 1
    const end = next === 0 ? block.length : next
    if (!isUtf8(block.subarray(start, end))) break
    start = end
  }
  throw new Error(`${where}, line ${line}, is no UTF-8. Say in which "encoding" it is.`)
}

function split(text: string, isStart: boolean, { keepNewlines = false }: LinesOptions): string[] {
  const lines = (isStart && text.startsWith(BOM) ? text.slice(1) : text).split('\n')
  const last = lines.pop()
  if (keepNewlines) for (const [place, line] of lines.entries()) lines[place] = `${line}\n`
  else
    for (const [place, line] of lines.entries())
      if (line.charCodeAt(line.length - 1) === RETURN) lines[place] = line.slice(0, -1)
  if (last !== undefined && last !== '') lines.push(last)
  return lines
}

function refuseLong(lines: readonly string[], first: number, options: LinesOptions): void {
  for (const [place, line] of lines.entries())
    if (Buffer.byteLength(line.replace(/\r?\n$/, '')) > options.maxLineBytes) throw tooLong(first + place, options)
}

function tooLong(line: number, { where, maxLineBytes }: LinesOptions): Error {
  return new Error(`${where}, line ${line}, is longer than ${maxLineBytes} bytes.`)
}
