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
 *
 * A gate has one predecessor, its node, and so the gates of a node dominate different vertices: that node is then the
 * nearest common dominator of the two inputs, and the gates are right below it on the ways there. With the inputs in
 * the order of the dominator tree, every node where their ways part is the common dominator of two neighbours.
 */
export class Gates {
  readonly #wiring: Wiring
  /** The gate that an edge starts from, else its node. */
  readonly #start: number[] = []
  /** Node and port of a gate; gates are numbered behind the nodes. */
  readonly #owners: { readonly node: number; readonly port: string }[] = []
  readonly #dominators: Dominators | undefined
  /** Places of the vertices in the dominator tree. */
  readonly #places: readonly number[] = []

  constructor(wiring: Wiring) {
    this.#wiring = wiring
    this.#number()
    if (this.#owners.length === 0) return
    this.#dominators = this.#dominate()
    this.#places = this.#dominators.preorder()
  }

  clash(join: number): Clash | undefined {
    const dominators = this.#dominators
    if (dominators === undefined) return undefined
    const place = (vertex: number): number => this.#places[vertex] ?? 0
    const starts = (this.#wiring.inputs[join] ?? []).map((edge) => this.#start[edge] ?? -1)
    starts.sort((a, b) => place(a) - place(b))
    const seen = new Map<number, number>()
    for (const [number, start] of starts.slice(1).entries()) {
      const other = starts[number] ?? start
      const parting = dominators.common(other, start)
      for (const vertex of [other, start]) {
        const gate = dominators.below(parting, vertex)
        if (this.#owner(gate)?.node !== parting) continue
        const known = seen.get(parting) ?? gate
        if (known !== gate) return this.#describe(parting, known, gate)
        seen.set(parting, gate)
      }
    }
    return undefined
  }

  #owner(gate: number): { readonly node: number; readonly port: string } | undefined {
    return this.#owners[gate - this.#wiring.names.length]
  }

  #describe(node: number, first: number, second: number): Clash {
    const port = (gate: number): string => this.#owner(gate)?.port ?? ''
    // Gates are numbered in the order of the graph.
    const ports = [port(Math.min(first, second)), port(Math.max(first, second))] as const
    return { node: this.#wiring.names[node] ?? '', ports }
  }

  #number(): void {
    const { outputs, edges, names } = this.#wiring
    outputs.forEach((list, node) => {
      const gates = new Map<string, number>()
      for (const edge of list) gates.set(edges[edge]?.port ?? '', node)
      if (gates.size > 1)
        for (const port of gates.keys()) gates.set(port, names.length + this.#owners.push({ node, port }) - 1)
      for (const edge of list) this.#start[edge] = gates.get(edges[edge]?.port ?? '') ?? node
    })
  }

  #dominate(): Dominators {
    const { names, inputs, order } = this.#wiring
    const size = names.length + this.#owners.length
    const predecessors = (vertex: number): readonly number[] => {
      const owner = this.#owner(vertex)
      // A node that can be sorted has no predecessor that cannot.
      return owner === undefined ? (inputs[vertex] ?? []).map((edge) => this.#start[edge] ?? -1) : [owner.node]
    }
    return new Dominators({ size, order: this.#order(order), predecessors })
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
