import { type ModuleCoros, moduleCoros } from '@pipelines/core'
import * as coros from './coros.js'
import { pure } from './pure.js'

export type { WorkerStatus } from './hooks.js'

/** The built file, also where this one is run from source: workers cannot load TypeScript. */
const COROS = new URL('../dist/coros.js', import.meta.url)

/**
 * The ready coroutines, for the `coroMap`: a document names them `std.map`, `std.read` and so on. Threads and processes
 * can run every one of them.
 *
 * With these a document can read and write files, call other machines and run programs. For documents that others write
 * there is {@link pureStd}.
 *
 * @example
 * const plumber = new Plumber(graph, { coroMap: [std, mine] })
 */
export const std: ModuleCoros = moduleCoros(COROS, { group: 'std', loaded: coros })

/** The ready coroutines without those that reach files, the network or other programs, under the same names. */
export const pureStd: ModuleCoros = moduleCoros(COROS, { group: 'std', loaded: pure })
