import type { Logger, RunReport } from '@pipelines/core'
import { isPipelineError } from '@pipelines/core'
import { moduleCoros, Plumber } from '@pipelines/plumber'
import { processes, threads, type WorkerExecutor, type WorkerOptions } from '@pipelines/workers'
import { afterEach, describe } from 'vitest'
import { expectBalancedBooks } from '../support/books.js'

/** Helpers of the tests that let hostile code run in workers. */

export type Kind = 'thread' | 'process'
export type Make = (options?: WorkerOptions & { readonly transfer?: boolean }) => WorkerExecutor

/** Runs the same tests with threads and with processes; whatever executors they make are closed after each test. */
export function inThreadsAndProcesses(what: string, body: (make: Make, kind: Kind) => void): void {
  describe.each<Kind>(['thread', 'process'])(`${what}, in a %s,`, (kind) => {
    const made: WorkerExecutor[] = []
    afterEach(async () => {
      for (const executor of made.splice(0)) await executor.close()
    })
    body((options) => {
      const executor = kind === 'thread' ? threads(options) : processes(options)
      made.push(executor)
      return executor
    }, kind)
  })
}

/**
 * A node: a coroutine of this program; the name of one of the fixture, which runs in a worker; or that name with
 * properties (and `args`).
 */
export type Stage =
  | ((...args: never[]) => unknown)
  | string
  | ({ readonly coro: string } & Readonly<Record<string, unknown>>)

export interface LineOptions {
  readonly env?: Readonly<Record<string, unknown>>
  readonly logger?: Logger
}

/** A Plumber whose nodes stand in one line; the fixture is a file in `coros/`. */
export async function lineOf(
  executor: WorkerExecutor,
  fixture: string,
  stages: Readonly<Record<string, Stage>>,
  options: LineOptions = {},
): Promise<Plumber> {
  const here: Record<string, unknown> = {}
  const names = Object.keys(stages)
  const nodes = names.map((name) => {
    const stage = stages[name]
    if (stage === 'std.inlet') return [name, { coro: stage }] as const
    if (typeof stage === 'string') return [name, { coro: stage, properties: { executor: executor.name } }] as const
    if (typeof stage === 'object') {
      const { coro, args = {}, ...properties } = stage
      return [name, { coro, args, properties: { executor: executor.name, ...properties } }] as const
    }
    here[`here_${name}`] = stage
    return [name, { coro: `here_${name}` }] as const
  })
  const graph = Object.fromEntries(names.map((name, place) => [name, names.slice(place + 1, place + 2)]))
  const coroMap = [here, moduleCoros(new URL(`./coros/${fixture}`, import.meta.url))]
  return Plumber.create(
    { nodes: Object.fromEntries(nodes), graph } as never,
    {
      ...options,
      coroMap,
      executors: [executor],
    } as never,
  )
}

export interface Ended {
  readonly values: readonly unknown[]
  readonly report: RunReport
  /** What the run ended with, if not well. */
  readonly error: unknown
}

/** Runs to the end, which has to come in time, and checks the books. */
export async function ended(plumber: Plumber, options: Readonly<Record<string, unknown>> = {}): Promise<Ended> {
  const values: unknown[] = []
  const onOutput = ({ value }: { readonly value: unknown }): void => void values.push(value)
  const limits = { deadlineMs: 10_000, graceMs: 1_000, ...options }
  try {
    const report = await plumber.run(undefined, { ...limits, onOutput })
    expectBalancedBooks(report)
    return { values, report, error: undefined }
  } catch (error) {
    if (!isPipelineError(error) || error.report === undefined) throw error
    expectBalancedBooks(error.report)
    return { values, report: error.report, error }
  }
}

/** Codes of the errors of items that failed; of the cause where the error only says that a node failed. */
export const causesOf = ({ errors }: RunReport): unknown[] =>
  errors.map(({ code, cause }) => (isPipelineError(cause) ? cause.code : code))
