import { PipelineError, show } from '@pipelines/core'
import { suggester } from './graph/names.js'

/** What is wrong with a value, in words that follow the name of its option. */
export type Rule = (value: unknown) => string | undefined

export const isMs: Rule = (value) =>
  typeof value === 'number' && value >= 0 && value <= 2 ** 31 - 1
    ? undefined
    : 'must be a number of milliseconds from 0 to 2147483647'
export const isTimeout: Rule = (value) =>
  typeof value === 'number' && value > 0 && value <= 2 ** 31 - 1
    ? undefined
    : 'must be a number of milliseconds above 0, at most 2147483647'
export const isObject: Rule = (value) => (typeof value === 'object' && value !== null ? undefined : 'must be an object')
export const isSignal: Rule = (value) => (value instanceof AbortSignal ? undefined : 'must be an AbortSignal')
export const isFunction: Rule = (value) => (typeof value === 'function' ? undefined : 'must be a function')
export const isOverload: Rule = (value) =>
  value === 'reject' || value === 'wait' ? undefined : 'must be "reject" or "wait"'
export const isCount: Rule = (value) =>
  Number.isSafeInteger(value) && Number(value) > 0 ? undefined : 'must be an integer ≥ 1'
export const isBoolean: Rule = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false')

/** Checks options that may come from untyped code: wrong values and near misses of names. Throws `PLB_OPTION_INVALID`. */
export function checkOptions(options: unknown, rules: Readonly<Record<string, Rule>>): void {
  if (typeof options !== 'object' || options === null)
    throw new PipelineError('OPTION_INVALID', { option: 'options', what: `must be an object, got ${show(options)}` })
  let allKnown = true
  for (const option of Object.keys(options)) {
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined
    if (rule === undefined) {
      allKnown = false
      continue
    }
    const value: unknown = Reflect.get(options, option)
    const wrong = value === undefined ? undefined : rule(value)
    if (wrong !== undefined) throw new PipelineError('OPTION_INVALID', { option, what: `${wrong}, got ${show(value)}` })
  }
  if (!allKnown) refuseTypos(options, Object.keys(rules))
}

/** Refuses near misses of known names. Other keys are the caller's own business: options objects are often more than that. */
export function refuseTypos(options: object, known: readonly string[]): void {
  let suggest: ReturnType<typeof suggester> | undefined // made for the first key that is not known
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue
    suggest ??= suggester(known)
    const suggestion = suggest(option)
    if (suggestion !== undefined)
      throw new PipelineError('OPTION_INVALID', { option, what: 'does not exist', suggestion })
  }
}
