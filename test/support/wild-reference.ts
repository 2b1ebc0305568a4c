import {
  isWildLeaf,
  textOf,
  type WildGraph,
  type WildNode,
  WildRefusal,
  type WildResult,
  wildItems,
  wildResults,
} from './wild-graph.js'

/** What a run of a wild graph gives when nobody interferes. */
export interface WildExpected {
  /** Outputs by leaf. */
  readonly outputs: ReadonlyMap<string, readonly string[]>
  /** Leaves whose outputs leave in the order of `outputs`; at the others they may leave in any order. */
  readonly inOrder: ReadonlySet<string>
  /** Whether some item ends the run. */
  readonly fails: boolean
  /** Whether all of this holds for every order of events. */
  readonly certain: boolean
  /** Whether a run that ends early gives nothing that is not in `outputs`. */
  readonly bounded: boolean
}

/** What a run did that was up to the order of events. */
export interface WildSeen {
  /** What sources gave. */
  readonly items?: ReadonlyMap<string, readonly string[]>
  /** Inputs that were in batches which failed for good: `node input`. */
  readonly refused?: ReadonlySet<string>
}

/**
 * Computes what a wild graph gives, without queues, workers or time. A join by lineage goes through the outputs of its
 * fork, and for each of them computes what every input makes of that one alone.
 *
 * @param seen what the run noted: of a source that is not named in `items`, all of its items are taken
 */
export function wildExpected(graph: WildGraph, seen: WildSeen = {}): WildExpected {
  const reference = new WildReference(graph, seen)
  const leaves = graph.nodes.map(({ name }) => name).filter((name) => isWildLeaf(graph, name))
  const outputs = new Map(leaves.map((leaf) => [leaf, reference.resultsOf(leaf).map(({ value }) => value)]))
  const judged = graph.nodes.map((node) => reference.judge(node))
  const early = graph.nodes.some(({ takes }) => takes !== undefined)
  return {
    outputs,
    inOrder: new Set(leaves.filter((leaf) => reference.isInOrder(leaf))),
    fails: judged.some(({ fails }) => fails),
    certain: !early && judged.every(({ certain }) => certain),
    // A tuple may have fewer parts when a stream ends before the rest: then it is another one, or no error any more.
    bounded:
      judged.every(({ faults }) => !early || faults === 0) &&
      graph.nodes.every(({ inlet, properties }) => inlet !== 'position' && (!early || isPlain(properties))),
  }
}

const isPlain = ({ missing, collect }: WildNode['properties']): boolean => missing === 'skip' && collect === 'one'

/** Forks of which only one output is looked at: that one, and what was computed from it. */
interface Pinned {
  readonly results: ReadonlyMap<string, readonly WildResult[]>
  readonly known: Map<string, readonly WildResult[]>
}

class WildReference {
  readonly #nodes: ReadonlyMap<string, WildNode>
  readonly #items: ReadonlyMap<string, readonly string[]>
  readonly #refused: ReadonlySet<string>
  readonly #everything: Pinned = { results: new Map(), known: new Map() }

  constructor(graph: WildGraph, { items = new Map(), refused = new Set() }: WildSeen) {
    this.#nodes = new Map(graph.nodes.map((node) => [node.name, node]))
    this.#items = items
    this.#refused = refused
  }

  resultsOf(name: string, pinned: Pinned = this.#everything): readonly WildResult[] {
    const found = pinned.results.get(name) ?? pinned.known.get(name)
    if (found !== undefined) return found
    const results = this.#compute(this.#node(name), pinned)
    pinned.known.set(name, results)
    return results
  }

  /** Whether the outputs of a node leave in the order in which they are computed here. */
  isInOrder(name: string): boolean {
    const { inputs, style, inlet, properties } = this.#node(name)
    const { ordered, workers } = properties
    // What comes together in a product comes in any order.
    if (inlet === 'merge' || properties.collect === 'product') return false
    const keeps = workers === 1 ? inlet === 'one' || ordered : ordered && style !== 'stream'
    return keeps && inputs.every(({ from }) => this.isInOrder(from))
  }

