import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { runTests } from './child.js'
import { type Catcher, mutated } from './mutant.js'
import { MUTANTS } from './mutants.js'

/*
 * Each mutant is the engine with one thing wrong. The tests of the engine must find every one of them: if they do not,
 * they would not find that mistake either. To look at one of them:
 *     MUTANT='room is not given on' npx vitest run --project e2e
 */

/** Far more than the tests take that find a mutant. */
const LONGEST_MS = 45_000

/** A mutant that is not a mistake in the engine, but none that an engine could have. */
const NOT_BUILT = /ReferenceError|SyntaxError|is not a function|is not defined|Cannot read properties/

test('every mutant changes one place of the engine, and has a name of its own', () => {
  for (const mutant of MUTANTS)
    for (const { file } of mutant.changes) {
      const text = readFileSync(new URL(`../../packages/core/src/${file}`, import.meta.url), 'utf8')
      expect(mutated(text, file, mutant)).not.toBe(text)
    }
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
})

describe.concurrent('the tests', { timeout: 600_000 }, () => {
  test('find nothing wrong with the engine itself', async ({ signal }) => {
    const verdict = await runTests(catchers(), { signal, timeoutMs: 4 * LONGEST_MS })
    expect(verdict, verdict.printed).toMatchObject({ failures: [], broken: [], stopped: false })
    expect(verdict.passed, verdict.printed).toBeGreaterThanOrEqual(catchers().length)
  })

  test.for(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    'find that %s',
    async ([name, mutant], { signal }) => {
      const verdict = await runTests([mutant.caughtBy], { mutant: name, signal, timeoutMs: LONGEST_MS })
      expect(verdict.broken, 'files that could not be loaded').toEqual([])
      expect(verdict.stopped, `stopped after ${LONGEST_MS} ms`).toBe(false)
      expect(verdict.failures, `tests that fail, where ${verdict.passed} pass. ${verdict.printed}`).not.toEqual([])
      expect(verdict.failures.join('\n')).not.toMatch(NOT_BUILT)
    },
  )
})

/** Each of them once. */
function catchers(): Catcher[] {
  const all = MUTANTS.map(({ caughtBy }) => [JSON.stringify(caughtBy), caughtBy] as const)
  return [...new Map(all).values()]
}
