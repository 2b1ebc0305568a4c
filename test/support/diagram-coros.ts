import { type Context, type Coro, type CoroDefinition, DROP, defineCoro, OUT } from '@pipelines/core'
import { gate, type Scheduler } from '@pipelines/testkit'
import { aborted } from './blackbox.js'
import { countsOf, type Diagram, type DiagramNode, itemsOf, outputsOf, textOf } from './diagram.js'
import type { NodeSpec, Spec } from './plans.js'

/** The coroutines of one run of a diagram. Each call waits at the scheduler before it gives what it gives. */
export class DiagramCoros {
  readonly spec: Spec
  /** Told whenever a call begins. */
  onCall: () => void = () => {}
  readonly #diagram: Diagram
  readonly #scheduler: Scheduler
  /** By node and value. */
  readonly #chosen = new Map<string, number>()

  constructor(diagram: Diagram, scheduler: Scheduler) {
    this.#diagram = diagram
    this.#scheduler = scheduler
    this.spec = Object.fromEntries(diagram.nodes.map((node) => [node.name, this.#specOf(node)]))
  }

  /** How many outputs a call gave, where that was for the schedule to pick. */
  readonly chosen = (node: string, value: string): number | undefined => this.#chosen.get(`${node} ${value}`)

  #specOf(node: DiagramNode): NodeSpec {
    const { to, takes, inputs, properties: props } = node
    if (inputs.length === 0) return { coro: this.#source(node), to, props }
    if (takes === undefined) return { coro: this.#map(node), to, props }
    return { coro: this.#taker(node, takes), kind: 'stream', to, props }
  }

  #source(node: DiagramNode): Coro {
    const items = itemsOf(this.#diagram, node)
    const scheduler = this.#scheduler
    return async function* (_output: never, { signal }) {
      for (const item of items) {
        await scheduler.step(item, signal)
        yield item
      }
    }
  }

  #map(node: DiagramNode): Coro {
    const { name, meets } = node
    const meet = meets === undefined ? undefined : meeting(meets)
    const scheduler = this.#scheduler
    return (input: never, context) => {
      const { signal } = context
      const value = textOf(this.#diagram, input)
      const results = (): unknown => this.#results(node, value, context)
      this.onCall()
      const released = scheduler.step(`${name} ${value}`, signal)
      if (released === undefined && meet === undefined) return results()
      const met = meet && (() => Promise.race([meet(), aborted(signal)]))
      return Promise.resolve(released).then(met).then(results)
    }
  }

  #results(node: DiagramNode, value: string, context: Context): unknown {
    const outputs = outputsOf(node, value, this.#choose(node, value))
    const port = node.by?.(value) ?? OUT
    if (port === OUT && node.slowly && outputs.length > 1) return this.#oneByOne(outputs, context)
    if (port === OUT) return outputs.length === 0 ? DROP : outputs.length === 1 ? outputs[0] : outputs.values()
    for (const output of outputs) context.emit(port, output)
    return DROP
  }

  async *#oneByOne([first, ...others]: readonly string[], { signal }: Context): AsyncGenerator<unknown> {
    yield first
    for (const output of others) {
      await this.#scheduler.step(output, signal)
      yield output
    }
  }

  /** Takes some, gives each back, and returns. */
  #taker({ name }: DiagramNode, takes: number): CoroDefinition {
    const [diagram, scheduler] = [this.#diagram, this.#scheduler]
    async function* run(inputs: AsyncIterable<unknown>, { signal }: Context) {
      let taken = 0
      for await (const input of inputs) {
        const value = textOf(diagram, input)
        await scheduler.step(`${name} ${value}`, signal)
        yield `${value}/${name}`
        if (++taken === takes) return
      }
    }
    return defineCoro({ kind: 'stream', run }) as CoroDefinition
  }

  #choose(node: DiagramNode, value: string): number {
    const counts = countsOf(node, value)
    if (typeof counts === 'number') return counts
    const count = counts[this.#scheduler.choices.choose(counts.length)] ?? 0
    this.#chosen.set(`${node.name} ${value}`, count)
    return count
  }
}

/** Lets calls go on in groups of so many. */
function meeting(size: number): () => Promise<void> {
  let [group, came] = [gate(), 0]
  return () => {
    const { opened, open } = group
    if (++came % size === 0) {
      open()
      group = gate()
    }
    return opened
  }
}
