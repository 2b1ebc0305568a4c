import { OUT } from '@pipelines/core'
import type { Wiring } from './check.js'
import type { Draft } from './normalize.js'

/** Numbers of the nodes of which each output by port `out` goes to one of several successors, and not to all of them. */
export function sharingIn(draft: Draft, { names, edges, outputs }: Wiring): ReadonlySet<number> {
  const leaves = (node: number): number => outputs[node]?.filter((edge) => edges[edge]?.port === OUT).length ?? 0
  const found = new Set<number>()
  names.forEach((name, node) => {
    if (draft.nodes.get(name)?.properties.fanOut === 'share' && leaves(node) > 1) found.add(node)
  })
  return found
}
