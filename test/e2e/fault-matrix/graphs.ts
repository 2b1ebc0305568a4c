import type { PropertiesDocument, Successor } from '@pipelines/plumber'
import type { Random } from '@pipelines/testkit'
import { expectedOf, isLeaf as isLastIn, type RandomNode, randomGraph } from '@pipelines/testkit/random-graphs'

/*
 * The columns of the matrix: graphs whose settings are drawn from a seed. Coroutines come from `trial.ts`, which lets a
 * fault take the place of any call, hook or source.
 */

/** What a node makes of an item: one value, one or none, none to five; `bury` is for items that failed, `take` ends early. */
export type Work = 'map' | 'filter' | 'flatMap' | 'bury' | 'take'

/** How a coroutine gives its outputs, or a source its items. */
export type Style = (typeof CALL_STYLES)[number] | (typeof SOURCE_STYLES)[number]

export interface MatrixNode {
  readonly name: string
  /** Names of the predecessors, in tuple order. None for a source. */
  readonly inputs: readonly string[]
  /** How several inputs are joined: by what descends from one output of `fork`, or by position. Absent: one, or a merge. */
  readonly join?: { readonly fork: string } | 'position' | undefined
  readonly work: Work
  /** Items that a source gives, or that a node takes which ends early. */
  readonly items: number
  readonly style: Style
  /** Whether its calls end when their signal aborts; otherwise they end in their own time. */
  readonly obeys: boolean
  /** Whether its coroutine has `setup` and `teardown`, which are watched. */
  readonly watched: boolean
  readonly properties: PropertiesDocument
}

/** Nodes in topological order. */
export interface MatrixGraph {
  readonly nodes: readonly MatrixNode[]
  /** The order of the keys of `graph`, which is the order of tuples. */
  readonly keys: readonly string[]
}

/** A column: its name, and how its graph is drawn. */
export interface Column {
  readonly name: string
  readonly draw: (random: Random) => MatrixGraph
}

/** A node before its settings are drawn. */
interface Sketch {
  readonly from?: readonly string[]
  readonly items?: number
  readonly work?: Work
  readonly join?: MatrixNode['join']
  /** Settings that are not drawn as those of all nodes are. */
  readonly properties?: PropertiesDocument | ((random: Random) => PropertiesDocument)
}

const source = (items: number): Sketch => ({ items })
const after = (...from: readonly string[]): Sketch => ({ from })
const merge = (...from: readonly string[]): Sketch => ({ from, properties: { aggregateInputs: false } })
const join = (fork: string, ...from: readonly string[]): Sketch => ({ from, join: { fork } })
/** Only what keeps its order can be paired by position. */
const inOrder = (sketch: Sketch): Sketch => ({ ...sketch, properties: { ordered: true } })

const WIDE = Array.from({ length: 64 }, (_, place) => `w${place}`)

const SKETCHES: Readonly<Record<string, Readonly<Record<string, Sketch>>>> = {
  'G1 a chain of five': { src: source(40), a: after('src'), b: after('a'), c: after('b'), out: after('c') },
  'G2 a fan-out that merges': {
    src: source(25),
    a: after('src'),
    b: after('src'),
    c: after('src'),
    merged: merge('a', 'b', 'c'),
    out: after('merged'),
  },
  'G3 a diamond': { src: source(45), a: after('src'), b: after('src'), j: join('src', 'a', 'b'), out: after('j') },
  'G4 a diamond with a filter': {
    src: source(45),
    some: { from: ['src'], work: 'filter' },
    b: after('src'),
    j: { ...join('src', 'some', 'b'), properties: (random) => ({ missing: random.pick(['skip', 'partial']) }) },
    out: after('j'),
  },
  'G5 a diamond with a flatMap': {
    src: source(25),
    many: { from: ['src'], work: 'flatMap' },
    each: after('many'),
    b: after('src'),
    j: { ...join('src', 'each', 'b'), properties: { collect: 'all' } },
    out: after('j'),
  },
  'G6 a diamond in a diamond': {
    src: source(40),
    f: after('src'),
    a: after('f'),
    b: after('f'),
    inner: join('f', 'a', 'b'),
    c: after('src'),
    outer: join('src', 'inner', 'c'),
    out: after('outer'),
  },
  'G7 one to 64 to one': {
    src: source(4),
    f: after('src'),
    ...Object.fromEntries(WIDE.map((name) => [name, after('f')])),
    j: join('f', ...WIDE),
    out: after('j'),
  },
  'G8 two sources, a strict zip': {
    left: source(30),
    right: source(30),
    l: inOrder(after('left')),
    r: inOrder(after('right')),
    pair: { from: ['l', 'r'], join: 'position' },
    out: after('pair'),
  },
  'G9 a batch in a diamond': {
    src: source(45),
    tens: { from: ['src'], properties: { batch: { size: 10 } } },
    b: after('src'),
    j: join('src', 'tens', 'b'),
    out: after('j'),
  },
}

export const GRAPHS: readonly Column[] = [
  ...Object.entries(SKETCHES).map(([name, sketches]) => ({ name, draw: (random: Random) => drawn(sketches, random) })),
  { name: 'G10 a random graph', draw: drawnAtRandom },
]

const SOURCE_STYLES = ['generator', 'asyncGenerator', 'iterator', 'list', 'put', 'inlet'] as const
const CALL_STYLES = ['plain', 'plain', 'emitting', 'generator', 'asyncGenerator'] as const
/** Calls that may be made again, or for several items at once. */
const REPEATABLE = ['plain', 'emitting'] as const

