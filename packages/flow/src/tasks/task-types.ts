import type { DROP } from '@pipelines/core'

/** The function of a task: the compiler infers what it takes and gives. */
export type TaskFunction = (...parameters: never[]) => unknown

/** What a function gives, one by one; `never` if it gives no items. */
export type Gives<F> = F extends (...parameters: never[]) => infer R
  ? R extends string
    ? never
    : R extends AsyncIterable<infer T> | Iterable<infer T>
      ? Exclude<T, typeof DROP>
      : never
  : never

/** What a function takes, one by one; `never` if its first parameter is nothing to take items from. */
export type Takes<F> = ParameterAt<F, '0'> extends AsyncIterable<infer T> | Iterable<infer T> ? T : never

/** The constants of a task whose function is `F`: its second parameter, or the first one if it takes no items. */
export type Constants<F> = ConstantsField<TakesItems<F> extends true ? ParameterAt<F, '1'> : ParameterAt<F, '0'>>

/** The same where the place of the task is known. */
export type ConstantsAt<F extends readonly TaskFunction[], I extends keyof F> = number extends F['length']
  ? { readonly constants?: object | undefined }
  : ConstantsField<ParameterAt<F[I], I extends '0' ? '0' : '1'>>

/** A type that nobody has: in the place of a task that does not fit. Its name says what is wrong. */
export interface Wrong<Message extends string, Details = unknown> {
  readonly [wrong]: [Message, Details]
}
declare const wrong: unique symbol

/** `unknown` where a task fits into its list; elsewhere {@link Wrong}. Nothing is known of a list of unknown length. */
export type Fit<F extends readonly TaskFunction[], I extends keyof F> = number extends F['length']
  ? unknown
  : I extends '0'
    ? FirstFit<F, I>
    : InputsFit<F, I> extends infer W extends Wrong<string>
      ? W
      : OutputsFit<F, I>

type FirstFit<F extends readonly TaskFunction[], I extends keyof F> =
  TakesItems<F[I]> extends true
    ? Wrong<'Task 1 is the first, so there is nothing that it could take'>
    : OutputsFit<F, I>

type InputsFit<F extends readonly TaskFunction[], I extends keyof F> =
  TakesItems<F[I]> extends false
    ? Wrong<`Task ${Ordinal<I>} must take an AsyncIterable first`>
    : [Gives<Before<F, I>>] extends [Takes<F[I]>]
      ? [Offered<F, I>] extends [ParameterAt<F[I], '0'>]
        ? unknown
        : Wrong<`Task ${Ordinal<I>} must take an ${OfferedWord<F, I>}: it is given no other`>
      : Wrong<
          `Task ${Ordinal<I>} takes ${WordFor<Takes<F[I]>>}, but task ${I & string} gives ${WordFor<Gives<Before<F, I>>>}`,
          { takes: Takes<F[I]>; gives: Gives<Before<F, I>> }
        >

/** What a task is given: items at once, if it and the one before it are not async; one by one elsewhere. */
type Offered<F extends readonly TaskFunction[], I extends keyof F> =
  IsAtOnce<F, I> extends true
    ? Iterable<Gives<Before<F, I>>> & AsyncIterable<Gives<Before<F, I>>>
    : AsyncIterable<Gives<Before<F, I>>>

type OfferedWord<F extends readonly TaskFunction[], I extends keyof F> =
  IsAtOnce<F, I> extends true ? 'Iterable' : 'AsyncIterable'

type IsAtOnce<F extends readonly TaskFunction[], I extends keyof F> =
  Returned<Before<F, I>> extends Generator<unknown>
    ? Returned<F[I]> extends Generator<unknown>
      ? true
      : Returned<F[I]> extends PromiseLike<unknown>
        ? false
        : IsLast<F, I>
    : false

type OutputsFit<F extends readonly TaskFunction[], I extends keyof F> =
  IsLast<F, I> extends true
    ? [Awaited<Returned<F[I]>>] extends [Nothing]
      ? unknown
      : Wrong<`Task ${Ordinal<I>} is the last, so it must give nothing`>
    : [Returned<F[I]> extends string ? never : Returned<F[I]>] extends [
          infer R extends AsyncIterable<unknown> | Iterable<unknown>,
        ]
      ? [R] extends [never]
        ? Wrong<`Task ${Ordinal<I>} gives a text, which is one item`>
        : unknown
      : Wrong<`Task ${Ordinal<I>} is not the last, so it must be a generator`>

type Returned<F> = F extends (...parameters: never[]) => infer R ? R : never

/** What a function gives that gives nothing. */
type Nothing = ReturnType<() => void>

/** In the place of a parameter that there is not. */
interface None {
  readonly [none]: never
}
declare const none: unique symbol

type ParameterAt<F, Place extends '0' | '1'> = F extends (...parameters: infer P) => unknown
  ? Place extends keyof P
    ? P[Place]
    : None
  : None

type ConstantsField<C> =
  IsAny<C> extends true
    ? { readonly constants?: object | undefined }
    : [C] extends [None]
      ? { readonly constants?: Wrong<'The function takes no constants'> | undefined }
      : object extends C
        ? { readonly constants?: C | undefined }
        : { readonly constants: C }

type IsAny<T> = 0 extends 1 & T ? true : false

/** Of `any` nothing can be said: that is `boolean`, which is neither. */
type TakesItems<F> =
  ParameterAt<F, '0'> extends infer P ? (P extends AsyncIterable<unknown> | Iterable<unknown> ? true : false) : never

type IsLast<F extends readonly unknown[], I> = F extends readonly [unknown, ...infer Rest]
  ? `${Rest['length']}` extends I
    ? true
    : false
  : never

type Before<F extends readonly unknown[], I> = I extends keyof [never, ...F] ? [never, ...F][I] : never

/** By place, what people call it. */
type Ordinals = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16']
type Ordinal<I> = I extends keyof Ordinals & `${number}` ? Ordinals[I] : `after task ${I & string}`

type WordFor<T> = [T] extends [never]
  ? 'nothing'
  : [T] extends [string]
    ? 'string'
    : [T] extends [number]
      ? 'number'
      : [T] extends [boolean]
        ? 'boolean'
        : 'other items'
