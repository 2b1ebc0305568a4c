import { type Output, PipelineError, reasonOf } from '@pipelines/core'
import { JSON_TYPE, type Reply } from './exchange.js'
import { type HttpError, toHttpError } from './http-error.js'

/** How the outputs of a stream, and its end, are written. */
export interface Format {
  readonly headers: Readonly<Record<string, string>>
  /** One output; `count` is which one, from 1. */
  output(output: Output, count: number): string
  /** The last record where all went well. */
  end(count: number): string
  /** The last record where it did not. */
  error(error: HttpError): string
  /** What keeps a silent connection open; absent where the format has nothing that says nothing. */
  readonly heartbeat: string | undefined
}

// A proxy that gathers a stream, or stores it, makes something else of it.
const UNBUFFERED = { 'cache-control': 'no-store', 'x-accel-buffering': 'no', 'x-content-type-options': 'nosniff' }

/** One JSON object per line: `{ node, value }` for an output, then `{ end }` or `{ error }`. @see https://github.com/ndjson/ndjson-spec */
const ndjson: Format = {
  headers: { 'content-type': 'application/x-ndjson; charset=utf-8', ...UNBUFFERED },
  output: ({ node, value }) => `${text({ node, value })}\n`,
  end: (outputs) => `${text({ end: { outputs } })}\n`,
  error: (error) => `${text({ error })}\n`,
  heartbeat: undefined,
}

/** Events without a name for outputs, then `end` or `error`. @see https://html.spec.whatwg.org/multipage/server-sent-events.html */
const sse: Format = {
  headers: { 'content-type': 'text/event-stream; charset=utf-8', ...UNBUFFERED },
  output: ({ node, value }, count) => `id: ${count}\ndata: ${text({ node, value })}\n\n`,
  end: (outputs) => `event: end\ndata: ${text({ outputs })}\n\n`,
  error: (error) => `event: error\ndata: ${text(error)}\n\n`,
  heartbeat: ':\n\n',
}

export const FORMATS: Readonly<Record<'ndjson' | 'sse', Format>> = { ndjson, sse }

const JSON_HEADERS = { 'content-type': JSON_TYPE }

/** The answer with the one output there must be. */
export function valueReply([only]: readonly Output[], readerTimeoutMs: number): Reply {
  if (only === undefined) throw new PipelineError('RUN_CARDINALITY', { count: 0 })
  return { status: 200, headers: JSON_HEADERS, body: text(only.value), readerTimeoutMs }
}

export function arrayReply(outputs: readonly Output[], readerTimeoutMs: number): Reply {
  const body = text(outputs.map(({ value }) => value))
  return { status: 200, headers: JSON_HEADERS, body, readerTimeoutMs }
}

/** JSON without line breaks. Throws `PLB_HTTP_OUTPUT` for what has none. */
function text(value: unknown): string {
  let made: string | undefined
  try {
    made = JSON.stringify(value)
  } catch (cause) {
    throw new PipelineError('HTTP_OUTPUT', { what: `cannot be written as JSON: ${reasonOf(cause)}` }, cause)
  }
  if (made === undefined) throw new PipelineError('HTTP_OUTPUT', { what: 'cannot be written as JSON' })
  return made
}

export interface RecordsOptions {
  readonly format: Format
  readonly heartbeatMs: number
  /** Milliseconds that a record may wait to be taken. */
  readonly readerTimeoutMs: number
  /** Told when one has waited so long. */
  readonly onStuck: (error: PipelineError) => void
  /** Told of the error that the last record is about. */
  readonly onError: (error: HttpError) => void
  /** Told once when it is over; `outputs` may not have ended by themselves. */
  readonly onOver: (completed: boolean) => void
}

/** Characters of records that travel together, and turns of the microtask queue that are waited for more of them. */
const TOGETHER = 16_384
const SOON = 16

/**
 * The records of a stream, in pieces: what is there together travels together. One error is thrown, if it comes before the
 * first record: the answer can still be another one.
 */
export async function* records(
  outputs: AsyncGenerator<Output, void, void>,
  options: RecordsOptions,
): AsyncGenerator<string, void, void> {
  const { format, heartbeatMs, onError, onOver } = options
  const reader = new Reader(options)
  const beat = format.heartbeat === undefined ? undefined : new Beat(heartbeatMs)
  let count = 0
  let piece = ''
  let begun = false
  let completed = false
  try {
    for (let next = ahead(outputs); ; ) {
      const step = await (piece !== '' ? soon(next) : beat === undefined ? next : beat.before(next))
      if (step?.done === true) break
      if (step !== undefined) {
        piece += format.output(step.value, ++count)
        next = ahead(outputs)
        if (piece.length < TOGETHER) continue
      }
      begun = true
      reader.begin()
      yield piece || (format.heartbeat ?? '')
      reader.end()
      piece = ''
    }
    completed = true
    reader.begin()
    yield piece + format.end(count)
  } catch (error) {
    if (!begun && piece === '') throw error
    const told = toHttpError(error)
    onError(told)
    reader.begin()
    yield piece + format.error(told)
  } finally {
    reader.end()
    beat?.end()
    onOver(completed)
  }
}

/** The next output, which nobody may come to wait for. */
function ahead<T>(outputs: AsyncGenerator<T, void, void>): Promise<IteratorResult<T, void>> {
  const next = outputs.next()
  next.catch(() => {})
  return next
}

/** What `next` gives, if it is about to give something; it may be waited for again. */
async function soon<T>(next: Promise<T>): Promise<T | undefined> {
  let found: T | undefined
  next.then(
    (step) => {
      found = step
    },
    () => {}, // whoever waits for it again is told
  )
  for (let turns = SOON; turns > 0 && found === undefined; turns--) await undefined
  return found
}

/** Watches over a client that does not read. */
class Reader {
  readonly #o: Pick<RecordsOptions, 'readerTimeoutMs' | 'onStuck'>
  #timer: NodeJS.Timeout | undefined

  constructor(options: Pick<RecordsOptions, 'readerTimeoutMs' | 'onStuck'>) {
    this.#o = options
  }

  begin(): void {
    const { readerTimeoutMs: timeoutMs, onStuck } = this.#o
    clearTimeout(this.#timer) // whoever throws into the records skips the end
    this.#timer = setTimeout(() => onStuck(new PipelineError('HTTP_SLOW_READER', { timeoutMs })), timeoutMs)
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

/** Tells when nothing has come for a time. */
class Beat {
  readonly #ms: number
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  /** What `next` gives; `undefined` if that takes too long. It may be waited for again. */
  before<T>(next: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#timer = setTimeout(() => resolve(undefined), this.#ms)
      const settled =
        <A>(settle: (value: A) => void) =>
        (value: A): void => {
          clearTimeout(this.#timer)
          settle(value)
        }
      next.then(settled<T>(resolve), settled<unknown>(reject))
    })
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}