function drawn(sketches: Readonly<Record<string, Sketch>>, random: Random): MatrixGraph {
  const nodes = Object.entries(sketches).map(([name, sketch]) => drawNode(name, sketch, random))
  return { nodes, keys: nodes.map(({ name }) => name) }
}

function drawNode(name: string, sketch: Sketch, random: Random): MatrixNode {
  const { from = [], items = 0, work = 'map', join, properties } = sketch
  const settings = {
    workers: random.pick([1, 1, 2, 4]),
    ordered: random.chance(0.7),
    queueSize: random.pick([1, 2, 3, 64]),
    ...(typeof properties === 'function' ? properties(random) : properties),
  }
  return styled({ name, inputs: from, join, work, items, properties: from.length === 0 ? {} : settings }, random)
}

/** The settings that are not the engine's. */
function styled(node: Omit<MatrixNode, 'style' | 'obeys' | 'watched'>, random: Random): MatrixNode {
  const styles = node.properties.batch === undefined ? CALL_STYLES : (['plain'] as const)
  const style = random.pick<Style>(node.inputs.length === 0 ? SOURCE_STYLES : styles)
  return { ...node, style, obeys: random.chance(0.7), watched: random.chance(0.5) }
}

/** Fewest packets that a random graph has to receive, so that there is something to go wrong. */
const BUSY = 40

function drawnAtRandom(random: Random): MatrixGraph {
  for (;;) {
    const drawn = randomGraph(random.integer(1, 1e9), { kind: 'any', size: 9 })
    // A leaf gives one output for each call, so that a delivery is known by its output.
    const nodes = drawn.nodes.map((node) => (isLastIn(drawn, node.name) ? { ...node, work: 'map' as const } : node))
    const { nodes: counts } = expectedOf({ ...drawn, nodes })
    const received = nodes.map(({ name }) => counts.get(name)?.received ?? 0)
    const reached = nodes.some(({ name }, place) => isLastIn(drawn, name) && received[place] !== 0)
    if (reached && received.reduce((sum, count) => sum + count, 0) >= BUSY)
      return { nodes: nodes.map((node) => fromRandom(node, random)), keys: drawn.keys }
  }
}

function fromRandom(node: RandomNode, random: Random): MatrixNode {
  const { name, inputs, fork, work, properties } = node
  const items = Math.max(0, node.items)
  const { workers, ordered, queueSize, aggregateInputs } = properties
  const settings = inputs.length === 0 ? {} : { workers, ordered, queueSize, aggregateInputs }
  const join = fork === undefined ? undefined : { fork }
  return styled({ name, inputs, work, items, join, properties: settings }, random)
}

/** The node of that name. Throws a RangeError where there is none. */
export function nodeNamed({ nodes }: MatrixGraph, name: string): MatrixNode {
  const found = nodes.find((node) => node.name === name)
  if (found === undefined) throw new RangeError(`There is no node "${name}".`)
  return found
}

export const isSource = ({ inputs }: MatrixNode): boolean => inputs.length === 0

/** Whether nobody takes the outputs of a node; who takes what failed does not count. */
export function isLeaf({ nodes }: MatrixGraph, { name }: MatrixNode): boolean {
  return !nodes.some(({ inputs, work }) => work !== 'bury' && inputs.includes(name))
}

/** The `graph` part of the document. */
export function wiringOf({ nodes, keys }: MatrixGraph): Record<string, Successor[]> {
  const to = (from: string): Successor[] =>
    nodes
      .filter(({ inputs }) => inputs.includes(from))
      .map(({ name, work }) => (work === 'bury' ? { to: name, port: 'error' } : name))
  return Object.fromEntries(keys.map((from) => [from, to(from)]))
}

/** The graph with some nodes changed. */
export function changed(
  graph: MatrixGraph,
  change: (node: MatrixNode) => Partial<MatrixNode> | undefined,
): MatrixGraph {
  return { ...graph, nodes: graph.nodes.map((node) => ({ ...node, ...change(node) })) }
}

/** The graph with these settings at every node that is called for items, or at some of them. */
export function having(
  graph: MatrixGraph,
  settings: PropertiesDocument,
  where: (node: MatrixNode) => boolean = () => true,
): MatrixGraph {
  return changed(graph, (node) => {
    if (isSource(node) || !where(node)) return undefined
    const repeats = settings.retry !== undefined && !REPEATABLE.some((style) => style === node.style)
    return { properties: { ...node.properties, ...settings }, ...(repeats && { style: 'plain' as const }) }
  })
}

/** A node, of which only this has to be said. */
export type NodeSketch = Pick<MatrixNode, 'name' | 'inputs' | 'work'> & Partial<MatrixNode>

const whole = (node: NodeSketch): MatrixNode => ({
  ...{ items: 0, style: 'plain', obeys: true, watched: true, properties: {} },
  ...node,
})

/** The graph with one more node. */
export function plus(graph: MatrixGraph, node: NodeSketch): MatrixGraph {
  return { nodes: [...graph.nodes, whole(node)], keys: [...graph.keys, node.name] }
}

/** The graph with one more node on the way from one to another. */
export function between(
  graph: MatrixGraph,
  [from, to]: readonly [string, string],
  node: Omit<NodeSketch, 'inputs'>,
): MatrixGraph {
  const added = whole({ ...node, inputs: [from] })
  const inputs = nodeNamed(graph, to).inputs.map((input) => (input === from ? node.name : input))
  return {
    nodes: graph.nodes.flatMap((other) => (other.name === to ? [added, { ...other, inputs }] : [other])),
    // In the place of the one before, so that tuples keep their order.
    keys: graph.keys.flatMap((key) => (key === from ? [key, node.name] : [key])),
  }
}
