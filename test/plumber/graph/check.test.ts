import { defineCoro } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'

const run = (): number => 1
const coros = {
  any: run,
  map: defineCoro({ kind: 'map', run }),
  stream: defineCoro({ kind: 'stream', run }),
  source: defineCoro({ kind: 'source', run }),
  split: defineCoro({ emits: ['even', 'odd'], run }),
  state: defineCoro({ setup: run, run }),
}

/** Issues of a graph; a node is written as its coroutine, or as a whole. */
function issuesOf(nodes: Readonly<Record<string, string | object>>, graph: object): string[] {
  const written = Object.entries(nodes).map(([name, node]) => [name, typeof node === 'string' ? { coro: node } : node])
  const issues = check({ nodes: Object.fromEntries(written), graph }, { coroMap: coros })
  return issues.map(({ code, pointer, message }) => `${code} ${pointer}: ${message}`)
}

describe('sources', () => {
  test('there must be one', () => {
    expect(issuesOf({}, {})).toEqual([expect.stringMatching(/^PLB_GRAPH_NO_SOURCE \/graph: /)])
    expect(issuesOf({ a: 'any', b: 'any' }, { a: ['b'], b: ['a'] })).toEqual([
      'PLB_GRAPH_CYCLE /graph/b/0: The graph has a cycle: a → b → a. Remove one of these edges.',
      expect.stringMatching(/^PLB_GRAPH_NO_SOURCE /),
    ])
  })

  test.each([0, 2])('cannot have %i workers', (workers) => {
    expect(issuesOf({ a: { coro: 'any', properties: { workers } }, b: 'any' }, { a: ['b'] })).toEqual([
      expect.stringMatching(`PLB_OPTION_CONFLICT /nodes/a/properties/workers: .* one worker, not ${workers}`),
    ])
  })

  test('are not what maps and streams can be', () => {
    for (const coro of ['map', 'stream'])
      expect(issuesOf({ a: coro, b: 'any' }, { a: ['b'] })).toEqual([
        expect.stringMatching(`^PLB_CORO_TYPE /nodes/a/coro: Node "a" has no incoming edges, .* of kind "${coro}"`),
      ])
  })

  test('have no incoming edges', () => {
    for (const coro of ['source', 'std.inlet'])
      expect(issuesOf({ a: 'any', b: coro }, { a: ['b'] })).toEqual([
        expect.stringMatching('^PLB_CORO_TYPE /nodes/b/coro: Node "b" has incoming edges'),
      ])
  })
})

test('without nodes, nothing is said of who sends to whom', () => {
  for (const nodes of [undefined, 5, ['a']]) {
    const issues = check({ nodes, graph: { a: ['b', 'b'], b: ['a'] } })
    expect(issues.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual(['PLB_GRAPH_SCHEMA /nodes'])
  }
})

test('every cycle is an issue, and what is behind it is checked as far as it can be', () => {
  const names = ['s', 'a', 'b', 'c', 'd', 'e']
  const graph = { s: ['a', 'c'], a: ['b'], b: ['a', 'd'], c: ['c', 'gone'], d: ['e', 'e'] }
  expect(
    issuesOf(Object.fromEntries(names.map((name) => [name, 'any'])), graph).map((text) => text.split(':')[0]),
  ).toEqual([
    'PLB_GRAPH_UNKNOWN_NODE /graph/c/1',
    'PLB_GRAPH_DUPLICATE_EDGE /graph/d/1',
    'PLB_GRAPH_CYCLE /graph/b/0',
    'PLB_GRAPH_CYCLE /graph/c/0',
  ])
})

describe('ports', () => {
  const merge = { coro: 'any', properties: { aggregateInputs: false } }

  test('are those that the coroutine declares, and out', () => {
    const graph = { a: ['s'], s: ['b', { to: 'b', port: 'even' }, { to: 'b', port: 'od' }] }
    expect(issuesOf({ a: 'any', s: 'split', b: merge }, graph)).toEqual([
      'PLB_GRAPH_PORT /graph/s/2/port: Node "s" has no port "od". Did you mean "odd"?',
    ])
  })

  test('may be any where none are declared, but need a proper name', () => {
    const graph = {
      a: [
        { to: 'b', port: 'even' },
        { to: 'b', port: '__proto__' },
      ],
    }
    expect(issuesOf({ a: 'any', b: merge }, graph)).toEqual([
      expect.stringMatching('^PLB_GRAPH_NAME /graph/a/1/port: '),
    ])
  })

  test('of an inlet are out alone', () => {
    expect(issuesOf({ a: 'std.inlet', b: 'any' }, { a: [{ to: 'b', port: 'x' }] })).toEqual([
      'PLB_GRAPH_PORT /graph/a/0/port: Node "a" has no port "x". Its ports are "out".',
    ])
  })
})

describe('workers: 0', () => {
  const open = (coro: string, more: object = {}): object => ({ coro, properties: { workers: 0, ...more } })

  test('needs a coroutine without setup', () => {
    expect(issuesOf({ a: 'any', b: open('any') }, { a: ['b'] })).toEqual([])
    expect(issuesOf({ a: 'any', b: open('state') }, { a: ['b'] })).toEqual([
      expect.stringMatching('^PLB_OPTION_CONFLICT /nodes/b/properties/workers: .*"setup"'),
    ])
  })

  test('is for the inline executor', () => {
    const document = { nodes: { a: { coro: 'any' }, b: open('any', { executor: 'thread' }) }, graph: { a: ['b'] } }
    const executors = [{ name: 'thread', open: () => ({ run: () => 1 }) }]
    expect(check(document, { executors }).map(({ code }) => code)).toEqual(['PLB_OPTION_CONFLICT'])
  })
})

describe('a node that takes many items together is over the limit', () => {
  test.each([
    ['batch/size', { batch: { size: 65 } }, '65 items in a batch of node "b"'],
    ['window/size', { window: { size: 65 } }, '65 items in a window of node "b"'],
    ['stateful', { stateful: 65 }, '65 items in a window of node "b"'],
    ['queueSize', { queueSize: 65 }, '65 places in the queues of node "b"'],
  ])('by %s', (at, properties, words) => {
    const document = { nodes: { a: { coro: 'any' }, b: { coro: 'any', properties } }, graph: { a: ['b'] } }
    const [issue, ...others] = check(document, { limits: { queueSize: 64 } })
    expect(others).toEqual([])
    expect(issue).toMatchObject({ code: 'PLB_GRAPH_LIMIT', pointer: `/nodes/b/properties/${at}` })
    expect(issue?.message).toContain(`${words}; at most 64 are allowed. Raise "limits.queueSize"`)
    expect(check(document, { limits: { queueSize: 65 } })).toEqual([])
  })
})

test('pointers are escaped', () => {
  expect(issuesOf({ 'a/b': 'any' }, { 'a/b': ['gone'] })).toEqual([
    expect.stringMatching('^PLB_GRAPH_UNKNOWN_NODE /graph/a~1b/0: '),
  ])
})
