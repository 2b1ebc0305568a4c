import { PipelineError, reasonOf } from '@pipelines/core'
import { decodeError } from './error-code.js'
import type { WorkerEnd } from './link.js'
import type { ToHost } from './messages.js'

/** Codes of Node for sources that it cannot load as they are. */
const SOURCES: ReadonlySet<unknown> = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_NO_TYPESCRIPT',
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
])

/** The module of a coroutine could not be loaded in a worker. */
export function notLoaded(node: string, cause: unknown): PipelineError<'WORKER_START'> {
  const isSource = cause instanceof Error && 'code' in cause && SOURCES.has(cause.code)
  const hint = isSource ? 'Point moduleCoros() at the built .js file, or use a Node that strips types.' : undefined
  const what = `its coroutine could not be loaded: ${reasonOf(cause)}`
  return new PipelineError('WORKER_START', { node, what, hint }, cause)
}

/** A worker has ended; `said` is what it could still say of that. */
export function endOf(
  node: string,
  { how, hint, cause }: WorkerEnd,
  {
    said,
    wasOpening,
  }: { readonly said: Extract<ToHost, { type: 'exiting' }> | undefined; readonly wasOpening: boolean },
): PipelineError {
  const reason = said?.error === undefined ? cause : decodeError(said.error)
  return wasOpening
    ? new PipelineError('WORKER_START', { node, what: `it ${how}`, hint }, reason)
    : new PipelineError('WORKER_DIED', { node, how, hint }, reason)
}
