import type { Executor, NodeCode, Refusal } from '@pipelines/core'
import { type Copy, uncloneable } from './cloneable.js'
import type { Link } from './link.js'
import type { ResolvedOptions } from './options.js'
import { Pool } from './pool.js'
import { WorkerRunner } from './worker-runner.js'

/** An executor with workers of its own. Several Plumbers may share it. */
export interface WorkerExecutor extends Executor, AsyncDisposable {
  /** Ends the workers that wait; those that are in use end when their nodes have. Settles when the former have ended. */
  close(): Promise<void>
}

/** @param copy how values reach the workers */
export function workerExecutor(options: ResolvedOptions, copy: Copy, start: () => Link): WorkerExecutor {
  const pool = new Pool(options, start)
  const close = (): Promise<void> => pool.close()
  return Object.freeze({
    name: options.name,
    copies: true,
    refuses: (code: NodeCode) => refusals(code, copy),
    open: (binding: Parameters<Executor['open']>[0]) => new WorkerRunner(binding, { pool, options, copy }),
    close,
    [Symbol.asyncDispose]: close,
  })
}

const MODULE =
  "Put it in a module of its own and use moduleCoros(new URL('./coros.js', import.meta.url)), or portable() where it is part of a flow."

/** What of a node's code cannot be used by another thread or process. */
function refusals({ args, origin, references = [] }: NodeCode, copy: Copy): readonly Refusal[] {
  const found: Refusal[] = []
  if (origin === undefined)
    found.push({ what: 'its coroutine exists only in this program, not in a module', hint: MODULE })
  for (const { arg, origin: from } of references)
    if (from === undefined)
      found.push({
        arg,
        what: `"${arg}" names a coroutine that exists only in this program, not in a module`,
        hint: MODULE,
      })
  const named = new Set(references.map(({ arg }) => arg))
  for (const [arg, value] of Object.entries(args)) {
    const problem = named.has(arg) ? undefined : uncloneable(value, copy)
    if (problem === undefined) continue
    const what = `its arg "${arg}${problem.path}" cannot be copied: ${problem.why.replace(/\.$/, '')}`
    found.push({ arg, what, hint: 'Give only data, or make it in "setup".' })
  }
  return found
}