  /** Whether a node ends the run, whether that and its outputs are certain, and how many tuples have too many parts. */
  judge(node: WildNode): { fails: boolean; certain: boolean; faults: number } {
    const inputs = this.#inputs(node, this.#everything)
    const refuses = inputs.some((input) => wildResults(node, input) instanceof WildRefusal)
    const faults = this.#frames(node, this.#everything).filter((parts) => tuplesOf(node, parts) === FAULT).length
    const fails = node.properties.onError === 'fail' && (refuses || faults > 0)
    if (node.inlet !== 'position') return { fails, certain: true, faults }
    const { unequal } = node.properties
    const uneven = new Set(this.#columns(node, this.#everything).map(({ length }) => length)).size > 1
    const paired = node.inputs.every(({ from }) => this.isInOrder(from))
    // What is too long is not drawn to its end, which may leave others short that come from the same source.
    const certain = paired && (!uneven || unequal !== 'shortest')
    return { fails: fails || (uneven && unequal === 'strict'), certain, faults }
  }

  #compute(node: WildNode, pinned: Pinned): readonly WildResult[] {
    if (node.inputs.length === 0)
      return (this.#items.get(node.name) ?? wildItems(node)).map((value) => ({ port: 'out', value }))
    return this.#inputs(node, pinned).flatMap((input) => {
      const results = wildResults(node, input)
      const refused = results instanceof WildRefusal || this.#refused.has(`${node.name} ${textOf(input)}`)
      return refused ? [] : results
    })
  }

  /** What a node is called with. */
  #inputs(node: WildNode, pinned: Pinned): readonly unknown[] {
    if (node.inputs.length === 0) return []
    if (node.inlet === 'one' || node.inlet === 'merge') return this.#columns(node, pinned).flat()
    if (node.inlet !== 'position') return this.#frames(node, pinned).flatMap((parts) => tuplesOf(node, parts))
    const columns = this.#columns(node, pinned)
    const lengths = columns.map(({ length }) => length)
    const length = node.properties.unequal === 'longest' ? Math.max(...lengths) : Math.min(...lengths)
    return Array.from({ length }, (_, place) => columns.map((column) => column[place]))
  }

  /** What comes in by each edge. */
  #columns({ inputs }: WildNode, pinned: Pinned): string[][] {
    return inputs.map(({ from, port }) =>
      this.resultsOf(from, pinned)
        .filter((result) => result.port === port)
        .map(({ value }) => value),
    )
  }

  /** For each output of the fork of a join by lineage, what comes in by each edge. */
  #frames(node: WildNode, pinned: Pinned): string[][][] {
    if (typeof node.inlet !== 'object') return []
    const { fork } = node.inlet
    const ports = this.#portsTo(node, fork)
    const outputs = this.resultsOf(fork, pinned).filter(({ port }) => ports.has(port))
    return outputs.map((result) =>
      this.#columns(node, { results: new Map([...pinned.results, [fork, [result]]]), known: new Map() }),
    )
  }

  /** The ports of `fork` from which a join can be reached: what leaves by others opens no frame. */
  #portsTo(join: WildNode, fork: string): Set<string> {
    const ports = new Set<string>()
    const above = new Set([join])
    for (const { inputs } of above)
      for (const { from, port } of inputs) {
        if (from === fork) ports.add(port)
        else above.add(this.#node(from))
      }
    return ports
  }

  #node(name: string): WildNode {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new Error(`There is no node "${name}".`)
    return node
  }
}

/** Of a frame that ends in an error. */
const FAULT: readonly unknown[] = []

/** What a join by lineage makes of what came in by each edge for one output of its fork. */
function tuplesOf({ properties }: WildNode, parts: readonly (readonly string[])[]): readonly unknown[] {
  const { missing, collect } = properties
  const lacks = parts.some(({ length }) => length === 0)
  if (lacks && missing === 'fail') return FAULT
  if (lacks && (missing === 'skip' || parts.every(({ length }) => length === 0))) return []
  if (collect === 'all') return [parts]
  if (collect === 'one' && parts.some(({ length }) => length > 1)) return FAULT
  return parts.reduce<(string | undefined)[][]>(
    (tuples, part) => tuples.flatMap((tuple) => (part.length === 0 ? [undefined] : part).map((one) => [...tuple, one])),
    [[]],
  )
}
