import { quote } from '@pipelines/core'
import type { Findings } from './findings.js'
import type { Limits } from './limits.js'
import { isName, nameChecker, pointer } from './names.js'
import type { Draft, DraftEdge } from './normalize.js'
import { Structure } from './order.js'
import { suggester } from './suggest.js'

/** The valid part of a document: nodes and edges by number, in the order of the document. */
export interface Wiring {
  /** Names of the valid nodes, in the order of `nodes`. */
  readonly names: readonly string[]
  /** The valid edges, in the order of `graph`. */
  readonly edges: readonly WiredEdge[]
  /** Numbers of the edges into a node, in tuple order. */
  readonly inputs: readonly (readonly number[])[]
  /** Numbers of the edges out of a node. */
  readonly outputs: readonly (readonly number[])[]
  /** Numbers of the nodes in topological order, without those on a cycle or behind one. */
  readonly order: readonly number[]
  /** One closed path of node numbers for each group of nodes on cycles. */
  readonly cycles: readonly (readonly number[])[]
  /** Nodes that a misspelt or otherwise wrong edge was probably meant for: whether they have inputs is not known. */
  readonly suspects: ReadonlySet<number>
}

export interface WiredEdge extends DraftEdge {
  readonly source: number
  readonly target: number
}

/** Names that are not allowed: of nodes, and of ports. Returns the names of the nodes that are. */
export function checkNames(draft: Draft, findings: Findings): string[] {
  const names = [...draft.nodes.keys()]
  for (const name of names) if (!isName(name)) findings.add('GRAPH_NAME', pointer('nodes', name), { name })
  const isPort = nameChecker()
  for (const { port, pointer: path } of draft.edges)
    if (!isPort(port)) findings.add('GRAPH_NAME', `${path}/port`, { name: port })
  return names.filter(isName)
}

/** Edges to and from nodes that do not exist, and edges that are there twice. Returns what is left, numbered. */
export function checkEdges(draft: Draft, names: readonly string[], findings: Findings): Wiring {
  const numbers = new Map(names.map((name, number) => [name, number]))
  const structure = new Structure(names.length)
  const spelling = new Spelling(draft.nodes.keys(), names)
  const isPort = nameChecker()
  const edges: WiredEdge[] = []
  for (const name of draft.listed) {
    if (draft.nodes.has(name)) continue
    findings.add('GRAPH_UNKNOWN_NODE', pointer('graph', name), () => ({ name, suggestion: spelling.nearest(name) }))
  }
  for (const edge of draft.edges) {
    const { from, to, port } = edge
    const source = numbers.get(from)
    const target = numbers.get(to)
    if (target === undefined) {
      spelling.suspect(to)
      if (draft.nodes.has(to)) continue
      findings.add('GRAPH_UNKNOWN_NODE', edge.pointer, () => ({ from, name: to, suggestion: spelling.nearest(to) }))
    } else if (source === undefined || !isPort(port)) spelling.suspects.add(to)
    else if (structure.connect(source, target, port)) edges.push({ ...edge, source, target })
    else findings.add('GRAPH_DUPLICATE_EDGE', edge.pointer, { from, to, port })
  }
  const suspects = new Set([...spelling.suspects].flatMap((name) => numbers.get(name) ?? []))
  return { names, edges, ...incidence(names.length, edges), ...sorted(structure, names.length), suspects }
}

/** Most names that are looked up among the others; each costs a look at all of them. */
const MOST_LOOKUPS = 100

/** What unknown names were probably meant to be. */
class Spelling {
  /** Names of nodes that lost an edge because of a mistake elsewhere. */
  readonly suspects: Set<string> = new Set()
  readonly #suggest: (text: string) => string | undefined
  readonly #known: readonly string[]
  readonly #found: Map<string, string | undefined> = new Map()

  constructor(candidates: Iterable<string>, known: readonly string[]) {
    this.#suggest = suggester(candidates)
    this.#known = known
  }

