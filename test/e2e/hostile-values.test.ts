import { NODE_PROPERTIES } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import {
  answer,
  around,
  brittle,
  coro,
  coroMap,
  expectIssues,
  FOREIGN,
  listOfLength,
  nested,
  placesOf,
  type Row,
  revoked,
  rows,
  trapped,
  unreadable,
  unreadableList,
} from '../support/hostile.js'

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

/** Properties that are objects, with a value of each in which nothing is wrong. */
const GROUPS: Readonly<Record<string, object>> = {
  retry: { attempts: 2 },
  maxErrors: { count: 1, perMs: 1 },
  rateLimit: { count: 1, perMs: 1 },
  batch: { size: 2 },
  window: { size: 2 },
}

/** Every place of a document that somebody reads, with a document that has a value there. */
const PLACES: readonly (readonly [pointer: string, put: (value: unknown) => unknown])[] = [
  ['', (value) => value],
  ...['nodes', 'graph', 'name', 'version', 'description', '$schema'].map(
    (key) => [`/${key}`, (value: unknown) => ({ nodes: { a: { coro } }, graph: {}, [key]: value })] as const,
  ),
  ['/nodes/a', (value) => ({ nodes: { a: value }, graph: {} })],
  ...['coro', 'args', 'properties', 'description'].map(
    (key) => [`/nodes/a/${key}`, (value: unknown) => around({ [key]: value })] as const,
  ),
  ...[...Object.keys(NODE_PROPERTIES), 'aggregate_inputs'].map(
    (key) => [`/nodes/a/properties/${key}`, (value: unknown) => around({ properties: { [key]: value } })] as const,
  ),
  ...Object.entries(GROUPS).flatMap(([name, group]) =>
    keysOf(name).map(
      (key) =>
        [
          `/nodes/a/properties/${name}/${key}`,
          (value: unknown) => around({ properties: { [name]: { ...group, [key]: value } } }),
        ] as const,
    ),
  ),
  ['/graph/a', (value) => ({ ...around({}), graph: { a: value } })],
  ['/graph/a/0', (value) => ({ ...around({}), graph: { a: [value] } })],
  ...['to', 'port', 'queueSize'].map(
    (key) =>
      [
        `/graph/a/0/${key}`,
        (value: unknown) => ({ ...around({}), graph: { a: [{ to: 'b', [key]: value }] } }),
      ] as const,
  ),
]

/** The keys that a property may have which is an object. */
function keysOf(name: string): string[] {
  const { schema } = Object.entries(NODE_PROPERTIES).find(([known]) => known === name)?.[1] ?? {}
  return Object.keys(schema?.['properties'] ?? {})
}

test('these are all the properties that are objects', () => {
  const objects = Object.entries(NODE_PROPERTIES).filter(([, { schema }]) => schema['type'] === 'object')
  expect(objects.map(([name]) => name)).toEqual(Object.keys(GROUPS))
})

const HOSTILE: Readonly<Record<string, () => unknown>> = {
  'a proxy that was revoked': () => revoked({}),
  'a list that was revoked': () => revoked([]),
  'a proxy that throws': () => trapped({}),
  'a list that throws': () => trapped([]),
}

for (const [pointer, put] of PLACES) {
  describe(`at "${pointer}"`, () => {
    const place = [`GRAPH_SCHEMA ${pointer}`]

    for (const [name, make] of Object.entries(HOSTILE))
      test(`${name} is an issue of its own`, () => expectIssues(put(make()), place))

    test('a getter that throws is an issue of its own', () => {
      const document = withGetter(pointer)
      if (document !== undefined) expectIssues(document, place)
    })

    test('what is no JSON is an issue of its own', () => {
      // Args may be any object, and are given on as they are.
      if (pointer === '/nodes/a/args') return
      for (const value of Object.values(FOREIGN)) expectIssues(put(value), place)
    })

    test('a class is an issue, and a function too, but at coro', () => {
      const isCoro = pointer === '/nodes/a/coro'
      expectIssues(put(class Own {}), isCoro ? [`CORO_NOT_FUNCTION ${pointer}`] : place)
      expectIssues(put(coro), isCoro ? [] : place)
    })

    test('what contains itself is an issue', () => {
      const object: Record<string, unknown> = {}
      object['a'] = object
      const list: unknown[] = []
      list.push(list)
      for (const value of [object, list]) {
        const { issues } = answer(put(value), { coroMap })
        expect(issues[0]?.code).toBe('PLB_GRAPH_SCHEMA')
      }
    })
  })
}

