import { type ModuleCoros, moduleCoros } from '@pipelines/core'
import * as coros from './coros.js'

export type { WorkerStatus } from './hooks.js'

/**
 * The ready coroutines, for the `coroMap`: a document names them `std.map`, `std.read` and so on. Threads and processes
 * can run every one of them.
 *
 * @example
 * const plumber = new Plumber(graph, { coroMap: [std, mine] })
 */
export const std: ModuleCoros = moduleCoros(new URL('../dist/coros.js', import.meta.url), {
  group: 'std',
  loaded: coros,
})
