import { Plumber } from '@pipelines/plumber'
import { describe, expect, test } from 'vitest'
import { around, coro, coroMap, expectIssues, nested, rows, unreadable } from '../support/hostile.js'

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const MEGABYTES = 'x'.repeat(50_000_000)
const UNLIMITED = { bytes: Infinity, nodes: Infinity, edges: Infinity, inputs: Infinity, values: Infinity }

type Nodes = Record<string, unknown>
type Lists = Record<string, readonly unknown[] | null>

const nodesOf = (names: readonly string[], node: object = { coro: 'x' }): Nodes =>
  Object.fromEntries(names.map((name) => [name, node]))
function chain(count: number): object {
  const names = range(count).map((n) => `n${n}`)
  return { nodes: nodesOf(names), graph: Object.fromEntries(names.slice(1).map((to, n) => [`n${n}`, [to]])) }
}

function ring(count: number): object {
  const names = range(count).map((n) => `n${n}`)
  return { nodes: nodesOf(names), graph: Object.fromEntries(names.map((name, n) => [name, [`n${(n + 1) % count}`]])) }
}

/** The fork sends to the first rung and to every join, each rung to the next one and to its own join. */
function ladder(rungs: number): object {
  const graph: Lists = { f: ['c0', ...range(rungs).map((n) => `j${n}`)] }
  for (const n of range(rungs)) graph[`c${n}`] = n + 1 < rungs ? [`c${n + 1}`, `j${n}`] : [`j${n}`]
  return { nodes: nodesOf(['f', ...range(rungs).flatMap((n) => [`c${n}`, `j${n}`])]), graph }
}

describe('a document that is too large:', () => {
  rows([
    ['100,000 nodes in a row', () => chain(100_000), ['GRAPH_LIMIT /nodes', 'GRAPH_LIMIT /graph']],
    ['100,000 nodes in a row, as text', () => JSON.stringify(chain(100_000)), ['GRAPH_LIMIT ']],
    [
      '100,000 wrong nodes',
      () => ({ nodes: nodesOf(range(100_000).map(String), {}), graph: {} }),
      ['GRAPH_LIMIT /nodes'],
    ],
    ['a list of 1,000,000 nodes', () => ({ nodes: range(1_000_000), graph: {} }), ['GRAPH_LIMIT /nodes']],
    [
      'a node with 4,000,000,000 successors',
      () => ({ nodes: {}, graph: { a: new Array(4_000_000_000) } }),
      ['GRAPH_LIMIT /graph'],
    ],
    [
      'one list of 50,000 successors, shared by two nodes',
      () => {
        const list = range(50_000).map(() => 'a')
        return { nodes: nodesOf(['a', 'b']), graph: { a: list, b: list } }
      },
      ['GRAPH_LIMIT /graph'],
    ],
    ['600,000 unknown keys', () => Object.fromEntries(range(600_000).map((n) => [`k${n}`, n])), ['GRAPH_LIMIT ']],
    ['args of 5,000,000 numbers', () => around({ args: { list: range(5_000_000) } }), ['GRAPH_LIMIT ']],
    ['a text of 50 MB', () => MEGABYTES, ['GRAPH_LIMIT ']],
    ['a JSON string of 50 MB', () => `{"nodes":"${MEGABYTES}"}`, ['GRAPH_LIMIT ']],
    ['a ladder of 4,900 joins', () => ladder(4_900), ['GRAPH_LIMIT /nodes/f']],
    [
      '5,000 ports before 4,000 joins',
      () => {
        const [joins, others] = [range(4_000).map((n) => `j${n}`), range(5_000).map((n) => `y${n}`)]
        const ports = others.map((to) => ({ to, port: to }))
        const graph = {
          f: ['x', ...joins, ...ports],
          x: joins,
          ...Object.fromEntries(others.map((name, n) => [name, [`j${n % 4_000}`]])),
        }
        return { nodes: nodesOf(['f', 'x', ...joins, ...others]), graph }
      },
      ['GRAPH_LIMIT /nodes/f'],
    ],
    [
      '3,000 regions in each other, all entered from one node',
      () => {
        const all = range(3_000)
        const graph: Lists = Object.fromEntries(all.map((n) => [`f${n}`, [n < 2_999 ? `f${n + 1}` : 'x', `j${n}`]]))
        graph['x'] = all.map((n) => `j${n}`)
        return { nodes: nodesOf(['x', ...all.flatMap((n) => [`f${n}`, `j${n}`])]), graph }
      },
      ['GRAPH_LIMIT /nodes/f2828'],
    ],
  ])
})

