import { type Coro, type CoroDefinition, type Executor, isCoro, type ModuleCoros, PipelineError } from '@pipelines/core'
import type { CoroMap, GraphDocument, NodeDocument, PropertiesDocument, Successor } from '@pipelines/plumber'
import { CoroNames, wordOf } from './coro-names.js'
import { sharedExecutor } from './executors.js'
import { Unique } from './unique.js'

/**
 * What every notation makes: a graph that is JSON, and the coroutines that it names. All but the graph are options of a
 * Plumber.
 *
 * @example
 * const { graph, ...options } = flow([1, 2, 3]).map(double).toBlueprint()
 * const plumber = new Plumber(graph, options)
 */
export interface Blueprint {
  readonly graph: GraphDocument
  readonly coroMap: CoroMap
  /** Those that its nodes name. */
  readonly executors?: readonly Executor[]
}

/** A node as a notation describes it. */
export interface NewNode {
  /** What it does, in a word: its name, where its coroutine has none. */
  readonly label: string
  /** The name that somebody asked for. */
  readonly name?: string | undefined
  /** The name of a ready coroutine, as `std.batch`; or the coroutine. */
  readonly coro: string | Coro | CoroDefinition
  readonly args?: Readonly<Record<string, unknown>> | undefined
  /** Args that are functions: in the graph they are named. */
  readonly refs?: Readonly<Record<string, Coro | undefined>> | undefined
  readonly properties?: NewProperties | undefined
}

/** Properties of a node, with the function itself where a document names one. */
export interface NewProperties extends Omit<PropertiesDocument, 'partitionBy'> {
  readonly partitionBy?: string | Coro | undefined
}

/** How one node sends to another. */
export interface NewEdge {
  readonly port?: string | undefined
  readonly queueSize?: number | undefined
}

/** Makes a blueprint, node by node. */
export class BlueprintBuilder {
  readonly #coros: CoroNames
  readonly #names = new Unique()
  readonly #nodes = new Map<string, NodeDocument>()
  readonly #graph = new Map<string, Successor[]>()
  readonly #edges = new Set<string>()
  readonly #executors = new Set<string>()
  /** Names that were asked for, of nodes that are not there yet. */
  readonly #reserved = new Set<string>()

  /** @param ready coroutines that nodes may name beside the standard ones */
  constructor(ready: readonly ModuleCoros[] = []) {
    this.#coros = new CoroNames(ready)
  }

  /** Keeps names that somebody asked for from those that are made up. Throws like {@link add}. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.#reserved.add(this.#given(name))
  }

  /** Adds a node and gives its name. Throws `PLB_OPTION_INVALID` where the name somebody asked for is taken. */
  add({ label, name, coro, args, refs = {}, properties = {} }: NewNode): string {
    const allArgs = Object.fromEntries(
      Object.entries({ ...args, ...refs }).flatMap(([arg, value]) =>
        value === undefined ? [] : [[arg, this.#named(value, arg === 'fn' ? label : arg)]],
      ),
    )
    const { partitionBy } = properties
    const key = typeof partitionBy === 'function' ? this.#coros.nameOf(partitionBy, 'key') : partitionBy
    const all = Object.entries({ ...properties, partitionBy: key })
    const set = Object.fromEntries(all.filter(([, value]) => value !== undefined))
    const own = typeof coro === 'string' ? refs.fn && wordOf(refs.fn) : wordOf(coro)
    const node = name === undefined ? this.#names.name(own ?? label) : this.#given(name)
    this.#nodes.set(node, {
      coro: typeof coro === 'string' ? coro : this.#coros.nameOf(coro, label),
      ...(Object.keys(allArgs).length > 0 && { args: allArgs }),
      ...(Object.keys(set).length > 0 && { properties: set }),
    })
    this.#graph.set(node, [])
    if (properties.executor !== undefined) this.#executors.add(properties.executor)
    return node
  }

  /** Lets one node send to another. A second edge between the same two goes by a node that passes everything on. */
  connect(from: string, to: string, { port, queueSize }: NewEdge = {}): void {
    const edge = JSON.stringify([from, to, port])
    if (this.#edges.has(edge)) {
      const copy = this.add({ label: 'copy', coro: 'std.pass' })
      this.connect(from, copy, { port })
      this.connect(copy, to, { queueSize })
      return
    }
    this.#edges.add(edge)
    const plain = port === undefined && queueSize === undefined
    this.#graph.get(from)?.push(plain ? to : { to, ...(port && { port }), ...(queueSize && { queueSize }) })
  }

  build(): Blueprint {
    const executors = [...this.#executors].map(sharedExecutor).filter((executor) => executor !== undefined)
    const graph = {
      version: 1,
      nodes: Object.fromEntries(this.#nodes),
      graph: Object.fromEntries([...this.#graph].map(([name, to]) => [name, to.length === 0 ? null : to])),
    } as const
    return { graph, coroMap: this.#coros.coroMap, ...(executors.length > 0 && { executors }) }
  }

  /** A function, or a list of them, as names; anything else as it is. */
  #named(value: unknown, label: string): unknown {
    if (Array.isArray(value) && value.some(isCoro)) return value.map((item: unknown) => this.#named(item, label))
    return isCoro(value) ? this.#coros.nameOf(value, label) : value
  }

  #given(name: string): string {
    if (this.#reserved.delete(name)) return name
    if (this.#names.has(name))
      throw new PipelineError('OPTION_INVALID', {
        option: 'name',
        what: `names two stages ${JSON.stringify(name)}`,
        hint: 'Give each a name of its own.',
      })
    return this.#names.name(name)
  }
}
