import { reasonOf } from '@pipelines/core'

/** Codes of Node for sources that it cannot load as they are. */
const SOURCES: ReadonlySet<unknown> = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_NO_TYPESCRIPT',
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
])

/** Why the module of a coroutine could not be loaded in a worker, and what to do. */
export function whyNotLoaded(cause: unknown): { readonly what: string; readonly hint?: string } {
  const what = `its coroutine could not be loaded: ${reasonOf(cause)}`
  const isSource = cause instanceof Error && 'code' in cause && SOURCES.has(cause.code)
  return isSource
    ? { what, hint: 'Point moduleCoros() at the built .js file, or use a Node that strips types.' }
    : { what }
}