/** A document in which reading the value at this place throws; `undefined` for the document itself. */
function withGetter(pointer: string): unknown {
  const end = pointer.lastIndexOf('/')
  if (end === -1) return undefined
  const [owner, key] = [pointer.slice(0, end), pointer.slice(end + 1)]
  const [, put] = PLACES.find(([place]) => place === owner) ?? []
  const others = new Map<string, object>([
    ['', { nodes: {}, graph: {} }],
    ['/nodes/a', { coro }],
    ['/graph/a/0', { to: 'b' }],
    ...Object.entries(GROUPS).map(([name, group]) => [`/nodes/a/properties/${name}`, group] as const),
  ])
  if (owner === '/graph/a') return put?.(unreadableList())
  return put === undefined ? insideTable(owner, key) : put(unreadable(key, others.get(owner)))
}

/** `nodes` or `graph` with a key that throws. */
function insideTable(owner: string, key: string): unknown {
  return { nodes: {}, graph: {}, [owner.slice(1)]: unreadable(key) }
}

describe('args', () => {
  const definition = (args: object): object => ({ coro: { [Symbol.for('@pipelines/coro')]: true, run: coro, ...args } })
  rows([
    [
      'that cannot be read are named by their place',
      () => around({ args: { deep: [{}, unreadable('key')] } }),
      ['GRAPH_SCHEMA /nodes/a/args/deep/1/key'],
    ],
    [
      'that were revoked are named by their place',
      () => around({ args: { deep: [revoked({})] } }),
      ['GRAPH_SCHEMA /nodes/a/args/deep/0'],
    ],
    ['may hold anything', () => around({ args: FOREIGN }), []],
    [
      'whose getters make new objects for ever have an end',
      () => {
        const make = (): object => ({
          get a() {
            return make()
          },
          get b() {
            return make()
          },
        })
        return around({ args: make() })
      },
      [`GRAPH_LIMIT /nodes/a/args${'/a'.repeat(61)}`],
    ],
    [
      'of 200,000 getters that throw have an end',
      () => {
        const args = {}
        for (const n of range(200_000))
          Object.defineProperty(args, `k${n}`, Object.getOwnPropertyDescriptor(unreadable('k'), 'k') ?? {})
        return around({ args })
      },
      ['GRAPH_SCHEMA /nodes/a/args/k0', 'GRAPH_SCHEMA /nodes/a/args/k1'],
    ],
    [
      'that double with every level are few objects',
      () => {
        let shared: unknown[] = [1]
        for (let level = 0; level < 50; level++) shared = [shared, shared]
        return around({ args: { shared } })
      },
      [],
    ],
    [
      'that a schema turns into something that throws are an issue',
      () => around(definition({ refs: ['f'], args: { '~standard': { validate: () => ({ value: trapped({}) }) } } })),
      ['CORO_ARGS /nodes/a/args'],
    ],
    [
      'whose schema throws are an issue of the coroutine',
      () => around(definition({ args: trapped({}) })),
      ['CORO_TYPE /nodes/a/coro'],
    ],
  ])
})

