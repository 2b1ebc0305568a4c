import * as coros from './coros.js'

/** Ready coroutines that reach out of the program: to files, the network and other programs. */
const OUTSIDE: ReadonlySet<string> = new Set(['read', 'write', 'glob', 'fetch', 'exec', 'ffmpeg'])

/** The others. */
export const pure: object = Object.freeze(
  Object.fromEntries(Object.entries(coros).filter(([name]) => !OUTSIDE.has(name))),
)
