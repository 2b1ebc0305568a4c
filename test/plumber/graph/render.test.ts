import fc from 'fast-check'
import { expect, test } from 'vitest'
import { build } from '../../../packages/plumber/src/build.js'
import type { Graph, GraphDocument } from '../../../packages/plumber/src/graph/document.js'
import { isName } from '../../../packages/plumber/src/graph/names.js'
import { toDot, toJSON, toMermaid } from '../../../packages/plumber/src/graph/render.js'

function graphOf(document: unknown): Graph {
  const { graph, issues } = build(document, { coroMap: () => () => 1 })
  if (graph === undefined) throw new Error(JSON.stringify(issues))
  return graph
}

const nodes = {
  inp: { coro: 'input' },
  'a/b:c': { coro: 'x"<' },
  end: { coro: 'x', properties: { aggregateInputs: false, workers: 3 } },
}
const strings = graphOf({
  name: 'say "hi"',
  nodes,
  graph: { inp: ['a/b:c', { to: 'end', port: 'other', queueSize: 2 }], 'a/b:c': ['end'], end: null },
})

test('Mermaid gets ids of its own and quoted labels', () => {
  expect(toMermaid(strings)).toMatchInlineSnapshot(`
    "flowchart LR
      n0(["inp"])
      n1["a/b:c"]
      n2["end"]
      n0 --> n1
      n0 -->|"other"| n2
      n1 --> n2
    "
  `)
})

test('DOT gets quoted labels', () => {
  expect(toDot(strings)).toMatchInlineSnapshot(`
    "digraph "say \\"hi\\"" {
      rankdir=LR
      n0 [label="inp", shape=ellipse]
      n1 [label="a/b:c", shape=box]
      n2 [label="end", shape=box]
      n0 -> n1
      n0 -> n2 [label="other"]
      n1 -> n2
    }
    "
  `)
})

test('JSON says what differs from the defaults', () => {
  expect(JSON.stringify(toJSON(strings))).toMatchInlineSnapshot(
    `"{"version":1,"name":"say \\"hi\\"","nodes":{"inp":{"coro":"input"},"a/b:c":{"coro":"x\\"<"},"end":{"coro":"x","properties":{"aggregateInputs":false,"workers":3}}},"graph":{"inp":["a/b:c",{"to":"end","port":"other","queueSize":2}],"a/b:c":["end"],"end":null}}"`,
  )
})

test('JSON says of what is inside of a property what differs from the defaults', () => {
  const properties = {
    retry: { attempts: 3, minDelayMs: 100, factor: 1 },
    batch: { size: 2, returns: 'each', maxWaitMs: 5 },
    rateLimit: { count: 1, perMs: 1 },
    timeoutMs: 7,
    stateful: false,
  }
  const graph = graphOf({ nodes: { a: { coro: 'x' }, b: { coro: 'x', properties } }, graph: { a: ['b'] } })
  expect(toJSON(graph).nodes['b']?.properties).toEqual({
    timeoutMs: 7,
    retry: { attempts: 3, factor: 1 },
    rateLimit: { count: 1, perMs: 1 },
    batch: { size: 2, maxWaitMs: 5 },
    stateful: false,
  })
})

test('functions get generated names', () => {
  const reverse = (): number => 1
  const document = { nodes: { a: { coro: reverse }, b: { coro: () => 1 }, c: { coro: reverse } }, graph: {} }
  expect(Object.values(toJSON(graphOf(document)).nodes).map(({ coro }) => coro)).toEqual([
    'reverse#1',
    'coro#2',
    'reverse#1',
  ])
})

test('a graph read back from its JSON is equal, keys in the same order', () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.:/-]{0,9}$/).filter(isName)
  const properties = fc.record(
    {
      aggregateInputs: fc.constant(false),
      workers: fc.constantFrom(1, 0),
      queueSize: fc.integer({ min: 1, max: 99 }),
      onError: fc.constantFrom('fail', 'skip'),
      ordered: fc.boolean(),
      packetsInFlight: fc.integer({ min: 1, max: 99 }),
      timeoutMs: fc.integer({ min: 1, max: 99 }),
      rateLimit: fc.record({ count: fc.constantFrom(1, 5), perMs: fc.constantFrom(0.5, 1000) }),
      retry: fc.record(
        {
          attempts: fc.constantFrom(1, 5),
          minDelayMs: fc.constantFrom(0, 100),
          maxDelayMs: fc.constantFrom(0, 30_000),
          factor: fc.constantFrom(1, 2),
          jitter: fc.constantFrom('full', 'none'),
        },
        { requiredKeys: ['attempts'] },
      ),
      window: fc.record(
        { size: fc.constantFrom(1, 5), step: fc.constantFrom(1, 5), partial: fc.boolean() },
        { requiredKeys: ['size'] },
      ),
      stateful: fc.constant(false),
      emit: fc.constant('atomic'),
    },
    { requiredKeys: [] },
  )
  const document = fc.uniqueArray(name, { minLength: 1, maxLength: 6 }).chain((names) =>
    fc.record({
      name: fc.string({ maxLength: 20 }),
      nodes: fc
        .tuple(
          ...names.map((_, n) =>
            fc.record({
              coro: fc.constant('x'),
              args: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
              properties: n === 0 ? fc.constant({}) : properties,
            }),
          ),
        )
        .map((list) => Object.fromEntries(list.map((node, n) => [names[n], node]))),
      graph: fc
        .tuple(...names.map((_, n) => fc.subarray(names.slice(n + 1))))
        .chain((lists) =>
          fc.shuffledSubarray(
            lists.map(
              (list, n) =>
                [names[n], list.map((to, m) => (m % 2 === 0 ? to : { to, port: 'out', queueSize: m }))] as const,
            ),
            { minLength: names.length },
          ),
        )
        .map((entries) => Object.fromEntries(entries)),
    }),
  )
  fc.assert(
    fc.property(document, (written) => {
      // As JSON has it: -0 is 0 there.
      const given: unknown = JSON.parse(JSON.stringify(written))
      const { graph } = build(given, { coroMap: () => () => 1 })
      fc.pre(graph !== undefined)
      const json: GraphDocument = toJSON(graph as Graph)
      const again = graphOf(JSON.stringify(json))
      expect(again).toEqual(graph)
      expect(toJSON(again)).toEqual(json)
      expect(JSON.stringify(again)).toBe(JSON.stringify(graph))
    }),
  )
})
