import { NODE_PROPERTIES, type NodeProperties, OUT } from '@pipelines/core'
import type { CoroRef, Graph, GraphEdge, GraphNode } from './document.js'
import type { Findings } from './findings.js'
import { own, pointer, segmentsOf } from './names.js'

/** A node as far as it could be read, every default filled in. */
export interface DraftNode {
  readonly name: string
  /** Absent where it is missing or wrong. */
  readonly coro: CoroRef | undefined
  readonly args: Readonly<Record<string, unknown>>
  readonly properties: NodeProperties
  readonly description: string | undefined
}

/** An edge as it is written; its end may not exist. */
export interface DraftEdge {
  readonly from: string
  readonly to: string
  readonly port: string
  readonly queueSize: number | undefined
  /** Where it stands in the document. */
  readonly pointer: string
}

/** The part of a document that has the right shape. Names and edges in it are not checked yet. */
export interface Draft {
  readonly name: string | undefined
  readonly description: string | undefined
  readonly nodes: ReadonlyMap<string, DraftNode>
  /** The keys of `graph`. */
  readonly listed: readonly string[]
  /** In the order of `graph`, which is the order of tuples. */
  readonly edges: readonly DraftEdge[]
  /** Names of nodes whose successors could not all be read: they may have more edges than these. */
  readonly unread: ReadonlySet<string>
  /** Whether there are `nodes` and a `graph` at all; if not, nothing can be said of who sends to whom. */
  readonly wired: boolean
}

/**
 * Reads the part of a copied document that has the right shape and fills in the defaults. Values at the `bad` pointers
 * are passed over. Nothing depends on whether `nodes` and `graph` list their keys in the same order.
 */
export function draftOf(document: unknown, bad: ReadonlySet<string>, findings: Findings): Draft {
  const reader = new Reader(bad)
  const root = reader.object(document, '')
  const graph = reader.value(root, 'graph', '')
  const nodes = new Map<string, DraftNode>()
  const written = reader.object(reader.value(root, 'nodes', ''), '/nodes')
  const wired = graph !== undefined && written !== NOTHING
  for (const name of Object.keys(written)) nodes.set(name, readNode({ reader, findings }, name, written))
  const lists = wired ? reader.object(graph, '/graph') : NOTHING
  const listed = Object.keys(lists)
  return {
    name: reader.text(root, 'name', ''),
    description: reader.text(root, 'description', ''),
    nodes,
    listed,
    edges: listed.flatMap((from) => readEdges(reader, from, lists)),
    unread: new Set([...bad].flatMap((path) => (path.startsWith('/graph/') ? (segmentsOf(path)[1] ?? []) : []))),
    wired,
  }
}

/** The graph of a valid draft, deeply frozen. */
export function graphOf(draft: Draft): Graph {
  const nodes: Record<string, GraphNode> = Object.create(null)
  const lists: Record<string, GraphEdge[]> = Object.create(null)
  for (const { name, coro = '', args, properties, description } of draft.nodes.values()) {
    nodes[name] = Object.freeze({ coro, args, properties, ...(description === undefined ? {} : { description }) })
  }
  for (const name of [...draft.listed, ...draft.nodes.keys()]) lists[name] ??= []
  for (const { from, to, port, queueSize } of draft.edges) {
    const capacity = queueSize ?? nodes[to]?.properties.queueSize ?? NODE_PROPERTIES.queueSize.default
    lists[from]?.push(Object.freeze({ to, port, queueSize: capacity }))
  }
  for (const list of Object.values(lists)) Object.freeze(list)
  return Object.freeze({
    version: 1,
    ...(draft.name === undefined ? {} : { name: draft.name }),
    ...(draft.description === undefined ? {} : { description: draft.description }),
    nodes: Object.freeze(nodes),
    graph: Object.freeze(lists),
  })
}

/** Workers of a node at work: `workers: 0` means as many as the queue holds, within the limit. */
export function workersOf({ workers, queueSize }: NodeProperties, limit: number): number {
  return workers === 0 ? Math.min(queueSize, limit) : workers
}

const NOTHING: object = Object.freeze({})

/** Reads own keys of objects, and nothing at a bad pointer. */
class Reader {
  readonly #bad: ReadonlySet<string>

  constructor(bad: ReadonlySet<string>) {
    this.#bad = bad
  }

  value(object: object, key: string, path: string): unknown {
    const value = own(object, key)
    return value === undefined || this.#isBad(path, key) ? undefined : value
  }

  /** The object itself, or an empty one where there is none. */
  object(value: unknown, path: string): object {
    return typeof value === 'object' && value !== null && !this.#bad.has(path) ? value : NOTHING
  }

  text(object: object, key: string, path: string): string | undefined {
    const value = this.value(object, key, path)
    return typeof value === 'string' ? value : undefined
  }

  #isBad(path: string, key: string): boolean {
    return this.#bad.size > 0 && this.#bad.has(path + pointer(key))
  }
}

