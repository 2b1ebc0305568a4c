import { analyseRegions, type CoroDefinition, NODE_PROPERTIES, OUT, quote, type Regions } from '@pipelines/core'
import { behindSuspects, type Checking, type Wiring } from './check.js'
import type { Surroundings } from './definitions.js'
import type { Findings } from './findings.js'
import { Gates } from './gates.js'
import { mergesBy } from './groups.js'
import type { Limits } from './limits.js'
import { pointer } from './names.js'
import { type Draft, saysMissing, workersOf } from './normalize.js'
import { sharingIn } from './sharing.js'

/** Analyses how the joins of the acyclic part of a graph pair their inputs. */
export function regionsOf(draft: Draft, wiring: Wiring, limits: Limits): Regions {
  const nodes = wiring.names.map((name) => {
    const properties = draft.nodes.get(name)?.properties
    if (properties === undefined) return { joins: false, workers: 1 }
    const { aggregateInputs: joins, match, batch } = properties
    const workers = workersOf(properties, limits.workers)
    return { joins, byPosition: match === 'position', workers, batch: batch?.size }
  })
  const { order, inputs: ins, outputs: outs } = wiring
  const edges = wiring.edges.map(({ source, target, port }) => ({ from: source, to: target, port }))
  const entries = limits.tokens
  if (order.length === nodes.length)
    return analyseRegions({ nodes, edges, order }, { incidence: { ins, outs }, entries })
  // A node that can be sorted has no predecessor that cannot; so what is analysed is exact for every node in it.
  const sorted = new Set(order)
  const between = edges.filter(({ from, to }) => sorted.has(from) && sorted.has(to))
  return analyseRegions({ nodes, edges: between, order }, { entries })
}

/** A region in which too many nodes lead to too many joins: each item would be counted at all of them. */
export function checkTokens({ names }: Wiring, { tooLarge }: Regions, { limits, findings }: Checking): void {
  if (tooLarge === undefined) return
  const fork = names[tooLarge.fork] ?? ''
  const node = JSON.stringify(names[tooLarge.node])
  findings.add('GRAPH_LIMIT', pointer('nodes', fork), {
    what: `tokens in the region of ${JSON.stringify(fork)} (an item at ${node} alone counts at ${tooLarge.joins} joins)`,
    limit: limits.tokens,
    option: 'tokens',
    hint: 'Set "aggregateInputs": false at some of these joins, or raise "limits.tokens" if this is meant.',
  })
}

/** Joins that cannot pair their inputs, and joins that would wait for two outputs of which an item takes only one. */
export function checkJoins({ draft, wiring, findings }: Surroundings, regions: Regions): void {
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
  const sharing = sharingIn(draft, wiring)
  const gates = new Gates(wiring, sharing)
  for (const join of regions.forkOf.keys()) {
    const name = wiring.names[join] ?? ''
    const properties = draft.nodes.get(name)?.properties
    const meant = properties !== undefined && saysMissing(properties)
    const clash = meant || uncertain.has(join) ? undefined : gates.clash(join)
    if (clash === undefined) {
      if (sharing.size > 0) checkShared({ join, sharing }, wiring, findings)
      continue
    }
    findings.add('GRAPH_PORT', pointer('nodes', name), { ...clash, port: clash.ports[0], join: name })
  }
  for (const join of regions.positional) checkOptions(wiring.names[join] ?? '', { draft, findings })
}

/** A node that shares its outputs right before a join by lineage, which takes whatever comes: it would get all of them. */
function checkShared(
  { join, sharing }: { readonly join: number; readonly sharing: ReadonlySet<number> },
  { names, edges, inputs }: Wiring,
  findings: Findings,
): void {
  for (const edge of inputs[join] ?? []) {
    const { source = -1, from = '', port } = edges[edge] ?? {}
    if (port !== OUT || !sharing.has(source)) continue
    const to = quote(names[join] ?? '')
    findings.add('OPTION_CONFLICT', pointer('nodes', from, 'properties', 'fanOut'), {
      node: from,
      what: `has "fanOut": "share", but its successor ${to} joins its inputs, and so takes whatever comes at once`,
      hint: `Put a node between the two, or set "aggregateInputs": false at ${to}.`,
    })
  }
}

/** Settings of joins by lineage at one that pairs by position. */
function checkOptions(node: string, { draft, findings }: Pick<Surroundings, 'draft' | 'findings'>): void {
  const properties = draft.nodes.get(node)?.properties
  for (const option of ['missing', 'collect'] as const) {
    if (properties === undefined || properties[option] === NODE_PROPERTIES[option].default) continue
    findings.add('OPTION_CONFLICT', pointer('nodes', node, 'properties', option), {
      node,
      what: `has "${option}": ${JSON.stringify(properties[option])}, which says what a join by lineage does, but it pairs by position`,
      hint: 'Say with "unequal" what happens when one side ends first.',
    })
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

/** What comes of several items, or of none, belongs to no single one, so that a join behind it could not place it. */
const UNPLACEABLE = 'belongs to no single item, while a join behind it pairs by item'
const BEHIND = 'Move the node behind the join, or set "aggregateInputs": false at the join.'

/** Whether a join behind the node counts what it gives out. */
function isCounted(node: number, regions: Regions): boolean {
  const inside = regions.nodes.get(node)
  // A join out of which no frame leads holds nothing: what it gives out without an item is as free as any other output.
  return inside?.framed === true && inside.holds.length > 0
}

/** Nodes of which one output belongs to several items. */
export function checkGroups({ draft, wiring, findings }: Surroundings, regions: Regions): void {
  if (regions.nodes.size === 0) return
  wiring.names.forEach((node, number) => {
    const properties = draft.nodes.get(node)?.properties
    const at = properties && mergesBy(properties)
    if (at === undefined || !isCounted(number, regions)) return
    findings.add('GRAPH_UNEVEN_JOIN', pointer('nodes', node, 'properties', at), {
      node,
      why: `it has "${at}", and what it makes of several items ${UNPLACEABLE}`,
      hint: at === 'batch' ? `Set "returns": "each" in "batch". ${BEHIND}` : BEHIND,
    })
  })
}

/** What `flush` gives out belongs to no item. */
export function checkFlush(
  node: { name: string; number: number; coro: CoroDefinition },
  regions: Regions,
  findings: Findings,
): void {
  if (node.coro.flush === undefined || !isCounted(node.number, regions)) return
  findings.add('GRAPH_UNEVEN_JOIN', pointer('nodes', node.name), {
    node: node.name,
    why: `its coroutine has "flush", and what that gives out ${UNPLACEABLE}`,
    hint: BEHIND,
  })
}
