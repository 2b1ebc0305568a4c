import { analyseRegions, type CoroDefinition, Dominators, type Regions } from '@pipelines/core'
import type { Wiring } from './check.js'
import type { Findings } from './findings.js'
import type { Limits } from './limits.js'
import { pointer } from './names.js'
import { type Draft, workersOf } from './normalize.js'

/** Analyses how the joins of the acyclic part of a graph pair their inputs. */
export function regionsOf(draft: Draft, wiring: Wiring, limits: Limits): Regions {
  const sorted = new Set(wiring.order)
  const nodes = wiring.names.map(name => {
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
    findings.add('GRAPH_UNEVEN_JOIN', pointer('nodes', node), () => ({ node, why: whyUneven(wiring.inputs[join] ?? [], nameOf) }))
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
  const listed = names.slice(0, 5).map(name => JSON.stringify(name))
  const list = names.length > 5 ? `${listed.join(', ')} and ${names.length - 5} more` : `${listed.slice(0, -1).join(', ')} and ${listed.at(-1)}`
  return `${list} are connected, but there is no one node that everything they send comes from`
}

/** What `flush` gives out belongs to no item, so that a join behind it could not place it. */
export function checkFlush(node: { name: string; number: number; coro: CoroDefinition }, regions: Regions, findings: Findings): void {
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
    if (from.some(edge => found.has(edges[edge]?.source ?? -1))) found.add(node)
  }
  return found
}

/** Two ports of a node that a join waits for. */
interface Clash {
  readonly node: string
  readonly ports: readonly [string, string]
}

/**
 * Finds joins behind a switch whose branches meet again. In a copy of the graph every used port of a node with several
 * is a vertex of its own, a *gate*. An input of a join always comes through the gates that dominate it; two inputs that
 * come through different gates of one node never come from one output.
 */
class Gates {
  readonly #wiring: Wiring
  /** The gate that an edge starts from, else its node. */
  readonly #start: number[] = []
  /** Node and port of a gate; gates are numbered behind the nodes. */
  readonly #owners: { readonly node: number; readonly port: string }[] = []
  /** The nearest gate above a vertex, itself included, or -1. */
  readonly #gate: number[] = []

  constructor(wiring: Wiring) {
    this.#wiring = wiring
    this.#number()
    if (this.#owners.length > 0) this.#climb()
  }

  clash(join: number): Clash | undefined {
    if (this.#owners.length === 0) return undefined
    const seen = new Map<number, number>()
    for (const edge of this.#wiring.inputs[join] ?? []) {
      let gate = this.#gate[this.#start[edge] ?? -1] ?? -1
      for (;;) {
        const owner = this.#owner(gate)
        if (owner === undefined) break
        const other = seen.get(owner.node)
        if (other === gate) break
        if (other !== undefined) return this.#describe(owner.node, other, gate)
        seen.set(owner.node, gate)
        gate = this.#gate[owner.node] ?? -1
      }
    }
    return undefined
  }

  #owner(gate: number): { readonly node: number; readonly port: string } | undefined {
    return this.#owners[gate - this.#wiring.names.length]
  }

  #describe(node: number, first: number, second: number): Clash {
    const port = (gate: number): string => this.#owner(gate)?.port ?? ''
    return { node: this.#wiring.names[node] ?? '', ports: [port(first), port(second)] }
  }

  #number(): void {
    const { outputs, edges, names } = this.#wiring
    outputs.forEach((list, node) => {
      const ports = new Set(list.map(edge => edges[edge]?.port ?? ''))
      const gates = new Map<string, number>()
      if (ports.size > 1) for (const port of ports) gates.set(port, names.length + this.#owners.push({ node, port }) - 1)
      for (const edge of list) this.#start[edge] = gates.get(edges[edge]?.port ?? '') ?? node
    })
  }

  #climb(): void {
    const { names, edges, order } = this.#wiring
    const vertices = names.length + this.#owners.length
    const sorted = new Set(order)
    const wires: { from: number; to: number; port: string }[] = []
    this.#owners.forEach(({ node, port }, place) => wires.push({ from: node, to: names.length + place, port }))
    edges.forEach(({ source, target, port }, edge) => {
      if (sorted.has(source) && sorted.has(target)) wires.push({ from: this.#start[edge] ?? source, to: target, port })
    })
    const inputs: number[][] = Array.from({ length: vertices }, () => [])
    wires.forEach(({ to }, wire) => inputs[to]?.push(wire))
    const steps = this.#order(order)
    const nodes = Array.from({ length: vertices }, () => ({ joins: false, workers: 1 }))
    const dominators = new Dominators({ nodes, edges: wires, order: steps }, inputs)
    for (const step of steps) this.#gate[step] = step >= names.length ? step : (this.#gate[dominators.of(step)] ?? -1)
  }

  /** Topological order with every gate right behind its node. */
  #order(order: readonly number[]): number[] {
    const gatesOf = new Map<number, number[]>()
    this.#owners.forEach(({ node }, place) => {
      const gates = gatesOf.get(node) ?? []
      gates.push(this.#wiring.names.length + place)
      gatesOf.set(node, gates)
    })
    return order.flatMap(node => [node, ...(gatesOf.get(node) ?? [])])
  }
}
