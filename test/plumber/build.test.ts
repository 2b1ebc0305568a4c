import { defineCoro, type Executor } from '@pipelines/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BuildOptions, build, buildAsync, check } from '../../packages/plumber/src/build.js'

const same = (value: unknown): unknown => value
const coroMap = { same, strings: { reverse: same } }

const codes = (document: unknown, options?: BuildOptions): string[] => check(document, options).map(({ code }) => code)

/** `code pointer` of every issue. */
const places = (document: unknown, options?: BuildOptions): string[] =>
  check(document, options).map(({ code, pointer }) => `${code} ${pointer}`)

/** A document whose nodes all use `same`. */
function graphOf(graph: Readonly<Record<string, unknown>>, nodes: Readonly<Record<string, object>> = {}): object {
  const names = Object.keys({ ...graph, ...nodes })
  return { nodes: Object.fromEntries(names.map((name) => [name, { coro: 'same', ...nodes[name] }])), graph }
}

describe('the README graph', () => {
  const document = {
    nodes: { inp: { coro: 'same' }, rev: { coro: 'strings.reverse' }, out: { coro: 'same' } },
    graph: { out: null, inp: ['rev', 'out'], rev: ['out'] },
  }

  test('gives a plan whatever the order of its keys is', () => {
    const { issues, plan, order } = build(document, { coroMap })
    expect(issues).toEqual([])
    expect(order).toEqual(['inp', 'rev', 'out'])
    expect(plan?.nodes.map(({ name, kind }) => `${name} ${kind}`)).toEqual(['inp source', 'rev map', 'out map'])
  })

  test('pairs in the order in which the predecessors appear in graph', () => {
    const { plan } = build({ ...document, graph: { rev: ['out'], inp: ['out', 'rev'] } }, { coroMap })
    const inputs = plan?.nodes[2]?.inputs.map((edge) => plan.nodes[plan.edges[edge]?.from ?? -1]?.name)
    expect(inputs).toEqual(['rev', 'inp'])
  })

  test('runs from functions in the document, without a coroMap or with the identity', () => {
    const nodes = { inp: { coro: () => [1] }, rev: { coro: same }, out: { coro: same } }
    for (const options of [{}, { coroMap: (ref: string) => ref }]) {
      const { issues, plan } = build({ ...document, nodes }, options)
      expect(issues).toEqual([])
      expect(plan?.nodes[0]?.coro?.run).toBe(nodes.inp.coro)
    }
  })
})

test('ten different mistakes give ten issues, in the order of the checks', () => {
  const document = {
    version: 1,
    titel: 'strings',
    nodes: {
      inp: { coro: 'same', properties: { workers: 4 } },
      rev: { coro: 'strings.revers', properties: { queueSize: 'big' } },
      out: { coro: 'same', args: { a: 1 } },
      '1st': { coro: 'same' },
      one: { coro: 'same' },
      two: { coro: 'same' },
      far: { coro: 'same', properties: { executor: 'inlin' } },
      sum: { coro: 'sum', args: { start: 'x' } },
    },
    graph: { inp: ['rew', 'out', 'out'], rev: ['out', 'sum'], one: ['two'], two: ['one'] },
  }
  const sum = defineCoro({
    args: { type: 'object', properties: { start: { type: 'integer', minimum: 0 } } },
    run: same,
  })
  const issues = check(document, { coroMap: { ...coroMap, sum } })
  expect(issues.map(({ code, pointer, message }) => `${code} ${pointer}: ${message}`)).toMatchInlineSnapshot(`
    [
      "PLB_GRAPH_SCHEMA /titel: The document has the unknown key "titel". Its keys may be "$schema", "version", "name", "description", "nodes", "graph".",
      "PLB_GRAPH_SCHEMA /nodes/rev/properties/queueSize: "nodes.rev.properties.queueSize" must be an integer ≥ 1, got "big".",
      "PLB_GRAPH_NAME /nodes/1st: "1st" is not allowed as a name. Start with a letter or "_", go on with letters, digits and "_ . : / -", at most 128 characters; "__proto__", "constructor" and "prototype" are reserved.",
      "PLB_GRAPH_UNKNOWN_NODE /graph/inp/0: Node "inp" sends to "rew", which is not in "nodes". Did you mean "rev"?",
      "PLB_GRAPH_DUPLICATE_EDGE /graph/inp/2: Node "inp" sends to "out" twice by port "out". Remove one of the two, or give them different ports.",
      "PLB_GRAPH_CYCLE /graph/two/0: The graph has a cycle: one → two → one. Remove one of these edges.",
      "PLB_OPTION_CONFLICT /nodes/inp/properties/workers: Node "inp" has no incoming edges, so it is a source, and a source has one worker, not 4. Remove "workers", or use one node per source.",
      "PLB_OPTION_INVALID /nodes/far/properties/executor: Option "executor" of node "far" is "inlin", which is not known. Did you mean "inline"?",
      "PLB_CORO_NOT_FOUND /nodes/rev/coro: Node "rev" uses the coroutine "strings.revers", which is not in the coroMap. Did you mean "strings.reverse"?",
      "PLB_CORO_ARGS /nodes/sum/args/start: The args of node "sum" do not fit the coroutine "sum": "start" must be an integer ≥ 0, got "x".",
    ]
  `)
  expect(issues.filter(({ hint }) => hint === undefined).map(({ code }) => code)).toEqual([
    'PLB_GRAPH_SCHEMA',
    'PLB_CORO_ARGS',
  ])
})

