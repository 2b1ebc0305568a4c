import type { Context } from './context.js'
import type { CoroDefinition, TeardownReason } from './coro.js'

/** A node as an executor sees it. */
export interface NodeBinding {
  readonly node: string
  readonly coro: CoroDefinition
  readonly args: Readonly<Record<string, unknown>>
}

/**
 * A place where coroutines run: the port that inline, thread and process execution implement.
 * A Plumber opens one runner per node and run, and closes it when the node has ended.
 */
export interface Executor {
  /** The name that a node's `executor` property uses. */
  readonly name: string
  /** Makes the runner of one node; a promise resolves once it is warm. */
  open(binding: NodeBinding): Runner | Promise<Runner>
}

/** Runs one node's coroutine. Each method throws or rejects with the coroutine's own error. */
export interface Runner {
  /** Present where a worker slot needs something before its first item. */
  setup?(context: Context): unknown
  /** Runs one value; what comes back is a plain value, a promise or a generator. */
  run(value: unknown, context: Context): unknown
  flush?(context: Context): unknown
  teardown?(context: Context, reason: TeardownReason): unknown
  /** Ends what the runner holds; settles even if a coroutine is stuck. */
  close?(): Promise<void>
}

/** The runner of a node without a coroutine. */
export const NO_RUNNER: Runner = Object.freeze({ run: () => undefined })

/** Runs coroutines on this event loop, in the caller's async context. */
export const inline: Executor = Object.freeze({
  name: 'inline',
  open({ coro }: NodeBinding): Runner {
    // `run` takes `never` in the public type so that any function fits; what really arrives is the upstream's output.
    // Methods stay methods of their definition, so `this` works in them.
    const methods = coro as unknown as Runner
    return {
      run: (value, context) => methods.run(value, context),
      ...(methods.setup && { setup: (context: Context) => methods.setup?.(context) }),
      ...(methods.flush && { flush: (context: Context) => methods.flush?.(context) }),
      ...(methods.teardown && {
        teardown: (context: Context, reason: TeardownReason) => methods.teardown?.(context, reason),
      }),
    }
  },
})
