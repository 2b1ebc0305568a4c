import assert from 'node:assert/strict'
import { type Executor, imbalances, type Meta } from '@pipelines/core'
import {
  type GraphDocument,
  moduleCoros,
  type Pipeline,
  Plumber,
  type PropertiesDocument,
  type RunOptions,
} from '@pipelines/plumber'
import { type Played, playedOf } from './executor-suite-played.js'
import { Seen } from './executor-suite-seen.js'
import { feedInlets } from './feed.js'

/** The built files, also where this one is run from source: an executor may be unable to load TypeScript. */
const COROS = ['executor-coros', 'executor-suite-coros'].map((name) =>
  moduleCoros(new URL(`../dist/${name}.js`, import.meta.url)),
)
/** Milliseconds after which a run that does not end is ended, and its case has failed. */
const DEADLINE_MS = 10_000
/** Milliseconds that calls get to obey. */
const GRACE_MS = 3000

/** A node of a case. */
export interface StageNode {
  readonly coro: string
  readonly args?: Readonly<Record<string, unknown>>
  readonly properties?: PropertiesDocument
}

/** A graph of a case. */
export interface StageGraph {
  readonly nodes: Readonly<Record<string, StageNode>>
  readonly graph: Readonly<Record<string, readonly (string | { readonly to: string; readonly port: string })[]>>
}

/** What goes into the inlets; a list goes into the one called `in`. */
export type StageInput = readonly unknown[] | Readonly<Record<string, readonly unknown[]>>

/** How a case runs its graph. */
export interface StageOptions extends Omit<RunOptions, 'onOutput' | 'logger'> {
  readonly validate?: boolean
  /** The meta that every input brings. */
  readonly meta?: Meta
}

/** A graph that runs. */
export interface Playing {
  readonly pipeline: Pipeline
  /** Resolves when coroutines have told `what` so many times; rejects when the run has ended before. */
  noted(what: string, times?: number): Promise<void>
  /** Resolves when so many outputs were handed over; rejects when the run has ended before. */
  given(count: number): Promise<void>
  /** Ends the input, and waits until the run has settled. Throws where the books do not balance. */
  ended(): Promise<Played>
  /** The same without ending the input. */
  settled(): Promise<Played>
}

/** Runs the graphs of a case with one executor, and keeps what came of them. */
export class Stage {
  readonly #executor: Executor
  readonly #played: Played[] = []

  constructor(executor: Executor) {
    this.#executor = executor
  }

  /** What came of all its runs. */
  get played(): readonly Played[] {
    return this.#played
  }

  /** Runs a graph to its end; a single node is fed by an inlet. */
  async run(work: StageNode | StageGraph, input: StageInput = [], options: StageOptions = {}): Promise<Played> {
    const playing = await this.start(work, options)
    await feedInlets(playing.pipeline, inputsOf(work, input), options.meta)
    return playing.settled()
  }

  /** Starts a graph; a single node gets an inlet. */
  async start(
    work: StageNode | StageGraph,
    { validate, meta: _, env = {}, ...options }: StageOptions = {},
  ): Promise<Playing> {
    const seen = new Seen()
    const plumber = await Plumber.create(this.#document(work), {
      ...{ coroMap: COROS, executors: [this.#executor], logger: seen.logger, env },
      ...(validate !== undefined && { validate }),
    })
    const times = { deadlineMs: DEADLINE_MS, graceMs: GRACE_MS }
    const pipeline = plumber.createPipeline({ ...times, ...options, onOutput: seen.onOutput })
    void pipeline.settled.then(() => seen.over())
    return {
      pipeline,
      noted: (what, count) => seen.noted(what, count),
      given: (count) => seen.given(count),
      settled: () => this.#settled(pipeline, seen),
      ended: () => {
        pipeline.end()
        return this.#settled(pipeline, seen)
      },
    }
  }

  async #settled(pipeline: Pipeline, seen: Seen): Promise<Played> {
    const report = await pipeline.settled
    assert.deepEqual(imbalances(report), [], 'the books of the run balance')
    const played = playedOf(report, seen)
    this.#played.push(played)
    return played
  }

  /** Every node that has a coroutine of ours runs in the executor, unless it says otherwise. */
  #document(work: StageNode | StageGraph): GraphDocument {
    const { nodes, graph } =
      'nodes' in work ? work : { nodes: { in: { coro: 'std.inlet' }, work }, graph: { in: ['work'] } }
    const placed = Object.entries(nodes).map(([name, node]) => {
      const { properties } = node as StageNode
      if (node.coro === 'std.inlet') return [name, node]
      return [name, { ...node, properties: { executor: this.#executor.name, ...properties } }]
    })
    return { nodes: Object.fromEntries(placed), graph }
  }
}

function inputsOf(work: StageNode | StageGraph, input: StageInput): ReadonlyMap<string, readonly unknown[]> {
  if (!isList(input)) return new Map(Object.entries(input))
  const hasInlet = !('nodes' in work) || 'in' in work.nodes
  return new Map(hasInlet ? [['in', input]] : [])
}

const isList = (input: StageInput): input is readonly unknown[] => Array.isArray(input)
