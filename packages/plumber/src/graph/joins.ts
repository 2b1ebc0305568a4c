import { analyseRegions, type CoroDefinition, type Regions } from '@pipelines/core'
import type { Wiring } from './check.js'
import type { Findings } from './findings.js'
import { Gates } from './gates.js'
import type { Limits } from './limits.js'
import { pointer } from './names.js'
import { type Draft, workersOf } from './normalize.js'

/** Analyses how the joins of the acyclic part of a graph pair their inputs. */
export function regionsOf(draft: Draft, wiring: Wiring, limits: Limits): Regions {
  const sorted = new Set(wiring.order)
  const nodes = wiring.names.map((name) => {
    const properties = draft.nodes.get(name)?.properties
    if (properties === undefined) return { joins: false, workers: 1 }
    return { joins: properties.aggregateInputs, workers: workersOf(properties, limits.workers) }
  })
  // A node that can be sorted has no predecessor that cannot; so what is analysed is exact for every node in it.
  const edges = wiring.edges.filter(({ source, target }) => sorted.has(source) && sorted.has(target))
  return analyseRegions({
    nodes,
    edges: edges.map(({ source, target, port }) => ({ from: source, to: target, port })),
    order: wiring.order,
  })
}

/** Joins that cannot pair their inputs, and joins that would wait for two outputs of which an item takes only one. */
export function checkJoins(wiring: Wiring, regions: Regions, findings: Findings): void {
  const uncertain = behindSuspects(wiring)
  const nameOf = (edge: number): string => wiring.edges[edge]?.from ?? ''
  for (const join of regions.uneven) {
    if (uncertain.has(join)) continue
    const node = wiring.names[join] ?? ''
    findings.add('GRAPH_UNEVEN_JOIN', pointer('nodes', node), () => ({
      node,
      why: whyUneven(wiring.inputs[join] ?? [], nameOf),
    }))
  }
  const gates = new Gates(wiring)
  for (const join of regions.forkOf.keys()) {
    const clash = uncertain.has(join) ? undefined : gates.clash(join)
    if (clash === undefined) continue
    const details = { node: clash.node, port: clash.ports[0], ports: clash.ports, join: wiring.names[join] ?? '' }
    findings.add('GRAPH_PORT', pointer('nodes', details.join), details)
  }
}

function whyUneven(inputs: readonly number[], nameOf: (edge: number) => string): string {
  const names = [...new Set(inputs.map(nameOf))]
  const listed = names.slice(0, 5).map((name) => JSON.stringify(name))
  const list =
    names.length > 5
      ? `${listed.join(', ')} and ${names.length - 5} more`
      : `${listed.slice(0, -1).join(', ')} and ${listed.at(-1)}`
  return `${list} are connected, but there is no one node that everything they send comes from`
}

/** What `flush` gives out belongs to no item, so that a join behind it could not place it. */
export function checkFlush(
  node: { name: string; number: number; coro: CoroDefinition },
  regions: Regions,
  findings: Findings,
): void {
  if (node.coro.flush === undefined) return
  const inside = regions.nodes.get(node.number)
  // A join out of which no frame leads holds nothing: what it flushes is as free as any other output of it.
  if (inside === undefined || !inside.framed || inside.holds.length === 0) return
  findings.add('GRAPH_UNEVEN_JOIN', pointer('nodes', node.name), {
    node: node.name,
    why: 'its coroutine has "flush", and what that gives out belongs to no single item, while a join behind it pairs by item',
    hint: 'Move the node behind the join, or set "aggregateInputs": false at the join.',
  })
}

/** Nodes of which a mistake elsewhere may have hidden an input, and all behind them. */
function behindSuspects({ order, inputs, edges, suspects }: Wiring): ReadonlySet<number> {
  const found = new Set(suspects)
  if (found.size === 0) return found
  for (const node of order) {
    const from = inputs[node] ?? []
    if (from.some((edge) => found.has(edges[edge]?.source ?? -1))) found.add(node)
  }
  return found
}
