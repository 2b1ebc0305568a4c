import { types } from 'node:util'
import { at } from './arrays.js'
import { type BareBranches, bareBranchesOf } from './bare-branches.js'
import { inline } from './executor.js'
import { isShared, OUT, type Plan } from './plan.js'
import { isTrying } from './trying-node.js'

/** What a plan allows to be called on the spot, and to travel bare. */
export interface ChainPlan {
  /** By node: whether values may come to it bare, and its predecessor may call it. */
  readonly takesBare: readonly boolean[]
  /** By node: whether its only worker may give outputs to the next, by edge, on the spot. */
  readonly calls: readonly (readonly boolean[])[]
  /** By join: what lies between it and its fork, where nothing has to carry a frame for now. */
  readonly branches: ReadonlyMap<number, BareBranches>
}

const known = new WeakMap<Plan, ChainPlan>()

/** The same for every run of a plan, so found out once. */
export function chainPlanOf(plan: Plan): ChainPlan {
  const found = known.get(plan)
  if (found !== undefined) return found
  const takesBare = plan.nodes.map((_, node) => isPlain(plan, node))
  const calls = plan.nodes.map((node) => {
    const fuses = node.properties.fuse && !isShared(node, plan.edges)
    return node.outputs.map((edge) => {
      const { to, port } = at(plan.edges, edge)
      return fuses && port === OUT && at(takesBare, to) && at(plan.nodes, to).properties.fuse
    })
  })
  const branches = new Map<number, BareBranches>()
  for (const join of plan.regions.forkOf.keys()) {
    const between = bareBranchesOf(plan, join, (node) => at(takesBare, node))
    if (between !== undefined) branches.set(join, between)
  }
  const made = { takesBare, calls, branches }
  known.set(plan, made)
  return made
}

/** Whether nothing is asked of a node but that its function is called, one item at a time. */
function isPlain(plan: Plan, node: number): boolean {
  const { kind, coro, executor, inputs, partitionBy, properties } = at(plan.nodes, node)
  const [only = -1] = inputs
  if (kind !== 'map' || inputs.length !== 1 || executor !== inline || partitionBy !== undefined) return false
  if (coro === undefined || coro.oneToOne) return false
  if (types.isAsyncFunction(coro.run) || types.isGeneratorFunction(coro.run)) return false
  const before = at(plan.nodes, at(plan.edges, only).from).properties
  if (before.packetsInFlight !== undefined || properties.packetsInFlight !== undefined) return false
  return properties.workers === 1 && !isTrying(properties)
}
