import { STATUS_CODES } from 'node:http'
import { isPipelineError, type PipelineError, type PublicCode, quote } from '@pipelines/core'

/** Statuses of errors that have one of their own; all others are faults of the server. */
const STATUSES: Partial<Readonly<Record<PublicCode, number>>> = {
  PLB_GRAPH_INVALID: 400,
  PLB_HTTP_BODY_INVALID: 400,
  PLB_HTTP_INPUT: 400,
  PLB_HTTP_HEADER: 400,
  PLB_HTTP_FORBIDDEN: 403,
  PLB_HTTP_BODY_TIMEOUT: 408,
  PLB_HTTP_SLOW_READER: 408,
  PLB_HTTP_BODY_TOO_LARGE: 413,
  PLB_HTTP_MEDIA_TYPE: 415,
  PLB_HTTP_RUN_LIMIT: 422,
  PLB_HTTP_TOO_MANY_RUNS: 429,
  PLB_RUN_CANCELLED: 499,
  PLB_HTTP_BUSY: 503,
  PLB_HTTP_CLOSING: 503,
  PLB_RUN_OVERLOADED: 503,
  PLB_RUN_DOOMED: 503,
  PLB_STATE_NOT_RUNNING: 503,
  PLB_RUN_DEADLINE: 504,
  PLB_NODE_TIMEOUT: 504,
}

/** Statuses after which it is worth to try again, and seconds until then. */
const RETRY_AFTER: Readonly<Record<number, string>> = { 429: '1', 503: '1' }

/** One problem of what was sent. */
export interface HttpIssue {
  /** Where, as a JSON pointer. */
  readonly pointer: string
  readonly message: string
  readonly code?: string
}

interface Facts {
  readonly code: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly issues?: readonly HttpIssue[] | undefined
  readonly item?: number | undefined
  readonly cause?: unknown
}

/**
 * What a client is told when it gets no answer: the error that handlers reject with, in every framework. Its message is
 * safe to show; what really happened is its `cause`. Express reads `status` and `headers`, Fastify `statusCode`, `code` and
 * `headers`; as JSON it is `{ statusCode, code, error, message, issues? }`, the form that Fastify has.
 */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly statusCode: number
  /** The same. */
  readonly status: number
  /** Permanent: a code of the library, or that of the user's own error. */
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
  /** Every problem of what was sent, where there is a list of them. */
  readonly issues: readonly HttpIssue[] | undefined
  /** Which of several values in the body it is about, from 1. */
  readonly item: number | undefined

  constructor(statusCode: number, { code, message, headers, issues, item, cause }: Facts) {
    super(message, cause === undefined ? undefined : { cause })
    this.statusCode = statusCode
    this.status = statusCode
    this.code = code
    const later = RETRY_AFTER[statusCode]
    this.headers = later === undefined ? { ...headers } : { 'retry-after': later, ...headers }
    this.issues = issues
    this.item = item
  }

  toJSON(): object {
    const { statusCode, code, message, issues, item } = this
    const error = STATUS_CODES[statusCode] ?? 'Error'
    return { statusCode, code, error, message, ...(issues && { issues }), ...(item !== undefined && { item }) }
  }

  /** The same error, of one of several values. */
  of(item: number): HttpError {
    const { statusCode, code, message, headers, issues, cause } = this
    return new HttpError(statusCode, { code, message, headers, issues, item, cause })
  }
}