describe('a coroutine', () => {
  const brand = Symbol.for('@pipelines/coro')
  const definition = { [brand]: true, run: coro }
  rows([
    [
      'that throws when it is looked at is an issue',
      () => around({ coro: trapped({ ...definition }) }),
      ['GRAPH_SCHEMA /nodes/a/coro'],
    ],
    [
      'of which a key throws is an issue',
      () => around({ coro: unreadable('kind', definition) }),
      ['CORO_TYPE /nodes/a/coro'],
    ],
    [
      'whose keys throw is an issue',
      () => around({ coro: new Proxy({ ...definition }, { ownKeys: () => Reflect.ownKeys(revoked({})) }) }),
      ['CORO_TYPE /nodes/a/coro'],
    ],
    [
      'whose lists throw is an issue',
      () => around({ coro: { ...definition, emits: trapped([]) } }),
      ['CORO_TYPE /nodes/a/coro'],
    ],
    [
      'with a name that throws has none',
      () => around({ coro: Object.defineProperty(() => 1, 'name', { get: () => revoked({}) }) }),
      [],
    ],
    ['that is a function behind a proxy is one', () => around({ coro: new Proxy(coro, {}) }), []],
    [
      'in a coroMap that throws is an issue',
      () => around({ coro: 'y' }),
      ['CORO_LOAD /nodes/a/coro'],
      { coroMap: unreadable('y') },
    ],
    [
      'in a coroMap that was revoked is an issue',
      () => around({ coro: 'y' }),
      ['CORO_TYPE /nodes/a/coro'],
      { coroMap: { y: revoked({}) } },
    ],
    [
      'in a group that was revoked is an issue',
      () => around({ coro: 'y.z' }),
      ['CORO_LOAD /nodes/a/coro'],
      { coroMap: { y: revoked({}) } },
    ],
    [
      'that is not found in a coroMap that throws is an issue',
      () => around({ coro: 'z.z' }),
      ['CORO_NOT_FOUND /nodes/a/coro'],
      { coroMap: { y: revoked({}), x: unreadable('y') } },
    ],
    [
      'that a resolver gives as something with a "then" that throws is an issue',
      () => around({ coro: 'y' }),
      ['CORO_LOAD /nodes/a/coro'],
      { coroMap: () => unreadable('then') },
    ],
  ])
})

describe('options', () => {
  const document = around({})
  const invalid = ['OPTION_INVALID ']

  test('must be an object that can be read', () => {
    for (const options of [null, 5, 'x', revoked({}), trapped({}), revoked(() => 1)])
      expect(placesOf(answer(document, options).issues).slice(0, 1)).toEqual(invalid)
  })

  test.each(['limits', 'executors', 'coroMap'])('%s may not throw, nor be something else', (option) => {
    for (const value of [revoked({}), revoked([]), trapped({}), trapped([]), 5, null, Symbol('x'), class Own {}])
      expect(placesOf(answer(document, { [option]: value }).issues)).toEqual(invalid)
    expect(placesOf(answer(document, unreadable(option)).issues)).toEqual(invalid)
  })

  test('may hold nothing that throws or is something else', () => {
    const wrong: readonly object[] = [
      { executors: [revoked({})] },
      { executors: [unreadable('name', { open: coro })] },
      { executors: [unreadable('open', { name: 'x' })] },
      { executors: [{ name: 'x' }] },
      { executors: new Array(1) },
      { limits: unreadable('nodes') },
      { limits: { nodes: trapped({}) } },
      { limits: JSON.parse('{"__proto__":1}') },
      { limits: { constructor: 1 } },
      { coroMap: [coroMap, revoked([])] },
    ]
    for (const options of wrong) expect(placesOf(answer(document, options).issues).slice(0, 1)).toEqual(invalid)
  })

  test('a coroMap that contains itself is searched once', () => {
    const list: unknown[] = [coroMap]
    list.push(list, nested(100_000, true))
    expect(placesOf(answer(document, { coroMap: list }).issues)).toEqual(['OPTION_INVALID '])
    list.pop()
    expect(answer(around({ coro: 'x' }), { coroMap: list }).issues).toEqual([])
    expect(placesOf(answer(around({ coro: 'y' }), { coroMap: list }).issues)).toEqual(['CORO_NOT_FOUND /nodes/a/coro'])
  })
})