  nearest(name: string): string | undefined {
    if (!this.#found.has(name) && this.#found.size < MOST_LOOKUPS) this.#found.set(name, this.#suggest(name))
    return this.#found.get(name)
  }

  /** Notes that an edge to this name was lost. With too many of them every node is suspect. */
  suspect(name: string): void {
    const nearest = this.nearest(name)
    if (nearest !== undefined) this.suspects.add(nearest)
    else if (!this.#found.has(name) && this.suspects.size < this.#known.length) {
      for (const other of this.#known) this.suspects.add(other)
    }
  }
}

function incidence(nodes: number, edges: readonly WiredEdge[]): Pick<Wiring, 'inputs' | 'outputs'> {
  const inputs: number[][] = Array.from({ length: nodes }, () => [])
  const outputs: number[][] = Array.from({ length: nodes }, () => [])
  edges.forEach(({ source, target }, number) => {
    inputs[target]?.push(number)
    outputs[source]?.push(number)
  })
  return { inputs, outputs }
}

function sorted(structure: Structure, nodes: number): Pick<Wiring, 'order' | 'cycles'> {
  const order = structure.order()
  return { order, cycles: order.length === nodes ? [] : structure.cycles() }
}

/** Cycles: nothing would ever flow in one. */
export function checkCycles({ names, edges, outputs, cycles }: Wiring, findings: Findings): void {
  for (const cycle of cycles) {
    const [first = 0] = cycle
    const last = cycle.at(-2) ?? first
    const closing = outputs[last]?.find((number) => edges[number]?.target === first)
    const path = closing === undefined ? '/graph' : (edges[closing]?.pointer ?? '/graph')
    findings.add('GRAPH_CYCLE', path, () => ({ path: cycle.map((number) => names[number] ?? '') }))
  }
}

/** A graph in which nothing could begin. */
export function checkSources(draft: Draft, { names, inputs }: Wiring, findings: Findings): void {
  if (!draft.wired || names.length < draft.nodes.size) return
  if (!inputs.some((edges) => edges.length === 0)) findings.add('GRAPH_NO_SOURCE', '/graph', {})
}

/** Numbers that are larger than the limits allow. */
export function checkLimits(draft: Draft, wiring: Wiring, { limits, findings }: Checking): void {
  const refuse = (option: 'inputs' | 'workers' | 'queueSize', found: number, path: string, what: string): void =>
    findings.add('GRAPH_LIMIT', path, { what, limit: limits[option], found, option })
  wiring.names.forEach((name, number) => {
    const inputs = wiring.inputs[number]?.length ?? 0
    const [path, node] = [pointer('nodes', name), JSON.stringify(name)]
    if (inputs > limits.inputs) refuse('inputs', inputs, path, `inputs at node ${node}`)
    const properties = draft.nodes.get(name)?.properties
    if (properties === undefined) return
    const { workers, queueSize, batch, window, stateful } = properties
    const at = `${path}/properties`
    if (workers > limits.workers) refuse('workers', workers, `${at}/workers`, `workers at node ${node}`)
    const held = (found: unknown, where: string, what: string): void => {
      if (typeof found === 'number' && found > limits.queueSize)
        refuse('queueSize', found, `${at}/${where}`, `${what} node ${node}`)
    }
    held(queueSize, 'queueSize', 'places in the queues of')
    held(batch?.size, 'batch/size', 'items in a batch of')
    held(window?.size, 'window/size', 'items in a window of')
    held(stateful, 'stateful', 'items in a window of')
  })
  for (const { from, to, queueSize = 0, pointer: path } of wiring.edges) {
    if (queueSize <= limits.queueSize) continue
    const what = `places in the queue from ${JSON.stringify(from)} to ${JSON.stringify(to)}`
    refuse('queueSize', queueSize, `${path}/queueSize`, what)
  }
}

/** What the checks of values share. */
export interface Checking {
  readonly limits: Limits
  readonly findings: Findings
}

/** Executors that nobody has given. `known` are the names that a node may use. */
export function checkExecutors(draft: Draft, known: Iterable<string>, findings: Findings): void {
  const names = [...known]
  const suggest = suggester(names)
  for (const { name, properties } of draft.nodes.values()) {
    const { executor } = properties
    if (names.includes(executor)) continue
    findings.add('OPTION_INVALID', pointer('nodes', name, 'properties', 'executor'), () => ({
      option: 'executor',
      what: `of node ${JSON.stringify(name)} is ${quote(executor)}, which is not known`,
      suggestion: suggest(executor),
      hint: `Known are ${names.map((known) => JSON.stringify(known)).join(', ')}; others are given as "executors".`,
    }))
  }
}

/** Whether a node certainly has no incoming edges: also none that a mistake has lost. */
export function isSource(draft: Draft, { inputs, suspects }: Wiring, number: number): boolean {
  return draft.wired && inputs[number]?.length === 0 && !suspects.has(number)
}

/** Nodes of which a mistake elsewhere may have hidden an input, and all behind them. */
export function behindSuspects({ order, inputs, edges, suspects }: Wiring): ReadonlySet<number> {
  const found = new Set(suspects)
  if (found.size === 0) return found
  for (const node of order) {
    const from = inputs[node] ?? []
    if (from.some((edge) => found.has(edges[edge]?.source ?? -1))) found.add(node)
  }
  return found
}
