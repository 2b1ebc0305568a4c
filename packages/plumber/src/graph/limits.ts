import { type ErrorDetails, show } from '@pipelines/core'
import { suggester } from './suggest.js'

/** How large a document may be before it is refused. All are configurable as `limits`. */
export interface Limits {
  /** Bytes of JSON text; a document given as an object has no text. */
  readonly bytes: number
  /** Levels of objects and lists in each other. */
  readonly depth: number
  /** Entries of all objects and lists together, those in `args` included. No text of 1 MB has more. */
  readonly values: number
  readonly nodes: number
  readonly edges: number
  /** Input edges of one node. */
  readonly inputs: number
  /** `workers` of one node. */
  readonly workers: number
  /** `queueSize` of one node or edge. */
  readonly queueSize: number
  /** Entries in the tables by which joins know what is still on its way to them. */
  readonly tokens: number
  /** Issues that are listed; the others are counted. */
  readonly issues: number
}

/** The limits where none are given: room for any graph a person writes, not for one that is meant to hurt. */
export const LIMITS: Limits = Object.freeze({
  bytes: 1_000_000,
  depth: 64,
  values: 500_000,
  nodes: 10_000,
  edges: 50_000,
  inputs: 1024,
  workers: 1000,
  queueSize: 1_000_000,
  tokens: 1_000_000,
  issues: 100,
})

const NAMES: readonly string[] = Object.keys(LIMITS)
const suggestLimit = suggester(NAMES)

/** Limits, and what was wrong with those that were given: a wrong one keeps its default. */
export interface ResolvedLimits {
  readonly limits: Limits
  readonly problems: readonly ErrorDetails<'OPTION_INVALID'>[]
}

/** Fills in the limits that are not given. Never throws. `Infinity` turns a limit off. */
export function resolveLimits(given: unknown): ResolvedLimits {
  if (given === undefined) return { limits: LIMITS, problems: [] }
  if (typeof given !== 'object' || given === null) {
    return { limits: LIMITS, problems: [{ option: 'limits', what: `must be an object, got ${show(given)}` }] }
  }
  const limits: Record<string, number> = { ...LIMITS }
  const problems: ErrorDetails<'OPTION_INVALID'>[] = []
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    const option = `limits.${name}`
    if (!NAMES.includes(name)) {
      problems.push({ option, what: 'does not exist', suggestion: suggestLimit(name) })
    } else if (typeof value !== 'number' || !(Number.isInteger(value) || value === Infinity) || value < 1) {
      problems.push({ option, what: `must be an integer ≥ 1 or Infinity, got ${show(value)}` })
    } else limits[name] = value
  }
  // Built from LIMITS, and only its own names are set.
  return { limits: limits as unknown as Limits, problems }
}