describe('a number', () => {
  const put = (key: string, value: number): object => ({
    nodes: { s: { coro }, a: { coro, properties: { [key]: value } } },
    graph: { s: ['a'] },
  })
  const inside = (name: string, key: string, value: number): object => ({
    nodes: { s: { coro }, a: { coro, properties: { onError: 'skip', [name]: { ...GROUPS[name], [key]: value } } } },
    graph: { s: ['a'] },
  })
  const edge = (value: number): object => ({
    nodes: { s: { coro }, a: { coro } },
    graph: { s: [{ to: 'a', queueSize: value }] },
  })
  const WHOLE = [
    ['retry', 'attempts'],
    ['maxErrors', 'count'],
    ['rateLimit', 'count'],
    ['batch', 'size'],
    ['window', 'size'],
    ['window', 'step'],
  ] as const
  const LONG = [
    ['retry', 'minDelayMs'],
    ['retry', 'maxDelayMs'],
    ['maxErrors', 'perMs'],
    ['rateLimit', 'perMs'],
    ['batch', 'maxWaitMs'],
  ] as const
  const wrong = [Number.NaN, Infinity, -Infinity, -1, 0.5, Number.MIN_VALUE, -1e308]

  test.each(wrong)('%d is refused where there must be a whole one', (value) => {
    for (const key of ['workers', 'queueSize', 'packetsInFlight', 'stateful'])
      expectIssues(put(key, value), [`GRAPH_SCHEMA /nodes/a/properties/${key}`])
    for (const [name, key] of WHOLE)
      expectIssues(inside(name, key, value), [`GRAPH_SCHEMA /nodes/a/properties/${name}/${key}`])
    expectIssues(edge(value), ['GRAPH_SCHEMA /graph/s/0/queueSize'])
    expectIssues({ ...put('workers', 1), version: value }, ['GRAPH_SCHEMA /version'])
  })

  test.each([Number.NaN, Infinity, -Infinity, -1, 2 ** 31, 1e308])('%d is refused where it says how long', (value) => {
    expectIssues(put('timeoutMs', value), ['GRAPH_SCHEMA /nodes/a/properties/timeoutMs'])
    for (const [name, key] of LONG)
      expectIssues(inside(name, key, value), [`GRAPH_SCHEMA /nodes/a/properties/${name}/${key}`])
  })

  test.each([0.5, Number.MIN_VALUE, 2 ** 31 - 1])('%d may say how long', (value) => {
    expectIssues(put('timeoutMs', value), [])
    for (const [name, key] of LONG) expectIssues(inside(name, key, value), [])
  })

  test.each([2 ** 53, 1e308, Number.MAX_VALUE])('%d is over the limit', (value) => {
    for (const key of ['workers', 'queueSize', 'stateful'])
      expectIssues(put(key, value), [`GRAPH_LIMIT /nodes/a/properties/${key}`])
    for (const name of ['batch', 'window'])
      expectIssues(inside(name, 'size', value), [`GRAPH_LIMIT /nodes/a/properties/${name}/size`])
    expectIssues(edge(value), ['GRAPH_LIMIT /graph/s/0/queueSize'])
  })

  test('-0 is 0, and a number too large for JSON is infinite', () => {
    expectIssues(put('workers', -0), [])
    expectIssues(put('queueSize', -0), ['GRAPH_SCHEMA /nodes/a/properties/queueSize'])
    expectIssues(JSON.stringify(put('workers', 7)).replace('7', '1e999'), [
      'GRAPH_SCHEMA /nodes/s/coro',
      'GRAPH_SCHEMA /nodes/a/coro',
      'GRAPH_SCHEMA /nodes/a/properties/workers',
    ])
  })
})

