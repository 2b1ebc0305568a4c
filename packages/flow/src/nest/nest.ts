import { PipelineError, quote, type RunReport, show } from '@pipelines/core'
import { checkOptions, isCount, isFunction } from '@pipelines/plumber'
import type { Blueprint } from '../blueprint.js'
import type { ItemsOptions } from '../flow-run.js'
import { Checked } from './checked.js'
import { lendCuts, stagesOf, wrongCut } from './cuts.js'
import { layoutText } from './layout.js'
import type { Member } from './members.js'
import { type Layout, type NestGraph, nestGraph } from './nest-graph.js'
import { type ErrorHandler, NestRun } from './nest-run.js'
import { type GroupPart, partOf, setPartOf } from './parts.js'
import type { QueueInfo } from './stage.js'
import { checkWatchOptions, type WatchOptions } from './watch.js'

/** How a nest runs: what a run is given, and what a Plumber is. */
export interface NestOptions extends Omit<ItemsOptions, 'progress'> {
  /** Capacity of each queue, where a step does not say. @defaultValue 64 */
  readonly queueSize?: number | undefined
}

/**
 * Members, one after the other, that run once. It can be a member of another nest; then that one runs.
 *
 * @typeParam Out what comes out of it
 */
export class Nest<Out = unknown> implements AsyncIterable<Out> {
  readonly #part: GroupPart
  readonly #cuts = new Map<string, GroupPart>()
  readonly #run: NestRun
  #options: NestOptions = {}
  #isTimed = false
  #graph: NestGraph | undefined

  /** Made by {@link nest}. */
  constructor(members: readonly Member[]) {
    const checked = new Checked()
    const parts = checked.parts(members, '', 'nest')
    const { issues } = checked
    if (issues.length > 0) throw new PipelineError('GRAPH_INVALID', { issues })
    this.#part = { kind: 'serial', parts, cuts: this.#cuts }
    setPartOf(this, this.#part)
    this.#run = new NestRun(() => {
      const { queueSize: _, ...options } = this.#options
      return { graph: this.#made, stages: stagesOf(this.#part), options }
    })
  }

  /** Sets how it runs; what was set before and is not named stays. */
  with(options: NestOptions): this {
    this.#assertIdle()
    if (options.queueSize !== undefined) checkOptions({ queueSize: options.queueSize }, { queueSize: isCount })
    this.#options = { ...this.#options, ...options }
    this.#graph = undefined
    return this
  }

  /** Lets items carry how many seconds they took: `meta.timings`, by the name of the node. */
  timings(): this {
    this.#assertIdle()
    this.#isTimed = true
    this.#graph = undefined
    return this
  }

  /**
   * Lets every function and stage in here put to `other`, which becomes part of this nest: a stage by `this.<name>.put`, a
   * function by `ctx.emit(name, item)`. `other` ends when nothing can put to it any more. Items arrive there without their
   * meta, and what `other` gives goes nowhere.
   */
  xcut(name: string, other: Nest): this {
    this.#assertIdle()
    const part = partOf(other)
    if (part === undefined)
      throw new PipelineError('OPTION_INVALID', { option: 'other', what: `must be a nest, got ${show(other)}` })
    const wrong = wrongCut(this.#part, name, part)
    if (wrong !== undefined)
      throw new PipelineError('OPTION_INVALID', { option: 'name', what: `is ${quote(String(name))}, which ${wrong}` })
    this.#cuts.set(name, part)
    this.#graph = undefined
    return this
  }

  /** Handles the error that ends the run, in the place of whoever waits for it. It may take its time. */
  catch(handler: ErrorHandler): this {
    checkOptions({ handler }, { handler: isFunction })
    this.#run.handler = handler
    return this
  }

  /** Shows how far it is and how full its queues are while it runs. */
  watch(options: WatchOptions = {}): this {
    checkWatchOptions(options)
    this.#run.watch(options)
    return this
  }

  unwatch(): this {
    this.#run.unwatch()
    return this
  }

  /** Starts it; once more does nothing. What comes out goes nowhere, unless `items` or `list` follows at once. */
  start(): this {
    this.#run.start()
    return this
  }

  /**
   * Starts it unless it runs, and waits for its end.
   *
   * @returns the report, and `undefined` where nothing had begun; rejects with the error that ended it, unless that is
   * handled by {@link catch}
   */
  join(): Promise<RunReport | undefined> {
    this.#run.start()
    return this.#run.ended
  }

  /** The same as {@link join}. */
  run(): Promise<RunReport | undefined> {
    return this.join()
  }

  /** Ends it at once: no source goes on, and what is inside is given up. `join` does not reject because of that. */
  stop(): void {
    this.#run.stop()
  }

  /** What comes out, one by one, as fast as it is taken; it starts with the first. Leaving the loop ends the run well. */
  items(): AsyncGenerator<Out, void, void> {
    return this.#run.items() as AsyncGenerator<Out, void, void> // the caller's word for what its members give
  }

  /** Runs it to its end and gives what came out. Where an error was handled, that is what came out before it. */
  async list(): Promise<Out[]> {
    const items: Out[] = []
    this.#run.take(({ value }) => items.push(value as Out)) // as above
    await this.join()
    return items
  }

  [Symbol.asyncIterator](): AsyncGenerator<Out, void, void> {
    return this.items()
  }

  /** Whether it has been started. */
  get started(): boolean {
    return this.#run.isStarted
  }

  /** Whether it was told to stop, or has ended. */
  get stopped(): boolean {
    return this.#run.isStopped || this.#run.isFinished
  }

  /** Whether it has ended. */
  get finished(): boolean {
    return this.#run.isFinished
  }

  /** How full its queues are; an empty list before it runs. */
  info(): readonly QueueInfo[] {
    return this.#run.queues
  }

  /** The names of its nodes, grouped like its members. */
  graph(): readonly Layout[] {
    return this.#made.layout
  }

  /** Its nodes, one per line: how deep each is, what it gets items from and what it sends them to. */
  printLayout(): string {
    return layoutText(this.#made.blueprint.graph, this.#made.places)
  }

  /** The nodes that its items come from. */
  sources(): readonly string[] {
    return this.#made.sources
  }

  /** The nodes that its items leave by. */
  sinks(): readonly string[] {
    return this.#made.sinks
  }

  /** The graph, and the coroutines that it names. */
  toBlueprint(): Blueprint {
    return this.#made.blueprint
  }

  get #made(): NestGraph {
    if (this.#graph === undefined) {
      lendCuts(this.#part)
      this.#graph = nestGraph(this.#part, { queueSize: this.#options.queueSize, timed: this.#isTimed })
    }
    return this.#graph
  }

  #assertIdle(): void {
    if (this.#run.isStarted) throw new PipelineError('STATE_ALREADY_STARTED', { what: 'The nest' })
  }
}

/**
 * Makes a nest: a pipeline of members that stand one in the other. A member is
 *
 * - a function, called with every item: what it gives goes on, as that of any coroutine; the first one makes the items
 * - an instance of a class of stages: {@link Stage}
 * - a ready one, as `iter(items)` or `print()`; or `step(fn, options)`
 * - a group: an array or `serial`, `parallel`, `broadcast`, `seq`, `zip`, and `as` and `by` for copies
 * - another nest
 *
 * @throws `PLB_GRAPH_INVALID` with everything that is wrong with the members
 * @see mpyx, from which the notation is taken.
 *
 * @example
 * const sums = await nest(iter([1, 2, 3]), parallel(slow, slow), [double, print()]).list()
 */
export function nest<Out = unknown>(...members: readonly Member[]): Nest<Out> {
  return new Nest<Out>(members)
}
