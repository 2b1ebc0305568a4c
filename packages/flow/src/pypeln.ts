import type { Context, RunReport } from '@pipelines/core'
import { concat as concatFlows, Flow, flow, type IterableOptions } from './flow.js'
import type { Given, Indexed, Several } from './flow-types.js'
import type { Items } from './from.js'
import { run as runFlows } from './run.js'
import type { ItemOptions, OrderedOptions, SourceOptions, StageOptions } from './stage.js'

/** Where items come from: a stage of any module, or anything whose items can be taken one by one. */
export type Source<T> = Flow<T> | Items<T>

/** A stage without its source. It takes one, or another such stage by {@link pipe}. */
export type Partial<A, B> = (source: Source<A>) => B

/** What can be said of a stage. */
export interface PypelnOptions<State = unknown> extends ItemOptions<State> {
  /**
   * Capacity of the queue in front of the stage: the same as `queueSize`. 0 is the default: no queue is without bounds.
   *
   * @defaultValue 64
   */
  readonly maxsize?: number | undefined
  /**
   * Milliseconds that an element may take; one that takes longer is dropped, and the run goes on. 0: no limit. In the program
   * itself nobody can end a call: its function has to listen to `ctx.signal`. One on a thread or in a process need not.
   */
  readonly timeoutMs?: number | undefined
}

/** How elements are taken from a stage. */
export interface ToIterableOptions extends Omit<IterableOptions, 'maxSize'> {
  /** Elements that may wait to be taken. @defaultValue 1 */
  readonly maxsize?: number | undefined
}

interface FromOptions extends SourceOptions {
  /** Elements that may wait behind the source. @defaultValue 64 */
  readonly maxsize?: number | undefined
}

type Fn<A, B, S> = (element: A, context: Context<S>) => B

/** The functions of one module. Each takes its source as second parameter, or gives a stage without one. */
export interface PypelnModule {
  /** One output per element. */
  map<A, B, S = undefined>(fn: Fn<A, B, S>, options?: PypelnOptions<S>): Partial<A, Flow<Given<B>>>
  map<A, B, S = undefined>(fn: Fn<A, B, S>, source: Source<A>, options?: PypelnOptions<S>): Flow<Given<B>>
  /** Keeps an element for which `fn` gives, or promises, something truthy. */
  filter<A, S = undefined>(fn: Fn<A, unknown, S>, options?: PypelnOptions<S>): Partial<A, Flow<A>>
  filter<A, S = undefined>(fn: Fn<A, unknown, S>, source: Source<A>, options?: PypelnOptions<S>): Flow<A>
  /** Every part of what `fn` gives, one by one. */
  flatMap<A, B, S = undefined>(fn: Fn<A, Several<B>, S>, options?: PypelnOptions<S>): Partial<A, Flow<B>>
  flatMap<A, B, S = undefined>(fn: Fn<A, Several<B>, S>, source: Source<A>, options?: PypelnOptions<S>): Flow<B>
  /** For what `fn` does: nothing comes out. With `run` it runs at once; the promise settles when it has ended. */
  each<A, S = undefined>(
    fn: Fn<A, unknown, S>,
    options: PypelnOptions<S> & { readonly run: true },
  ): Partial<A, Promise<void>>
  each<A, S = undefined>(fn: Fn<A, unknown, S>, options?: PypelnOptions<S>): Partial<A, Flow<never>>
  each<A, S = undefined>(
    fn: Fn<A, unknown, S>,
    source: Source<A>,
    options: PypelnOptions<S> & { readonly run: true },
  ): Promise<void>
  each<A, S = undefined>(fn: Fn<A, unknown, S>, source: Source<A>, options?: PypelnOptions<S>): Flow<never>
  /** The elements of several stages; whoever has one is served in turn. */
  concat<A>(sources: readonly Source<A>[], options?: { readonly maxsize?: number }): Flow<A>
  /** Elements in order of their places in the source. */
  ordered<A>(options?: OrderedOptions): Partial<A, Flow<A>>
  ordered<A>(source: Source<A>, options?: OrderedOptions): Flow<A>
  /** A source, or with nothing given a stage that makes one of what it is given. */
  fromIterable<A>(options?: FromOptions): Partial<A, Flow<A>>
  fromIterable<A>(source: Source<A>, options?: FromOptions): Flow<A>
  /** The elements one by one, with `returnIndex` each with its place. */
  toIterable<A>(
    options: ToIterableOptions & { readonly returnIndex: true },
  ): Partial<A, AsyncGenerator<Indexed<A>, void, void>>
  toIterable<A>(options?: ToIterableOptions): Partial<A, AsyncGenerator<A, void, void>>
  toIterable<A>(
    source: Source<A>,
    options: ToIterableOptions & { readonly returnIndex: true },
  ): AsyncGenerator<Indexed<A>, void, void>
  toIterable<A>(source: Source<A>, options?: ToIterableOptions): AsyncGenerator<A, void, void>
  /** Runs stages together to their ends; nothing is done without any. */
  run(...stages: readonly Source<unknown>[]): Promise<RunReport | undefined>
}

/** In the program itself, one element at a time, in order: `workers` says nothing here. */
export const sync: PypelnModule = moduleOf({ workers: 1, ordered: true })

/** In the program itself, as many elements at once as `workers` says; 0: as many as the queue holds. */
export const task: PypelnModule = moduleOf({})

/** On threads. Functions have to be known by `portable()`. */
export const thread: PypelnModule = moduleOf({ executor: 'thread' })

