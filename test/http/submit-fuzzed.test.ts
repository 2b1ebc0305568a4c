import { randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { FUZZ_COROS, fuzzed } from '../support/fuzzed-documents.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { SUBMIT } from './frameworks.js'
import { serving } from './serving.js'

/*
 * The documents of the fuzzer, as far as they can be sent. SOAK=1 sends 5,000 in place of 400.
 */

const serve = serving()
const submit = { coroMap: FUZZ_COROS, authorize: () => true, limits: { runMs: 2_000 } }

describe('documents as nobody would write them', () => {
  const seeds = seedsOf(400, 5_000)
  const own = (): unknown[] => [Object, Array, Function, String].map(({ prototype }) => Reflect.ownKeys(prototype))

  test('get an answer, one after the other, and leave nothing', manySeeds, async () => {
    const before = own()
    const served = await serve('node:http', { graphs: {}, handlers: {}, submit })
    const seen = new Map<number, number>()
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const body = textOf(fuzzed(randomOf(seed)).document)
        if (body === undefined) return
        const { status, text } = await served.client.send({ path: SUBMIT, body })
        expect([200, 400, 413, 422, 500]).toContain(status)
        if (status === 500) expect(text).toMatch(/PLB_NODE_FAILED|PLB_NODE_CARDINALITY|PLB_RUN_UNEQUAL|PLB_HTTP_OUTPUT/)
        if (status === 400) expect(text).toMatch(/"issues":\[|PLB_HTTP_BODY_INVALID|PLB_OPTION_INVALID/)
        seen.set(status, (seen.get(status) ?? 0) + 1)
      })
    expect(own()).toEqual(before)
    const { json } = await served.client.get('/-/stats')
    expect(json).toMatchObject({ submissions: { inFlight: 0, clients: 0 } })
    if (seeds.length > 1) for (const status of [200, 400]) expect(seen.get(status)).toBeGreaterThan(20)
  })
})

/** What a client would send of it. */
function textOf(document: unknown): string | undefined {
  try {
    return typeof document === 'string' ? document : JSON.stringify(document)
  } catch {
    return undefined
  }
}
