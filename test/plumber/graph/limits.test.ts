import { describe, expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'
import { LIMITS, resolveLimits } from '../../../packages/plumber/src/graph/limits.js'

const nodes = (count: number): Record<string, object> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`n${n}`, { coro: 'x' }]))
const places = (document: unknown, limits: object): string[] =>
  check(document, { limits }).map(({ code, pointer }) => `${code} ${pointer}`)

describe('resolving limits', () => {
  test('fills in the defaults', () => {
    expect(resolveLimits({ nodes: 5, edges: undefined, depth: Infinity })).toEqual({
      limits: { ...LIMITS, nodes: 5, depth: Infinity },
      problems: [],
    })
  })

  test('keeps the default of a wrong one', () => {
    const { limits, problems } = resolveLimits({ nodes: '5', edge: 4, __proto__: { depth: 1 } })
    expect(limits).toEqual(LIMITS)
    expect(problems.map(({ option }) => option)).toEqual(['limits.nodes', 'limits.edge'])
  })
})

describe('a document beyond a limit', () => {
  test('of size is not looked at any further', () => {
    const wrong = { nodes: { ...nodes(3), 'bad name': {} }, graph: { n0: ['n1', 'n2', 'gone'] } }
    expect(places(wrong, { nodes: 3 })).toEqual(['PLB_GRAPH_LIMIT /nodes'])
    expect(places(wrong, { edges: 2 })).toEqual(['PLB_GRAPH_LIMIT /graph'])
    expect(places(wrong, { nodes: 3, edges: 2 })).toEqual(['PLB_GRAPH_LIMIT /nodes', 'PLB_GRAPH_LIMIT /graph'])
  })

  test('has all its edges counted, also where nodes share a list', () => {
    const list = ['n0', 'n1', 'gone']
    const [found] = check({ nodes: nodes(3), graph: { n0: list, n1: list, n2: null } }, { limits: { edges: 5 } })
    expect(found?.message).toMatch(/^The graph has 6 edges; at most 5 are allowed/)
  })

  test('has its values counted, those in args too', () => {
    const document = { nodes: { a: { coro: 'x', args: { list: [1, 2] } } }, graph: {} }
    // nodes, a, coro, args, list, 1, 2, graph
    expect(places(document, { values: 8 })).toEqual([])
    for (const given of [document, JSON.stringify(document)])
      expect(places(given, { values: 7 })).toEqual(['PLB_GRAPH_LIMIT '])
  })

  test('of tokens names the region and what is too much in it', () => {
    const graph = { f: ['a', 'j', 'k'], a: ['j', 'k'] }
    const four = { f: { coro: 'x' }, a: { coro: 'x' }, j: { coro: 'x' }, k: { coro: 'x' } }
    expect(places({ nodes: four, graph }, { tokens: 30 })).toEqual([])
    const [found] = check({ nodes: four, graph }, { limits: { tokens: 5 } })
    expect(found).toMatchObject({
      code: 'PLB_GRAPH_LIMIT',
      pointer: '/nodes/f',
      message: expect.stringMatching(
        /^The graph has too many tokens in the region of "f" \(an item at "." alone counts at 2 joins\); at most 5 are allowed\. Set "aggregateInputs": false/,
      ),
    })
  })

  test('of one node or edge says which', () => {
    const some = { ...nodes(4), n3: { coro: 'x', properties: { workers: 11, queueSize: 101 } } }
    const graph = { n0: ['n3'], n1: ['n3'], n2: [{ to: 'n3', queueSize: 102 }] }
    expect(places({ nodes: some, graph }, { inputs: 2, workers: 10, queueSize: 100 })).toEqual([
      'PLB_GRAPH_LIMIT /nodes/n3',
      'PLB_GRAPH_LIMIT /nodes/n3/properties/workers',
      'PLB_GRAPH_LIMIT /nodes/n3/properties/queueSize',
      'PLB_GRAPH_LIMIT /graph/n2/0/queueSize',
    ])
  })
})
