import { CATALOGUE, type Issue, type Wording } from './catalogue.js'
import type { RunReport } from './report.js'
import { cut } from './text.js'

export type { Issue, StalledNode } from './catalogue.js'

export type ErrorCode = keyof typeof CATALOGUE
/** A code as users see it. */
export type PublicCode = `PLB_${ErrorCode}`
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof CATALOGUE)[C]>[0]

/** All codes, as users see them. */
export const ERROR_CODES: readonly PublicCode[] = (Object.keys(CATALOGUE) as ErrorCode[]).map(
  (code): PublicCode => `PLB_${code}`,
)

/** Longest message we make, in characters: a 1 MB message of user code must not become a 1 MB log line. */
const MESSAGE_LIMIT = 8192
const BRAND = Symbol.for('@pipelines/error')
/** What ends a run or request from outside carries the platform's name for it. */
const ABORTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['RUN_DOOMED', 'RUN_CANCELLED'])

/**
 * The one error class of the library. Recognise it by {@link isPipelineError} and by `code`, never by its message.
 * `details` holds what the message was made of; `cause` is the user's own error, untouched.
 */
export class PipelineError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string
  readonly code: `PLB_${C}`
  readonly details: ErrorDetails<C>
  /** The report of the run that this error ended, where there was a run. */
  report?: RunReport
  /** The HTTP status that fits, and headers for it; only where the caller may try again later. */
  declare readonly statusCode?: number
  declare readonly headers?: Readonly<Record<string, string>>

  constructor(code: C, details: ErrorDetails<C>, cause?: unknown) {
    super(cut(wording(code, details).message, MESSAGE_LIMIT), cause === undefined ? undefined : { cause })
    this.name = ABORTS.has(code) ? 'AbortError' : 'PipelineError'
    this.code = `PLB_${code}`
    this.details = details
    Object.defineProperty(this, BRAND, { value: true })
    if (code === 'RUN_OVERLOADED') {
      this.statusCode = 503
      this.headers = RETRY_LATER
    }
  }
}

/** Seconds after which a client may try again: places become free all the time. */
const RETRY_LATER = Object.freeze({ 'retry-after': '1' })

/** Whether `value` is an error of this library; also true across duplicate installs. */
export function isPipelineError(value: unknown): value is PipelineError {
  return typeof value === 'object' && value !== null && BRAND in value
}

/** The error itself if it is one of ours; else one that says that `what` failed with it. */
export function asPipelineError(error: unknown, what: string): PipelineError {
  return error instanceof PipelineError ? error : new PipelineError('RUN_FAILED', { what, cause: error }, error)
}

/** Whether `error` only says that a call obeyed a signal that aborted with `reason`. */
export function followsFrom(error: unknown, reason: unknown): boolean {
  if (error === reason) return true
  try {
    return error instanceof Error && (error.name === 'AbortError' || error.cause === reason)
  } catch {
    return false
  }
}

/** Notes on the error that ended a run what else went wrong in it, as `details.errors`. */
export function addFurther(error: PipelineError, errors: readonly PipelineError[]): void {
  const further = errors.filter((other) => other !== error)
  if (further.length > 0 && error.details !== undefined) Object.assign(error.details, { errors: further })
}

/** Makes an issue from the catalogue. */
export function issue<C extends ErrorCode>(code: C, pointer: string, details: ErrorDetails<C>): Issue {
  const { message, hint } = wording(code, details)
  return { code: `PLB_${code}`, pointer, message: cut(message, MESSAGE_LIMIT), ...(hint === undefined ? {} : { hint }) }
}

function wording<C extends ErrorCode>(
  code: C,
  details: ErrorDetails<C>,
): { message: string; hint: string | undefined } {
  // The parameter of an entry is ErrorDetails<C> by definition; TypeScript cannot follow the index through the call.
  const { problem, hint } = (CATALOGUE[code] as (d: ErrorDetails<C>) => Wording)(details)
  return { message: hint === undefined ? problem : `${problem} ${hint}`, hint }
}
