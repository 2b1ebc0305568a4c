import type { Logger, Output, Overload, RequestOptions } from '@pipelines/core'
import {
  checkOptions,
  isBoolean,
  isCount,
  isFunction,
  isMs,
  isObject,
  isOverload,
  isSignal,
  isTimeout,
  type Rule,
} from './options.js'
import type { Pipeline } from './pipeline.js'

/** How one run, or one standing pipeline, is to go. */
export interface RunOptions {
  /** Takes the outputs of leaves, one at a time; what it returns is awaited, and what it throws fails the run. */
  readonly onOutput?: (output: Output) => unknown
  /** Told of the pipeline when it has started: to watch it, or to end it, where it is not in one's hands. */
  readonly onStart?: (pipeline: Pipeline) => void
  /** Dooms the run when it aborts. */
  readonly signal?: AbortSignal
  /** Milliseconds the run may take; beyond it is doomed with `PLB_RUN_DEADLINE`. @defaultValue none */
  readonly deadlineMs?: number
  /** Milliseconds that coroutines get to return after they were told to stop. @defaultValue 5000 */
  readonly graceMs?: number
  /**
   * Milliseconds that nothing may move while something is inside; beyond it the run fails with `PLB_RUN_STALLED`. Where
   * nothing *can* move the run fails at once, whether this is set or not.
   *
   * @defaultValue none
   */
  readonly inactivityMs?: number
  /** Most requests (`process`, `processAll`) that may be in flight. @defaultValue 1024 */
  readonly maxInFlight?: number
  /** What one request too many does: rejects with `PLB_RUN_OVERLOADED`, or waits its turn. @defaultValue `'reject'` */
  readonly overload?: Overload
  /** Whether the report tells what became of every value that entered, as `roots`. @defaultValue `false` */
  readonly ledger?: boolean
  /** More for `ctx.env`, over what the Plumber was given. */
  readonly env?: Readonly<Record<string, unknown>>
  /** `ctx.log` of its calls, and where it reports. @defaultValue that of the Plumber */
  readonly logger?: Logger
  /** Whether nodes may share call chains at all. @defaultValue `true` */
  readonly fuse?: boolean
}

const RULES: Readonly<Record<keyof RunOptions, Rule>> = {
  onOutput: isFunction,
  onStart: isFunction,
  signal: isSignal,
  deadlineMs: isMs,
  graceMs: isMs,
  inactivityMs: isTimeout,
  maxInFlight: isCount,
  overload: isOverload,
  env: isObject,
  ledger: isBoolean,
  logger: isObject,
  fuse: isBoolean,
}

/** Where a request enters, and how it is to go. */
export interface ProcessOptions extends Omit<RequestOptions, 'onOutput'> {
  /** Name of the inlet; may be left out where there is only one. */
  readonly node?: string | undefined
}

/** The same for a request whose outputs are taken one by one. */
export interface ProcessStreamOptions extends ProcessOptions {
  /** Outputs that may wait to be taken; while there are so many, the leaves wait. @defaultValue 1 */
  readonly queueSize?: number | undefined
}

const PROCESS_RULES: Readonly<Record<keyof ProcessStreamOptions | 'onOutput', Rule>> = {
  node: () => undefined, // checked where it is looked up
  meta: isObject,
  env: isObject,
  signal: isSignal,
  timeoutMs: isTimeout,
  trace: isFunction,
  overload: isOverload,
  logger: isObject,
  queueSize: isCount,
  maxOutputs: isCount,
  onOutput: isFunction,
}

/** Throws `PLB_OPTION_INVALID` unless these are options of a run. */
export function checkRunOptions(options: unknown): asserts options is RunOptions {
  checkOptions(options, RULES)
}

/** The same for the options of a request. */
export function checkProcessOptions(options: unknown): asserts options is ProcessStreamOptions {
  checkOptions(options, PROCESS_RULES)
}
