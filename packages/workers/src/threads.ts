import { resolveOptions, type ThreadOptions } from './options.js'
import { ThreadLink } from './thread-link.js'
import { type WorkerExecutor, workerExecutor } from './worker-executor.js'

/**
 * Runs coroutines on threads of this process: `"executor": "thread"`. A node gets as many threads as it has workers, when
 * its run starts. Coroutines have to come from `moduleCoros()`; values are copied by the structured clone algorithm, or
 * moved. Throws `PLB_OPTION_INVALID`.
 *
 * @example
 * const plumber = await Plumber.create(graph, { coroMap: moduleCoros(url), executors: [threads()] })
 */
export function threads(options: ThreadOptions = {}): WorkerExecutor {
  const resolved = resolveOptions(options, 'thread')
  return workerExecutor(resolved, structuredClone, () => new ThreadLink(resolved))
}
