import { ancestorsByNode, isBetween, isInOrder, type RandomGraph, type RandomNode, type Style } from './graph-model.js'
import { hashOf, type Random, randomOf } from './random.js'
import { withCalls } from './random-calls.js'
import { sizeOf } from './reference.js'

export interface Shape {
  /** @defaultValue any */
  readonly kind?: (typeof KINDS)[number]
  /** Nodes only map, so that a value is found again wherever it gets. */
  readonly mapOnly?: boolean
  /** @defaultValue nothing fails */
  readonly onError?: 'fail' | 'skip'
  /** Most nodes. @defaultValue 12 */
  readonly size?: number
  /**
   * What joins may do. `'plain'`: each input gives one value for an item or none, and what lacks one is filtered.
   * `'all'`: inputs may give any number of values, joins have any `missing` and `collect`, and graphs have three nodes or
   * more.
   *
   * @defaultValue `'plain'`
   */
  readonly joins?: 'plain' | 'all'
  /**
   * How nodes are called. `'plain'`: once for each item. `'all'`: some get batches, some are called again where a call
   * fails, some partition by a key, and of some only so many outputs may be in flight.
   *
   * @defaultValue `'plain'`
   */
  readonly calls?: 'plain' | 'all'
}

/** Kinds of graphs; `any` mixes all of them: nested and overlapping regions, merges behind joins and so on. */
export const KINDS = ['chain', 'tree', 'fanOut', 'merges', 'diamonds', 'any'] as const

/** Most packets of a run, so that a run stays short however much its graph multiplies. */
const PACKETS = 600

/** A graph that depends on the seed alone. */
export function randomGraph(seed: number, shape: Shape = {}): RandomGraph {
  const random = randomOf(seed)
  const kind = shape.kind ?? random.pick(KINDS)
  const drawn = drawNodes(random, kind, shape)
  // Drawn from numbers of their own, so that the rest of the graph is what it is without.
  const called = shape.calls === 'all' ? withCalls(drawn, randomOf(hashOf(`calls of ${seed}`))) : drawn
  const nodes = withRegions(called, random, shape)
  const keys = random.shuffle(nodes.map(({ name }) => name))
  const capacities = new Map<string, number>()
  for (const { name, inputs } of nodes)
    for (const from of inputs) if (random.chance(0.25)) capacities.set(`${from} ${name}`, random.integer(1, 16))
  return inShortRuns(withCertainCounts(inTupleOrder({ seed, nodes, keys, capacities })))
}

function drawNodes(random: Random, kind: NonNullable<Shape['kind']>, shape: Shape): RandomNode[] {
  const several = kind === 'merges' || kind === 'any'
  const sources = several ? random.integer(1, 3) : 1
  const fewest = shape.joins === 'all' ? Math.max(1, 3 - sources) : 1
  const inner = random.integer(kind === 'fanOut' ? 2 : fewest, (shape.size ?? 12) - sources)
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
  const [workers, queueSizes] = shape.joins === 'all' ? [upTo(8), upTo(16)] : [WORKERS, QUEUE_SIZES]
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
      workers: source ? 1 : random.pick(workers),
      ordered: random.chance(0.6),
      queueSize: random.pick(queueSizes),
      fuse: random.chance(0.5),
      aggregateInputs: joins,
      onError: shape.onError ?? 'fail',
    },
  }
}

const WORKERS = [1, 1, 2, 3, 8]
const QUEUE_SIZES = [1, 1, 2, 3, 5, 16]
/** The small ones more often: there producers wait, and joins are late. */
const upTo = (most: number): number[] => [1, 1, 1, 2, 2, ...Array.from({ length: most }, (_, place) => place + 1)]

const SOURCE_STYLES: readonly Style[] = ['plain', 'generator', 'asyncGenerator', 'put', 'fed']
const MAP_STYLES: readonly Style[] = ['plain', 'plain', 'generator', 'asyncGenerator', 'promisedGenerator']
const GENERATORS: readonly Style[] = ['generator', 'asyncGenerator', 'promisedGenerator']

/** Finds the fork of each join. Joins without one merge. Plain joins also do behind a merge; what would multiply maps. */
function withRegions(drawn: readonly RandomNode[], random: Random, shape: Shape): RandomNode[] {
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
    const inside = nodes.filter(({ name }) => between.has(name))
    const pairs = fork !== undefined && (shape.joins === 'all' || !inside.some(merges))
    const merged = { ...node.properties, aggregateInputs: false }
    if (!pairs) nodes[place] = { ...node, properties: merged }
    else if (shape.joins === 'all')
      nodes[place] = { ...node, fork, properties: { ...node.properties, ...drawRules(random, inside, shape) } }
    else {
      nodes[place] = { ...node, fork }
      for (const [inner, other] of nodes.entries())
        if (between.has(other.name) && other.work === 'flatMap') nodes[inner] = { ...other, work: 'map' }
    }
  }
  return nodes
}

/** What a join does with an item of which it gets nothing, or several values; nothing fails unless that is skipped. */
function drawRules(random: Random, inside: readonly RandomNode[], { onError }: Shape): Rules {
  const mayFail = onError === 'skip'
  const several = inside.some(
    (node) => merges(node) || node.work === 'flatMap' || node.properties.collect === 'product',
  )
  return {
    missing: random.pick(mayFail ? ['skip', 'partial', 'fail'] : ['skip', 'partial']),
    collect: random.pick(several && !mayFail ? ['all', 'product'] : ['one', 'all', 'product']),
  }
}

type Rules = Required<Pick<RandomNode['properties'], 'missing' | 'collect'>>

const merges = ({ inputs, fork }: RandomNode): boolean => inputs.length > 1 && fork === undefined

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

/** Sources have fewer items, until a run is short. */
function inShortRuns(graph: RandomGraph): RandomGraph {
  if (sizeOf(graph) <= PACKETS) return graph
  return inShortRuns({
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, items: Math.ceil(node.items / 2) - 1 })),
  })
}

/** What a node does must not depend on the order in which it collects, where that is nobody's choice. */
function withCertainCounts(graph: RandomGraph): RandomGraph {
  const nodes = graph.nodes.map((node) => {
    const { inputs, fork, properties } = node
    const several = properties.collect === 'all' || properties.collect === 'product'
    if (!several || inputs.every((input) => isInOrder(graph, input, fork))) return node
    // The call that counts a packet of a product is the last one that it is part of.
    return { ...node, anyOrder: true, fails: node.fails && properties.collect === 'all' }
  })
  return { ...graph, nodes }
}
