import { PipelineError } from '@pipelines/core'
import type { Patience } from './patience.js'

/** A line that is not blank, without its end, and its number, from 1. */
export interface Line {
  readonly text: Uint8Array
  readonly line: number
}

export interface LinesOptions {
  /** Most bytes of one line: no more is kept. */
  readonly limit: number
  /** How long a line may take to come. */
  readonly patience: Patience
}

const NEWLINE = 10
const BLANK = /^[\t\r ]*$/

/** Splits bytes into lines. Nothing is read ahead: while a line is in hand, the sender waits. */
export async function* lines(
  bytes: AsyncIterable<Uint8Array>,
  { limit, patience }: LinesOptions,
): AsyncGenerator<Line, void, void> {
  const iterator = bytes[Symbol.asyncIterator]()
  let line = 1
  let pieces: Uint8Array[] = []
  let size = 0
  const add = (piece: Uint8Array): void => {
    size += piece.length
    if (size > limit) throw new PipelineError('HTTP_BODY_TOO_LARGE', { limit, line })
    if (piece.length > 0) pieces.push(piece)
  }
  const taken = (): Line | undefined => {
    const [only, second] = pieces
    const text = second === undefined ? (only ?? new Uint8Array(0)) : Buffer.concat(pieces)
    pieces = []
    size = 0
    return isBlank(text) ? undefined : { text, line }
  }
  try {
    for (;;) {
      patience.begin()
      const step = await patience.wait(iterator.next())
      if (step.done === true) break
      let start = 0
      for (let end = step.value.indexOf(NEWLINE); end !== -1; end = step.value.indexOf(NEWLINE, start)) {
        add(step.value.subarray(start, end))
        start = end + 1
        const found = taken()
        if (found !== undefined) {
          patience.end() // not for blank ones: those say nothing
          yield found
        }
        line++
      }
      add(step.value.subarray(start))
    }
    const last = taken()
    patience.end()
    if (last !== undefined) yield last
  } finally {
    patience.end()
    iterator.return?.()?.then(undefined, () => {})
  }
}

function isBlank(text: Uint8Array): boolean {
  return text.length < 64 && BLANK.test(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1'))
}
