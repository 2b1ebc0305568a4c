import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { TestServer, type Verdict } from './child.js'
import { type Catcher, type Mutant, mutated } from './mutant.js'
import { MUTANTS, OFTEN } from './mutants.js'

/*
 * Each mutant is the engine with one thing wrong. The tests of the engine must find every one of them: if they do not,
 * they would not find that mistake either. To look at one of them:
 *     MUTANT='room is not given on' npx vitest run --project e2e
 */

const tried = process.env.SOAK === undefined ? OFTEN : MUTANTS

/** Far more than the tests take that find a mutant. */
const LONGEST_MS = 45_000

/** A mutant that is not a mistake in the engine, but none that an engine could have. */
const NOT_BUILT = /ReferenceError|SyntaxError|is not a function|is not defined|Cannot read properties/

/** Each serves one test at a time. */
const servers: TestServer[] = []
const idle: TestServer[] = []

afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
})

test('every mutant changes one place of the engine, and has a name of its own', () => {
  for (const mutant of MUTANTS)
    for (const { file } of mutant.changes) {
      const text = readFileSync(new URL(`../../packages/core/src/${file}`, import.meta.url), 'utf8')
      expect(mutated(text, file, mutant)).not.toBe(text)
    }
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
})

describe.concurrent('the tests', { timeout: 600_000 }, () => {
  test.for([...byFile().entries()])('of %s find nothing wrong with the engine itself', async ([, catchers]) => {
    const verdict = await runTests(catchers)
    expect(verdict, verdict.printed).toMatchObject({ failures: [], broken: [], stopped: false })
    expect(verdict.passed, verdict.printed).toBeGreaterThanOrEqual(catchers.length)
  })

  test.for(tried.map((mutant) => [mutant.name, mutant] as const))('find that %s', async ([, mutant]) => {
    const verdict = await runTests([mutant.caughtBy], mutant)
    expect(verdict.broken, 'files that could not be loaded').toEqual([])
    expect(verdict.stopped, `stopped after ${LONGEST_MS} ms`).toBe(false)
    expect(verdict.failures, `tests that fail, where ${verdict.passed} pass. ${verdict.printed}`).not.toEqual([])
    expect(verdict.failures.join('\n')).not.toMatch(NOT_BUILT)
  })
})

async function runTests(catchers: readonly Catcher[], mutant?: Mutant): Promise<Verdict> {
  const server = idle.pop() ?? new TestServer()
  if (!servers.includes(server)) servers.push(server)
  try {
    return await server.run(catchers, { ...(mutant && { mutant }), timeoutMs: LONGEST_MS })
  } finally {
    idle.push(server)
  }
}

/** The catchers, each once, by their files. */
function byFile(): Map<string, Catcher[]> {
  const all = new Map(tried.map(({ caughtBy }) => [JSON.stringify(caughtBy), caughtBy] as const))
  const files = new Map<string, Catcher[]>()
  for (const catcher of all.values()) files.set(catcher.file, [...(files.get(catcher.file) ?? []), catcher])
  return files
}
