import { type Random, randomOf } from './random.js'
import { expectedOf } from './reference.js'
import { hashOf } from './scheduler.js'

/** What a node does to a value. */
export type Work = 'map' | 'filter' | 'flatMap'

/** How a node's coroutine gives its outputs, or a source its items. */
export type Style = 'plain' | 'generator' | 'asyncGenerator' | 'promisedGenerator' | 'put' | 'fed'

/** A node of a random graph. A value is a text; what a node makes of it depends on the two alone. */
export interface RandomNode {
  readonly name: string
  readonly work: Work
  readonly style: Style
  /** Items of a source. */
  readonly items: number
  /** Names of the predecessors, in tuple order. None for a source. */
  readonly inputs: readonly string[]
  /** Name of the fork, where the inputs are joined. */
  readonly fork: string | undefined
  /** Whether some of its values fail. */
  readonly fails: boolean
  readonly properties: {
    readonly workers: number
    readonly ordered: boolean
    readonly queueSize: number
    readonly fuse: boolean
    readonly aggregateInputs: boolean
    readonly onError: 'fail' | 'skip'
  }
}

/** Nodes in topological order. Edges that have their own `queueSize` have an entry in `capacities`, as `from to`. */
export interface RandomGraph {
  readonly seed: number
  readonly nodes: readonly RandomNode[]
  /** The order of the keys of `nodes` and `graph`, which need not be topological. */
  readonly keys: readonly string[]
  readonly capacities: ReadonlyMap<string, number>
}

export interface Shape {
  /** @defaultValue any */
  readonly kind?: (typeof KINDS)[number]
  /** Nodes only map, so that a value is found again wherever it gets. */
  readonly mapOnly?: boolean
  /** @defaultValue nothing fails */
  readonly onError?: 'fail' | 'skip'
  /** Most nodes. */
  readonly size?: number
}

/** Kinds of graphs; `any` mixes all of them: nested and overlapping regions, merges behind joins and so on. */
export const KINDS = ['chain', 'tree', 'fanOut', 'merges', 'diamonds', 'any'] as const

/** Most packets of a run, so that a run stays short however much its graph multiplies. */
const PACKETS = 600

/** A graph that depends on the seed alone. */
export function randomGraph(seed: number, shape: Shape = {}): RandomGraph {
  const random = randomOf(seed)
  const kind = shape.kind ?? random.pick(KINDS)
  const nodes = withRegions(drawNodes(random, kind, shape))
  const keys = random.shuffle(nodes.map(({ name }) => name))
  const capacities = new Map<string, number>()
  for (const { name, inputs } of nodes)
    for (const from of inputs) if (random.chance(0.25)) capacities.set(`${from} ${name}`, random.integer(1, 16))
  let graph = inTupleOrder({ seed, nodes, keys, capacities })
  while (packetsOf(graph) > PACKETS)
    graph = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, items: Math.ceil(node.items / 2) - 1 })) }
  return graph
}

/** Names of the successors of a node, in the order of the graph. */
export function successorsOf({ nodes }: RandomGraph, name: string): string[] {
  return nodes.filter(({ inputs }) => inputs.includes(name)).map((node) => node.name)
}

/** Whether a node has no successor. */
export function isLeaf(graph: RandomGraph, name: string): boolean {
  return successorsOf(graph, name).length === 0
}

/** Thrown by a coroutine of a random graph for a value that fails. */
export class Refusal extends Error {}

/** What a node makes of a value, by the two alone. */
export function resultsOf({ name, work, fails }: RandomNode, value: string): string[] | Refusal {
  const hash = hashOf(`${name} ${value}`)
  if (fails && hash % 7 === 0) return new Refusal(`${name} refuses ${value}`)
  const result = `${name}:${hash.toString(36)}`
  if (work === 'map') return [result]
  if (work === 'filter') return hash % 3 === 0 ? [] : [result]
  return Array.from({ length: hash % 4 }, (_, place) => `${result}.${place}`)
}

/** The items of a source. */
export function itemsOf({ name, items }: RandomNode): string[] {
  return Array.from({ length: Math.max(0, items) }, (_, place) => `${name}#${place}`)
}

/** The `graph` part of the document. */
export function wiringOf(graph: RandomGraph) {
  const list = (from: string) =>
    successorsOf(graph, from).map((to) => {
      const queueSize = graph.capacities.get(`${from} ${to}`)
      return queueSize === undefined ? to : { to, queueSize }
    })
  return Object.fromEntries(graph.keys.map((from) => [from, list(from)]))
}

/** Names of the sources that are inlets. */
export const fedBy = ({ nodes }: RandomGraph): string[] =>
  nodes.filter(({ style }) => style === 'fed').map(({ name }) => name)

function drawNodes(random: Random, kind: NonNullable<Shape['kind']>, shape: Shape): RandomNode[] {
  const several = kind === 'merges' || kind === 'any'
  const sources = several ? random.integer(1, 3) : 1
  const inner = random.integer(kind === 'fanOut' ? 2 : 1, (shape.size ?? 12) - sources)
  const names: string[] = []
  return Array.from({ length: sources + inner }, (_, place) => {
    const inputs = place < sources ? [] : drawInputs(random, kind, names)
    const node = drawNode(random, { name: `n${place}`, inputs, kind, shape })
    names.push(node.name)
    return node
  })
}

