import type { ErrorDetails, Plan, PlanNode } from '@pipelines/core'

const known = new WeakMap<Plan, Map<number, ErrorDetails<'OPTION_CONFLICT'> | undefined>>()

/**
 * The first node behind an inlet whose outputs belong to no single value that was put: a request could not be told which
 * of them are its own. `undefined` where there is none. Looked for once per plan and inlet.
 */
export function mixedBehind(plan: Plan, inlet: number): ErrorDetails<'OPTION_CONFLICT'> | undefined {
  const found = known.get(plan) ?? new Map<number, ErrorDetails<'OPTION_CONFLICT'> | undefined>()
  known.set(plan, found)
  if (!found.has(inlet)) found.set(inlet, search(plan, inlet))
  return found.get(inlet)
}

function search(plan: Plan, inlet: number): ErrorDetails<'OPTION_CONFLICT'> | undefined {
  const behind = new Set([inlet])
  for (const number of behind) {
    const node = plan.nodes[number]
    if (node === undefined) continue
    const why = whyMixed(plan, number, node)
    if (why !== undefined)
      return {
        node: node.name,
        what: `${why}, so a request through ${JSON.stringify(plan.nodes[inlet]?.name)} could not be told its own outputs`,
        hint: 'Use put() and the outputs of the run, or move the node out of the way of requests.',
      }
    for (const edge of node.outputs) behind.add(plan.edges[edge]?.to ?? number)
  }
  return undefined
}

function whyMixed({ regions }: Plan, number: number, { coro, properties }: PlanNode): string | undefined {
  if (regions.positional.has(number)) return 'pairs its inputs by position'
  if (properties.window !== undefined) return 'makes windows of several items'
  if (properties.batch?.returns === 'one') return 'makes one output of a batch of items'
  return coro?.flush === undefined ? undefined : 'has a coroutine with "flush"'
}
