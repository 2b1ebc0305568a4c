import { at } from './arrays.js'
import { isShared, OUT, type Plan } from './plan.js'

/** The fork of a join, and the nodes of each branch between them, from the fork on, in the order of the inputs. */
export interface BareBranches {
  readonly fork: number
  readonly branches: readonly (readonly number[])[]
}

/**
 * What lies between a join and its fork, where nothing has to carry a frame as long as every node gives one output per
 * input: branches that neither meet nor part, in no other region.
 *
 * @param isPlain whether values may come to a node bare
 */
export function bareBranchesOf(plan: Plan, join: number, isPlain: (node: number) => boolean): BareBranches | undefined {
  const { nodes, edges, regions } = plan
  const fork = regions.forkOf.get(join)
  const within = (node: number): boolean => (regions.nodes.get(node)?.holds.length ?? 0) > 0
  if (fork === undefined || regions.forks.get(fork)?.joins.length !== 1 || within(fork) || within(join))
    return undefined
  if (isShared(at(nodes, fork), edges)) return undefined
  const { inputs, properties } = at(nodes, join)
  if (properties.collect === 'all' || at(nodes, fork).outputs.length !== inputs.length) return undefined
  const branches: number[][] = []
  for (const input of inputs) {
    const branch: number[] = []
    let { from, port } = at(edges, input)
    while (port === OUT && from !== fork && isPlain(from) && at(nodes, from).outputs.length === 1) {
      branch.unshift(from)
      ;({ from, port } = at(edges, at(at(nodes, from).inputs, 0))) // a plain node has one
    }
    if (port !== OUT || from !== fork) return undefined
    branches.push(branch)
  }
  return { fork, branches }
}