describe('a document within the limits is fine:', () => {
  rows([
    ['10,000 nodes in a row', () => chain(10_000), []],
    [
      '10,000 nodes and 49,985 edges with all that can be said of them',
      () => {
        const properties = { workers: 1, queueSize: 5, aggregateInputs: false, ordered: true, onError: 'skip' }
        const names = range(10_000).map((n) => `node_${n}`)
        const node = { coro: 'x', args: { a: 1, b: [1, 2] }, description: 'one of many', properties }
        const after = (n: number): object[] =>
          names.slice(n + 1, n + 6).map((to, place) => ({ to, port: `p${place}`, queueSize: 7 }))
        const nodes = Object.fromEntries(names.map((name) => [name, { ...node, properties: { ...properties } }]))
        return { nodes, graph: Object.fromEntries(names.map((name, n) => [name, after(n)])) }
      },
      [],
    ],
    [
      '3,333 regions in a row',
      () => {
        const graph = range(3_333).flatMap((n): [string, string[]][] => [
          [`a${n}`, [`b${n}`, `c${n}`]],
          [`b${n}`, [`a${n + 1}`]],
          [`c${n}`, [`a${n + 1}`]],
        ])
        return { nodes: nodesOf(['a3333', ...graph.map(([name]) => name)]), graph: Object.fromEntries(graph) }
      },
      [],
    ],
    [
      '4,900 regions in each other',
      () => {
        const all = range(4_900)
        const graph: Lists = Object.fromEntries(
          all.flatMap((n) => [
            [`f${n}`, [n < 4_899 ? `f${n + 1}` : 'x', `j${n}`]],
            [`j${n}`, n === 0 ? null : [`j${n - 1}`]],
          ]),
        )
        graph['x'] = ['j4899']
        return { nodes: nodesOf(['x', ...all.flatMap((n) => [`f${n}`, `j${n}`])]), graph }
      },
      [],
    ],
    [
      '50,000 edges between layers of 70 nodes',
      () => {
        const layer = (n: number): string[] => range(70).map((place) => `n${n}_${place}`)
        const nodes = Object.assign(
          { s: { coro: 'x' } },
          ...range(10).map((n) => nodesOf(layer(n), { coro: 'x', properties: { aggregateInputs: n % 2 === 1 } })),
        )
        const graph = Object.assign(
          { s: layer(0) },
          ...range(9).map((n) => Object.fromEntries(layer(n).map((name) => [name, layer(n + 1)]))),
        )
        return { nodes, graph }
      },
      [],
    ],
    [
      '5,000 joins by position',
      () => {
        const graph = range(4_999).flatMap((n): [string, string[]][] => [
          [`s${n}`, [`j${n}`]],
          [`j${n}`, n < 4_998 ? [`j${n + 1}`] : []],
        ])
        return { nodes: nodesOf(graph.map(([name]) => name)), graph: Object.fromEntries(graph) }
      },
      [],
    ],
    [
      'a fork with 1,000 joins',
      () => {
        const joins = range(1_000).map((n) => `j${n}`)
        return { nodes: nodesOf(['f', 'x', ...joins]), graph: { f: ['x', ...joins], x: joins } }
      },
      [],
    ],
    ['args of 400,000 numbers', () => around({ args: { list: range(400_000) } }), []],
    ['an argument of 50 MB', () => around({ args: { text: MEGABYTES, [MEGABYTES]: 1 } }), []],
  ])
})

