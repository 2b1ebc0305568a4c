import type { Context, TeardownReason } from '@pipelines/core/coro'
import { type ArgSchema, argsOf, functionArg } from './args.js'

/** What `onDone` is told of the worker that ends. */
export interface WorkerStatus {
  /** Whether it has worked off all that came. */
  readonly done: boolean
  /** How many other workers of the node have begun and not ended yet. */
  readonly activeWorkers: number
  /** What ended it before that; `undefined` where it is done. */
  readonly reason: TeardownReason
}

interface Hooks {
  readonly onStart?: (ctx: Context) => unknown
  readonly onDone?: (ctx: Context, status: WorkerStatus) => unknown
}

/** The args that name the hooks of a worker. */
export const HOOK_ARGS: Readonly<Record<keyof Hooks, ArgSchema>> = {
  onStart: functionArg(
    'Called once per worker, before its first item, as `onStart(ctx)`; what it gives is `ctx.state`.',
  ),
  onDone: functionArg(
    'Called once per worker, at its end, whatever that is, as `onDone(ctx, { done, activeWorkers, reason })`.',
  ),
}

export const HOOK_REFS: readonly string[] = Object.keys(HOOK_ARGS)

/** Begins a worker. Without a hook it has nothing to wait for. */
export function setup(ctx: Context): unknown {
  const { onStart } = argsOf<Hooks>(ctx)
  return onStart?.(ctx)
}

/** Ends a worker. */
export function teardown(ctx: Context, reason: TeardownReason): unknown {
  const { onDone } = argsOf<Hooks>(ctx)
  if (onDone === undefined) return undefined
  return onDone(ctx, { done: reason === undefined, activeWorkers: ctx.worker.active, reason })
}
