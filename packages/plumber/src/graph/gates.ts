import { Dominators, OUT } from '@pipelines/core'
import type { Wiring } from './check.js'

/** Two ports of a node that a join waits for, or two successors that share its outputs. */
export interface Clash {
  readonly node: string
  readonly ports: readonly [string, string]
  /** Whether the two are the names of such successors. */
  readonly shared?: boolean | undefined
}

/** A way out of a node that an output takes in place of others. */
interface Way {
  readonly node: number
  readonly port: string
  /** The only successor on the way, where several share the port. */
  readonly to?: string | undefined
}

const NO_NODES: ReadonlySet<number> = new Set()

/**
 * Finds joins behind a switch whose branches meet again. In a copy of the graph every used port of a node with several
 * is a vertex of its own, a *gate*, and so is every edge of a port whose outputs are shared. An input of a join always comes through the gates that dominate it; two inputs that
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
  /** What a gate stands for; gates are numbered behind the nodes. */
  readonly #owners: Way[] = []
  readonly #dominators: Dominators | undefined
  /** Places of the vertices in the dominator tree. */
  readonly #places: readonly number[] = []

  /** @param sharing the nodes of which each output by port `out` goes to one successor */
  constructor(wiring: Wiring, sharing: ReadonlySet<number> = NO_NODES) {
    this.#wiring = wiring
    this.#number(sharing)
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

  #owner(gate: number): Way | undefined {
    return this.#owners[gate - this.#wiring.names.length]
  }

  #describe(node: number, first: number, second: number): Clash {
    // Gates are numbered in the order of the graph.
    const [one, other] = [this.#owner(Math.min(first, second)), this.#owner(Math.max(first, second))]
    const label = (way: Way | undefined): string => way?.to ?? way?.port ?? ''
    const shared = one?.to !== undefined && other?.to !== undefined ? true : undefined
    return { node: this.#wiring.names[node] ?? '', ports: [label(one), label(other)], shared }
  }

  #number(sharing: ReadonlySet<number>): void {
    const { outputs, edges, names } = this.#wiring
    outputs.forEach((list, node) => {
      const wayOf = (edge: number): Way => {
        const { port = '', to } = edges[edge] ?? {}
        return { node, port, to: port === OUT && sharing.has(node) ? to : undefined }
      }
      // Names have no spaces, so that these are different for different ways.
      const keyOf = ({ port, to }: Way): string => (to === undefined ? port : `${port} ${to}`)
      const ways = new Map(list.map((edge) => [keyOf(wayOf(edge)), wayOf(edge)]))
      const gates = new Map<string, number>()
      if (ways.size > 1) for (const [key, way] of ways) gates.set(key, names.length + this.#owners.push(way) - 1)
      for (const edge of list) this.#start[edge] = gates.get(keyOf(wayOf(edge))) ?? node
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