describe('a graph that cannot run:', () => {
  const unlimited = { limits: UNLIMITED }
  rows([
    ['a node that sends to itself', () => ring(1), ['GRAPH_CYCLE /graph/n0/0', 'GRAPH_NO_SOURCE /graph']],
    ['two nodes that send to each other', () => ring(2), ['GRAPH_CYCLE /graph/n1/0', 'GRAPH_NO_SOURCE /graph']],
    ['a ring of 20,000', () => ring(20_000), ['GRAPH_LIMIT /nodes']],
    [
      'a ring of 20,000, limits raised',
      () => ring(20_000),
      ['GRAPH_CYCLE /graph/n19999/0', 'GRAPH_NO_SOURCE /graph'],
      unlimited,
    ],
    [
      '5,000 rings of two',
      () => {
        const names = range(5_000).flatMap((n) => [`a${n}`, `b${n}`])
        return {
          nodes: nodesOf(names),
          graph: Object.fromEntries(names.map((name) => [name, [(name.startsWith('a') ? 'b' : 'a') + name.slice(1)]])),
        }
      },
      ['GRAPH_CYCLE /graph/b0/0'],
    ],
    [
      '5,000 joins that cannot pair',
      () => {
        const joins = range(5_000).map((n) => `j${n}`)
        return { nodes: nodesOf(['a', 'b', ...joins]), graph: { a: joins, b: joins } }
      },
      ['GRAPH_UNEVEN_JOIN /nodes/j0', 'GRAPH_UNEVEN_JOIN /nodes/j1'],
    ],
    [
      '4,000 joins that wait for ten ports each',
      () => {
        const joins = range(4_000).map((n) => `j${n}`)
        return {
          nodes: nodesOf(['f', ...joins]),
          graph: { f: joins.flatMap((to) => range(10).map((n) => ({ to, port: `p${n}` }))) },
        }
      },
      ['GRAPH_PORT /nodes/j0'],
    ],
    [
      '10,000 wrong nodes',
      () => ({
        nodes: nodesOf(
          range(10_000).map((n) => `n${n}`),
          { cor: 1, propertis: [] },
        ),
        graph: {},
      }),
      ['GRAPH_SCHEMA /nodes/n0/coro', 'GRAPH_SCHEMA /nodes/n0/cor', 'GRAPH_SCHEMA /nodes/n0/propertis'],
    ],
    [
      '100,000 wrong nodes, limits raised',
      () => ({
        nodes: nodesOf(
          range(100_000).map((n) => `n${n}`),
          { cor: 1 },
        ),
        graph: {},
      }),
      ['GRAPH_SCHEMA /nodes/n0/coro', 'GRAPH_SCHEMA /nodes/n0/cor'],
      unlimited,
    ],
    [
      'one node with 10,000 wrong keys, 10,000 times',
      () => {
        const wrong = Object.fromEntries(range(10_000).map((n) => [`k${n}`, n]))
        return {
          nodes: nodesOf(
            range(10_000).map((n) => `n${n}`),
            { coro: 1, ...wrong, properties: wrong },
          ),
          graph: {},
        }
      },
      ['GRAPH_SCHEMA /nodes/n0/coro', 'GRAPH_SCHEMA /nodes/n0/properties/k0'],
    ],
    [
      '50,000 wrong successors',
      () => ({ nodes: { a: { coro } }, graph: { a: range(50_000) } }),
      ['GRAPH_SCHEMA /graph/a/0', 'GRAPH_SCHEMA /graph/a/1'],
    ],
    [
      '200 unknown successors',
      () => ({ nodes: nodesOf(['node']), graph: { node: range(200).map((n) => `nod${n}`) } }),
      ['GRAPH_UNKNOWN_NODE /graph/node/0'],
    ],
    [
      '10,000 unknown successors with long names, of 10,000 nodes with long names',
      () => {
        const names = range(10_000).map((n) => 'n'.repeat(120) + n)
        return { nodes: nodesOf(names), graph: { [names[0] ?? '']: range(10_000).map((n) => 'm'.repeat(200) + n) } }
      },
      [`GRAPH_UNKNOWN_NODE /graph/${'n'.repeat(120)}0/0`],
    ],
    [
      '10,000 unknown coroutines',
      () => ({
        nodes: nodesOf(
          range(10_000).map((n) => `n${n}`),
          { coro: 'y'.repeat(250) },
        ),
        graph: {},
      }),
      ['CORO_NOT_FOUND /nodes/n0/coro'],
    ],
  ])
})

