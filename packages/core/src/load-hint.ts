/** Codes of Node for modules that it cannot load as they are written. */
const SOURCES: ReadonlySet<unknown> = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_NO_TYPESCRIPT',
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
])

/** What to do about a module that could not be loaded, if that can be told from the error. */
export function loadHint(cause: unknown): string | undefined {
  try {
    const isSource = cause instanceof Error && 'code' in cause && SOURCES.has(cause.code)
    return isSource ? 'Point moduleCoros() at the built .js file, or use a Node that strips types.' : undefined
  } catch {
    return undefined // a proxy
  }
}
