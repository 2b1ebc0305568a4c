import type { Context } from './context.js'

/** Facts that travel with a value. Read-only and inherited by everything that descends from it. */
export type Meta = Readonly<Record<string, unknown>>

/** Returned or yielded by a coroutine: no output. Equal across duplicate installs. */
export const DROP: unique symbol = Symbol.for('@pipelines/drop') as never

/** A JSON Schema, as an object; or a boolean, which allows everything or nothing. */
export type JsonSchema = boolean | Readonly<Record<string, unknown>>

/** The part of the Standard Schema interface that is used here. @see https://standardschema.dev */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>
    readonly jsonSchema?: unknown
  }
}
export type StandardResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] }

export type Schema = JsonSchema | StandardSchema

/** What a source writes to. */
export interface SourceOutput<T = unknown> {
  /** Hands a value on; settles when every successor has accepted it. Rejects when the source is told to stop. */
  put(value: T, options?: { readonly meta?: Meta }): Promise<void>
}

/**
 * A function at a node. A plain return value is one output and {@link DROP} none; a generator (also out of a promise) is
 * expanded; every other value is one output. The first parameter is `never` so that a function of any input fits.
 */
export type Coro = (input: never, context: Context) => unknown

/** `map`: called per item. `source`: called once, makes the items. `stream`: consumes its input as one async iterable. */
export type CoroKind = 'map' | 'source' | 'stream'

/** What `teardown` is told: `undefined` when the node ended normally, else what ended the run. */
export type TeardownReason = unknown

/** A coroutine with more than a function: see {@link defineCoro}. */
export interface CoroDefinition<Input = never, State = unknown> {
  /** @defaultValue `'map'`, and `'source'` for a node without incoming edges */
  readonly kind?: CoroKind
  /** What the node's `args` must look like; checked when the graph is built. */
  readonly args?: Schema
  /** What an input must look like; checked per item, only with `validate: true`. */
  readonly input?: Schema
  /** What an output must look like; checked per item, only with `validate: true`. */
  readonly output?: Schema
  /** The ports it emits to besides `out`. Where given, edges from any other port are refused. */
  readonly emits?: readonly string[]
  /**
   * Promises that each call gives exactly one output by port `out`, whatever it emits to others. Joins may then pair by
   * position behind it. A call that gives none or more fails: `PLB_NODE_FAILED`, with `PLB_NODE_CARDINALITY` as cause.
   * Only for `map`, and without `flush`.
   *
   * @defaultValue `false`
   */
  readonly oneToOne?: boolean
  /** Names of args whose values name coroutines: the coroutine gets the functions. */
  readonly refs?: readonly string[]
  /** Runs once per worker slot, before its first item; the result is `ctx.state`. */
  setup?(context: Context): State | Promise<State>
  /** The work. Its parameters depend on `kind`: `(input, ctx)`, `(output, ctx)` or `(inputs, ctx)`. */
  run(input: Input, context: Context<State>): unknown
  /**
   * Runs after the last input, once per worker slot that was set up, and on one slot where there was no input at all; what
   * it returns, yields or emits are outputs.
   */
  flush?(context: Context<State>): unknown
  /** Runs exactly once per worker slot that was set up, whatever ended the node. */
  teardown?(context: Context<State>, reason: TeardownReason): unknown
}

const BRAND = Symbol.for('@pipelines/coro')

/**
 * Makes a coroutine with hooks, schemas or ports.
 *
 * @example
 * defineCoro({ setup: () => open(), run: (row, ctx) => ctx.state.insert(row), teardown: (ctx) => ctx.state.close() })
 */
export function defineCoro<Input, State = unknown>(
  definition: CoroDefinition<Input, State>,
): CoroDefinition<Input, State> {
  return Object.freeze(Object.defineProperty({ ...definition }, BRAND, { value: true }))
}

/** Whether `value` was made by {@link defineCoro}; also true across duplicate installs. */
export function isCoroDefinition(value: unknown): value is CoroDefinition {
  return typeof value === 'object' && value !== null && BRAND in value
}
