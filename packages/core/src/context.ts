import type { Meta } from './coro.js'

/** pino's shape; see {@link https://getpino.io}. */
export interface Logger {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
}

const nothing = (): void => {}
/** The logger where none is given. */
export const SILENT: Logger = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing })

/** The worker slot that a call is made in. */
export interface ContextWorker {
  readonly index: number
  /** How many there may be. */
  readonly count: number
  /**
   * Others of the node that are set up and whose teardown has not begun, when `worker` is read: in the teardowns of three
   * workers 2, 1 and 0. In threads and processes: when the call was sent there.
   */
  readonly active: number
}

/**
 * What a coroutine is told beside its input. It belongs to one call: a coroutine must not use it after it has returned,
 * because a worker slot reuses it for its next item.
 */
export interface Context<State = unknown> {
  /** Name of the node. */
  readonly node: string
  /** The node's `args`, read-only. */
  readonly args: Readonly<Record<string, unknown>>
  /** What the Plumber or the run was given as `env`, by reference. */
  readonly env: Readonly<Record<string, unknown>>
  /** Facts that travel with the input. */
  readonly meta: Meta
  /**
   * Aborts when the call is told to stop: with its node, with its request, or because the time of the attempt is up. Made
   * on first read.
   */
  readonly signal: AbortSignal
  /** What `setup` returned for this worker slot. */
  readonly state: State
  /** Which try this is, from 1. */
  readonly attempt: number
  readonly worker: ContextWorker
  /** Position of the input in the node's input, from 0; in a source, of the next output. */
  readonly index: number
  /**
   * Names this item at this node in this run, the same for every attempt: what an outside system needs to tell a second
   * try from a second item.
   */
  readonly idempotencyKey: string
  readonly log: Logger
  /**
   * Adds an output on `port`. Synchronous: what a plain function emits leaves when it succeeds, what a generator emits
   * leaves before its next value. `meta` is merged into the inherited one.
   */
  emit(port: string, value: unknown, options?: { readonly meta?: Meta }): void
}
