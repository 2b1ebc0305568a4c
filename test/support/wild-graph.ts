import { Plumber } from '@pipelines/plumber'
import { hashOf, type Random, randomOf } from '@pipelines/testkit'
import { withWildCalls } from './wild-calls.js'

/** How a source gives its items. The emitting one gives every second item by `ctx.emit`. */
export type SourceStyle = 'array' | 'generator' | 'asyncGenerator' | 'put' | 'putAtOnce' | 'emitting' | 'inlet'

/** How a coroutine gives what it makes: a `late` one resolves after microtasks or a turn of the event loop. */
export type CallStyle = 'plain' | 'late' | 'generator' | 'asyncGenerator' | 'promisedGenerator' | 'stream'

export type Port = 'out' | 'a' | 'b'

/** A node of a wild graph. A value is a text; what a node makes of it depends on the two alone. */
export interface WildNode {
  readonly name: string
  /** In tuple order; none for a source. */
  readonly inputs: readonly { readonly from: string; readonly port: Port }[]
  readonly style: SourceStyle | CallStyle
  readonly work: 'map' | 'filter' | 'expand' | 'switch'
  /** Items of a source. */
  readonly items: number
  /** Whether some of its values fail. */
  readonly fails: boolean
  /** Inputs after which a stream ends early. */
  readonly takes: number | undefined
  /** Whether some puts into an inlet are cancelled. */
  readonly cancels: boolean
  /** Whether some of its calls ignore the signal. */
  readonly deaf: boolean
  /** When its hooks are done, where it has any. */
  readonly hooks: { readonly setup: 'now' | 'later'; readonly teardown: 'now' | 'later' } | undefined
  /** How several inputs become one: where they are paired by lineage, `fork` is the node whose outputs pair them. */
  readonly inlet: 'one' | 'merge' | 'position' | { readonly fork: string }
  readonly properties: {
    readonly workers: number
    readonly ordered: boolean
    readonly queueSize: number
    readonly aggregateInputs: boolean
    readonly onError: 'fail' | 'skip'
    readonly unequal: 'shortest' | 'longest' | 'strict'
    readonly missing: 'skip' | 'partial' | 'fail'
    readonly collect: 'one' | 'all' | 'product'
    /** Only where a call gives one result or none, and no generator. */
    readonly batch?: { readonly size: number }
    /** With it, calls for some values fail before one of them decides. */
    readonly retry?: { readonly attempts: number; readonly minDelayMs: 0 }
    readonly emit?: 'atomic'
    readonly partitionBy?: typeof WILD_LANE
    readonly packetsInFlight?: number
  }
}

/** The name of the coroutine that nodes of a wild graph partition by. */
export const WILD_LANE = 'lane'

/** Nodes in topological order, which is also the order of the document. */
export interface WildGraph {
  readonly seed: number
  readonly nodes: readonly WildNode[]
  /** How many frames each fork may have open; 0: as many as usual. */
  readonly window: number
}

export interface WildShape {
  /** Most streams end before their inputs do; otherwise none. */
  readonly endsEarly?: boolean
  /** Most inlets have puts that are cancelled; otherwise none. */
  readonly cancels?: boolean
  /** Some calls ignore the signal; otherwise none. */
  readonly deaf?: boolean
}

/** A graph that depends on the seed alone. */
export function wildGraph(seed: number, shape: WildShape = {}): WildGraph {
  const random = randomOf(seed)
  const size = random.integer(2, 9)
  const sources = random.chance(0.7) ? 1 : random.integer(1, 3)
  const drawn = Array.from({ length: size }, (_, place) => {
    const name = nameOf(place)
    return place < sources || random.chance(0.03)
      ? drawSource(random, name, shape)
      : drawNode(random, { name, place, shape })
  })
  // Drawn from numbers of their own, so that the rest of the graph is what it is without.
  const calls = randomOf(hashOf(`calls of ${seed}`))
  const called = withWildCalls(drawn, calls)
  return { seed, window: calls.integer(0, 3), nodes: withInlets(mergedWhereRefused(withPorts(random, called))) }
}

