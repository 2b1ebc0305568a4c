import {
  type Context,
  type CoroDefinition,
  NODE_PROPERTIES,
  type Output,
  PipelineError,
  type RunReport,
  show,
} from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import type { Blueprint } from './blueprint.js'
import { elementIndex } from './element-index.js'
import { blueprintOf } from './flow-blueprint.js'
import { type FlowOptions, type ItemsOptions, ready } from './flow-run.js'
import type { Gives, Grouping, Indexed, RunArgs, Several, Taken } from './flow-types.js'
import { assertItems, type Items } from './from.js'
import { lazily } from './lazily.js'
import { assertWindow } from './reorder.js'
import {
  fedBy,
  type InletStage,
  type ItemOptions,
  type NodeOptions,
  type OrderedOptions,
  type SourceOptions,
  type Stage,
  type StageOptions,
  type WorkStage,
} from './stage.js'

/** How items are taken from a flow one by one. */
export interface IterableOptions extends ItemsOptions {
  /** Items that may wait to be taken; while there are so many, the last stage waits. @defaultValue 1 */
  readonly maxSize?: number | undefined
  /** Whether items come with their places. @defaultValue `false` */
  readonly returnIndex?: boolean | undefined
}

type AnyFlow = Flow<unknown, never>
type OutOf<F> = F extends Flow<infer Out, infer _> ? Out : never
type InOf<F> = F extends Flow<unknown, infer In> ? In : never

/** A function that is called with its state. */
type CoroOf<S> = (value: never, context: Context<S>) => unknown

/**
 * Stages, one after the other: a description, of which nothing runs until somebody takes its items. Each run is a new one,
 * with all its sources read again. A stage that several others follow is one node, and each of them gets all its items.
 *
 * @typeParam Out what comes out of it
 * @typeParam In what goes in, where it has no source: `never` where it has one
 * @see pypeln, from which the idea and the names are taken.
 *
 * @example
 * const sums = await flow([1, 2, 3]).map(double).filter(isLarge, { workers: 2 }).toArray()
 */
export class Flow<Out, In = never> implements AsyncIterable<Out> {
  readonly #end: Stage
  readonly #inlet: InletStage | undefined

  /** Made by {@link flow}. */
  constructor(end: Stage, inlet?: InletStage) {
    this.#end = end
    this.#inlet = inlet
  }

  /**
   * Calls a coroutine with every item; what it gives goes on. With `stateful: n`, `window` or `batch` it gets lists. What
   * can be set beside is what a node has.
   */
  map<R, S = undefined, O extends Grouping = object>(
    fn: (value: Taken<Out, O>, context: Context<S>) => R,
    options?: O & StageOptions<S>,
  ): Flow<Gives<R, O>, In> {
    if (options?.onStart === undefined && options?.onDone === undefined) return this.#add('map', fn, options)
    return this.#call('map', fn, options)
  }

  /** Lets items pass for which `fn` gives, or promises, something truthy. */
  filter<T extends Out, S = undefined>(
    fn: (value: Out, context: Context<S>) => value is T,
    options?: ItemOptions<S>,
  ): Flow<T, In>
  filter<S = undefined>(fn: (value: Out, context: Context<S>) => unknown, options?: ItemOptions<S>): Flow<Out, In>
  filter<S>(fn: CoroOf<S>, options?: ItemOptions<S>): Flow<Out, In> {
    return this.#call('filter', fn, options)
  }

  /** Calls `fn` with every item; what it returns is taken apart, and each part goes on. */
  flatMap<T, S = undefined>(
    fn: (value: Out, context: Context<S>) => Several<T>,
    options?: ItemOptions<S>,
  ): Flow<T, In> {
    return this.#call('flatMap', fn, options)
  }

  /** Calls `fn` with every item, for what it does: nothing goes on. */
  each<S = undefined>(fn: (value: Out, context: Context<S>) => unknown, options?: ItemOptions<S>): Flow<never, In> {
    return this.#call('each', fn, options)
  }

  /** Calls `fn` with every item, for what it does; then the item goes on. */
  tee<S = undefined>(fn: (value: Out, context: Context<S>) => unknown, options?: ItemOptions<S>): Flow<Out, In> {
    return this.#call('tee', fn, options)
  }

