import type { VerdictCounts } from '@pipelines/core'
import {
  faltersOf,
  isInOrder,
  isLeaf,
  itemsOf,
  type RandomGraph,
  type RandomNode,
  Refusal,
  resultsOf,
  textOf,
} from './graph-model.js'

/** What a node must have counted in the end. */
export interface ExpectedCounts {
  readonly received: number
  readonly completed: number
  readonly failed: number
  readonly dropped: number
  readonly emitted: number
  readonly retried: number
}

/**
 * What a run did that was up to which values came together in batches. A batch fails where one of its values does, and
 * takes the others along: which these are is noted by the coroutines, and everything else follows from it.
 */
export interface Seen {
  /** Values that were in batches which failed for good: `node value`. */
  readonly refused: ReadonlySet<string>
  /** By node, how many calls failed and were made again. */
  readonly retried: ReadonlyMap<string, number>
}

const NOTHING_SEEN: Seen = { refused: new Set(), retried: new Map() }

/** What a run must have done, by the plainest way to compute it. */
export interface Expected {
  /** Outputs by leaf. */
  readonly outputs: ReadonlyMap<string, readonly string[]>
  /** Leaves whose outputs leave in the order of `outputs`; at the others they may leave in any order. */
  readonly inOrder: ReadonlySet<string>
  readonly nodes: ReadonlyMap<string, ExpectedCounts>
  /** How many calls fail, and how many tuples that never become a call. */
  readonly failures: number
  /** What becomes of the items of the sources. */
  readonly roots: VerdictCounts
}

/**
 * Computes what a random graph gives without queues, workers or time. A join goes through the outputs of its fork, and
 * for each of them computes what every input makes of that one alone: there is the definition of lineage, in one line.
 *
 * @param seen what the run noted of batches that failed; needed where nodes with batches may fail
 */
export function expectedOf(graph: RandomGraph, seen: Seen = NOTHING_SEEN): Expected {
  const reference = new Reference(graph, { seen })
  const leaves = graph.nodes.filter(({ name }) => isLeaf(graph, name))
  return {
    outputs: new Map(leaves.map(({ name }) => [name, reference.outputsOf(name)])),
    inOrder: new Set(leaves.filter(({ name }) => isInOrder(graph, name)).map(({ name }) => name)),
    nodes: reference.counts(),
    failures: graph.nodes.reduce((sum, node) => sum + reference.failuresOf(node), 0),
    get roots() {
      return verdictsOf(graph, seen)
    },
  }
}

/** Packets that all nodes of a run receive or emit; `Infinity` where to compute them would take too long. */
export function sizeOf(graph: RandomGraph): number {
  try {
    const counts = [...new Reference(graph, { most: LARGE }).counts().values()]
    return counts.reduce((sum, { received, emitted }) => sum + received + emitted, 0)
  } catch (error) {
    if (error instanceof TooLargeError) return Number.POSITIVE_INFINITY
    throw error
  }
}

/** Values that {@link sizeOf} computes at most. */
const LARGE = 50_000

class TooLargeError extends Error {}

/** Each item of a source by itself: the worst of all that descends from it, else whether any of it came to a leaf. */
function verdictsOf(graph: RandomGraph, seen: Seen): VerdictCounts {
  const verdicts = { delivered: 0, filtered: 0, errored: 0, aborted: 0, deadLettered: 0 }
  for (const source of graph.nodes.filter(({ inputs }) => inputs.length === 0))
    for (const item of itemsOf(source)) {
      const reference = new Reference(graph, { seen, items: ({ name }) => (name === source.name ? [item] : []) })
      const errored = graph.nodes.some((node) => reference.failuresOf(node) > 0)
      const arrived = graph.nodes.some((node) => isLeaf(graph, node.name) && reference.succeedsIn(node))
      verdicts[errored ? 'errored' : arrived ? 'delivered' : 'filtered']++
    }
  return verdicts
}

