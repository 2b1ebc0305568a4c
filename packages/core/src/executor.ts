import type { Context, Logger } from './context.js'
import type { CoroDefinition, TeardownReason } from './coro.js'
import type { NodeProperties } from './defaults.js'
import type { PlanNode } from './plan.js'

/** Where a coroutine comes from, so that a thread or process can load it too. */
export interface CoroOrigin {
  /** URL of the module. */
  readonly module: string
  /** Name in the module, with dots. */
  readonly export: string
}

/** A coroutine that is named in the args of another one. */
export interface CoroReference {
  /** The arg that names it. */
  readonly arg: string
  /** Its place, where the arg is a list. */
  readonly place?: number
  /** Absent where it does not come from a module. */
  readonly origin: CoroOrigin | undefined
}

/** The code of a node. */
export interface NodeCode {
  readonly node: string
  readonly coro: CoroDefinition
  readonly args: Readonly<Record<string, unknown>>
  /** Absent where the coroutine does not come from a module. */
  readonly origin?: CoroOrigin | undefined
  /** The functions in `args`, which names have been replaced by. */
  readonly references?: readonly CoroReference[] | undefined
}

/** What is common to all nodes of a run. */
export interface RunFacts {
  readonly env: Readonly<Record<string, unknown>>
  readonly logger: Logger
  /** Milliseconds that a call gets to return after it was told to stop. */
  readonly graceMs: number
  /** Names the run, and no other one. */
  readonly run: string
}

/** A node of a run, as an executor sees it. */
export interface NodeBinding extends NodeCode {
  readonly kind: PlanNode['kind']
  readonly properties: NodeProperties
  /** See {@link PlanNode.holds}. */
  readonly holds: PlanNode['holds']
  readonly run: RunFacts
  readonly control: NodeControl
}

/** A node at work, as far as its runner has to do with it. */
export interface NodeControl {
  /** Aborts when the node is told to stop. Made when first read. */
  readonly signal: AbortSignal
  /**
   * Sets how many calls of `run` the node makes at once for each of its workers: more than one lets values travel
   * together. It may be set at any time.
   *
   * @defaultValue 1
   */
  setCallsPerWorker(count: number): void
}

/** Why a coroutine cannot run in an executor. */
export interface Refusal {
  /** What of the node's args is the reason; absent where it is the coroutine. */
  readonly arg?: string
  /** A sentence without its full stop. */
  readonly what: string
  readonly hint: string
}

/**
 * A place where coroutines run: the port that inline, thread and process execution implement.
 * A Plumber opens one runner per node and run, and closes it when the node has ended.
 */
export interface Executor {
  /** The name that a node's `executor` property uses. */
  readonly name: string
  /** Whether values reach its coroutines, and come back, as copies that nobody else has. @defaultValue `false` */
  readonly copies?: boolean
  /** Asked when a graph is built. @defaultValue every coroutine can run in it */
  refuses?(code: NodeCode): readonly Refusal[]
  /** Makes the runner of one node. */
  open(binding: NodeBinding): Runner | Promise<Runner>
}

/** What a call tells its end to: once, and never before `begin` has returned. */
export interface CallDone {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * Runs one node's coroutine. A `run` that is a property of its own, and not of a class, is called without `this`. Each method throws or rejects with the coroutine's own error, or a
 * {@link RunnerError}.
 */
export interface Runner {
  /** Settles when it is warm: the run waits for that. It may be closed before. */
  readonly ready?: Promise<void>
  /** Present where a worker slot needs something before its first item. */
  setup?(context: Context): unknown
  /**
   * Asked before an attempt that may take only so long; absent where it can always begin at once. What it gives is waited
   * for, and is no part of that time.
   */
  free?(): undefined | Promise<void>
  /**
   * Like `run`, for calls that need not be waited for one by one, where a promise for each would cost as much as the call:
   * plain ones, that may take as long as they like and are made once. `setup` is not called before it.
   */
  begin?(value: unknown, context: Context, done: CallDone): void
  /** Runs one value; what comes back is a plain value, a promise or a generator. */
  run(value: unknown, context: Context): unknown
  flush?(context: Context): unknown
  teardown?(context: Context, reason: TeardownReason): unknown
  /** Ends what the runner holds, when its calls have ended: after the teardowns, with the same reason. */
  close?(reason: TeardownReason): Promise<void>
  /**
   * Ends what the runner holds though a call has not ended in time. Never rejects. A runner that can do that also ends by
   * itself a call whose attempt ran out of time, when the grace of the run is over.
   */
  kill?(): Promise<void>
}

/** What an executor is told of a node. Field by field: this is part of the making of every pipeline. */
export function bindingOf(
  plan: PlanNode,
  coro: CoroDefinition,
  node: NodeControl & { readonly host: RunFacts },
): NodeBinding {
  return {
    node: plan.name,
    coro,
    args: plan.args,
    origin: plan.origin,
    references: plan.references,
    kind: plan.kind,
    properties: plan.properties,
    holds: plan.holds,
    run: node.host,
    control: node,
  }
}

const BRAND = Symbol.for('@pipelines/runner-error')

/**
 * Thrown by a runner in place of a coroutine's own error where no item is to blame: it ends the run, whatever the node
 * does with items that fail. `cause` is what happened, in `phase`.
 */
export class RunnerError extends Error {
  readonly phase: 'setup' | 'run' | 'flush' | 'teardown'

  constructor(phase: RunnerError['phase'], cause: unknown) {
    super('A runner failed.', { cause })
    this.phase = phase
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** Also true across duplicate installs. */
export function isRunnerError(error: unknown): error is RunnerError {
  try {
    return error instanceof Error && BRAND in error
  } catch {
    return false // a proxy
  }
}

/** The runner of a node without a coroutine. */
export const NO_RUNNER: Runner = Object.freeze({ run: () => undefined })

/** Runs coroutines on this event loop, in the caller's async context. */
export const inline: Executor = Object.freeze({
  name: 'inline',
  open({ coro }: Pick<NodeBinding, 'coro'>): Runner {
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