  /** Puts so many items together. The last batch may be smaller. */
  batch(size: number, options: { readonly maxWaitMs?: number; readonly name?: string } = {}): Flow<Out[], In> {
    const { maxWaitMs, name } = options
    const batch = { size, returns: 'one', ...(maxWaitMs !== undefined && { maxWaitMs }) } as const
    return this.#add('batch', 'std.pass', { name, batch })
  }

  /** Puts so many consecutive items together, and then those `step` further on. */
  window(
    size: number,
    options: { readonly step?: number; readonly partial?: boolean; readonly name?: string } = {},
  ): Flow<Out[], In> {
    const { name, ...how } = options
    return this.#add('window', 'std.pass', { name, window: { size, ...how } })
  }

  /** The first items; then nothing more is asked for, and what comes before may end. */
  take(count: number, options?: NodeOptions): Flow<Out, In> {
    return this.#add('take', 'std.take', options, { count })
  }

  /** All but the first items. */
  skip(count: number, options?: NodeOptions): Flow<Out, In> {
    return this.#add('skip', 'std.skip', options, { count })
  }

  /** Items of which there was no equal one before, or none with an equal key. All keys are held. */
  distinct(keyOf?: (value: Out, context: Context) => unknown, options?: NodeOptions): Flow<Out, In> {
    return keyOf === undefined ? this.#add('distinct', 'std.distinct', options) : this.#call('distinct', keyOf, options)
  }

  /** A ready coroutine, or one with more than a function, with its args. */
  node<T = unknown>(
    coro: `std.${string}` | CoroOf<never> | CoroDefinition,
    args?: Readonly<Record<string, unknown>>,
    options?: NodeOptions,
  ): Flow<T, In> {
    const label = typeof coro === 'string' ? (coro.split('.').at(-1) ?? coro) : 'node'
    return this.#add(label, coro, options, args)
  }

  /** The items of this flow and of others, as they come; whoever has items is served in turn. */
  concat<F extends readonly AnyFlow[]>(...others: F): Flow<Out | OutOf<F[number]>, In | InOf<F[number]>> {
    return concat<readonly [this, ...F]>([this, ...others])
  }

