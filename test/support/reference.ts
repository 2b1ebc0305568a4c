import { isLeaf, itemsOf, type RandomGraph, type RandomNode, Refusal, resultsOf } from './random-graph.js'

/** What a node must have counted in the end. */
export interface ExpectedCounts {
  readonly received: number
  readonly completed: number
  readonly failed: number
  readonly dropped: number
  readonly emitted: number
}

/** What a run must have done, by the plainest way to compute it. */
export interface Expected {
  /** Outputs by leaf. */
  readonly outputs: ReadonlyMap<string, readonly string[]>
  /** Leaves whose outputs leave in the order of `outputs`; at the others they may leave in any order. */
  readonly inOrder: ReadonlySet<string>
  readonly nodes: ReadonlyMap<string, ExpectedCounts>
}

/**
 * Computes what a random graph gives without queues, workers or time. A join goes through the outputs of its fork, and
 * for each of them computes what every input makes of that one alone: there is the definition of lineage, in one line.
 */
export function expectedOf(graph: RandomGraph): Expected {
  const reference = new Reference(graph)
  const leaves = graph.nodes.filter(({ name }) => isLeaf(graph, name))
  return {
    outputs: new Map(leaves.map(({ name }) => [name, reference.outputsOf(name)])),
    inOrder: new Set(leaves.filter(({ name }) => reference.isInOrder(name)).map(({ name }) => name)),
    nodes: new Map(graph.nodes.map((node) => [node.name, reference.countsOf(node)])),
  }
}

/** Forks of which only one output is looked at: that one, and what was computed from it. */
interface Pinned {
  readonly outputs: ReadonlyMap<string, readonly string[]>
  readonly known: Map<string, readonly string[]>
}

/** One call of a node: its input as one text, and how many packets that was made of. */
interface Call {
  readonly value: string
  readonly weight: number
}

class Reference {
  readonly #graph: RandomGraph
  readonly #nodes: ReadonlyMap<string, RandomNode>
  readonly #everything: Pinned = { outputs: new Map(), known: new Map() }

  constructor(graph: RandomGraph) {
    this.#graph = graph
    this.#nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  }

  outputsOf(name: string, pinned: Pinned = this.#everything): readonly string[] {
    const found = pinned.outputs.get(name) ?? pinned.known.get(name)
    if (found !== undefined) return found
    const node = this.#node(name)
    const outputs =
      node.inputs.length === 0 ? itemsOf(node) : this.#calls(node, pinned).flatMap((call) => given(node, call))
    pinned.known.set(name, outputs)
    return outputs
  }

  /** Whether the outputs of a node leave in the order in which they are computed here. */
  isInOrder(name: string): boolean {
    const { inputs, fork, properties } = this.#node(name)
    const [only] = inputs
    if (fork !== undefined) return properties.ordered && this.isInOrder(fork)
    if (only === undefined) return true
    return inputs.length === 1 && (properties.ordered || properties.workers === 1) && this.isInOrder(only)
  }

  countsOf(node: RandomNode): ExpectedCounts {
    const emitted = this.outputsOf(node.name).length
    if (node.inputs.length === 0) {
      const received = node.style === 'fed' ? emitted : 0
      return { received, completed: received, failed: 0, dropped: 0, emitted }
    }
    const calls = this.#calls(node, this.#everything)
    const received = node.inputs.reduce((sum, input) => sum + this.outputsOf(input).length, 0)
    const refused = calls.filter(({ value }) => resultsOf(node, value) instanceof Refusal)
    const failed = refused.reduce((sum, { weight }) => sum + weight, 0)
    const empty = calls.filter(({ value }) => isEmpty(resultsOf(node, value))).length
    const dropped = isLeaf(this.#graph, node.name) ? 0 : empty + this.#filteredFrames(node)
    return { received, completed: received - failed, failed, dropped, emitted }
  }

  #calls(node: RandomNode, pinned: Pinned): readonly Call[] {
    if (node.fork === undefined)
      return node.inputs.flatMap((input) => this.outputsOf(input, pinned).map((value) => ({ value, weight: 1 })))
    const tuples = this.#frames(node, node.fork, pinned).filter((parts) => parts.every(({ length }) => length === 1))
    return tuples.map((parts) => ({ value: parts.flat().join('+'), weight: parts.length }))
  }

  /** For each output of the fork, what each input of the join gives. */
  #frames(node: RandomNode, fork: string, pinned: Pinned): (readonly string[])[][] {
    return this.outputsOf(fork, pinned).map((output) => {
      const one: Pinned = { outputs: new Map([...pinned.outputs, [fork, [output]]]), known: new Map() }
      return node.inputs.map((input) => this.outputsOf(input, one))
    })
  }

  /** Frames into which some inputs gave something, and others nothing. */
  #filteredFrames(node: RandomNode): number {
    if (node.fork === undefined) return 0
    const frames = this.#frames(node, node.fork, this.#everything)
    return frames.filter((parts) => parts.some(isEmpty) && !parts.every(isEmpty)).length
  }

  #node(name: string): RandomNode {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new RangeError(`There is no node "${name}".`)
    return node
  }
}

function given(node: RandomNode, { value }: Call): readonly string[] {
  const results = resultsOf(node, value)
  return results instanceof Refusal ? [] : results
}

const isEmpty = (results: readonly string[] | Refusal): boolean => Array.isArray(results) && results.length === 0
