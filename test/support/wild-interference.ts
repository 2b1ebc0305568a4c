import { hashOf, type Random, randomOf } from '@pipelines/testkit'
import { expect } from 'vitest'
import { type Pipeline, type Report, turns } from './blackbox.js'
import { isWildLeaf, type WildGraph } from './wild-graph.js'
import { microtasks, WildPlay } from './wild-play.js'

const INTERFERENCES = ['none', 'doomsday', 'drain', 'pause', 'workers', 'tap', 'leave', 'mixture'] as const
/** One thing that is done to a run. */
export type Step =
  | 'doomsday'
  | 'drain'
  | 'pause'
  | 'workers'
  | 'tap'
  | 'leave'
  | 'pause and doomsday'
  | 'pause and drain'

const STEPS: Readonly<Record<Exclude<(typeof INTERFERENCES)[number], 'mixture'>, readonly Step[]>> = {
  none: [],
  doomsday: ['doomsday'],
  drain: ['drain'],
  pause: ['pause', 'pause'],
  workers: ['workers', 'workers', 'workers'],
  tap: ['tap', 'tap', 'tap'],
  leave: ['leave'],
}
const MIXED: readonly Step[] = [
  'pause',
  'pause',
  'workers',
  'workers',
  'tap',
  'drain',
  'doomsday',
  'leave',
  'pause and drain',
  'pause and doomsday',
]
const ALL = { perSecond: Number.POSITIVE_INFINITY }
/** Why a run is doomed. */
export const REASON = 'the end is near'

/** One run of a wild graph, and what was done to it. */
export class Interfered {
  readonly graph: WildGraph
  readonly play: WildPlay
  readonly pipeline: Pipeline
  /** Settles when every put has. */
  readonly fed: Promise<void>
  readonly outputs = new Map<string, unknown[]>()
  readonly done: Step[] = []
  readonly ledger: boolean
  /** What leaves gave that were tapped from the start. */
  readonly #tapped = new Map<string, unknown[]>()
  /** Ends the tap that was set last. */
  #untap = (): void => {}
  /** The most workers that each node has had. */
  readonly #workers: Map<string, number>
  readonly #random: Random

  constructor(graph: WildGraph) {
    this.graph = graph
    this.play = new WildPlay(graph)
    this.#random = randomOf(hashOf(`interference ${graph.seed}`))
    this.#workers = new Map(graph.nodes.map(({ name, properties }) => [name, properties.workers]))
    this.ledger = this.#random.chance(0.5)
    const slow = this.#random.chance(0.4)
    this.pipeline = this.play.plumber.createPipeline({
      ledger: this.ledger,
      graceMs: this.#mayBeDeaf ? 20 : 2_000,
      onOutput: ({ node, value }) => {
        this.outputs.set(node, [...(this.outputs.get(node) ?? []), value])
        return slow ? microtasks(hashOf(String(value)) % 7) : undefined
      },
    })
    const { name: tapped } = this.#random.pick(graph.nodes)
    if (isWildLeaf(graph, tapped)) this.#tapFromStart(tapped)
    this.fed = this.play.feed(this.pipeline)
  }

  /** Interferes, and waits for the end. A run that could wait for a deaf call for ever is doomed in the end. */
  async run(): Promise<Report> {
    const kind = this.#random.pick(INTERFERENCES)
    const steps = kind === 'mixture' ? Array.from({ length: 4 }, () => this.#random.pick(MIXED)) : STEPS[kind]
    for (const step of steps) {
      await this.#wait()
      this.#look()
      await this.#take(step)
    }
    for (let looks = 5; looks > 0; looks--) {
      await this.#wait()
      this.#look()
    }
    if (this.#mayBeDeaf) {
      await turns(20)
      await this.#take('doomsday')
    }
    const report = await soon(this.pipeline.settled, 'the run has not settled')
    await soon(this.fed, 'a put has not settled')
    return report
  }

  has(...steps: readonly Step[]): boolean {
    return this.done.some((step) => steps.includes(step))
  }

  /** Asserts that no node had more calls in progress than workers. */
  expectNoMoreThanWorkers(): void {
    for (const [name, count] of this.play.most)
      expect(count, `calls at once in ${name}`).toBeLessThanOrEqual(this.#workers.get(name) ?? 1)
  }

  /** Asserts that a tap which was set before the start has seen everything that was handed over, in that order. */
  expectTapped(): void {
    for (const [leaf, seen] of this.#tapped) {
      let after = 0
      const unseen = (this.outputs.get(leaf) ?? []).filter((value) => {
        const place = seen.indexOf(value, after)
        after = place + 1
        return place < 0
      })
      expect(unseen, `outputs of ${leaf} that its tap has not seen`).toEqual([])
    }
  }

  #tapFromStart(leaf: string): void {
    const seen: unknown[] = []
    this.#tapped.set(leaf, seen)
    this.pipeline.tap(leaf, ALL, ({ value }) => void seen.push(value))
  }

  /** Ends the last tap, and sets one of another node, which throws. */
  #tap(): void {
    this.#untap()
    this.#untap = this.pipeline.tap(this.#random.pick(this.graph.nodes).name, ALL, () => {
      throw new Error('a listener that throws')
    })
  }

  get #mayBeDeaf(): boolean {
    return this.graph.nodes.some(({ deaf }) => deaf)
  }

  async #wait(): Promise<void> {
    await microtasks(this.#random.integer(0, this.#random.chance(0.5) ? 40 : 400))
    if (this.#random.chance(0.15)) await turns(1)
  }

  /** Takes a snapshot, and asserts that nothing in it is beyond its bounds. */
  #look(): void {
    const { nodes, edges } = this.pipeline.snapshot()
    for (const { from, to, depth, capacity } of edges)
      expect(depth, `depth of the edge ${from} to ${to}`).toBeLessThanOrEqual(capacity)
    for (const { name, inputs, inlet, properties } of this.graph.nodes) {
      // A tuple counts as many items as it has parts, of which a list may have any number.
      if (properties.collect === 'all') continue
      const parts = inlet === 'one' || inlet === 'merge' ? 1 : inputs.length
      const most = parts * (properties.batch?.size ?? 1) * (this.#workers.get(name) ?? 1)
      expect(nodes[name]?.inProgress, `items in progress in ${name}`).toBeLessThanOrEqual(most)
    }
  }

  async #take(step: Step): Promise<void> {
    const { pipeline } = this
    if (step.startsWith('pause')) {
      pipeline.pause()
      await this.#wait()
      this.#look()
    }
    this.done.push(step)
    if (step === 'pause') pipeline.resume()
    else if (step === 'leave') pipeline.closeOutputs()
    else if (step === 'workers') this.#setWorkers()
    else if (step === 'tap') this.#tap()
    else if (step.endsWith('drain')) void pipeline.drain()
    else void pipeline.doomsday(REASON)
  }

  #setWorkers(): void {
    const { name, inputs } = this.#random.pick(this.graph.nodes)
    if (inputs.length === 0) return
    const count = this.#random.integer(1, 4)
    this.#workers.set(name, Math.max(count, this.#workers.get(name) ?? 1))
    this.pipeline.setWorkers(name, count)
  }
}

/** Waits for a promise, but not for ever. */
export async function soon<T>(promise: Promise<T>, otherwise: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`After 5 seconds ${otherwise}.`)), 5_000)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