describe('a list', () => {
  const successors = (list: unknown): object => ({ nodes: { a: { coro }, b: { coro } }, graph: { a: list } })
  const lists: Row[] = [
    ['with a hole', () => successors(Object.assign([], { 1: 'b' })), ['GRAPH_SCHEMA /graph/a/0']],
    ['of holes', () => successors(new Array(10_000)), ['GRAPH_SCHEMA /graph/a/0']],
    [
      'of holes in args',
      () => around({ args: { list: new Array(3_000_000_000) } }),
      ['GRAPH_SCHEMA /nodes/a/args/list/0'],
    ],
    ['with keys of its own', () => successors(Object.assign(['b'], { extra: 1, '-1': 2 })), []],
    ['that is frozen', () => successors(Object.freeze(['b'])), []],
    ['of another class', () => successors(new (class Own extends Array {})()), []],
    ['that only looks like one', () => successors({ 0: 'b', length: 1 }), ['GRAPH_SCHEMA /graph/a']],
    ['that is a text', () => successors('b'), ['GRAPH_SCHEMA /graph/a']],
    ['in the place of nodes', () => ({ nodes: ['a'], graph: {} }), ['GRAPH_SCHEMA /nodes']],
    ['in the place of graph', () => ({ nodes: { a: { coro } }, graph: [['b']] }), ['GRAPH_SCHEMA /graph']],
    ['in the place of a node', () => ({ nodes: { a: [coro] }, graph: {} }), ['GRAPH_SCHEMA /nodes/a']],
    ['in a list', () => successors([['b']]), ['GRAPH_SCHEMA /graph/a/0']],
    ['of undefined', () => successors([undefined]), ['GRAPH_SCHEMA /graph/a/0']],
  ]
  const lengths = [-1, Number.NaN, Infinity, 2 ** 60, 1.5, '3', 10n, {}, null, Symbol('x')]
  rows([
    ...lists,
    ...lengths.map(
      (length): Row => [
        `of length ${String(length)}`,
        () => successors(listOfLength(length)),
        ['GRAPH_SCHEMA /graph/a'],
      ],
    ),
  ])
})

/** A document and options with everything in them that is ever looked at. */
function everything(): { readonly document: object; readonly options: object } {
  const run = (): unknown => [1]
  const brand = { [Symbol.for('@pipelines/coro')]: true }
  const hooks = { setup: run, flush: run, teardown: run, emits: ['a'], refs: ['f', 'g'], oneToOne: false, kind: 'map' }
  const own = { ...brand, ...hooks, run }
  const standard = { ...brand, run, refs: ['f'], args: { '~standard': { validate: (value: unknown) => ({ value }) } } }
  const nodes = {
    s: { coro: run },
    a: {
      coro: own,
      args: { n: 1, f: 'y', g: ['y', 'z'], deep: { x: [1] } },
      properties: { workers: 2, missing: 'skip' },
    },
    b: { coro: 'y' },
    c: { coro: 'group.y' },
    d: { coro: standard, args: { f: 'y' } },
    e: { coro: 'gone.y' },
    j: { coro: 'y', properties: { match: 'position' } },
    k: {
      coro: 'y',
      properties: {
        partitionBy: 'group.key',
        retry: { attempts: 2, minDelayMs: 1, jitter: 'none' },
        rateLimit: { count: 1, perMs: 1 },
        timeoutMs: 5,
        onError: 'route',
        maxErrors: { count: 2, perMs: 1 },
      },
    },
    l: { coro: 'y', properties: { batch: { size: 2, maxWaitMs: 1 }, stateful: false } },
  }
  const graph = {
    s: ['a', 'b', { to: 'c', queueSize: 2 }],
    a: ['j', { to: 'd', port: 'a' }],
    b: ['j'],
    c: ['k'],
    k: [{ to: 'l', port: 'error' }],
    l: null,
  }
  return {
    document: { version: 1, name: 'all', nodes, graph },
    options: {
      coroMap: [{ y: run, z: own, group: { y: own, key: run } }, new Map([['q', run]])],
      executors: [{ name: 'other', open: run }],
      limits: { nodes: 100 },
      validate: true,
    },
  }
}

test.each([false, true])('whatever throws, once or for good (%s), becomes an issue', (stays) => {
  let last = 0
  for (let at = 1; last === 0; at++) {
    const { document, options } = everything()
    const fuse = { count: 0, at, stays }
    const { issues } = answer(brittle(document, fuse), brittle(options, fuse), 'unsteady')
    expect(issues.length).toBeGreaterThan(0)
    if (fuse.count < at) last = at
  }
  expect(last).toBeGreaterThan(500)
})
