import { isCoroDefinition, NODE_PROPERTIES, OUT, type PropertySpec } from '@pipelines/core'
import type {
  CoroRef,
  Graph,
  GraphDocument,
  GraphNode,
  NodeDocument,
  PropertiesDocument,
  Successor,
} from './document.js'
import { keysOf, saysMissing } from './normalize.js'

/**
 * The graph as a Mermaid flow chart: sources rounded, ports other than `out` as labels. Nodes have ids of their own, so
 * that no name can mean something to Mermaid.
 */
export function toMermaid(graph: Graph): string {
  const ids = idsOf(graph)
  const targets = targetsOf(graph)
  const nodes = [...ids].map(([name, id]) => {
    const label = `"${name}"`
    return targets.has(name) ? `  ${id}[${label}]` : `  ${id}([${label}])`
  })
  const edges = edgesOf(graph, ids).map(
    ({ from, to, port }) => `  ${from} -->${port === OUT ? '' : `|"${port}"|`} ${to}`,
  )
  return ['flowchart LR', ...nodes, ...edges, ''].join('\n')
}

/** The graph in the DOT language of Graphviz: sources are ellipses, ports other than `out` are labels. */
export function toDot(graph: Graph): string {
  const ids = idsOf(graph)
  const targets = targetsOf(graph)
  const nodes = [...ids].map(([name, id]) => {
    return `  ${id} [label=${dotString(name)}, shape=${targets.has(name) ? 'box' : 'ellipse'}]`
  })
  const edges = edgesOf(graph, ids).map(({ from, to, port }) => {
    return `  ${from} -> ${to}${port === OUT ? '' : ` [label=${dotString(port)}]`}`
  })
  const title = graph.name === undefined ? '' : ` ${dotString(graph.name)}`
  return [`digraph${title} {`, '  rankdir=LR', ...nodes, ...edges, '}', ''].join('\n')
}

/**
 * The graph as a document in its shortest form: what equals a default is left out, keys keep their order. Read again, it
 * gives an equal graph. A coroutine that is a function in the document gets a generated name such as `reverse#1`, which
 * no coroMap has by chance; values that `args` hold by reference stay as they are. Never throws.
 */
export function toJSON(graph: Graph): GraphDocument {
  const nodes: Record<string, NodeDocument> = Object.create(null)
  const lists: Record<string, readonly Successor[] | null> = Object.create(null)
  const nameOf = namer()
  for (const [name, node] of Object.entries(graph.nodes)) nodes[name] = nodeOf(node, nameOf)
  for (const [name, list] of Object.entries(graph.graph)) {
    lists[name] = list.length === 0 ? null : list.map((edge) => successorOf(graph, edge))
  }
  const { version, name, description } = graph
  return {
    version,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    nodes,
    graph: lists,
  }
}

function idsOf(graph: Graph): Map<string, string> {
  return new Map(Object.keys(graph.nodes).map((name, number) => [name, `n${number}`]))
}

function targetsOf(graph: Graph): Set<string> {
  return new Set(Object.values(graph.graph).flatMap((list) => list.map(({ to }) => to)))
}

interface DrawnEdge {
  readonly from: string
  readonly to: string
  readonly port: string
}

function edgesOf(graph: Graph, ids: ReadonlyMap<string, string>): DrawnEdge[] {
  return Object.entries(graph.graph).flatMap(([from, list]) =>
    list.map(({ to, port }) => ({ from: ids.get(from) ?? '', to: ids.get(to) ?? '', port })),
  )
}

const dotString = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`

function nodeOf({ coro, args, properties, description }: GraphNode, nameOf: (coro: CoroRef) => string): NodeDocument {
  const changed = changedProperties(properties)
  return {
    coro: nameOf(coro),
    ...(Object.keys(args).length === 0 ? {} : { args }),
    ...(Object.keys(changed).length === 0 ? {} : { properties: changed }),
    ...(description === undefined ? {} : { description }),
  }
}

/** The properties that differ from their defaults, or have to be said all the same. */
function changedProperties(properties: GraphNode['properties']): PropertiesDocument {
  const entries = Object.entries(properties).flatMap(([name, value]) => {
    const spec = SPECS.get(name)
    const said = value !== spec?.default || (name === 'missing' && saysMissing(properties))
    return said ? [[name, changedKeys(value, spec?.schema ?? {})]] : []
  })
  return Object.fromEntries(entries)
}

const SPECS: ReadonlyMap<string, PropertySpec<unknown>> = new Map(Object.entries(NODE_PROPERTIES))

/** Of a property that is an object, the keys that differ from their defaults. */
function changedKeys(value: unknown, schema: PropertySpec<unknown>['schema']): unknown {
  const keys = keysOf(schema)
  if (keys === undefined || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).filter(([key, inner]) => inner !== keys[key]?.['default']))
}

function successorOf(graph: Graph, edge: Graph['graph'][string][number]): Successor {
  const { to, port, queueSize } = edge
  const ownSize = queueSize !== graph.nodes[to]?.properties.queueSize
  if (port === OUT && !ownSize) return to
  return { to, ...(port === OUT ? {} : { port }), ...(ownSize ? { queueSize } : {}) }
}

/** Names for coroutines: their own, or one generated per function. */
function namer(): (coro: CoroRef) => string {
  const generated = new Map<unknown, string>()
  return (coro) => {
    if (typeof coro === 'string') return coro
    const known = generated.get(coro)
    if (known !== undefined) return known
    const code: unknown = isCoroDefinition(coro) ? coro.run : coro
    const base = typeof code === 'function' && code.name !== '' ? code.name.slice(0, 200) : 'coro'
    const name = `${base}#${generated.size + 1}`
    generated.set(coro, name)
    return name
  }
}