describe('50 MB of text', () => {
  rows([
    ['as a key', () => ({ nodes: {}, graph: {}, [MEGABYTES]: 1 }), ['GRAPH_NAME ']],
    ['as the name', () => ({ ...around({}), name: MEGABYTES }), ['GRAPH_SCHEMA /name']],
    [
      'as the name of a node',
      () => ({ nodes: { a: { coro }, [MEGABYTES]: { coro } }, graph: {} }),
      ['GRAPH_NAME /nodes'],
    ],
    ['as the name of a coroutine', () => around({ coro: MEGABYTES }), ['GRAPH_SCHEMA /nodes/a/coro']],
    ['as a description', () => around({ description: MEGABYTES }), ['GRAPH_SCHEMA /nodes/a/description']],
    [
      'as the description of 10,000 nodes',
      () => {
        const names = range(10_000).map((n) => `n${n}`)
        return { nodes: Object.fromEntries(names.map((name) => [name, { coro, description: MEGABYTES }])), graph: {} }
      },
      ['GRAPH_SCHEMA /nodes/n0/description'],
    ],
    [
      'as an executor',
      () => around({ properties: { executor: MEGABYTES } }),
      ['OPTION_INVALID /nodes/a/properties/executor'],
    ],
    [
      'as a successor',
      () => ({ ...around({}), graph: { a: [MEGABYTES, { to: MEGABYTES }] } }),
      ['GRAPH_UNKNOWN_NODE /graph/a/0', 'GRAPH_UNKNOWN_NODE /graph/a/1'],
    ],
    [
      'as a port',
      () => ({ ...around({}), graph: { a: [{ to: 'a', port: MEGABYTES }] } }),
      ['GRAPH_NAME /graph/a/0/port'],
    ],
    ['as a sender', () => ({ ...around({}), graph: { [MEGABYTES]: ['a'] } }), ['GRAPH_NAME /graph']],
    [
      'as JSON, limits raised',
      () => `{"nodes":{},"graph":"${MEGABYTES}"}`,
      ['GRAPH_SCHEMA /graph'],
      { limits: UNLIMITED },
    ],
    [
      'as a key above something that cannot be read',
      () => around({ args: { [MEGABYTES]: unreadable('b') } }),
      ['GRAPH_SCHEMA /nodes/a/args'],
    ],
  ])
})

describe('100,000 levels', () => {
  const depth = 100_000
  const text = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  const pointer = (start: string, count: number): string => `GRAPH_LIMIT ${start}${'/a'.repeat(count)}`
  rows([
    ['in text', () => text, [pointer('', 64)]],
    ['of lists in text', () => '['.repeat(depth) + ']'.repeat(depth), [`GRAPH_LIMIT ${'/0'.repeat(64)}`]],
    ['in an object', () => nested(depth), [pointer('', 64)]],
    ['in a list', () => nested(depth, true), [`GRAPH_LIMIT ${'/0'.repeat(64)}`]],
    ['in args', () => around({ args: nested(depth) }), [pointer('/nodes/a/args', 61)]],
    ['in nodes', () => ({ nodes: nested(depth), graph: {} }), [pointer('/nodes', 63)]],
    ['in a successor', () => ({ ...around({}), graph: { a: [nested(depth)] } }), [pointer('/graph/a/0', 61)]],
    ['that end too early', () => '{"a":'.repeat(depth), ['GRAPH_SCHEMA ']],
    ['with the limit raised', () => around({ args: nested(depth) }), [], { limits: { depth: Infinity } }],
  ])
})

/** A key as JSON has it, whatever it is called. */
const keyed = (key: string, value: unknown): object =>
  Object.defineProperty({}, key, { value, enumerable: true, writable: true, configurable: true })
