import { type Executor, reasonOf } from '@pipelines/core'
import type { ResolvedArgs } from './args.js'
import type { BoundNode, Surroundings } from './graph/definitions.js'
import { pointer } from './graph/names.js'

/** What {@link checkPortability} looks at besides the node. */
export interface Places extends Pick<Surroundings, 'draft' | 'findings'> {
  /** By name. */
  readonly executors: ReadonlyMap<string, Executor>
}

/** Coroutines, and args, that their executor cannot use. */
export function checkPortability(
  { node, coro, origin }: BoundNode,
  resolved: ResolvedArgs | undefined,
  { draft, findings, executors }: Places,
): void {
  const name = draft.nodes.get(node)?.properties.executor ?? ''
  const executor = executors.get(name)
  if (coro === undefined || resolved === undefined || executor?.refuses === undefined) return
  const said = { node, executor: name }
  try {
    for (const { arg, what, hint } of executor.refuses({ node, coro, origin, ...resolved })) {
      const path = arg === undefined ? pointer('nodes', node, 'coro') : pointer('nodes', node, 'args', arg)
      findings.add('CORO_NOT_PORTABLE', path, { ...said, what, hint })
    }
  } catch (error) {
    const what = `it cannot be looked at: ${reasonOf(error)}`
    findings.add('CORO_NOT_PORTABLE', pointer('nodes', node, 'coro'), { ...said, what })
  }
}
