import type { DROP } from '@pipelines/core'
import type { Items } from './from.js'

/** What makes a call get several items together. */
export interface Grouping {
  readonly stateful?: number | boolean | undefined
  readonly window?: object | undefined
  readonly batch?: { readonly size: number; readonly returns?: 'each' | 'one' | undefined } | undefined
}

/** What a function is called with at a stage with these options: an item, or a list of items. */
export type Taken<T, O> = O extends
  | { readonly stateful: number }
  | { readonly window: object }
  | { readonly batch: object }
  ? T[]
  : T

/** What leaves a stage whose function returns `R`: a promise is awaited, a generator expanded, `DROP` left out. */
export type Given<R> =
  Awaited<R> extends { readonly next: unknown } & (Iterable<infer Y> | AsyncIterable<infer Y>)
    ? Exclude<Awaited<Y>, typeof DROP>
    : Exclude<Awaited<R>, typeof DROP>

/** What leaves a stage with these options. */
export type Gives<R, O> = O extends { readonly batch: infer B }
  ? B extends { readonly returns: 'one' }
    ? Given<R>
    : Awaited<R> extends readonly (infer M)[]
      ? Given<M>
      : Given<R>
  : Given<R>

/** What a function returns for `flatMap`: anything whose items can be taken one by one. */
export type Several<T> = Items<T> | PromiseLike<Items<T>>

/** What a run of a flow is given: its items first, where it has no source of its own. */
export type RunArgs<In, O> = [In] extends [never] ? [input?: undefined, options?: O] : [input: Items<In>, options?: O]

/** An item and its place. @see {@link elementIndex} */
export interface Indexed<T> {
  readonly index: readonly number[]
  readonly value: T
}