  /**
   * Puts items in order of their places in the source. Behind a single source its stages then keep order; where several
   * come together, items are held back, and those of one place stay as they came.
   */
  ordered(options: OrderedOptions = {}): Flow<Out, In> {
    assertWindow(options)
    return new Flow({ kind: 'ordered', options, inputs: [this.#end] }, this.#inlet)
  }

  /** Goes on with stages that have no source of their own, or with what `next` makes of this flow. */
  pipe<T>(next: Flow<T, Out>): Flow<T, In>
  pipe<R>(next: (flow: this) => R): R
  pipe<T, R>(next: Flow<T, Out> | ((flow: this) => R)): Flow<T, In> | R {
    if (typeof next === 'function') return next(this)
    assertFlow(next)
    const inlet = next.#inlet
    const [end = next.#end] = inlet === undefined ? [] : fedBy([next.#end], new Map([[inlet, this.#end]]))
    return new Flow(end, this.#inlet)
  }

  /** The graph, and the coroutines that it names. */
  toBlueprint(): Blueprint {
    return blueprintOf([this.#end], false)
  }

  /** The graph as Mermaid text. */
  toMermaid(): string {
    const { graph, ...options } = this.toBlueprint()
    return new Plumber(graph, options).toMermaid()
  }

  /**
   * Runs it to its end.
   *
   * @returns the report; rejects with a `PipelineError` that carries it as `report` unless the outcome is `completed`
   */
  async run(...[input, options = {}]: RunArgs<In, FlowOptions>): Promise<RunReport> {
    const { plumber, run } = await ready([this.#end], options)
    return plumber.run(input, run)
  }

  /** Runs it to its end and gives what came out: of the last stage all but `undefined`, as of any leaf. */
  async toArray(...[input, options = {}]: RunArgs<In, ItemsOptions>): Promise<Out[]> {
    const { plumber, run } = await ready([this.#end], options)
    return plumber.collect<Out>(input, run)
  }

  /** Runs it while its items are taken; leaving the loop ends it well. */
  toIterable(
    options: IterableOptions & { readonly returnIndex: true },
    ...input: [In] extends [never] ? [] : [Items<In>]
  ): AsyncGenerator<Indexed<Out>, void, void>
  toIterable(
    options?: IterableOptions,
    ...input: [In] extends [never] ? [] : [Items<In>]
  ): AsyncGenerator<Out, void, void>
  toIterable(
    { maxSize, returnIndex = false, ...options }: IterableOptions = {},
    input?: Items<In>,
  ): AsyncGenerator<unknown, void, void> {
    const open = async (): Promise<AsyncGenerator<Output, void, void>> => {
      const { plumber, run } = await ready([this.#end], options, returnIndex)
      return plumber.stream(input, { ...run, queueSize: maxSize })
    }
    return lazily(open, ({ value, meta }) => (returnIndex ? { index: elementIndex({ meta }) ?? [], value } : value))
  }

  [Symbol.asyncIterator](): AsyncGenerator<Out, void, void> {
    // What it takes is an error of the run where it has no source.
    return Reflect.apply(this.toIterable, this, []) as AsyncGenerator<Out, void, void>
  }

  /** The ends of several flows that belong together, for those who run or merge them: with one inlet, if with any. */
  static endsOf(flows: readonly AnyFlow[]): {
    readonly ends: Stage[]
    readonly inlet: InletStage | undefined
  } {
    for (const one of flows) assertFlow(one)
    const [inlet, ...others] = new Set(flows.flatMap((one) => one.#inlet ?? []))
    const ends = flows.map((one) => one.#end)
    if (inlet === undefined) return { ends, inlet }
    return { ends: fedBy(ends, new Map(others.map((other) => [other, inlet]))), inlet }
  }

  #add<T>(
    label: string,
    coro: string | CoroOf<never> | CoroDefinition,
    options: NodeOptions = {},
    args?: Readonly<Record<string, unknown>>,
  ): Flow<T, In> {
    return this.#next({ kind: 'work', label, coro: coro as WorkStage['coro'], args, options, inputs: [this.#end] })
  }

  /** A ready coroutine that calls a function. */
  #call<T, S>(label: string, fn: CoroOf<S>, options: StageOptions<S> = {}): Flow<T, In> {
    const { onStart, onDone, ...node } = options
    const refs = { fn, onStart, onDone } as WorkStage['refs'] // the state that they share is their own matter
    const { workers, executor = 'inline', queueSize = NODE_PROPERTIES.queueSize.default } = node
    // A node with hooks needs a number: what 0 means is the same one.
    const all = workers === 0 && executor === 'inline' ? { ...node, workers: queueSize } : node
    return this.#next({ kind: 'work', label, coro: `std.${label}`, refs, options: all, inputs: [this.#end] })
  }

  #next<T>(stage: WorkStage): Flow<T, In> {
    return new Flow(stage, this.#inlet)
  }
}

/**
 * Begins a flow: with the items of an iterable, an async iterable or a stream; or without, for what its runs are given, or
 * another flow that it is joined to.
 *
 * @throws `PLB_OPTION_INVALID` where there are no items to take, as of a string
 *
 * @example
 * const clean = flow<string>().map(trim).filter(Boolean)
 * const lines = await flow(file).pipe(clean).toArray()
 */
export function flow<T>(): Flow<T, T>
export function flow<T>(data: Items<T>, options?: SourceOptions): Flow<T>
export function flow<T>(data?: Items<T>, options: SourceOptions = {}): Flow<T, T> | Flow<T> {
  if (data === undefined) {
    const inlet: InletStage = { kind: 'inlet', options, inputs: [] }
    return new Flow<T, T>(inlet, inlet)
  }
  assertItems(data)
  return new Flow<T>({ kind: 'source', data, options, inputs: [] })
}

/** The items of several flows, as they come; whoever has items is served in turn. One that is there twice gives all twice. */
export function concat<F extends readonly AnyFlow[]>(
  flows: F,
  options: Pick<NodeOptions, 'name' | 'queueSize'> = {},
): Flow<OutOf<F[number]>, InOf<F[number]>> {
  const { ends, inlet } = Flow.endsOf(flows)
  if (ends.length === 0) return flow<OutOf<F[number]>>([]) as Flow<OutOf<F[number]>, InOf<F[number]>> // nothing goes in
  return new Flow({ kind: 'merge', options, inputs: ends }, inlet)
}

function assertFlow(value: unknown): asserts value is Flow<unknown> {
  if (value instanceof Flow) return
  throw new PipelineError('OPTION_INVALID', { option: 'flow', what: `must be a flow, got ${show(value)}`, hint: FLOW })
}

const FLOW = 'Make one of it: flow(…).'
