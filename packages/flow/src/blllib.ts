import { PipelineError, show } from '@pipelines/core'
import { type Flow, flow } from './flow.js'
import { assertItems, type Items } from './from.js'
import type { NodeOptions } from './stage.js'

/** What a callable may say of itself: as its own property, or as one of its class. */
export interface Metrics {
  /**
   * `true`: one item after the other, in order. `false`: any worker. A number: any worker, and each call gets so many
   * consecutive items; the next call those one further on.
   *
   * @defaultValue `true`
   */
  readonly stateful?: boolean | number
  /** Items, or windows of them, that may be in progress or wait in front of it. @defaultValue 1 */
  readonly batchSize?: number
  /** If it is there at all, the callable runs in the program itself, one item after the other. */
  readonly runInMaster?: unknown
}

/** A function, or an object whose method `call` is one. */
export type Callable = (((input: never) => unknown) | { call(input: never): unknown }) & Metrics

/** How a pipeline of callables runs. */
export interface PipelineOptions extends Pick<NodeOptions, 'executor'> {
  /** Workers of each callable that is not stateful. @defaultValue its `batchSize` */
  readonly workers?: number
}

/**
 * Callables in a row, each run as it says of itself. Results come in the order of the inputs. It can be applied as often
 * as wanted, each time from the start; what a callable keeps in itself it keeps.
 *
 * @see blllib, from which the notation is taken.
 *
 * @example
 * const differences = Object.assign(([a, b]: [number, number]) => b - a, { stateful: 2, batchSize: 10 })
 * for await (const d of new Pipeline([differences]).apply([1, 4, 9])) console.log(d)
 */
export class Pipeline {
  readonly #callables: readonly Callable[]
  readonly #options: PipelineOptions

  /** @throws `PLB_OPTION_INVALID` for what is no callable, and for metrics that say nothing */
  constructor(callables: readonly Callable[], options: PipelineOptions = {}) {
    for (const [place, callable] of callables.entries()) assertCallable(callable, place)
    this.#callables = [...callables]
    this.#options = options
  }

  /** A flow of the results. Nothing is read before somebody takes them. */
  apply<T = unknown>(inputs: Items<unknown>): Flow<T> {
    assertItems(inputs)
    const begun: Flow<unknown> = flow(inputs)
    const end = this.#callables.reduce(
      // What comes is what the one before gives, as the list of callables says.
      (before, callable) => before.map(functionOf(callable) as (input: unknown) => unknown, this.#optionsOf(callable)),
      begun,
    )
    return end as Flow<T>
  }

  #optionsOf(callable: Callable): NodeOptions {
    const { stateful = true, batchSize = 1, here } = metricsOf(callable)
    const { workers = batchSize, executor } = this.#options
    if (stateful === true || here)
      return { stateful: stateful === false ? true : stateful, queueSize: batchSize, ...(here ? {} : { executor }) }
    return { stateful, workers: Math.min(workers, batchSize), queueSize: batchSize, executor }
  }
}

/** The function of a callable: itself where it is one, because threads know it by that. */
function functionOf(callable: Callable): (input: never) => unknown {
  return typeof callable === 'function' ? callable : (input) => callable.call(input)
}

/** What a callable says of itself, or its class says of all its objects. */
function metricsOf(callable: object): Metrics & { readonly here: boolean } {
  const type: unknown = callable.constructor
  const shared = typeof callable === 'function' || typeof type !== 'function' ? {} : pick(type)
  const metrics = { ...shared, ...pick(callable) }
  return { ...metrics, here: 'runInMaster' in metrics }
}

const METRICS = ['stateful', 'batchSize', 'runInMaster'] as const

const pick = (holder: object): Metrics =>
  Object.fromEntries(METRICS.flatMap((name) => (name in holder ? [[name, Reflect.get(holder, name)]] : [])))

function assertCallable(callable: unknown, place: number): asserts callable is Callable {
  const at = `callables[${place}]`
  const isObject = typeof callable === 'object' && callable !== null
  const calls =
    typeof callable === 'function' || (isObject && 'call' in callable && typeof callable.call === 'function')
  if (!calls)
    throw new PipelineError('OPTION_INVALID', {
      option: at,
      what: `must be a function or have a method "call", got ${show(callable)}`,
    })
  const { stateful = true, batchSize = 1 } = metricsOf(callable as object) // one of the two, as was checked
  if (typeof stateful !== 'boolean' && !isCount(stateful))
    throw new PipelineError('OPTION_INVALID', {
      option: `${at}.stateful`,
      what: `must be true, false or an integer of at least 1, got ${show(stateful)}`,
    })
  if (!isCount(batchSize))
    throw new PipelineError('OPTION_INVALID', {
      option: `${at}.batchSize`,
      what: `must be an integer of at least 1, got ${show(batchSize)}`,
    })
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1
