import type { Context, Coro, CoroDefinition } from '@pipelines/core'
import type { NewProperties } from '../blueprint.js'
import type { Nest } from './nest.js'
import type { Stage } from './stage.js'

/** What a nest is made of: see {@link nest}. */
export type Member =
  | ((item: never, context: Context) => unknown)
  | CoroDefinition
  | Stage
  | Step
  | Group
  | Nest
  | readonly Member[]

/** How members go together. */
export type GroupKind = 'serial' | 'parallel' | 'broadcast' | 'seq' | 'zip'

/** Members that go together in one way. */
export class Group {
  readonly kind: GroupKind
  readonly members: readonly Member[]

  /** Made by {@link serial}, {@link parallel}, {@link broadcast}, {@link seq} and {@link zip}. */
  constructor(kind: GroupKind, members: readonly Member[]) {
    this.kind = kind
    this.members = members
  }
}

/** As many fresh members as wanted. */
export class Copies extends Group {
  readonly count: number
  readonly make: Maker

  /** Made by {@link as} and {@link by}; its members are made when it is part of a nest. */
  constructor(kind: 'parallel' | 'broadcast', { count, make }: { readonly count: number; readonly make: Maker }) {
    super(kind, [])
    this.count = count
    this.make = make
  }
}

/** A class of stages, or a function that makes a member; and what it is called with. */
export interface Maker {
  readonly of: unknown
  readonly args: readonly unknown[]
}

/** How a step works: every property of a node, and its name. */
export interface StepOptions extends NewProperties {
  /** Name of the node. @defaultValue the name of the function or of the class */
  readonly name?: string | undefined
  /** The args of its coroutine. */
  readonly args?: Readonly<Record<string, unknown>> | undefined
}

/** A member with options. */
export class Step {
  readonly coro: Coro | CoroDefinition | Stage | string
  readonly options: StepOptions
  /** Args that are functions. */
  readonly refs: Readonly<Record<string, Coro>>
  /** What it does, in a word. */
  readonly label: string

  /** Made by {@link step} and by the ready members. */
  constructor(label: string, coro: Step['coro'], options: StepOptions = {}, refs: Step['refs'] = {}) {
    this.label = label
    this.coro = coro
    this.options = options
    this.refs = refs
  }
}

/** One after the other; an array is the same. */
export const serial = (...members: readonly Member[]): Group => new Group('serial', members)

/** Every item goes to one of the members: to the first that is free. The results come as they are ready. */
export const parallel = (...members: readonly Member[]): Group => new Group('parallel', members)

/** Every item goes to every member. The results come as they are ready, of all of them. */
export const broadcast = (...members: readonly Member[]): Group => new Group('broadcast', members)

/** One after the other; what comes out is in the order of what went in, whatever overtakes inside. */
export const seq = (...members: readonly Member[]): Group => new Group('seq', members)

/** Every item goes to every member; what they give for it comes out as one list, in the order of the members. */
export const zip = (...members: readonly Member[]): Group => new Group('zip', members)

/**
 * `count` fresh members as `parallel`: instances of a class of stages, or what a function makes.
 *
 * @example
 * nest(iter(urls), as(8, Fetch, 'utf8'))
 */
export const as: CopiesOf = (count: number, of: unknown, ...args: readonly unknown[]) =>
  new Copies('parallel', { count, make: { of, args } })

/** The same as `broadcast`. */
export const by: CopiesOf = (count: number, of: unknown, ...args: readonly unknown[]) =>
  new Copies('broadcast', { count, make: { of, args } })

/** See {@link as}. */
export interface CopiesOf {
  <Args extends readonly unknown[]>(count: number, of: new (...args: Args) => Stage, ...args: Args): Group
  <Args extends readonly unknown[]>(count: number, of: (...args: Args) => Member, ...args: Args): Group
}

/**
 * A member with a name, or with properties of its node.
 *
 * @param coro a function, a coroutine, a stage, or the name of a ready coroutine
 *
 * @example
 * step(resize, { name: 'small', workers: 4, timeoutMs: 1000, onError: 'skip' })
 */
export function step(
  coro: ((item: never, context: Context) => unknown) | CoroDefinition | Stage | `std.${string}`,
  options: StepOptions = {},
): Step {
  const label = typeof coro === 'string' ? (coro.split('.').at(-1) ?? coro) : 'map'
  return new Step(label, coro as Step['coro'], options) // what a coroutine keeps as its state is its own matter
}
