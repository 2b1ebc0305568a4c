import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core'
import { type Random, randomOf, type Scheduler } from '@pipelines/testkit'
import { isLeaf, itemsOf, type RandomGraph, type RandomNode, wiringOf } from '@pipelines/testkit/random-graphs'
import { expect } from 'vitest'
import { type Pipeline, plumberOf, type Report, type SourceOutput, type Stage } from './blackbox.js'

/** A worker slot that was set up. */
interface Slot {
  readonly name: string
  readonly reasons: unknown[]
}

/**
 * A random graph whose nodes hand their values on as they are, so that an item is known by its id wherever it gets; and
 * everything that can be seen of it from outside. Some nodes listen to their signal, some are deaf to it: they go on
 * when the scheduler says so, whatever happens. Most nodes have hooks, some of which wait too.
 */
export class Tracked {
  readonly pipeline: Pipeline
  /** Ids by source: handed to the engine while it was not told to stop. */
  readonly made = new Map<string, string[]>()
  /** Ids by leaf, in order. */
  readonly delivered = new Map<string, string[]>()
  readonly slots: Slot[] = []
  /** Signals that coroutines listened to. */
  readonly signals = new Set<AbortSignal>()
  /** Puts that were rejected, by inlet. */
  readonly rejected = new Map<string, unknown[]>()
  /** Sources whose generator has begun, and was neither run to its end nor closed. */
  readonly drawnFrom = new Set<string>()
  /** Set by a test when it ends the run: what is made later is not counted as made. */
  over = false
  readonly #graph: RandomGraph
  readonly #scheduler: Scheduler
  readonly #random: Random

  constructor(graph: RandomGraph, scheduler: Scheduler, options: Readonly<Record<string, unknown>> = {}) {
    this.#graph = graph
    this.#scheduler = scheduler
    this.#random = randomOf(scheduler.seed)
    const stages = graph.nodes.map((node) => [node.name, this.#stage(node)] as const)
    const plumber = plumberOf(Object.fromEntries(stages), wiringOf(graph))
    this.pipeline = plumber.createPipeline({
      onOutput: ({ node, value }) => void push(this.delivered, node, String(value)),
      ...options,
    })
    for (const node of graph.nodes) if (node.style === 'fed') void this.#feed(node)
  }

  /** Nodes in which something waits for the scheduler. */
  get stuck(): string[] {
    const names = this.#scheduler.waiting.map((label) => label.split(' ')[0] ?? '')
    return [...new Set(names.filter((name) => name !== 'feeder'))].toSorted()
  }

  /** Ids that the report lists as unprocessed, by node. */
  static listed(report: Report): Map<string, string[]> {
    const listed = new Map<string, string[]>()
    for (const { node, value } of report.unprocessed) push(listed, node, String(value))
    return listed
  }

  /** Asserts that every id that was made was delivered at each leaf behind its source, or is listed on the way there. */
  expectNothingLost(report: Report): void {
    const listed = Tracked.listed(report)
    for (const [source, ids] of this.made)
      for (const leaf of this.#leavesBehind(source)) {
        const found = new Set(this.delivered.get(leaf))
        for (const name of this.#wayTo(leaf)) for (const id of listed.get(name) ?? []) found.add(id)
        const lost = ids.filter((id) => !found.has(id))
        expect(lost, `made by ${source}, and neither delivered at ${leaf} nor listed as unprocessed`).toEqual([])
      }
  }

  /** Asserts that the list of what was not processed is as long as the counters say, node by node. */
  expectListsAsCounted(report: Report): void {
    const listed = Tracked.listed(report)
    for (const { name, inputs } of this.#graph.nodes) {
      const count = listed.get(name)?.length ?? 0
      const { unprocessed = 0, emitted = 0 } = report.nodes[name] ?? {}
      const before = report.edges.filter(({ to }) => to === name)
      const waited = before.reduce((sum, edge) => sum + edge.unprocessed, 0)
      if (inputs.length > 0) expect(count, `listed at ${name}`).toBe(unprocessed + waited)
      else expect(count, `listed at source ${name}`).toBe((this.made.get(name) ?? []).length - emitted)
    }
  }

  /** Asserts that on a chain every id is at exactly one place. */
  expectEachOnce(report: Report): void {
    const places = [...this.delivered.values(), ...Tracked.listed(report).values()].flat()
    expect(places.toSorted()).toEqual([...this.made.values()].flat().toSorted())
  }

  /**
   * Asserts that every slot that was set up was torn down once, and told either nothing or the reason; and that no
   * generator was left in the middle.
   */
  expectTornDown(reason: unknown): void {
    expect([...this.drawnFrom], 'generators that were left open').toEqual([])
    for (const { name, reasons } of this.slots) {
      expect(reasons, `teardowns of slot ${name}`).toHaveLength(1)
      expect([undefined, reason], `what teardown of ${name} is told`).toContain(reasons[0])
    }
  }

  #stage(node: RandomNode): Stage {
    if (node.style === 'fed') return { coro: 'std.inlet', properties: node.properties }
    const deaf = this.#random.chance(0.3)
    const hooks = this.#random.chance(0.7) ? this.#hooks(node.name) : {}
    const run = node.inputs.length === 0 ? this.#source(node, deaf) : this.#map(node, deaf)
    return {
      coro: defineCoro<never, Slot>({ run, ...hooks } as CoroDefinition<never, Slot>),
      properties: node.properties,
    }
  }

  #hooks(node: string): object {
    const late = this.#random.chance(0.4)
    const wait = (label: string) => (late ? this.#scheduler.step(label) : undefined)
    const setUp = (name: string): Slot => {
      const slot = { name, reasons: [] }
      this.slots.push(slot)
      return slot
    }
    return {
      setup: ({ worker }: Context): Slot | Promise<Slot> => {
        const name = `${node}/${worker.index}`
        const waiting = wait(`${node} setup ${worker.index}`)
        return waiting === undefined ? setUp(name) : waiting.then(() => setUp(name))
      },
      teardown: ({ state, worker }: Context<Slot>, reason: unknown) => {
        state.reasons.push(reason)
        return wait(`${node} teardown ${worker.index}`)
      },
    }
  }

  #map(node: RandomNode, deaf: boolean) {
    return (input: unknown, context: Context): unknown => {
      const id = idOf(node, input)
      return this.#scheduler.after(`${node.name} ${id}`, () => id, this.#signal(context, deaf))
    }
  }

  #signal({ signal }: Context, deaf: boolean): AbortSignal | undefined {
    if (deaf) return undefined
    this.signals.add(signal)
    return signal
  }

