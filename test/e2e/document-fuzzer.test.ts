import { type Issue, isPipelineError } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { randomOf } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { type Fuzzed, fuzzed } from '../support/fuzzed-documents.js'
import { answer, placesOf } from '../support/hostile.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'

/*
 * Documents that were mangled in every way, and values that never were documents. Each gets a proper answer, and the
 * constructor gives the same one; what is found to be fine runs to its end.
 *
 * A failure names its seed; to see only that one again:
 *     SEED=123 npx vitest run --project e2e test/e2e/document-fuzzer.test.ts
 * SOAK=1 tries 50,000 in place of 5,000.
 */
const seeds = seedsOf(5_000, 50_000)

/** How often each code came, and each way for a run to end. */
const seen = new Map<string, number>()
const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1)

test('every document gets an answer, and runs if there is nothing wrong', { ...manySeeds }, async () => {
  for (const seed of seeds) await withSeed(seed, () => expectAnswered(fuzzed(randomOf(seed))))
  const usual = [...CODES, ...ENDINGS, 'completed']
  const rare = usual.filter((what) => (seen.get(what) ?? 0) < 5)
  expect(seeds.length === 1 ? [] : rare).toEqual([])
})

/** What must come up among so many documents. */
const CODES = [
  ...['GRAPH_SCHEMA', 'GRAPH_NAME', 'GRAPH_UNKNOWN_NODE', 'GRAPH_DUPLICATE_EDGE', 'GRAPH_CYCLE', 'GRAPH_NO_SOURCE'],
  ...['GRAPH_PORT', 'GRAPH_UNEVEN_JOIN', 'GRAPH_LIMIT', 'GRAPH_MORE', 'CORO_NOT_FOUND', 'CORO_NOT_FUNCTION'],
  ...['CORO_ARGS', 'CORO_TYPE', 'OPTION_INVALID', 'OPTION_CONFLICT'],
]

async function expectAnswered({ document, options }: Fuzzed): Promise<void> {
  const { issues } = answer(document, options)
  for (const code of new Set(issues.map(codeOf))) count(code)
  if (!('limits' in options)) expectSameWithoutCoros(document, issues)
  if (issues.length === 0) await expectRun(new Plumber(document as string, options))
}

const codeOf = ({ code }: Issue): string => code.slice('PLB_'.length)

/** Without a coroMap, the same is said of everything but the coroutines. */
function expectSameWithoutCoros(document: unknown, issues: readonly Issue[]): void {
  if (issues.some((issue) => codeOf(issue) === 'GRAPH_MORE')) return
  const places = new Set(placesOf(issues))
  expect(placesOf(Plumber.check(document)).filter((place) => !places.has(place))).toEqual([])
}

/** What a run may fail with whose coroutines do next to nothing: a source that gives no list, a join that finds no pair. */
const ENDINGS = ['NODE_FAILED', 'RUN_UNEQUAL', 'NODE_CARDINALITY']

async function expectRun(plumber: Plumber): Promise<void> {
  const inlets = Object.entries(plumber.nodes).filter(([, { coro }]) => coro === 'std.inlet')
  const input = Object.fromEntries(inlets.map(([name]) => [name, [1, 2]]))
  try {
    const { outcome } = await plumber.run(inlets.length === 0 ? undefined : input, { deadlineMs: 10_000 })
    count(outcome)
  } catch (error) {
    if (!isPipelineError(error)) throw error
    const code = error.code.slice('PLB_'.length)
    if (!ENDINGS.includes(code)) throw error
    count(code)
  }
}
