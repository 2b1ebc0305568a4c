import {
  type Executor,
  type Issue,
  isPipelineError,
  type Logger,
  type Output,
  PipelineError,
  type RunReport,
} from '@pipelines/core'
import { type BuildOptions, type Built, build, buildAsync, check } from './build.js'
import type { Contract } from './contract.js'
import type { Graph, GraphDocument, GraphNode } from './graph/document.js'
import { toDot, toJSON, toMermaid } from './graph/render.js'
import { assignInput, type Input } from './inputs.js'
import { checkOptions, isCount, refuseTypos } from './options.js'
import { OutputStream } from './output-stream.js'
import { Pipeline } from './pipeline.js'
import { indexOf, type PlanIndex } from './plan-index.js'
import { checkRunOptions, type RunOptions } from './run-options.js'

export interface PlumberOptions extends BuildOptions {
  /** What every coroutine gets as `ctx.env`: a frozen copy of a plain object, its values by reference. */
  readonly env?: Readonly<Record<string, unknown>>
  /** Where the graph reports; also `ctx.log`. @defaultValue silent */
  readonly logger?: Logger
}

const OPTIONS: readonly (keyof PlumberOptions)[] = ['coroMap', 'env', 'executors', 'limits', 'logger', 'validate']

/** Options of a run whose outputs are returned. */
export type CollectOptions = Omit<RunOptions, 'onOutput'>

/** Options of a run whose outputs are taken one by one. */
export interface StreamOptions extends CollectOptions {
  /** Outputs that may wait to be taken; while there are so many, the leaves wait. @defaultValue 1 */
  readonly queueSize?: number | undefined
}

/**
 * Reads a graph, checks it, resolves its coroutines, and runs it as often as wanted.
 *
 * @example
 * const plumber = new Plumber(document, { coroMap: { read, parse, store } })
 * const report = await plumber.run()
 */
export class Plumber {
  /** Normalised: every default filled in; frozen. */
  readonly graph: Graph
  /** Names of the nodes in topological order. */
  readonly order: readonly string[]
  readonly #index: PlanIndex
  readonly #options: PlumberOptions

  /**
   * All the problems of a graph at once; an empty list means that it can run. Never throws.
   *
   * @param document an object, or JSON text
   * @param options without `coroMap`, nothing is said about coroutines
   */
  static check(document: unknown, options: PlumberOptions = {}): readonly Issue[] {
    return check(document, options)
  }

  /** Like the constructor, also for coroMaps that answer by promise. */
  static async create(document: GraphDocument | string, options: PlumberOptions = {}): Promise<Plumber> {
    return new Plumber(document, options, await buildAsync(document, options))
  }

  /**
   * @param document an object, or JSON text
   * @param built the outcome of the checks where they have been made; left out by users
   * @throws `PLB_GRAPH_INVALID` with every issue in `details.issues`
   */
  constructor(document: GraphDocument | string, options: PlumberOptions = {}, built: Built = build(document, options)) {
    const { issues, graph, plan, order } = built
    refuseOptions(options)
    if (graph === undefined || plan === undefined || issues.length > 0)
      throw new PipelineError('GRAPH_INVALID', { issues })
    this.graph = graph
    this.order = Object.freeze([...order])
    this.#index = indexOf(plan)
    this.#options = options
  }

  /** The nodes by name, normalised. */
  get nodes(): Readonly<Record<string, GraphNode>> {
    return this.graph.nodes
  }

  /** What it takes and gives. */
  get contract(): Contract {
    return this.#index.contract
  }

  /** The graph as Mermaid text. */
  toMermaid(): string {
    return toMermaid(this.graph)
  }

  /** The graph in the DOT language. */
  toDot(): string {
    return toDot(this.graph)
  }

  /** The graph as a document again; also what `JSON.stringify` writes. */
  toJSON(): GraphDocument {
    return toJSON(this.graph)
  }

  /**
   * Runs the graph to its end.
   *
   * @param input for graphs with inlets: an iterable or async iterable, or `{ [inlet]: iterable }`
   * @returns the report; rejects with a `PipelineError` that carries it as `report` unless the outcome is `completed`
   */
  async run(input?: Input, options: RunOptions = {}): Promise<RunReport> {
    const report = await this.#start(input, options).settled
    assertCompleted(report)
    return report
  }

  /** Runs the graph and gives the outputs of its leaves in the order in which they were handed over. */
  async collect<T = unknown>(input?: Input, options: CollectOptions = {}): Promise<T[]> {
    const values: T[] = []
    const onOutput = ({ value }: Output): void => {
      values.push(value as T) // the caller's word for what the leaves give
    }
    await this.run(input, { ...withoutOutput(options), onOutput })
    return values
  }

  /**
   * Runs the graph and gives its outputs one by one, as fast as they are taken. Leaving the loop ends the run well; an
   * error is thrown after what was handed over before it.
   */
  stream(input?: Input, options: StreamOptions = {}): AsyncGenerator<Output, void, void> {
    const { queueSize, ...run } = withoutOutput(options)
    checkOptions({ queueSize }, { queueSize: isCount })
    checkRunOptions(run)
    this.#inputs(input)
    return new OutputStream((onOutput, letGo) => {
      const pipeline = this.#start(input, { ...run, onOutput })
      // What waits for its turn when the run is doomed is in the report, so it must not be handed over as well.
      pipeline.on('state', ({ to }) => to === 'doomed' && letGo())
      return { ended: pipeline.settled.then(assertCompleted), leave: () => pipeline.closeOutputs() }
    }, queueSize)
  }

  /** Starts a standing pipeline: its inlets take `put`, its sources start at once. */
  createPipeline(options: RunOptions = {}): Pipeline {
    checkRunOptions(options)
    return this.#pipeline(options, undefined)
  }

  #start(input: Input | undefined, options: RunOptions): Pipeline {
    checkRunOptions(options)
    return this.#pipeline(options, this.#inputs(input))
  }

  #inputs(input: Input | undefined): ReturnType<typeof assignInput> {
    return assignInput(this.#index.inlets, input)
  }

  #pipeline({ env, onStart, ...options }: RunOptions, inputs: ReturnType<typeof assignInput> | undefined): Pipeline {
    const { env: ours, logger } = this.#options
    const given = ours && env ? { ...ours, ...env } : (env ?? ours)
    const pipeline = new Pipeline(this.#index, {
      ...(logger && { logger }),
      ...options,
      ...(inputs && { inputs }),
      ...(given && { env: readOnly(given) }),
    })
    try {
      onStart?.(pipeline)
    } catch (error) {
      void pipeline.doomsday(error) // it is in nobody's hands
      throw error
    }
    return pipeline
  }
}

/** Options that have no names to read are an issue already. */
function refuseOptions(options: PlumberOptions): void {
  try {
    refuseTypos(options, OPTIONS)
  } catch (error) {
    if (isPipelineError(error)) throw error
  }
}

/** A plain object is copied and frozen, so that no coroutine changes what the others see; anything else stays as it is. */
function readOnly(env: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(env)
  return prototype === Object.prototype || prototype === null ? Object.freeze({ ...env }) : env
}

function withoutOutput<T extends CollectOptions>(options: T): T {
  if ('onOutput' in options && options.onOutput !== undefined)
    throw new PipelineError('OPTION_INVALID', { option: 'onOutput', what: 'is for run() and createPipeline() only' })
  return options
}

function assertCompleted(report: RunReport): void {
  if (report.outcome === 'completed') return
  const { error = new PipelineError('INTERNAL', { what: 'a run that failed without an error' }) } = report
  error.report = report
  throw error
}

export type { Executor }
