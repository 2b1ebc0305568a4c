import type { Context } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { seeded } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { edgeOf, nodeOf, outputs, range, turns } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'

const random = seeded(6)

/** Waits a little while, each time another one. */
const pause = () => turns(Math.floor(3 * random()))

const reverse = (text: string): string => [...text].reverse().join('')

/** What n3 was given, over all tests of this file; each test looks at its own part. */
let joined: (readonly [string, string])[] = []

const coroMap = {
  strings: {
    input: async function* (_output: unknown, { args: { num = 3 } }: Context) {
      for (const n of range(Number(num))) yield `Item${n}`
    },
    upper: async (text: string) => {
      await pause()
      return text.toUpperCase()
    },
    output: (text: string) => text,
  },
}

async function lower(pair: readonly [string, string]): Promise<string> {
  joined.push(pair)
  await pause()
  return pair.join('+').toLowerCase()
}

/** The seed's own test graph: coroutines by name and as functions, mixed. */
const sixNodes = (num: number, properties: object = {}) =>
  new Plumber(
    {
      nodes: {
        inp: { coro: 'strings.input', args: { num } },
        n1: { coro: reverse },
        n2: { coro: 'strings.upper', properties },
        n3: { coro: lower, properties },
        n4: { coro: 'strings.output', properties: { aggregateInputs: false } },
      },
      graph: { inp: ['n1'], n1: ['n2', 'n3'], n2: ['n3', 'n4'], n3: ['n4'], n4: null },
    },
    { coroMap },
  )

const reversed = (num: number) => range(num).map((n) => reverse(`Item${n}`))

describe.each([
  ['one worker', {}],
  ['several workers', { workers: 4 }],
  ['one worker, unfused, queues of one', { fuse: false, queueSize: 1 }],
])('with %s', (_how, properties) => {
  test('P-T01 the six-node graph is built of functions and names, and runs to its end', async () => {
    const report = await sixNodes(20, properties).run()
    expect(report.outcome).toBe('completed')
    expect(Object.keys(report.nodes).sort()).toEqual(['inp', 'n1', 'n2', 'n3', 'n4'])
    expectBalancedBooks(report, [])
  })

  test('P-T02 n3 is given pairs in the order of the graph', async () => {
    joined = []
    await sixNodes(20, properties).run()
    expect(joined).toEqual(reversed(20).map((text) => [text, text.toUpperCase()]))
  })

  test('P-T03 n4 gives two outputs for every source item', async () => {
    const seen = outputs()
    const report = await sixNodes(20, properties).run(undefined, seen.options)
    const uppers = reversed(20).map((text) => text.toUpperCase())
    const lowers = reversed(20).map((text) => `${text}+${text}`.toLowerCase())
    expect([...seen.values].sort()).toEqual([...uppers, ...lowers].sort())
    expect(seen.values.filter((text) => uppers.includes(String(text)))).toEqual(uppers)
    expect(seen.values.filter((text) => lowers.includes(String(text)))).toEqual(lowers)
    expect(nodeOf(report, 'n4')).toMatchObject({ received: 40, completed: 40, emitted: 40 })
  })
})

test('P-T04 the args of the source decide how many items there are', async () => {
  for (const num of [0, 1, 20]) {
    const report = await sixNodes(num).run()
    expect(nodeOf(report, 'inp').emitted).toBe(num)
    expect(nodeOf(report, 'n3')).toMatchObject({ received: 2 * num, completed: 2 * num, emitted: num })
    expectBalancedBooks(report, [])
  }
})

test('P-T05 every node and link can be looked at once the pipeline is built', async () => {
  const pipeline = sixNodes(3).createPipeline()
  const { nodes, edges } = pipeline.snapshot()
  expect(Object.keys(nodes).sort()).toEqual(['inp', 'n1', 'n2', 'n3', 'n4'])
  expect(edges.map(({ from, to }) => `${from} ${to}`).sort()).toEqual([
    'inp n1',
    'n1 n2',
    'n1 n3',
    'n2 n3',
    'n2 n4',
    'n3 n4',
  ])
  await pipeline.settled
  expect(edgeOf(pipeline.snapshot(), 'n3', 'n4')).toMatchObject({ entered: 3, left: 3, depth: 0 })
})
