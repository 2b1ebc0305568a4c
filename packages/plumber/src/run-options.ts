import { type Output, PipelineError, show } from '@pipelines/core'
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
const isBoolean: Rule = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false')
const RULES: Readonly<Record<keyof RunOptions, Rule>> = {
  onOutput: (value) => (typeof value === 'function' ? undefined : 'must be a function'),
  signal: (value) => (value instanceof AbortSignal ? undefined : 'must be an AbortSignal'),
  deadlineMs: isMs,
  graceMs: isMs,
  env: (value) => (typeof value === 'object' && value !== null ? undefined : 'must be an object'),
  ledger: isBoolean,
  fuse: isBoolean,
}

/** Checks options that may come from untyped code: wrong values and near misses of names. Throws `PLB_OPTION_INVALID`. */
export function checkRunOptions(options: unknown): asserts options is RunOptions {
  if (typeof options !== 'object' || options === null)
    throw new PipelineError('OPTION_INVALID', { option: 'options', what: `must be an object, got ${show(options)}` })
  refuseTypos(options, Object.keys(RULES))
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (!Object.hasOwn(RULES, option)) continue
    const wrong = RULES[option as keyof RunOptions](value) // an own key of RULES
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