test('at most so many issues are listed, then a count', () => {
  const document = graphOf(Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`n${n}`, ['gone']])))
  const issues = check(document, { limits: { issues: 10 } })
  expect(issues).toHaveLength(11)
  expect(issues[10]).toMatchObject({ code: 'PLB_GRAPH_MORE', message: expect.stringMatching(/^20 more issues are/) })
})

test('an issue that follows from another is not reported', () => {
  // "rev" lost its input by a typing error, and "join" one of its branches.
  const graph = { inp: ['a', 'rew'], a: ['join'], rev: ['join'], more: ['a'] }
  const document = graphOf(graph, { rev: { properties: { workers: 2 } }, join: {} })
  expect(places(document)).toEqual(['PLB_GRAPH_UNKNOWN_NODE /graph/inp/1'])
})

describe('names from strangers', () => {
  const hostile = ['constructor', 'toString', 'same.constructor', '__proto__', '__proto__.polluted', 'strings.toString']

  test.each(hostile)('the coroutine %s is not found', (coro) => {
    const document = { nodes: { a: { coro } }, graph: {} }
    expect(places(document, { coroMap })).toEqual(['PLB_CORO_NOT_FOUND /nodes/a/coro'])
  })

  test.each(['__proto__', 'constructor', 'prototype'])(
    'a node called %s is not allowed, in objects and in text',
    (name) => {
      const text = `{"nodes":{"a":{"coro":"same"},"${name}":{"coro":"same"}},"graph":{"a":["${name}"],"${name}":null}}`
      for (const document of [text, JSON.parse(text)]) {
        expect(places(document, { coroMap })).toEqual([`PLB_GRAPH_NAME /nodes/${name}`])
      }
    },
  )

  test('names of methods of every object are names like any other', () => {
    const document = graphOf({ toString: ['valueOf'], valueOf: ['hasOwnProperty'] }, { hasOwnProperty: {} })
    const { issues, order } = build(document, { coroMap })
    expect(issues).toEqual([])
    expect(order).toEqual(['toString', 'valueOf', 'hasOwnProperty'])
  })

  test('no document changes what all objects inherit', () => {
    const before = Object.getOwnPropertyNames(Object.prototype)
    const text = `{"__proto__":{"polluted":1},"nodes":{"__proto__":{"coro":"__proto__","args":{"__proto__":{"polluted":1}}},
      "a":{"coro":"same","args":{"__proto__":{"polluted":1}}}},"graph":{"__proto__":["__proto__",{"to":"a","port":"__proto__"}]}}`
    check(text, { coroMap })
    check(JSON.parse(text), { coroMap })
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('without a coroMap', () => {
  test('a check says nothing of coroutines that the document names', () => {
    expect(codes(graphOf({ a: ['b'], b: null }))).toEqual([])
  })

  test('a check knows the executors that it was given, and the inline one', () => {
    const at = (executor: string): object => graphOf({ a: ['b'] }, { b: { properties: { executor } } })
    expect(codes(at('inline'))).toEqual([])
    expect(places(at('thred'))).toEqual(['PLB_OPTION_INVALID /nodes/b/properties/executor'])
  })

  test('a plan needs them', () => {
    expect(build(graphOf({ a: ['b'], b: null })).issues.map(({ code }) => code)).toEqual([
      'PLB_CORO_NOT_FOUND',
      'PLB_CORO_NOT_FOUND',
    ])
  })
})

describe('options', () => {
  test('that are wrong are issues', () => {
    const wrong = { coroMap: 5, executors: [{}], limits: { node: 3, depth: 0 } } as unknown as BuildOptions
    const issues = check(graphOf({ a: ['b'], b: null }), wrong).filter(({ code }) => code === 'PLB_OPTION_INVALID')
    expect(issues.map(({ message }) => message)).toMatchInlineSnapshot(`
      [
        "Option "limits.node" does not exist. Did you mean "nodes"?",
        "Option "limits.depth" must be an integer ≥ 1 or Infinity, got 0.",
        "Option "executors" must be a list of executors. For example [threads()].",
        "Option "coroMap" must be an object, a Map, a function, moduleCoros(…) or a list of these, got 5.",
      ]
    `)
  })

  test('bring executors, found by name', () => {
    const executor: Executor = { name: 'thread', open: () => ({ run: same }) }
    const document = graphOf({ a: ['b'] }, { b: { properties: { executor: 'thread' } } })
    expect(build(document, { coroMap, executors: [executor] }).plan?.nodes[1]?.executor).toBe(executor)
    expect(codes(document, { coroMap })).toEqual(['PLB_OPTION_INVALID'])
  })
})

describe('a coroMap that answers with promises', () => {
  const later = async (ref: string): Promise<unknown> => {
    if (ref === 'broken') throw new Error('disk full')
    return ref === 'same' ? same : undefined
  }

  test('is refused where nothing waits', async () => {
    expect(places(graphOf({ a: [] }, { a: { coro: 'broken' } }), { coroMap: later })).toEqual([
      'PLB_CORO_ASYNC /nodes/a/coro',
    ])
  })

  test('is waited for otherwise', async () => {
    expect((await buildAsync(graphOf({ a: ['b'], b: null }), { coroMap: later })).plan?.nodes).toHaveLength(2)
    const { issues } = await buildAsync(graphOf({ a: ['b'] }, { a: { coro: 'broken' }, b: { coro: 'c' } }), {
      coroMap: later,
    })
    expect(issues.map(({ code }) => code)).toEqual(['PLB_CORO_LOAD', 'PLB_CORO_NOT_FOUND'])
    expect(issues[0]?.message).toContain('disk full')
  })
})

test('nothing that is given as a document makes a check throw', () => {
  const key = fc.oneof(fc.constantFrom('nodes', 'graph', 'coro', 'args', 'properties', 'to', '__proto__'), fc.string())
  const anything = fc.anything({
    key,
    withNullPrototype: true,
    withMap: true,
    withSet: true,
    withDate: true,
    withBigInt: true,
    maxDepth: 5,
  })
  const node = fc.record({ coro: anything, args: anything, properties: anything }, { requiredKeys: [] })
  const document = fc.record({
    nodes: fc.oneof(fc.dictionary(key, fc.oneof(node, anything)), anything),
    graph: fc.oneof(fc.dictionary(key, fc.oneof(fc.array(fc.oneof(key, anything)), anything)), anything),
  })
  fc.assert(
    fc.property(fc.oneof(anything, document, fc.json()), (given) => {
      expect(codes(given, { coroMap })).not.toContain('PLB_INTERNAL')
    }),
    { numRuns: 500 },
  )
})

test('a proxy that throws at every turn is an issue', () => {
  const trap = (): never => {
    throw new Error('trapped')
  }
  const evil = new Proxy(
    {},
    { get: trap, ownKeys: trap, getPrototypeOf: trap, has: trap, getOwnPropertyDescriptor: trap },
  )
  for (const document of [
    evil,
    { nodes: evil, graph: {} },
    { nodes: { a: evil }, graph: {} },
    { nodes: { a: { coro: evil } }, graph: {} },
  ]) {
    expect(check(document).length).toBeGreaterThan(0)
  }
})
