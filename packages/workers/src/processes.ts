import { copyApart } from './cloneable.js'
import { type ProcessOptions, resolveOptions } from './options.js'
import { ProcessLink } from './process-link.js'
import { type WorkerExecutor, workerExecutor } from './worker-executor.js'

/**
 * Runs coroutines in child processes: `"executor": "process"`. Like {@link threads}, but a crash of native code, or a
 * signal, ends only the child; values cost more to send, and none are moved or shared. A child ends when this process has
 * ended, however that was. Throws `PLB_OPTION_INVALID`.
 */
export function processes(options: ProcessOptions = {}): WorkerExecutor {
  const resolved = resolveOptions(options, 'process')
  return workerExecutor(resolved, copyApart, () => new ProcessLink(resolved))
}
