import { type Context, type CoroDefinition, DROP, defineCoro } from '@pipelines/core'
import type { GraphDocument, NodeDocument, Plumber } from '@pipelines/plumber'
import { gate, hashOf } from '@pipelines/testkit'
import { type Pipeline, type SourceOutput, turns } from './blackbox.js'
import {
  isWildLeaf,
  textOf,
  WILD_LANE,
  type WildGraph,
  type WildNode,
  WildRefusal,
  type WildResult,
  wildFalters,
  wildItems,
  wildResults,
  wildWiring,
} from './wild-graph.js'
import { plumberWith } from './wild-windows.js'

/** Lets so many microtasks pass. */
export async function microtasks(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await undefined
}

/** A worker slot that was set up. */
interface Slot {
  readonly name: string
  teardowns: number
}

/** A wild graph with its coroutines, and what can be seen of them from outside. */
export class WildPlay {
  readonly plumber: Plumber
  readonly slots: Slot[] = []
  /** The most calls of a node that were in progress at once, where its style lets that be seen. */
  readonly most = new Map<string, number>()
  /** Calls in progress, by node. */
  readonly running = new Map<string, number>()
  /** What deaf calls wait for. */
  readonly mercy = gate()
  /** Nodes in which a call has waited for mercy. */
  readonly deaf = new Set<string>()
  /** Items whose put was accepted, by inlet. */
  readonly accepted = new Map<string, string[]>()
  /** Why puts were refused that nobody had cancelled. */
  readonly refusals: unknown[] = []
  /** Inputs that were in batches which failed for good: `node input`. Which come together is up to the order of events. */
  readonly refused = new Set<string>()
  readonly #graph: WildGraph

  constructor(graph: WildGraph) {
    this.#graph = graph
    const nodes = Object.fromEntries(graph.nodes.map((node) => [node.name, this.#stage(node)]))
    const document: GraphDocument = { nodes, graph: wildWiring(graph.nodes) }
    this.plumber = plumberWith({ document, coroMap: { [WILD_LANE]: lane } }, () => graph.window)
  }

  /** What `stream` is to be given: the items of every inlet. */
  get input(): Record<string, string[]> | undefined {
    const inlets = this.#inlets.map((node) => [node.name, wildItems(node)] as const)
    return inlets.length === 0 ? undefined : Object.fromEntries(inlets)
  }

  /** Puts the items of every inlet, one after the other or all at once, and ends it; settles when every put has. */
  async feed(pipeline: Pipeline): Promise<void> {
    await Promise.all(
      this.#inlets.map(async (node) => {
        this.accepted.set(node.name, [])
        const atOnce = hashOf(`${node.name} at once ${this.#graph.seed}`) % 5 < 3
        const puts: Promise<void>[] = []
        for (const item of wildItems(node)) {
          puts.push(this.#put(pipeline, node, item))
          if (!atOnce) await puts.at(-1)
        }
        await Promise.all(puts)
        pipeline.end({ node: node.name })
      }),
    )
  }

  get #inlets(): WildNode[] {
    return this.#graph.nodes.filter(({ style }) => style === 'inlet')
  }

  async #put(pipeline: Pipeline, { name, cancels }: WildNode, item: string): Promise<void> {
    const hash = hashOf(`${item} cancelled ${this.#graph.seed}`)
    const cancelled = cancels && hash % 3 === 0 && !isWildLeaf(this.#graph, name)
    const controller = new AbortController()
    if (cancelled) void microtasks(hash % 20).then(() => controller.abort())
    try {
      await pipeline.put(item, { node: name, ...(cancelled && { signal: controller.signal }) })
      this.accepted.get(name)?.push(item)
    } catch (error) {
      if (!cancelled) this.refusals.push(error)
    }
  }

  #stage(node: WildNode): NodeDocument {
    const { inputs, hooks, style, properties } = node
    const { packetsInFlight } = properties
    if (style === 'inlet') return { coro: 'std.inlet', properties: { packetsInFlight } }
    const run = inputs.length === 0 ? sourceOf(node) : style === 'stream' ? this.#stream(node) : this.#call(node)
    const definition = {
      run,
      ...(style === 'stream' && { kind: 'stream' }),
      ...(hooks && this.#hooks(node, hooks)),
    }
    return {
      coro: defineCoro<never, Slot>(definition as CoroDefinition<never, Slot>) as CoroDefinition,
      properties: inputs.length > 0 ? properties : { packetsInFlight },
    }
  }

  #hooks({ name, deaf }: WildNode, { setup, teardown }: NonNullable<WildNode['hooks']>): object {
    const setUp = (): Slot => {
      const slot = { name, teardowns: 0 }
      this.slots.push(slot)
      return slot
    }
    const setUpLater = async ({ worker }: Context): Promise<Slot> => {
      await microtasks(3)
      if (deaf && hashOf(`${name} is set up ${worker.index}`) % 4 === 0) await this.#mercyFor(name)
      return setUp()
    }
    return {
      setup: (context: Context) => (setup === 'now' ? setUp() : setUpLater(context)),
      teardown: ({ state }: Context<Slot>) => {
        state.teardowns++
        return teardown === 'now' ? undefined : microtasks(2)
      },
    }
  }