/** Forks of which only one output is looked at: that one, and what was computed from it. */
interface Pinned {
  readonly outputs: ReadonlyMap<string, readonly string[]>
  readonly known: Map<string, readonly string[]>
}

/** One call of a node: its input as one text, and how many packets are worked off with it. */
interface Call {
  readonly value: string
  readonly weight: number
}

/** What descends from one output of a fork and comes to a join, by input. */
type Frame = readonly (readonly string[])[]

interface ReferenceOptions {
  /** What each source gives. @defaultValue all of its items */
  readonly items?: (source: RandomNode) => readonly string[]
  /** Values that are computed at most. */
  readonly most?: number
  readonly seen?: Seen
}

class Reference {
  readonly #graph: RandomGraph
  readonly #nodes: ReadonlyMap<string, RandomNode>
  readonly #items: (source: RandomNode) => readonly string[]
  readonly #everything: Pinned = { outputs: new Map(), known: new Map() }
  readonly #seen: Seen
  #left: number

  constructor(graph: RandomGraph, options: ReferenceOptions = {}) {
    const { items = itemsOf, most = Number.POSITIVE_INFINITY, seen = NOTHING_SEEN } = options
    this.#graph = graph
    this.#seen = seen
    this.#nodes = new Map(graph.nodes.map((node) => [node.name, node]))
    this.#items = items
    this.#left = most
  }

  outputsOf(name: string, pinned: Pinned = this.#everything): readonly string[] {
    const found = pinned.outputs.get(name) ?? pinned.known.get(name)
    if (found !== undefined) return found
    const node = this.#nodes.get(name)
    if (node === undefined) throw new RangeError(`There is no node "${name}".`)
    const outputs =
      node.inputs.length === 0
        ? this.#items(node)
        : this.#calls(node, pinned).flatMap((call) => this.#given(node, call))
    pinned.known.set(name, outputs)
    return outputs
  }

