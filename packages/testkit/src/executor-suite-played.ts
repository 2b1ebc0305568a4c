import { isPipelineError, type RunReport } from '@pipelines/core'
import type { Seen } from './executor-suite-seen.js'

/** An error as one can compare it. */
export type Told = Readonly<Record<string, unknown>>

/** What came of a run, without what depends on time. */
export interface Played {
  readonly values: readonly unknown[]
  readonly outputs: readonly unknown[]
  /** What the coroutines told by `ctx.log`. */
  readonly notes: readonly unknown[]
  readonly outcome: RunReport['outcome']
  readonly error: Told | undefined
  readonly reason: unknown
  readonly errors: readonly Told[]
  readonly nodes: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly edges: readonly unknown[]
  readonly unprocessed: readonly unknown[]
  readonly abandoned: readonly string[]
  readonly roots: unknown
}

/** What is compared of a run. */
export function playedOf(report: RunReport, { outputs, notes }: Seen): Played {
  const { outcome, error, reason, errors, unprocessed, abandoned, roots } = report
  const without = (counts: object, ...keys: readonly string[]): [string, number][] =>
    Object.entries(counts).filter(([key]) => !keys.includes(key))
  return {
    values: outputs.map(({ value }) => value),
    outputs: [...outputs],
    notes: [...notes],
    outcome,
    error: error && (told(error) as Told),
    reason: told(reason),
    errors: errors.map((one) => told(one) as Told),
    nodes: Object.fromEntries(
      Object.entries(report.nodes).map(([name, counts]) => [name, Object.fromEntries(without(counts, 'busyMs'))]),
    ),
    edges: report.edges.map((edge) => Object.fromEntries(without(edge, 'waits'))),
    unprocessed: unprocessed.map(({ node, value, meta }) => ({ node, value, meta })),
    abandoned: [...abandoned],
    roots,
  }
}

const NATIVE = [AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]
/** What is told of an error elsewhere, or differs from run to run. */
const LEFT_OUT: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors', 'details', 'report'])

/** An error as plain data, with its causes; everything else as it is. */
export function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const Class = NATIVE.find((one) => error instanceof one)
  const own = Object.entries(error).filter(([key]) => !LEFT_OUT.has(key))
  return {
    ...{ name: error.name, message: error.message },
    ...(Class && { class: Class.name }),
    ...Object.fromEntries(own),
    ...('cause' in error && { cause: told(error.cause) }),
    ...(error instanceof AggregateError && { errors: error.errors.map(told) }),
    ...(isPipelineError(error) && { ours: true, details: detailsOf(error.details) }),
    ...(!isPipelineError(error) && 'details' in error && { details: error.details }),
  }
}

function detailsOf(details: object): unknown {
  const told = Object.entries(details).filter(([key]) => key !== 'cause' && key !== 'errors')
  return Object.fromEntries(told)
}