/** Whether nothing comes behind a node. */
export function isWildLeaf({ nodes }: WildGraph, name: string): boolean {
  return !nodes.some(({ inputs }) => inputs.some(({ from }) => from === name))
}

/** The `graph` part of the document. */
export function wildWiring(nodes: readonly WildNode[]) {
  const successors = (name: string) =>
    nodes.flatMap(({ name: to, inputs }) =>
      inputs.filter(({ from }) => from === name).map(({ port }) => ({ to, port })),
    )
  return Object.fromEntries(nodes.map(({ name }) => [name, successors(name)]))
}

/** The items of a source. */
export function wildItems({ name, items }: WildNode): string[] {
  return Array.from({ length: items }, (_, place) => `${name}#${place}`)
}

export interface WildResult {
  readonly port: Port
  readonly value: string
}

/** Thrown by a coroutine of a wild graph for a value that fails. */
export class WildRefusal extends Error {}

/** What a node makes of an input, by the two alone; where it gets batches, one that has an input which fails fails as a whole. */
export function wildResults({ name, work, fails, properties }: WildNode, input: unknown): WildResult[] | WildRefusal {
  const text = textOf(input)
  const hash = hashOf(`${name} ${text}`)
  if (fails && hash % (5 * (properties.batch?.size ?? 1)) === 0) return new WildRefusal(`${name} refuses ${text}`)
  const value = `${name}:${hash.toString(36)}`
  if (work === 'filter') return hash % 3 === 0 ? [] : [{ port: 'out', value }]
  if (work === 'switch') return [{ port: PORTS[hash % 3] ?? 'out', value }]
  if (work === 'map') return [{ port: 'out', value }]
  return Array.from({ length: (hash % 7) % 4 }, (_, place) => ({ port: 'out', value: `${value}.${place}` }))
}

/** How many calls for an input that does not fail for good fail before: fewer than there are attempts. */
export function wildFalters({ name, properties: { retry } }: WildNode, input: unknown): number {
  if (retry === undefined) return 0
  const hash = hashOf(`${name} falters at ${textOf(input)}`)
  return hash % 4 === 0 ? 1 + ((hash >>> 8) % (retry.attempts - 1)) : 0
}

/** An input as one text: of a tuple, all its parts in order; of a list in it, its values in any order. */
export function textOf(input: unknown): string {
  const textOfPart = (part: unknown): string => String(Array.isArray(part) ? part.toSorted() : part)
  return Array.isArray(input) ? input.map(textOfPart).join('+') : String(input)
}

const PORTS: readonly Port[] = ['out', 'a', 'b']
const SOURCES: readonly SourceStyle[] = [
  'array',
  'generator',
  'asyncGenerator',
  'put',
  'putAtOnce',
  'emitting',
  'inlet',
  'inlet',
]
const CALLS: readonly CallStyle[] = [
  'plain',
  'plain',
  'late',
  'late',
  'generator',
  'asyncGenerator',
  'promisedGenerator',
  'stream',
  'stream',
]

const nameOf = (place: number): string => `n${place}`

function drawSource(random: Random, name: string, shape: WildShape): WildNode {
  const style = shape.cancels && random.chance(0.7) ? 'inlet' : random.pick(SOURCES)
  return {
    name,
    inputs: [],
    style,
    work: 'map',
    items: shape.cancels ? random.integer(6, 24) : random.integer(0, random.chance(0.1) ? 90 : 12),
    fails: false,
    takes: undefined,
    cancels: shape.cancels === true && style === 'inlet' && random.chance(0.9),
    deaf: false,
    hooks: style === 'inlet' ? undefined : drawHooks(random),
    inlet: 'one',
    properties: {
      workers: 1,
      ordered: true,
      queueSize: 16,
      aggregateInputs: false,
      onError: 'fail',
      unequal: 'shortest',
      missing: 'skip',
      collect: 'one',
    },
  }
}

interface Drawing {
  readonly name: string
  readonly place: number
  readonly shape: WildShape
}