  counts(): Map<string, ExpectedCounts> {
    return new Map(this.#graph.nodes.map((node) => [node.name, this.#countsOf(node)]))
  }

  /** Calls that fail, and tuples that never become a call. */
  failuresOf(node: RandomNode): number {
    const faults = this.#framesThat(node, 'fail').length
    return faults + this.#calls(node, this.#everything).filter((call) => this.#isRefused(node, call)).length
  }

  /** Whether some call does not fail; of a source, whether it gives something. */
  succeedsIn(node: RandomNode): boolean {
    if (node.inputs.length === 0) return this.outputsOf(node.name).length > 0
    return this.#calls(node, this.#everything).some((call) => !this.#isRefused(node, call))
  }

  #countsOf(node: RandomNode): ExpectedCounts {
    const emitted = this.outputsOf(node.name).length
    if (node.inputs.length === 0) {
      const received = node.style === 'fed' ? emitted : 0
      return { received, completed: received, failed: 0, dropped: 0, emitted, retried: 0 }
    }
    const calls = this.#calls(node, this.#everything)
    const received = node.inputs.reduce((sum, input) => sum + this.outputsOf(input).length, 0)
    const refused = calls.filter((call) => this.#isRefused(node, call))
    const faults = this.#framesThat(node, 'fail')
    const failed = weightOf(refused) + faults.reduce((sum, parts) => sum + parts.flat().length, 0)
    const empty = calls.filter((call) => !this.#isRefused(node, call) && isEmpty(this.#given(node, call))).length
    const dropped = isLeaf(this.#graph, node.name) ? 0 : empty + this.#framesThat(node, 'filter').length
    return { received, completed: received - failed, failed, dropped, emitted, retried: this.#retriedOf(node, calls) }
  }

  /** How many calls are made again; of batches there may be any number. */
  #retriedOf(node: RandomNode, calls: readonly Call[]): number {
    const { batch, retry } = node.properties
    if (retry === undefined) return 0
    if (batch !== undefined) return this.#seen.retried.get(node.name) ?? 0
    const again = (call: Call): number =>
      this.#isRefused(node, call) ? retry.attempts - 1 : faltersOf(node, call.value)
    return calls.reduce((sum, call) => sum + again(call), 0)
  }

  #given(node: RandomNode, { value }: Call): readonly string[] {
    const results = this.#seen.refused.has(`${node.name} ${value}`) ? [] : resultsOf(node, value)
    return results instanceof Refusal ? [] : results
  }

  #isRefused(node: RandomNode, { value }: Call): boolean {
    return this.#seen.refused.has(`${node.name} ${value}`) || resultsOf(node, value) instanceof Refusal
  }

  #calls(node: RandomNode, pinned: Pinned): readonly Call[] {
    const calls =
      node.fork === undefined
        ? node.inputs.flatMap((input) => this.outputsOf(input, pinned).map((value) => ({ value, weight: 1 })))
        : this.#frames(node, node.fork, pinned).flatMap((frame) => this.#callsOf(node, frame))
    this.#left -= calls.length
    if (this.#left < 0) throw new TooLargeError()
    return calls
  }

  #callsOf(node: RandomNode, frame: Frame): Call[] {
    if (fateOf(node, frame) !== 'call') return []
    if (node.properties.collect === 'all') return [{ value: textOf(node, frame), weight: frame.flat().length }]
    // Of one value each there is one combination.
    this.#left -= frame.reduce((product, { length }) => product * Math.max(1, length), 1)
    if (this.#left < 0) throw new TooLargeError()
    return combinationsOf(frame).map(({ tuple, weight }) => ({ value: textOf(node, tuple), weight }))
  }

  /** For each output of the fork, what each input of the join gives. */
  #frames(node: RandomNode, fork: string, pinned: Pinned): Frame[] {
    return this.outputsOf(fork, pinned).map((output) => {
      const one: Pinned = { outputs: new Map([...pinned.outputs, [fork, [output]]]), known: new Map() }
      return node.inputs.map((input) => this.outputsOf(input, one))
    })
  }

  #framesThat(node: RandomNode, fate: Fate): Frame[] {
    if (node.fork === undefined) return []
    return this.#frames(node, node.fork, this.#everything).filter((frame) => fateOf(node, frame) === fate)
  }
}

/** What a join does with a frame; `pass`: there is nothing in it. */
type Fate = 'call' | 'filter' | 'fail' | 'pass'

function fateOf({ properties: { missing, collect } }: RandomNode, frame: Frame): Fate {
  const lacks = frame.some(isEmpty)
  if (lacks && missing === 'fail') return 'fail'
  if (frame.every(isEmpty)) return 'pass'
  if (lacks && missing !== 'partial') return 'filter'
  const collects = collect === 'all' || collect === 'product'
  return !collects && frame.some(({ length }) => length > 1) ? 'fail' : 'call'
}

interface Combination {
  readonly tuple: readonly (string | undefined)[]
  /** Packets that are in no later combination. */
  readonly weight: number
}

/** The cross product, the last input varying fastest; an empty input counts as one `undefined`. */
function combinationsOf(frame: Frame): Combination[] {
  let places: number[][] = [[]]
  for (const { length } of frame)
    places = places.flatMap((before) => Array.from({ length: Math.max(1, length) }, (_, place) => [...before, place]))
  const isLast = (place: number, input: number): boolean => place >= (frame[input]?.length ?? 0) - 1
  return places.map((place) => {
    const tuple = place.map((at, input) => frame[input]?.[at])
    const carried = tuple.filter(
      (value, input) => value !== undefined && place.every((at, other) => other === input || isLast(at, other)),
    )
    return { tuple, weight: carried.length }
  })
}

const weightOf = (calls: readonly Call[]): number => calls.reduce((sum, { weight }) => sum + weight, 0)
const isEmpty = ({ length }: readonly unknown[]): boolean => length === 0
