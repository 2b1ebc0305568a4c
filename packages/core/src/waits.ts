import { at } from './arrays.js'
import type { BatchInlet } from './batch.js'
import type { StalledNode } from './errors.js'
import type { ForkWindow } from './frames.js'
import type { LineageJoin } from './join.js'
import type { RunningNode } from './node.js'
import type { Plan } from './plan.js'
import { quote } from './text.js'

/** The parts of a network in which something may wait, by number of node or edge. */
export interface WaitingParts {
  readonly nodes: readonly Pick<RunningNode, 'dozes' | 'movement'>[]
  readonly edges: readonly { readonly size: number; readonly capacity: number; readonly crowd: number }[]
  readonly windows: ReadonlyMap<number, ForkWindow>
  readonly batches: ReadonlyMap<number, BatchInlet>
  readonly joins: ReadonlyMap<number, Pick<LineageJoin, 'lacking'>>
  readonly zips: ReadonlyMap<number, Pick<LineageJoin, 'lacking'>>
}

/** Who waits for whom, from the sources on. */
export function waitsOf(plan: Plan, parts: WaitingParts): StalledNode[] {
  return plan.order.flatMap((number) => {
    const { name, outputs } = at(plan.nodes, number)
    const isLeaf = outputs.length === 0
    const { dozes, movement } = at(parts.nodes, number)
    const doing = dozes ? 'waits until another call may start' : movement.doing
    const waits = [
      ...roomFor(plan, parts, number),
      ...creditFor(plan, parts, number),
      ...restFor(parts, number),
      ...companyFor(parts, number),
    ]
    if (doing !== undefined) waits.push({ why: doing })
    else if (waits.length === 0 && movement.blocked > 0)
      waits.push({
        why: isLeaf ? 'waits until onOutput has taken its outputs' : 'waits for the turn of an earlier item',
      })
    return waits.map((wait) => ({ node: name, ...wait }))
  })
}

type Wait = Omit<StalledNode, 'node'>

function roomFor(plan: Plan, { edges }: WaitingParts, number: number): Wait[] {
  return at(plan.nodes, number).outputs.flatMap((output) => {
    const { crowd, size, capacity } = at(edges, output)
    const on = at(plan.nodes, at(plan.edges, output).to).name
    if (crowd === 0) return []
    if (size < capacity) return [{ on, why: `waits until ${quote(on)} asks for its next item` }]
    return [{ on, why: `waits for room in front of ${quote(on)}, where ${size} of ${capacity} places are taken` }]
  })
}

function creditFor(plan: Plan, { windows }: WaitingParts, number: number): Wait[] {
  const window = windows.get(number)
  if (window === undefined || window.crowd === 0) return []
  const joins = plan.regions.forks.get(number)?.joins.map((join) => at(plan.nodes, join).name) ?? []
  const why = `waits until ${joins.map(quote).join(' and ')} is done with one of the ${window.open} items between them`
  return [{ on: joins[0], why }]
}

function restFor({ joins, zips }: WaitingParts, number: number): Wait[] {
  const { items, inputs } = (joins.get(number) ?? zips.get(number))?.lacking ?? { items: 0, inputs: [] }
  if (items === 0 || inputs.length === 0) return []
  return [{ on: inputs[0], why: `waits for the rest of ${items} items from ${inputs.map(quote).join(' and ')}` }]
}

function companyFor({ batches }: WaitingParts, number: number): Wait[] {
  const held = batches.get(number)?.held.length ?? 0
  return held === 0 ? [] : [{ why: `holds an incomplete batch of ${held}` }]
}
