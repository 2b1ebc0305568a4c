import { type Output, type Overload, PipelineError, type RequestOptions, show } from '@pipelines/core'
import { suggester } from './graph/names.js'

/** How one run, or one standing pipeline, is to go. */
export interface RunOptions {
  /** Takes the outputs of leaves, one at a time; what it returns is awaited, and what it throws fails the run. */
  readonly onOutput?: (output: Output) => unknown
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
  /** Whether nodes may share call chains at all. @defaultValue `true` */
  readonly fuse?: boolean
}

type Rule = (value: unknown) => string | undefined

const isMs: Rule = (value) =>
  typeof value === 'number' && value >= 0 && value <= 2 ** 31 - 1
    ? undefined
    : 'must be a number of milliseconds from 0 to 2147483647'
const isTimeout: Rule = (value) =>
  typeof value === 'number' && value > 0 && value <= 2 ** 31 - 1
    ? undefined
    : 'must be a number of milliseconds above 0, at most 2147483647'
const isObject: Rule = (value) => (typeof value === 'object' && value !== null ? undefined : 'must be an object')
const isSignal: Rule = (value) => (value instanceof AbortSignal ? undefined : 'must be an AbortSignal')
const isFunction: Rule = (value) => (typeof value === 'function' ? undefined : 'must be a function')
const isOverload: Rule = (value) => (value === 'reject' || value === 'wait' ? undefined : 'must be "reject" or "wait"')
const isCount: Rule = (value) =>
  Number.isSafeInteger(value) && Number(value) > 0 ? undefined : 'must be an integer ≥ 1'
const isBoolean: Rule = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false')
const RULES: Readonly<Record<keyof RunOptions, Rule>> = {
  onOutput: isFunction,
  signal: isSignal,
  deadlineMs: isMs,
  graceMs: isMs,
  inactivityMs: isTimeout,
  maxInFlight: isCount,
  overload: isOverload,
  env: isObject,
  ledger: isBoolean,
  fuse: isBoolean,
}

const NAMES = Object.keys(RULES)

/** Where a request enters, and how it is to go. */
export interface ProcessOptions extends Omit<RequestOptions, 'onOutput'> {
  /** Name of the inlet; may be left out where there is only one. */
  readonly node?: string
}

/** The same for a request whose outputs are taken one by one. */
export interface ProcessStreamOptions extends ProcessOptions {
  /** Outputs that may wait to be taken; while there are so many, the leaves wait. @defaultValue 1 */
  readonly queueSize?: number
}

const PROCESS_RULES: Readonly<Record<keyof ProcessStreamOptions, Rule>> = {
  node: () => undefined, // checked where it is looked up
  meta: isObject,
  env: isObject,
  signal: isSignal,
  timeoutMs: isTimeout,
  trace: isFunction,
  overload: isOverload,
  logger: isObject,
  queueSize: isCount,
}
const PROCESS_NAMES = Object.keys(PROCESS_RULES)

/** Checks options that may come from untyped code: wrong values and near misses of names. Throws `PLB_OPTION_INVALID`. */
export function checkRunOptions(options: unknown): asserts options is RunOptions {
  checkOptions(options, RULES, NAMES)
}

/** The same for the options of a request. */
export function checkProcessOptions(options: unknown): asserts options is ProcessStreamOptions {
  checkOptions(options, PROCESS_RULES, PROCESS_NAMES)
}

function checkOptions(options: unknown, rules: Readonly<Record<string, Rule>>, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw new PipelineError('OPTION_INVALID', { option: 'options', what: `must be an object, got ${show(options)}` })
  refuseTypos(options, names)
  for (const [option, value] of Object.entries(options)) {
    const rule = value !== undefined && Object.hasOwn(rules, option) ? rules[option] : undefined
    const wrong = rule?.(value)
    if (wrong !== undefined) throw new PipelineError('OPTION_INVALID', { option, what: `${wrong}, got ${show(value)}` })
  }
}

/** Refuses near misses of known names. Other keys are the caller's own business: options objects are often more than that. */
export function refuseTypos(options: object, known: readonly string[]): void {
  const suggest = suggester(known)
  for (const option of Object.keys(options)) {
    const suggestion = known.includes(option) ? undefined : suggest(option)
    if (suggestion !== undefined)
      throw new PipelineError('OPTION_INVALID', { option, what: 'does not exist', suggestion })
  }
}