interface Reading {
  readonly reader: Reader
  readonly findings: Findings
}

function readNode({ reader, findings }: Reading, name: string, nodes: object): DraftNode {
  const path = `/nodes${pointer(name)}`
  const node = reader.object(own(nodes, name), path)
  const args = reader.value(node, 'args', path)
  const properties = reader.object(reader.value(node, 'properties', path), `${path}/properties`)
  if (Object.hasOwn(properties, 'aggregateInputs') && Object.hasOwn(properties, 'aggregate_inputs')) {
    const what = `${JSON.stringify(`nodes.${name}.properties`)} has both "aggregateInputs" and "aggregate_inputs".`
    findings.add('GRAPH_SCHEMA', `${path}/properties/aggregate_inputs`, { what, hint: 'Keep one of the two.' })
  }
  return {
    name,
    // The schema has let through names, functions and definitions only.
    coro: reader.value(node, 'coro', path) as CoroRef | undefined,
    args: typeof args === 'object' && args !== null ? (args as Readonly<Record<string, unknown>>) : NO_ARGS,
    properties: readProperties(reader, properties, `${path}/properties`),
    description: reader.text(node, 'description', path),
  }
}

const NO_ARGS: Readonly<Record<string, unknown>> = Object.freeze({})

function readProperties(reader: Reader, written: object, path: string): NodeProperties {
  if (written === NOTHING) return DEFAULTS
  const aggregate = reader.value(written, 'aggregateInputs', path) ?? reader.value(written, 'aggregate_inputs', path)
  const entries = Object.entries(NODE_PROPERTIES).flatMap(([name, { schema }]) => {
    const value = name === 'aggregateInputs' ? aggregate : reader.value(written, name, path)
    const whole = filledIn(reader, value, { schema, path: `${path}/${name}` })
    return whole === undefined ? [] : [[name, whole]]
  })
  const properties = Object.freeze({ ...DEFAULTS, ...Object.fromEntries(entries) })
  if (Object.hasOwn(written, 'missing')) SAYS_MISSING.add(properties)
  return properties
}

interface Place {
  readonly schema: Readonly<Record<string, unknown>>
  readonly path: string
}

/** A value with the defaults of its keys; `undefined` where a key that it needs is missing or wrong. */
function filledIn(reader: Reader, value: unknown, { schema, path }: Place): unknown {
  const keys = keysOf(schema)
  if (keys === undefined || typeof value !== 'object' || value === null) return value
  const entries = Object.entries(keys).flatMap(([key, inner]) => {
    const found = reader.value(value, key, path) ?? inner['default']
    return found === undefined ? [] : [[key, found]]
  })
  const whole: object = Object.fromEntries(entries)
  const required = schema['required'] as readonly string[]
  return required.every((key) => Object.hasOwn(whole, key)) ? Object.freeze(whole) : undefined
}

/** The schemas of the keys of a property that is an object: the table has no deeper ones. */
export function keysOf(
  schema: Readonly<Record<string, unknown>>,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined {
  return schema['properties'] as ReturnType<typeof keysOf>
}

/** Properties that say "missing" themselves: that lifts a check, so it is more than its value. */
const SAYS_MISSING = new WeakSet<NodeProperties>()
export const saysMissing = (properties: NodeProperties): boolean => SAYS_MISSING.has(properties)

const DEFAULTS: NodeProperties = Object.freeze(
  // The table has a default for every key that NodeProperties must have.
  Object.fromEntries(
    Object.entries(NODE_PROPERTIES).flatMap(([name, spec]) =>
      spec.default === undefined ? [] : [[name, spec.default]],
    ),
  ) as unknown as NodeProperties,
)

function readEdges(reader: Reader, from: string, lists: object): DraftEdge[] {
  const path = `/graph${pointer(from)}`
  const list = own(lists, from)
  if (!Array.isArray(list) || reader.value(lists, from, '/graph') === undefined) return []
  const edges: DraftEdge[] = []
  for (const [place, successor] of list.entries()) {
    const edge = readEdge(reader, { from, successor, pointer: `${path}/${place}` })
    if (edge !== undefined) edges.push(edge)
  }
  return edges
}

interface Written {
  readonly from: string
  readonly successor: unknown
  readonly pointer: string
}

function readEdge(reader: Reader, { from, successor, pointer }: Written): DraftEdge | undefined {
  if (typeof successor === 'string') return { from, to: successor, port: OUT, queueSize: undefined, pointer }
  const edge = reader.object(successor, pointer)
  const to = reader.text(edge, 'to', pointer)
  if (to === undefined) return undefined
  const queueSize = reader.value(edge, 'queueSize', pointer)
  const port = reader.text(edge, 'port', pointer) ?? OUT
  return { from, to, port, queueSize: typeof queueSize === 'number' ? queueSize : undefined, pointer }
}