  #call(node: WildNode): (input: unknown, context: Context) => unknown {
    const { batch, emit } = node.properties
    const results = (input: unknown, attempt: number) => this.#results(node, [input], attempt)[0] ?? []
    const pause = (input: unknown) => this.#pause(node, input)
    async function* later(input: unknown, context: Context) {
      const { attempt } = context
      await pause(input)
      for (const result of generate(input, context, attempt)) {
        await microtasks(1)
        yield result
      }
    }
    function* generate(input: unknown, context: Context, attempt = context.attempt) {
      try {
        for (const result of results(input, attempt)) yield given(result, context)
      } catch (error) {
        if (emit === 'atomic') yield `${node.name} fails after this`
        throw error
      }
    }
    const single = (input: unknown, context: Context): unknown => oneOf(results(input, context.attempt), context)
    const together = (inputs: unknown, { attempt }: Context): unknown =>
      this.#results(node, membersOf(node, inputs), attempt).map(([result]) => result?.value ?? DROP)
    const called = batch === undefined ? single : together
    switch (node.style) {
      case 'generator':
        return generate
      case 'asyncGenerator':
        return later
      case 'promisedGenerator':
        return (input, context) => pause(input).then(() => generate(input, context))
      case 'late':
        return (input, context) => this.#counted(node, async () => pause(input).then(() => called(input, context)))
      default:
        return (input, context) => this.#counted(node, () => called(input, context))
    }
  }

  /** What a call makes of each of its inputs. Throws, and notes it, where the call fails. */
  #results(node: WildNode, inputs: readonly unknown[], attempt: number): readonly (readonly WildResult[])[] {
    const { name, properties } = node
    const results = inputs.map((input) => wildResults(node, input))
    const made = results.filter((result) => Array.isArray(result))
    const falters = Math.max(...inputs.map((input) => wildFalters(node, input)))
    if (made.length === results.length && attempt > falters) return made
    if (properties.batch !== undefined && attempt === (properties.retry?.attempts ?? 1))
      for (const input of inputs) this.refused.add(`${name} ${textOf(input)}`)
    throw results.find((result) => result instanceof WildRefusal) ?? new WildRefusal(`${name} falters`)
  }

  #stream(node: WildNode) {
    const pause = (input: unknown) => this.#pause(node, input)
    return async function* (inputs: AsyncIterable<unknown>, context: Context) {
      let taken = 0
      if (node.takes === 0) return
      for await (const input of inputs) {
        await pause(input)
        for (const result of resultsOrThrow(node, input)) yield given(result, context)
        if (++taken === node.takes) return
      }
    }
  }

  /** Some microtasks, now and then a turn of the event loop; of a deaf node, now and then until there is mercy. */
  async #pause({ name, deaf }: WildNode, input: unknown): Promise<void> {
    const hash = hashOf(`${name} takes its time for ${textOf(input)}`)
    await microtasks(hash % 5)
    if (hash % 11 === 0) await turns(1)
    if (!deaf || hash % 9 !== 0) return
    if (hash % 2 === 0) return turns(hash % 13)
    await this.#mercyFor(name)
  }

  #mercyFor(name: string): Promise<void> {
    this.deaf.add(name)
    return this.mercy.opened
  }

  /** Counts a call while it is in progress. */
  #counted(node: WildNode, work: () => unknown): unknown {
    const { name } = node
    const count = (this.running.get(name) ?? 0) + 1
    const leave = (): void => void this.running.set(name, (this.running.get(name) ?? 0) - 1)
    this.running.set(name, count)
    this.most.set(name, Math.max(this.most.get(name) ?? 0, count))
    let result: unknown
    try {
      result = work()
      return result instanceof Promise ? result.finally(leave) : result
    } finally {
      if (!(result instanceof Promise)) leave()
    }
  }
}

function sourceOf(node: WildNode): (output: SourceOutput, context: Context) => unknown {
  const items = wildItems(node)
  const pause = (item: string) => microtasks(hashOf(`source ${item}`) % 5)
  switch (node.style) {
    case 'generator':
      return function* () {
        yield* items
      }
    case 'asyncGenerator':
      return async function* (_, { signal }) {
        for (const item of items) {
          await pause(item)
          if (signal.aborted) return
          yield item
        }
      }
    case 'put':
      return async (output) => {
        for (const item of items) {
          await pause(item)
          await output.put(item)
        }
      }
    case 'putAtOnce':
      return async (output) => {
        for (const item of items) void Promise.resolve(output.put(item)).catch(() => {})
        await microtasks(2)
      }
    case 'emitting':
      return function* (_, context) {
        for (const [place, item] of items.entries()) {
          if (place % 2 === 0 && place + 1 < items.length) context.emit('out', item)
          else yield item
        }
      }
    default:
      return () => items
  }
}

/** What nodes partition by: one of three keys. */
const lane = (input: unknown, { node }: Context): number => hashOf(`lane of ${node} ${textOf(input)}`) % 3

/** The members of a batch. Throws a TypeError for anything else. */
function membersOf({ name, properties }: WildNode, input: unknown): readonly unknown[] {
  const { size = 0 } = properties.batch ?? {}
  if (Array.isArray(input) && input.length >= 1 && input.length <= size) return input
  throw new TypeError(`${name} has batches of ${size}, and was given ${JSON.stringify(input)}`)
}

function resultsOrThrow(node: WildNode, input: unknown): readonly WildResult[] {
  const results = wildResults(node, input)
  if (results instanceof WildRefusal) throw results
  return results
}

/** What a generator yields for a result: on any other port than `out` it emits it. */
function given({ port, value }: WildResult, context: Context): unknown {
  if (port === 'out') return value
  context.emit(port, value)
  return DROP
}

/** What a plain function returns for its results: the only one, or nothing but emissions. */
function oneOf(results: readonly WildResult[], context: Context): unknown {
  const [only, ...others] = results
  if (only !== undefined && others.length === 0) return given(only, context)
  for (const { port, value } of results) context.emit(port, value)
  return DROP
}