/** What a client may be told of an error. An error of user code keeps its status; its message is shown below 500 alone. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (!isPipelineError(error)) return ofUser(error, 'PLB_NODE_FAILED') ?? hidden(500, 'PLB_INTERNAL', error)
  const { code, message } = error
  if (isPipelineError(error.cause) && error.cause.code.startsWith('PLB_HTTP_')) return toHttpError(error.cause)
  if (code === 'PLB_NODE_FAILED') return ofUser(error.cause, code) ?? hidden(500, code, error)
  const status = STATUSES[code] ?? 500
  switch (code) {
    case 'PLB_RUN_DEADLINE':
    case 'PLB_NODE_TIMEOUT':
      return new HttpError(status, { code, message: tooLate(error), cause: error })
    case 'PLB_RUN_DOOMED':
    case 'PLB_STATE_NOT_RUNNING':
      return new HttpError(status, { code, message: 'This is not available at the moment.', cause: error })
    case 'PLB_RUN_OVERLOADED':
      return new HttpError(status, { code, message: 'Too much is in progress. Try again later.', cause: error })
    case 'PLB_RUN_CARDINALITY':
      return new HttpError(status, { code, message: manyOutputs(error), cause: error })
    case 'PLB_GRAPH_INVALID':
      return new HttpError(status, { code, message, issues: listed(error, 'issues'), cause: error })
    case 'PLB_HTTP_INPUT':
      return new HttpError(status, { code, message, issues: listed(error, 'problems'), cause: error })
    default:
      if (code.startsWith('PLB_HTTP_')) return new HttpError(status, { code, message, cause: error })
      return hidden(status, code, error)
  }
}

function hidden(status: number, code: string, cause: unknown): HttpError {
  return new HttpError(status, { code, message: 'The request could not be answered.', cause })
}

/** An error that says by itself which answer it wants, as those of `http-errors` and of Fastify do. */
function ofUser(error: unknown, code: string): HttpError | undefined {
  try {
    if (typeof error !== 'object' || error === null) return undefined
    const { statusCode, status, headers, message, code: own } = error as Readonly<Record<string, unknown>>
    const wanted = [statusCode, status].find((number) => isErrorStatus(number))
    if (wanted === undefined) return undefined
    const shown = wanted < 500 && typeof message === 'string'
    return new HttpError(wanted, {
      code: shown && typeof own === 'string' ? own : code,
      message: shown ? message : 'The request could not be answered.',
      headers: safeHeaders(headers),
      cause: error,
    })
  } catch {
    return undefined // a getter threw
  }
}

const isErrorStatus = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 400 && Number(value) <= 599

/** What an error may say by headers. Errors of HTTP clients carry those of somebody else's answer, length and all. */
const SAYS =
  /^(?:retry-after|www-authenticate|proxy-authenticate|allow|link|cache-control|vary|ratelimit(?:-\w+)?|x-(?!accel|sendfile)[\w-]+)$/

function safeHeaders(headers: unknown): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null) return {}
  return Object.fromEntries(
    Object.entries(headers).flatMap(([key, value]) => {
      const name = key.toLowerCase()
      return SAYS.test(name) && /^[\t\x20-\x7e]*$/.test(String(value)) ? [[name, String(value)]] : []
    }),
  )
}

/** Without the time: what is left of it when a value is sent is no time that anybody has set. */
function tooLate({ details, report }: PipelineError): string {
  const { node, nodes } = details as Readonly<Record<string, unknown>>
  const left = Object.entries(report?.nodes ?? {}).flatMap(([name, { unprocessed }]) => (unprocessed > 0 ? [name] : []))
  const names = typeof node === 'string' ? [node] : Array.isArray(nodes) ? nodes.map(String) : left
  const where = names.length === 0 ? '' : ` It was at ${names.map((name) => quote(name)).join(', ')}.`
  return `There was no answer in time.${where}`
}

function manyOutputs({ details }: PipelineError): string {
  const { count, most } = details as { readonly count?: number; readonly most?: number }
  if (most !== undefined) return `The graph gave more than ${most} output${most === 1 ? '' : 's'} for this request.`
  return `The graph gave ${count === 0 ? 'no output' : `${count} outputs`} for this request instead of one.`
}

function listed({ details }: PipelineError, key: 'issues' | 'problems'): readonly HttpIssue[] {
  const list = (details as Readonly<Record<string, unknown>>)[key]
  return (Array.isArray(list) ? list : []).map(({ pointer, message, what, code }) => ({
    pointer,
    message: message ?? what,
    ...(code !== undefined && { code }),
  }))
}