const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

describe.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__', 'then'])(
  'called "%s"',
  (name) => {
    const reserved = ['__proto__', 'constructor', 'prototype'].includes(name)
    const refused = (issue: string): string[] => (reserved ? [issue] : [])

    rows([
      ['a node', () => ({ nodes: keyed(name, { coro }), graph: {} }), refused(`GRAPH_NAME /nodes/${name}`)],
      ['a sender', () => ({ ...around({}), graph: keyed(name, ['a']) }), [`GRAPH_UNKNOWN_NODE /graph/${name}`]],
      ['a successor', () => ({ ...around({}), graph: { a: [name] } }), ['GRAPH_UNKNOWN_NODE /graph/a/0']],
      [
        'a port',
        () => ({ nodes: { a: { coro }, b: { coro } }, graph: { a: [{ to: 'b', port: name }] } }),
        refused('GRAPH_NAME /graph/a/0/port'),
      ],
      ['a coroutine', () => around({ coro: name }), ['CORO_NOT_FOUND /nodes/a/coro']],
      ['a coroutine of a coroutine', () => around({ coro: `x.${name}` }), ['CORO_NOT_FOUND /nodes/a/coro']],
      ['a coroutine that is there', () => around({ coro: name }), [], { coroMap: keyed(name, coro) }],
      ['a key of the document', () => ({ ...around({}), ...keyed(name, 1) }), [`GRAPH_SCHEMA /${name}`]],
      ['a property', () => around({ properties: keyed(name, 1) }), [`GRAPH_SCHEMA /nodes/a/properties/${name}`]],
      [
        'an executor',
        () => around({ properties: { executor: name } }),
        ['OPTION_INVALID /nodes/a/properties/executor'],
      ],
      [
        'a key of a successor',
        () => ({ ...around({}), graph: { a: [keyed(name, 1)] } }),
        ['GRAPH_SCHEMA /graph/a/0/to'],
      ],
      ['an argument', () => around({ args: keyed(name, { polluted: 1 }) }), []],
    ])

    test('an argument reaches the coroutine as it is', async () => {
      const document = around({ coro: (_: unknown, { args }: { args: object }) => [Object.entries(args), args] })
      const text = JSON.stringify({ nodes: { a: { coro: 'x', args: 0 } }, graph: {} }).replace(
        '0',
        `{"${name}":{"polluted":1}}`,
      )
      const coros = { x: (document as { nodes: { a: { coro: () => unknown } } }).nodes.a.coro }
      const [entries, args] = await new Plumber(text, { coroMap: coros }).collect()
      expect(entries).toEqual([[name, { polluted: 1 }]])
      expect(Object.getPrototypeOf(args)).toBe(Object.prototype)
    })

    test('a node runs, unless it is reserved', async () => {
      const graph = Object.assign(keyed(name, ['b']), { a: [name] })
      const nodes = Object.assign(keyed(name, { coro }), { a: { coro: () => [1, 2] }, b: { coro } })
      const run = async (): Promise<object> => new Plumber({ nodes, graph } as never).run()
      if (reserved) return void (await expect(run()).rejects.toThrow('is not allowed as a name'))
      const report = (await run()) as { nodes: object }
      expect(Object.getOwnPropertyDescriptor(report.nodes, name)?.value.received).toBe(2)
    })
  },
)