/** In processes. Functions have to be known by `portable()`. */
export const process: PypelnModule = moduleOf({ executor: 'process' })

/**
 * Joins stages: with a source to what the last of them gives, without one to a stage that waits for its source. Any
 * function may be the last.
 *
 * @example
 * const sums = pipe([1, 2, 3], sync.map(double), sync.filter(isLarge))
 */
export function pipe<A, B, C>(ab: Partial<A, Flow<B>>, bc: (source: Flow<B>) => C): Partial<A, C>
export function pipe<A, B, C, D>(
  ab: Partial<A, Flow<B>>,
  bc: (source: Flow<B>) => Flow<C>,
  cd: (source: Flow<C>) => D,
): Partial<A, D>
export function pipe<A, B>(source: Source<A>, ab: (source: Flow<A>) => B): B
export function pipe<A, B, C>(source: Source<A>, ab: (source: Flow<A>) => Flow<B>, bc: (source: Flow<B>) => C): C
export function pipe<A, B, C, D>(
  source: Source<A>,
  ab: (source: Flow<A>) => Flow<B>,
  bc: (source: Flow<B>) => Flow<C>,
  cd: (source: Flow<C>) => D,
): D
export function pipe<A, B, C, D, E>(
  source: Source<A>,
  ab: (source: Flow<A>) => Flow<B>,
  bc: (source: Flow<B>) => Flow<C>,
  cd: (source: Flow<C>) => Flow<D>,
  de: (source: Flow<D>) => E,
): E
export function pipe<A, B, C, D, E, F>(
  source: Source<A>,
  ab: (source: Flow<A>) => Flow<B>,
  bc: (source: Flow<B>) => Flow<C>,
  cd: (source: Flow<C>) => Flow<D>,
  de: (source: Flow<D>) => Flow<E>,
  ef: (source: Flow<E>) => F,
): F
export function pipe(first: unknown, ...others: readonly ((source: never) => unknown)[]): unknown {
  const join = (source: unknown, stages: readonly ((source: never) => unknown)[]): unknown =>
    stages.reduce((before, stage) => stage(before as never), source) // each takes what the one before gives
  if (typeof first !== 'function') return join(flowOf(first as Source<unknown>), others)
  return (source: Source<unknown>) => join(first(flowOf(source)), others)
}

/** Options that a module gives to all its stages: what pypeln's own have by default. */
function moduleOf(fixed: Pick<StageOptions, 'executor' | 'workers' | 'ordered'>): PypelnModule {
  const stage = (add: Adds) => (fn: never, given?: unknown, more?: unknown) =>
    withSource(given, more, (source, { run, ...options }: Options & { readonly run?: boolean }) => {
      const made = add(source, fn, { ordered: false, ...optionsOf(options), ...fixed })
      return run === true ? made.run().then(() => {}) : made
    })
  const made = {
    map: stage((source, fn, options) => source.map(fn, options)),
    filter: stage((source, fn, options) => source.filter(fn, options)),
    flatMap: stage((source, fn, options) => source.flatMap(fn, options)),
    each: stage((source, fn, options) => source.each(fn, options)),
    concat: (sources: readonly Source<unknown>[], { maxsize }: { readonly maxsize?: number } = {}) =>
      concatFlows(sources.map(flowOf), maxsize ? { queueSize: maxsize } : {}),
    ordered: (given?: unknown, more?: unknown) =>
      withSource(given, more, (source, options: OrderedOptions) => source.ordered(options)),
    fromIterable: (given?: unknown, more?: unknown) => {
      const read = (source: Source<unknown>, { maxsize, ...options }: FromOptions): Flow<unknown> => {
        const begun = source instanceof Flow ? source : flow(source, options)
        return maxsize ? begun.node('std.pass', {}, { queueSize: maxsize }) : begun
      }
      if (isSource(given)) return read(given, more ?? {})
      return (source: Source<unknown>) => read(source, given ?? {})
    },
    toIterable: (given?: unknown, more?: unknown) =>
      withSource(given, more, (source, { maxsize, ...options }: ToIterableOptions) =>
        source.toIterable({ ...options, ...(maxsize && { maxSize: maxsize }) }),
      ),
    run: (...stages: readonly Source<unknown>[]) => runFlows(stages.map(flowOf)),
  }
  return made as unknown as PypelnModule // the overloads say how the parameters go together
}

type Options = PypelnOptions<never>
type Adds = (source: Flow<unknown>, fn: never, options: ItemOptions<never>) => Flow<unknown>

/** Uses the source that is given, or gives a function that waits for one. */
function withSource<O, R>(given: unknown, more: unknown, use: (source: Flow<unknown>, options: O) => R): unknown {
  if (isSource(given)) return use(flowOf(given), (more ?? {}) as O)
  return (source: Source<unknown>) => use(flowOf(source), (given ?? {}) as O)
}

/** A text is one that is wrong: it is no list of options either. */
function isSource(value: unknown): value is Source<unknown> {
  if (typeof value === 'string') return true
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
}

function flowOf<T>(source: Source<T>): Flow<T> {
  return source instanceof Flow ? source : flow(source)
}

/** The same for a node: 0 is what pypeln writes for "none". */
function optionsOf({ maxsize, queueSize, timeoutMs, ...options }: Options): ItemOptions<never> {
  const capacity = queueSize ?? maxsize
  return {
    ...options,
    ...(capacity && { queueSize: capacity }),
    ...(timeoutMs && { timeoutMs, onTimeout: 'skip' }),
  }
}
