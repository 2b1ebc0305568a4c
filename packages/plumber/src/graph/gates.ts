import { Dominators } from '@pipelines/core'
import type { Wiring } from './check.js'

/** Two ports of a node that a join waits for. */
export interface Clash {
  readonly node: string
  readonly ports: readonly [string, string]
}

/**
 * Finds joins behind a switch whose branches meet again. In a copy of the graph every used port of a node with several
 * is a vertex of its own, a *gate*. An input of a join always comes through the gates that dominate it; two inputs that
 * come through different gates of one node never come from one output.
 */
export class Gates {
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
      const ports = new Set(list.map((edge) => edges[edge]?.port ?? ''))
      const gates = new Map<string, number>()
      if (ports.size > 1)
        for (const port of ports) gates.set(port, names.length + this.#owners.push({ node, port }) - 1)
      for (const edge of list) this.#start[edge] = gates.get(edges[edge]?.port ?? '') ?? node
    })
  }

  #climb(): void {
    const { names, edges, order } = this.#wiring
    const vertices = names.length + this.#owners.length
    const sorted = new Set(order)
    const wires: { from: number; to: number; port: string }[] = []
    this.#owners.forEach(({ node, port }, place) => {
      wires.push({ from: node, to: names.length + place, port })
    })
    edges.forEach(({ source, target, port }, edge) => {
      if (sorted.has(source) && sorted.has(target)) wires.push({ from: this.#start[edge] ?? source, to: target, port })
    })
    const inputs: number[][] = Array.from({ length: vertices }, () => [])
    wires.forEach(({ to }, wire) => {
      inputs[to]?.push(wire)
    })
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
    return order.flatMap((node) => [node, ...(gatesOf.get(node) ?? [])])
  }
}
