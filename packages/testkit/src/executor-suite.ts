import assert from 'node:assert/strict'
import { type Executor, inline } from '@pipelines/core'
import { CONTEXT } from './executor-suite-context.js'
import { ERRORS } from './executor-suite-errors.js'
import { GENERATORS } from './executor-suite-generators.js'
import { GRAPHS } from './executor-suite-graphs.js'
import { HOOKS } from './executor-suite-hooks.js'
import { POLICIES } from './executor-suite-policies.js'
import { REQUESTS } from './executor-suite-requests.js'
import type { Scenario } from './executor-suite-scenario.js'
import { SOURCES } from './executor-suite-sources.js'
import { Stage } from './executor-suite-stage.js'
import { STOPS } from './executor-suite-stops.js'
import { STREAMS } from './executor-suite-streams.js'
import { VALUES } from './executor-suite-values.js'

/** An executor that may have something to end. */
export type ClosableExecutor = Executor & { readonly close?: (() => unknown) | undefined }

export interface ExecutorSuiteOptions {
  /**
   * Makes the executor; called for each case, after which it is closed. To share one between the cases, give it without its
   * `close`, and close it when all of them have run.
   */
  readonly make: () => ClosableExecutor
  /** Cases that the executor does not pass, by their names, and why. */
  readonly skips?: Readonly<Record<string, string>>
}

/** One thing that every executor has to do. */
export interface ExecutorCase {
  /** What has to hold, as a sentence. */
  readonly name: string
  /** Why it is not expected to hold; then it should not be run. */
  readonly skipped?: string
  /** Rejects with an `AssertionError`, or with what went wrong, where it does not hold. */
  run(): Promise<void>
}

const SCENARIOS: readonly Scenario[] = [
  ...[VALUES, CONTEXT, ERRORS, GENERATORS, SOURCES, HOOKS].flat(),
  ...[STREAMS, POLICIES, GRAPHS, STOPS, REQUESTS].flat(),
]

/**
 * Everything that a coroutine has inline has to work in every executor: a list of cases for any test runner. Each runs the
 * same graphs inline and in the executor, and compares outputs, counts and errors.
 *
 * @throws where `skips` names no case, or gives no reason
 *
 * @example
 * for (const { name, skipped, run } of executorSuite({ make: () => threads() }))
 *   test(name, { skip: skipped !== undefined }, run)
 */
export function executorSuite({ make, skips = {} }: ExecutorSuiteOptions): readonly ExecutorCase[] {
  const names = new Set(SCENARIOS.map(({ name }) => name))
  for (const [name, reason] of Object.entries(skips)) {
    if (!names.has(name)) throw new TypeError(`"skips" names ${JSON.stringify(name)}, which is no case of the suite.`)
    if (typeof reason !== 'string' || reason === '')
      throw new TypeError(`"skips" gives no reason for ${JSON.stringify(name)}.`)
  }
  return SCENARIOS.map((scenario) => {
    const { name } = scenario
    const skipped = Object.hasOwn(skips, name) ? skips[name] : undefined
    return { name, ...(skipped !== undefined && { skipped }), run: () => runCase(scenario, make) }
  })
}

async function runCase({ play, gives, loose }: Scenario, make: () => ClosableExecutor): Promise<void> {
  const here = new Stage(inline)
  assert.deepEqual(await play(here), gives, 'inline gives what the case expects')
  const executor = make()
  try {
    const there = new Stage(executor)
    assert.deepEqual(await play(there), gives, 'the executor gives what the case expects')
    if (loose !== true) assert.deepEqual(there.played, here.played, 'the executor and inline give the same')
  } finally {
    await executor.close?.()
  }
}
