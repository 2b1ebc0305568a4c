import { type Context, type CoroDefinition, DROP, defineCoro } from '@pipelines/core'
import { gate, hashOf } from '@pipelines/testkit'
import { type Pipeline, plumberOf, type SourceOutput, turns } from './blackbox.js'
import {
  isWildLeaf,
  textOf,
  type WildGraph,
  type WildNode,
  WildRefusal,
  type WildResult,
  wildItems,
  wildResults,
  wildWiring,
} from './wild-graph.js'

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
  readonly plumber: ReturnType<typeof plumberOf>
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
  readonly #graph: WildGraph

  constructor(graph: WildGraph) {
    this.#graph = graph
    const stages = graph.nodes.map((node) => [node.name, this.#stage(node)] as const)
    this.plumber = plumberOf(Object.fromEntries(stages), wildWiring(graph.nodes))
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

  #stage(node: WildNode): object | string {
    if (node.style === 'inlet') return 'std.inlet'
    const { inputs, hooks, style, properties } = node
    const run = inputs.length === 0 ? sourceOf(node) : style === 'stream' ? this.#stream(node) : this.#call(node)
    const definition = {
      run,
      ...(style === 'stream' && { kind: 'stream' }),
      ...(hooks && this.#hooks(node, hooks)),
    }
    return {
      coro: defineCoro<never, Slot>(definition as CoroDefinition<never, Slot>),
      ...(inputs.length > 0 && { properties }),
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
    const results = (input: unknown): readonly WildResult[] => resultsOrThrow(node, input)
    const pause = (input: unknown) => this.#pause(node, input)
    async function* later(input: unknown, context: Context) {
      await pause(input)
      for (const result of results(input)) {
        await microtasks(1)
        yield given(result, context)
      }
    }
    function* generate(input: unknown, context: Context) {
      for (const result of results(input)) yield given(result, context)
    }
    const single = (input: unknown, context: Context): unknown => oneOf(results(input), context)
    switch (node.style) {
      case 'generator':
        return generate
      case 'asyncGenerator':
        return later
      case 'promisedGenerator':
        return (input, context) => pause(input).then(() => generate(input, context))
      case 'late':
        return (input, context) => this.#counted(node, async () => pause(input).then(() => single(input, context)))
      default:
        return (input, context) => this.#counted(node, () => single(input, context))
    }
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
