import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vitest/config'
import type { Vitest } from 'vitest/node'
import { mutantPlugin } from './plugin.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What a test server is asked for: tests, on a mutant of the engine if one is named. */
export interface Job {
  readonly mutant: string | undefined
  /** Files of the engine that the mutant changes. */
  readonly changed: readonly string[]
  /** Test files, below `test`. */
  readonly files: readonly string[]
  /** What the full names of tests must match. */
  readonly pattern: string
  /** The only seed that properties try; as many as usual if it is absent. */
  readonly seed: number | undefined
}

/** What the tests have told. */
export interface Results {
  readonly passed: number
  /** Why tests have failed, or what nobody has caught. */
  readonly failures: readonly string[]
  /** Files that could not be loaded, or in which nothing was tested. */
  readonly broken: readonly string[]
}

/**
 * Makes a test server of the process that the config is loaded in, which another one has forked: it runs tests on one
 * mutant after the other. To start it takes three times as long as to run the tests of a mutant (measured: 1.5 s of
 * processor time, and 0.45).
 */
export function servedMutants(): Plugin[] {
  const current = mutantPlugin(() => process.env.MUTANT)
  return [...current, { name: 'serve-mutants', configureVitest: ({ vitest }) => serve(vitest) }]
}

function serve(vitest: Vitest): void {
  if (process.send === undefined) return
  // Whoever has forked it is gone.
  process.once('disconnect', () => process.exit())
  let stale: readonly string[] = []
  process.on('message', async (job: Job) => {
    if (job.mutant === undefined) delete process.env.MUTANT
    else process.env.MUTANT = job.mutant
    if (job.seed === undefined) delete process.env.SEED
    else process.env.SEED = `${job.seed}`
    for (const file of [...stale, ...job.changed]) vitest.invalidateFile(`${root}packages/core/src/${file}`)
    stale = job.changed
    process.send?.(await run(vitest, job))
  })
}

async function run(vitest: Vitest, { files, pattern }: Job): Promise<Results> {
  // Of the tests before: they would count as failed ones of this run.
  vitest.state.idMap.clear()
  vitest.state.filesMap.clear()
  vitest.setGlobalTestNamePattern(new RegExp(pattern))
  const { testModules, unhandledErrors } = await vitest.runTestFiles(files.map((file) => `${root}test/${file}`))
  const tests = testModules.flatMap((module) => [...module.children.allTests()])
  const results = tests.map((test) => test.result())
  const failed = results.flatMap(({ errors = [] }) => errors.map(textOf))
  const tested = testModules.filter((module) => module.children.size > 0).map(({ moduleId }) => moduleId)
  const unhandled = unhandledErrors.map(textOf)
  return {
    passed: results.filter(({ state }) => state === 'passed').length,
    // Nobody has caught them: the test runner fails the run for them.
    failures: [...failed, ...unhandled],
    broken: files
      .filter((file) => !tested.includes(`${root}test/${file}`))
      .map((file) => {
        const errors = testModules.find(({ moduleId }) => moduleId.endsWith(file))?.errors() ?? []
        return `${file}: ${errors.map(({ message }) => message).join('\n')}`
      }),
  }
}

/** An error that came from a worker is none any more, but looks like one. */
function textOf(error: unknown): string {
  const { stack, message }: { readonly stack?: unknown; readonly message?: unknown } = Object(error)
  return `${stack ?? message ?? 'Something that is no error was thrown.'}`
}
