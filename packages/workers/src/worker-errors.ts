import { loadHint, PipelineError, reasonOf } from '@pipelines/core'
import { decodeError } from './error-code.js'
import type { WorkerEnd } from './link.js'
import type { ToHost } from './messages.js'

/** The module of a coroutine could not be loaded in a worker. */
export function notLoaded(node: string, cause: unknown): PipelineError<'WORKER_START'> {
  const what = `its coroutine could not be loaded: ${reasonOf(cause)}`
  return new PipelineError('WORKER_START', { node, what, hint: loadHint(cause) }, cause)
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
