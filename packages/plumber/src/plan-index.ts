import type { Plan } from '@pipelines/core'
import { Contract } from './contract.js'
import { inletsOf } from './inputs.js'

/** A plan, and what is looked up in it by name or number. */
export interface PlanIndex {
  readonly plan: Plan
  /** The numbers of the nodes by name. */
  readonly nodes: ReadonlyMap<string, number>
  /** The numbers of the inlets by name. */
  readonly inlets: ReadonlyMap<string, number>
  /** The numbers of the nodes without inputs. */
  readonly sources: ReadonlySet<number>
  readonly contract: Contract
}

/** Made once per plan, not per pipeline: one may be made for every request. */
export function indexOf(plan: Plan): PlanIndex {
  const inlets = inletsOf(plan)
  return {
    plan,
    nodes: new Map(plan.nodes.map((node, number) => [node.name, number])),
    inlets,
    sources: new Set(plan.nodes.flatMap(({ inputs }, number) => (inputs.length === 0 ? [number] : []))),
    contract: new Contract(plan, inlets),
  }
}