function drawInputs(random: Random, kind: NonNullable<Shape['kind']>, names: readonly string[]): string[] {
  const newest = names.slice(-1)
  if (kind === 'chain') return newest
  if (kind === 'tree') return [random.pick(names)]
  if (kind === 'fanOut') return random.chance(0.8) ? names.slice(0, 1) : [random.pick(names)]
  const near = random.chance(0.5) ? names.slice(-4) : names
  const first = random.chance(0.5) ? newest : [random.pick(near)]
  const more = Array.from({ length: random.integer(0, 2) }, () => random.pick(near))
  return [...new Set([...first, ...more])]
}

interface Drawing {
  readonly name: string
  readonly inputs: readonly string[]
  readonly kind: NonNullable<Shape['kind']>
  readonly shape: Shape
}

function drawNode(random: Random, { name, inputs, kind, shape }: Drawing): RandomNode {
  const source = inputs.length === 0
  const work = shape.mapOnly ? 'map' : random.pick(['map', 'map', 'filter', 'flatMap'] as const)
  const joins = kind === 'diamonds' || (kind === 'any' && random.chance(0.6))
  return {
    name,
    inputs,
    work,
    style: random.pick(source ? SOURCE_STYLES : work === 'flatMap' ? GENERATORS : MAP_STYLES),
    // More than a fork lets out at once, now and then.
    items: source ? random.integer(0, random.chance(0.7) ? 24 : 90) : 0,
    fork: undefined,
    fails: shape.onError !== undefined && !source && random.chance(0.4),
    properties: {
      workers: source ? 1 : random.pick([1, 1, 2, 3, 8]),
      ordered: random.chance(0.6),
      queueSize: random.pick([1, 1, 2, 3, 5, 16]),
      fuse: random.chance(0.5),
      aggregateInputs: joins,
      onError: shape.onError ?? 'fail',
    },
  }
}

const SOURCE_STYLES: readonly Style[] = ['plain', 'generator', 'asyncGenerator', 'put', 'fed']
const MAP_STYLES: readonly Style[] = ['plain', 'plain', 'generator', 'asyncGenerator', 'promisedGenerator']
const GENERATORS: readonly Style[] = ['generator', 'asyncGenerator', 'promisedGenerator']

/** Finds the fork of each join, and changes what could not be joined: such joins merge, what would multiply maps. */
function withRegions(drawn: readonly RandomNode[]): RandomNode[] {
  const nodes = [...drawn]
  const above = ancestorsByNode(nodes)
  const dominators = new Map<string, readonly string[]>()
  for (const [place, node] of nodes.entries()) {
    const common = commonOf(node.inputs.map((input) => dominators.get(input) ?? []))
    dominators.set(node.name, [...common, node.name])
    if (node.inputs.length < 2 || !node.properties.aggregateInputs) continue
    const fork = common.at(-1)
    const between = new Set(
      nodes
        .slice(0, place)
        .filter(({ name }) => isBetween(above, fork, name, node.name))
        .map(({ name }) => name),
    )
    const pairs = fork !== undefined && !nodes.some((other) => between.has(other.name) && merges(other))
    nodes[place] = pairs ? { ...node, fork } : { ...node, properties: { ...node.properties, aggregateInputs: false } }
    if (!pairs) continue
    for (const [inner, other] of nodes.entries())
      if (between.has(other.name) && other.work === 'flatMap') nodes[inner] = { ...other, work: 'map' }
  }
  return nodes
}

const merges = ({ inputs, fork }: RandomNode): boolean => inputs.length > 1 && fork === undefined

/** Whether a node is strictly between a fork and its join. */
export function isBetween(
  above: ReadonlyMap<string, ReadonlySet<string>>,
  fork: string | undefined,
  name: string,
  join: string,
): boolean {
  return fork !== undefined && above.get(name)?.has(fork) === true && above.get(join)?.has(name) === true
}

/** Everything before a node, by name. */
export function ancestorsByNode(nodes: readonly RandomNode[]): Map<string, ReadonlySet<string>> {
  const above = new Map<string, ReadonlySet<string>>()
  for (const { name, inputs } of nodes) {
    const found = new Set(inputs)
    for (const input of inputs) for (const ancestor of above.get(input) ?? []) found.add(ancestor)
    above.set(name, found)
  }
  return above
}

/** What all lists have, in the order of the first. */
function commonOf([first = [], ...others]: readonly (readonly string[])[]): string[] {
  return first.filter((name) => others.every((other) => other.includes(name)))
}

/** Inputs in the order in which the document's `graph` lists the predecessors: the order of tuples. */
function inTupleOrder(graph: RandomGraph): RandomGraph {
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: graph.keys.filter((name) => node.inputs.includes(name)),
  }))
  return { ...graph, nodes }
}

function packetsOf(graph: RandomGraph): number {
  let packets = 0
  for (const { received, emitted } of expectedOf(graph).nodes.values()) packets += received + emitted
  return packets
}