  #source(node: RandomNode, deaf: boolean) {
    const { name } = node
    const make = (id: string): string => {
      if (!this.over) push(this.made, name, id)
      return id
    }
    const wait = (id: string, context: Context) => this.#scheduler.step(`${name} ${id}`, this.#signal(context, deaf))
    if (node.style === 'put')
      return async (output: SourceOutput, context: Context) => {
        for (const id of itemsOf(node)) {
          await wait(id, context)
          if (context.signal.aborted) return
          await output.put(make(id))
        }
      }
    const { drawnFrom } = this
    if (node.style === 'asyncGenerator')
      return async function* (_output: unknown, context: Context) {
        drawnFrom.add(name)
        try {
          for (const id of itemsOf(node)) {
            await wait(id, context)
            yield make(id)
          }
        } finally {
          drawnFrom.delete(name)
        }
      }
    return function* () {
      drawnFrom.add(name)
      try {
        for (const id of itemsOf(node)) yield make(id)
      } finally {
        drawnFrom.delete(name)
      }
    }
  }

  async #feed(node: RandomNode): Promise<void> {
    const { name } = node
    for (const id of itemsOf(node)) {
      await this.#scheduler.step(`feeder ${id}`)
      try {
        await this.pipeline.put(id, { node: name })
        push(this.made, name, id)
      } catch (error) {
        push(this.rejected, name, error)
      }
    }
    this.pipeline.end({ node: name })
  }

  #leavesBehind(source: string): string[] {
    const leaves = this.#graph.nodes.filter(({ name }) => isLeaf(this.#graph, name))
    return leaves.map(({ name }) => name).filter((leaf) => this.#wayTo(leaf).has(source))
  }

  /** A node and everything before it. */
  #wayTo(name: string): Set<string> {
    const way = new Set([name])
    for (const { name, inputs } of this.#graph.nodes.toReversed())
      if (way.has(name)) for (const input of inputs) way.add(input)
    return way
  }
}

/** The id of an input; every part of a tuple must have the same. */
function idOf({ name, fork }: RandomNode, input: unknown): string {
  const [id, ...others] = Array.isArray(input) ? input : [input]
  if (typeof id === 'string' && others.length > 0 === (fork !== undefined) && others.every((other) => other === id))
    return id
  throw new TypeError(`${name} was given ${JSON.stringify(input)}`)
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