function drawNode(random: Random, { name, place, shape }: Drawing): WildNode {
  const style = random.pick(CALLS)
  const stream = style === 'stream'
  const work = random.pick(['map', 'map', 'map', 'map', 'filter', 'expand', 'switch'] as const)
  const fails = !stream && random.chance(0.15)
  return {
    name,
    inputs: drawInputs(random, place),
    style,
    work: stream && random.chance(0.5) ? 'map' : work,
    items: 0,
    fails,
    takes: shape.endsEarly && stream && random.chance(0.6) ? random.integer(0, 4) : undefined,
    cancels: false,
    deaf: shape.deaf === true && style !== 'plain' && style !== 'generator',
    hooks: drawHooks(random),
    inlet: 'one',
    properties: {
      workers: random.pick(shape.endsEarly ? [1, 2, 3, 5] : [1, 1, 2, 3, 5]),
      ordered: random.chance(shape.endsEarly ? 0.5 : 0.7),
      queueSize: random.pick([1, 1, 2, 3, 8]),
      aggregateInputs: random.chance(0.75),
      onError: fails && random.chance(0.9) ? 'skip' : 'fail',
      unequal: random.pick(['shortest', 'longest', 'strict']),
      missing: random.pick(['skip', 'skip', 'skip', 'partial', 'fail']),
      collect: random.pick(['one', 'one', 'all', 'product']),
    },
  }
}

function drawInputs(random: Random, place: number): WildNode['inputs'] {
  const count = Math.min(place, random.pick([1, 1, 1, 2, 2, 3]))
  const places = new Set<number>()
  while (places.size < count)
    places.add(random.chance(0.6) ? Math.max(0, place - 1 - random.integer(0, 2)) : random.integer(0, place - 1))
  return [...places].sort((a, b) => a - b).map((from) => ({ from: nameOf(from), port: 'out' }))
}

function drawHooks(random: Random): WildNode['hooks'] {
  const when = ['now', 'later'] as const
  return random.chance(0.6) ? { setup: random.pick(when), teardown: random.pick(when) } : undefined
}

/** Edges behind a switch start from any of its ports. */
function withPorts(random: Random, nodes: readonly WildNode[]): WildNode[] {
  const switches = new Set(nodes.filter(({ work }) => work === 'switch').map(({ name }) => name))
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(({ from, port }) => ({ from, port: switches.has(from) ? random.pick(PORTS) : port })),
  }))
}

/** Joins that the checks refuse merge their inputs instead, or do what they do by default. */
function mergedWhereRefused(drawn: readonly WildNode[]): WildNode[] {
  const document = (nodes: readonly WildNode[]) => ({
    nodes: Object.fromEntries(nodes.map(({ name, properties }) => [name, { coro: 'any', properties }])),
    graph: wildWiring(nodes),
  })
  const nodes = [...drawn]
  for (;;) {
    const refused = Plumber.check(document(nodes)).map(({ code, pointer }) => ({ code, name: pointer.split('/')[2] }))
    if (refused.length === 0) return nodes
    for (const { code, name } of refused) {
      const place = nodes.findIndex((node) => node.name === name)
      const node = nodes[place]
      if (node?.properties.aggregateInputs !== true)
        throw new Error(`Refused for another reason than a join: ${code} at ${name}.`)
      const change = code === 'PLB_OPTION_CONFLICT' ? { missing: 'skip', collect: 'one' } : { aggregateInputs: false }
      nodes[place] = { ...node, properties: { ...node.properties, ...change } as WildNode['properties'] }
    }
  }
}

/** Finds out how the inputs of each node become one. */
function withInlets(nodes: readonly WildNode[]): WildNode[] {
  const dominators = new Map<string, readonly string[]>()
  return nodes.map((node) => {
    const [first = [], ...others] = node.inputs.map(({ from }) => dominators.get(from) ?? [])
    const common = first.filter((name) => others.every((other) => other.includes(name)))
    dominators.set(node.name, [...common, node.name])
    const fork = common.at(-1)
    if (node.inputs.length < 2) return node
    if (!node.properties.aggregateInputs) return { ...node, inlet: 'merge' }
    return { ...node, inlet: fork === undefined ? 'position' : { fork } }
  })
}
