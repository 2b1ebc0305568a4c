import { randomUUID } from 'node:crypto'
import type { Context } from '@pipelines/core'
import { defineGraph, Plumber } from '@pipelines/plumber'
import { seeded } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import type { SourceOutput } from '../../support/blackbox.js'
import { nodeOf, outputs, range, turns } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'

const reverse = (text: string): string => [...text].reverse().join('')

/** The README's coroutines. `made` is what the source made; `rev` takes a while, each time another one. */
function stringFuncs(seed: number) {
  const random = seeded(seed)
  const made: string[] = []
  return {
    made,
    input: async (output: SourceOutput, { args: { count = 20 } }: Context) => {
      made.push(...range(Number(count)).map(() => randomUUID()))
      for (const text of made) {
        await output.put(text)
        await turns(0)
      }
    },
    reverse: async (text: string) => {
      await turns(Math.floor(6 * random()))
      return reverse(text)
    },
    print: (pair: readonly [string, string]) => pair,
  }
}

const properties = {
  'one worker': {},
  'eight workers': { workers: 8 },
  'eight workers, out of order': { workers: 8, ordered: false },
  'eight workers, unfused, queues of one': { workers: 8, fuse: false, queueSize: 1 },
}

/** The README's graph in JSON. */
const readme = (rev: object) => `{
  "nodes": {
    "inp": { "coro": "strings.input", "args": { "count": 20 } },
    "rev": { "coro": "strings.reverse", "properties": ${JSON.stringify(rev)} },
    "out": { "coro": "strings.print" }
  },
  "graph": { "inp": ["rev", "out"], "rev": ["out"], "out": null }
}`

/** The twenty pairs in order, which a join gives whatever the order in its branches was. */
async function expectTwentyPairs(plumber: Plumber, made: readonly string[]): Promise<void> {
  const seen = outputs()
  const report = await plumber.run(undefined, seen.options)
  expect(made).toHaveLength(20)
  expect(seen.values).toEqual(made.map((text) => [text, reverse(text)]))
  expect(nodeOf(report, 'out')).toMatchObject({ received: 40, completed: 40, emitted: 20 })
  expectBalancedBooks(report, [])
}

describe.each(Object.entries(properties))('with %s', (_how, rev) => {
  test('P-T08 the README in JSON, its coroutines by name', async () => {
    const { made, ...strings } = stringFuncs(1)
    await expectTwentyPairs(new Plumber(JSON.parse(readme(rev)), { coroMap: { strings } }), made)
  })

  test('P-T08 the README in code, its coroutines as functions', async () => {
    const { made, input, reverse, print } = stringFuncs(2)
    const document = {
      nodes: { inp: { coro: input }, rev: { coro: reverse, properties: rev }, out: { coro: print } },
      graph: { inp: ['rev', 'out'], rev: ['out'], out: null },
    }
    await expectTwentyPairs(new Plumber(document, { coroMap: (x) => x }), made)
  })
})

test.each(range(25))('P-T08 no pair is ever mixed up, seed %i', async (seed) => {
  const { made, ...strings } = stringFuncs(seed)
  const rev = { workers: 8, ordered: seed % 2 === 0, queueSize: 1 + (seed % 5) }
  await expectTwentyPairs(new Plumber(JSON.parse(readme(rev)), { coroMap: { strings } }), made)
})

test('P-T08 the README as text', async () => {
  const { made, ...strings } = stringFuncs(3)
  await expectTwentyPairs(new Plumber(readme({ workers: 8 }), { coroMap: { strings } }), made)
})

test('P-T08 the README with its names checked by the compiler', async () => {
  const { made, ...strings } = stringFuncs(4)
  const coroMap = { strings }
  const document = defineGraph(coroMap, {
    nodes: {
      inp: { coro: 'strings.input' },
      rev: { coro: 'strings.reverse' },
      out: { coro: 'strings.print' },
    },
    graph: { inp: ['rev', 'out'], rev: ['out'], out: null },
  })
  await expectTwentyPairs(new Plumber(document, { coroMap }), made)
})
