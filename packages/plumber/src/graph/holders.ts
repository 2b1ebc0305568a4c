import { isShared, OUT, type Plan, type PlanNode, routes } from '@pipelines/core'

type Holds = PlanNode['holds']

/**
 * Who else may hold what each node takes: see {@link PlanNode.holds}. A value that goes one way only is held by nobody
 * but its maker, and by nobody at all if the maker gave a copy of it.
 */
export function holders({ nodes, edges, order }: Pick<Plan, 'nodes' | 'edges' | 'order'>): readonly Holds[] {
  const found: Holds[] = nodes.map(() => undefined)
  /** What may hold an output of a node, besides those who take it. */
  const behind = (number: number): Holds => {
    const node = nodes[number]
    if (node === undefined || !goesOneWay(node, edges)) return undefined
    if (node.executor.copies) return 'nobody'
    // It may hand on what it was given.
    return node.inputs.length === 0 || found[number] !== undefined ? 'maker' : undefined
  }
  for (const number of order) {
    const node = nodes[number]
    if (node === undefined || needsAgain(node.properties)) continue
    const each = node.inputs.map((edge) => behind(edges[edge]?.from ?? -1))
    if (each.includes(undefined) || each.length === 0) continue
    found[number] = each.includes('maker') ? 'maker' : 'nobody'
  }
  return found
}

/** Whether each output of a node goes to one successor. */
function goesOneWay(node: PlanNode, edges: Plan['edges']): boolean {
  const { length } = node.outputs
  return length === 1 || (isShared(node, edges) && node.outputs.every((edge) => edges[edge]?.port === OUT))
}

/** Whether a node may need a value after a call has got it. */
function needsAgain(properties: PlanNode['properties']): boolean {
  const { retry, window, collect } = properties
  return (retry?.attempts ?? 1) > 1 || routes(properties) || window !== undefined || collect === 'product'
}
