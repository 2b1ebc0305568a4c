import type { Successor } from '@pipelines/plumber'
import { hashOf } from './random.js'

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
  /** Whether what it collects of one input may come in any order: then it does not look at the order. */
  readonly anyOrder?: boolean
  readonly properties: {
    readonly workers: number
    readonly ordered: boolean
    readonly queueSize: number
    readonly fuse: boolean
    readonly aggregateInputs: boolean
    readonly onError: 'fail' | 'skip'
    /** @defaultValue `'skip'` */
    readonly missing?: 'skip' | 'partial' | 'fail'
    /** @defaultValue `'one'` */
    readonly collect?: 'one' | 'all' | 'product'
    /** Only where a value gives one result or none. */
    readonly batch?: { readonly size: number; readonly returns: 'each'; readonly maxWaitMs?: number }
    /** With it, calls for some values fail before one of them decides. Two attempts or more. */
    readonly retry?: { readonly attempts: number; readonly minDelayMs: number; readonly jitter: 'full' | 'none' }
    /** With it, a generator that fails does so after an output. */
    readonly emit?: 'atomic'
    readonly partitionBy?: typeof LANE
    readonly packetsInFlight?: number
  }
}

/** The name of the coroutine that nodes of a random graph partition by. */
export const LANE = 'lane'

/** Nodes in topological order. Edges that have their own `queueSize` have an entry in `capacities`, as `from to`. */
export interface RandomGraph {
  readonly seed: number
  readonly nodes: readonly RandomNode[]
  /** The order of the keys of `nodes` and `graph`, which need not be topological. */
  readonly keys: readonly string[]
  readonly capacities: ReadonlyMap<string, number>
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

/** What a node makes of a value, by the two alone; where it gets batches, one that has a value which fails fails as a whole. */
export function resultsOf({ name, work, fails, properties }: RandomNode, value: string): string[] | Refusal {
  const hash = hashOf(`${name} ${value}`)
  // Rarer in batches, so that about one call in seven fails all the same.
  if (fails && hash % (7 * (properties.batch?.size ?? 1)) === 0) return new Refusal(`${name} refuses ${value}`)
  const result = `${name}:${hash.toString(36)}`
  if (work === 'map') return [result]
  if (work === 'filter') return hash % 3 === 0 ? [] : [result]
  return Array.from({ length: hash % 4 }, (_, place) => `${result}.${place}`)
}

/** How many calls for a value that does not fail for good fail before: fewer than there are attempts. */
export function faltersOf({ name, properties: { retry } }: RandomNode, value: string): number {
  if (retry === undefined) return 0
  const hash = hashOf(`${name} falters at ${value}`)
  return hash % 4 === 0 ? 1 + ((hash >>> 8) % (retry.attempts - 1)) : 0
}

/** The input of a call as one text: of a tuple, all its parts in order. Throws a TypeError for any other input. */
export function textOf(node: RandomNode, input: unknown): string {
  if (node.fork === undefined && typeof input === 'string') return input
  if (node.fork !== undefined && Array.isArray(input) && input.length === node.inputs.length) {
    const parts = input.map((part) => partOf(node, part))
    if (parts.every((part) => part !== undefined)) return parts.join('+')
  }
  throw new TypeError(`${node.name} was given ${JSON.stringify(input)}`)
}

/** One part of a tuple as text; `undefined` where it cannot be one. */
function partOf({ anyOrder, properties: { missing, collect } }: RandomNode, part: unknown): string | undefined {
  if (collect === 'all') return Array.isArray(part) ? `[${(anyOrder ? part.toSorted() : part).join(' ')}]` : undefined
  if (typeof part === 'string') return part
  return part === undefined && missing === 'partial' ? '?' : undefined
}

/**
 * Whether the outputs of a node leave in one order only, that in which the reference computes them; with `since`, those
 * that descend from one output of that node.
 */
export function isInOrder(graph: Pick<RandomGraph, 'nodes'>, name: string, since?: string): boolean {
  const node = graph.nodes.find((other) => other.name === name)
  if (node === undefined) throw new RangeError(`There is no node "${name}".`)
  const { inputs, fork, properties } = node
  const [only] = inputs
  if (name === since || only === undefined) return true
  if (fork === undefined)
    return inputs.length === 1 && (properties.ordered || properties.workers === 1) && isInOrder(graph, only, since)
  const combines = properties.collect !== 'product' || inputs.every((input) => isInOrder(graph, input, fork))
  return properties.ordered && combines && isInOrder(graph, fork, since)
}

/** The items of a source. */
export function itemsOf({ name, items }: RandomNode): string[] {
  return Array.from({ length: Math.max(0, items) }, (_, place) => `${name}#${place}`)
}

/** The `graph` part of the document. */
export function wiringOf(graph: RandomGraph): Record<string, Successor[]> {
  const list = (from: string): Successor[] =>
    successorsOf(graph, from).map((to) => {
      const queueSize = graph.capacities.get(`${from} ${to}`)
      return queueSize === undefined ? to : { to, queueSize }
    })
  return Object.fromEntries(graph.keys.map((from) => [from, list(from)]))
}

/** Names of the sources that are inlets. */
export const fedBy = ({ nodes }: RandomGraph): string[] =>
  nodes.filter(({ style }) => style === 'fed').map(({ name }) => name)

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