describe('a node called', () => {
  const names = [
    '1',
    '10',
    '',
    ' ',
    'a b',
    'é',
    '名',
    '😀',
    '\u0000',
    'a\nb',
    '\u001b[2J',
    '\ud800',
    '\u202e',
    '-a',
    '.a',
    '/a',
    '~',
    '~1',
    'a~b',
    `a${'b'.repeat(128)}`,
  ]

  test.each(names.map((name) => [JSON.stringify(name), name]))('%s is refused by its place', (_, name) => {
    const document = { nodes: keyed(name, { coro: 'x' }), graph: {} }
    const place = [`GRAPH_NAME /nodes/${escaped(name)}`]
    expectIssues(document, place)
    expectIssues(JSON.stringify(document), place)
    expectIssues({ ...around({}), graph: { a: [{ to: 'a', port: name }] } }, ['GRAPH_NAME /graph/a/0/port'])
    expectIssues({ ...around({}), graph: { a: [name] } }, ['GRAPH_UNKNOWN_NODE /graph/a/0'])
  })

  test.each(['a/b', 'a.b:c-d', '_', 'A'.repeat(128)])('%s is fine', (name) => {
    expectIssues({ nodes: keyed(name, { coro }), graph: {} }, [])
  })

  test('1 and 10 are told in the order in which JavaScript lists them', () => {
    expectIssues('{"nodes":{"10":{"coro":"x"},"1":{"coro":"x"}},"graph":{}}', [
      'GRAPH_NAME /nodes/1',
      'GRAPH_NAME /nodes/10',
    ])
  })
})

describe('a text', () => {
  const valid = '{"nodes":{"a":{"coro":"x","args":{"n":[1,-0.5e3,true,null,"\\u0041\\n"]}}},"graph":{"a":[]}}'
  const notJson = ['GRAPH_SCHEMA ']

  test('cut off anywhere is not JSON', () => {
    expectIssues(valid, [])
    for (const end of range(valid.length)) expectIssues(valid.slice(0, end), notJson)
  })

  test.each([
    '',
    ' ',
    '\u0000',
    '{',
    '}',
    "{'a':1}",
    '{"a":1,}',
    '[1,]',
    '// x\n{}',
    'NaN',
    'undefined',
    '{"a":01}',
    '{"a":"\n"}',
    '{"a":"\\x41"}',
    '{"a":"\\ud800}',
    '\uFEFF\uFEFF{}',
    '{}{}',
    `${valid}\u0000`,
    'function(){}',
  ])('%j is not JSON', (text) => {
    expectIssues(text, notJson)
  })

  test.each(['null', '[]', '"x"', '1', 'true', '{}'])('%s is no document', (text) => {
    expectIssues(text, text === '{}' ? ['GRAPH_SCHEMA /nodes', 'GRAPH_SCHEMA /graph'] : notJson)
  })

  test('with a key twice has the last one', () => {
    const twice = '{"nodes":{"a":{"coro":"x"}},"nodes":{"b":{"coro":"y","coro":"x"}},"graph":{}}'
    expect(new Plumber(twice, { coroMap }).order).toEqual(['b'])
    expectIssues('{"nodes":{"a":{"coro":"x","coro":3}},"graph":{}}', ['GRAPH_SCHEMA /nodes/a/coro'])
  })

  test('may hold any character in an argument, half of one too', async () => {
    const give = { x: (_: unknown, { args }: { args: object }) => [args] }
    const text = valid.replace('"n"', '"\\ud800\\u0000\u2028"')
    expect(await new Plumber(text, { coroMap: give }).collect()).toEqual([
      { '\ud800\u0000\u2028': [1, -500, true, null, 'A\n'] },
    ])
  })

  rows([
    ['of 450,000 escapes and then something', () => `"${'\\n'.repeat(450_000)}" x`, notJson],
    ['of 900,000 lines', () => '\n'.repeat(900_000), notJson],
    ['of 900,000 brackets', () => '['.repeat(900_000), notJson],
    ['of 150,000 objects that do not end', () => '{"a":'.repeat(150_000), notJson],
    ['of 400,000 numbers and then something', () => `[${'1,'.repeat(400_000)}x`, notJson],
    ['of 900,000 minus signs', () => '-'.repeat(900_000), notJson],
    ['of 900,001 quotes', () => '"'.repeat(900_001), notJson],
    [
      'of 80,000 unknown keys',
      () =>
        `{${range(80_000)
          .map((n) => `"${n}":0`)
          .join()}}`,
      ['GRAPH_SCHEMA /nodes', 'GRAPH_SCHEMA /graph', 'GRAPH_SCHEMA /0'],
    ],
  ])
})
