import { defineCoro } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { build, check } from '../../../packages/plumber/src/build.js'

const flusher = defineCoro({ run: () => 1, flush: () => 2 })

/** Issues of a graph written as edges: `ab` goes from a to b, `ab:x` by port x. Nodes in `merge` do not join. */
function issuesOf(edges: string, { merge = '', flush = '' }: { merge?: string; flush?: string } = {}): string[] {
  const nodes: Record<string, object> = {}
  const graph: Record<string, object[]> = {}
  for (const [from = '', to = '', , port = 'out'] of edges.split(' ')) {
    for (const name of [from, to]) {
      const coro = flush.includes(name) ? flusher : () => 1
      nodes[name] = { coro, properties: { aggregateInputs: !merge.includes(name) } }
    }
    graph[from] = [...(graph[from] ?? []), { to, port }]
  }
  return check({ nodes, graph }).map(({ code, pointer, message }) => `${code} ${pointer}: ${message}`)
}

test.each(['ab ac bd cd', 'ac bc', 'ab ac bd cd bd:x:', 'ab ac ad bd be ce de'])(
  'the joins of %s can pair',
  (edges) => {
    expect(issuesOf(edges, { merge: edges.includes(':') ? 'd' : '' })).toEqual([])
  },
)

test('a join whose inputs are tied, but have no one origin, is an issue', () => {
  // a goes to x and y, b to y only: x and y are tied by a, but b feeds only one of them.
  expect(issuesOf('ax ay by xj yj')).toEqual([
    'PLB_GRAPH_UNEVEN_JOIN /nodes/j: Node "j" cannot pair its inputs: "x" and "y" are connected, but there is no one node that everything they send comes from. Set "aggregateInputs": false to merge them instead, or "match": "position" if everything before gives one output per item.',
  ])
  expect(issuesOf('ax ay by xj yj', { merge: 'j' })).toEqual([expect.stringContaining('/nodes/y')].slice(1))
})

test('a switch whose branches meet in a join is an issue', () => {
  const message = (node: string): unknown =>
    expect.stringMatching(
      `^PLB_GRAPH_PORT /nodes/j: Node "j" waits for both "." and "." of "${node}", but an item takes only one`,
    )
  expect(issuesOf('sa:y sb:n aj bj')).toEqual([message('s')])
  expect(issuesOf('sa:y sb:n aj bj', { merge: 'j' })).toEqual([])
  expect(issuesOf('sj:y sj:n')).toEqual([message('s')])
  expect(issuesOf('fs fj sa:y sb:n aj bj')).toEqual([message('s')])
  expect(issuesOf('rs sf:y sz:n fa fb aj bj')).toEqual([])
  // What merges in front of the join came through either branch.
  expect(issuesOf('sa:y sb:n am bm sj:y mj', { merge: 'm' })).toEqual([])
  expect(issuesOf('fs fj sa:y sb:n am bm mj', { merge: 'm' })).toEqual([])
})

test('flush inside of a region is an issue, before, behind and beside it is not', () => {
  expect(issuesOf('ra ab ac bd cd de', { flush: 'b' })).toEqual([
    expect.stringMatching('^PLB_GRAPH_UNEVEN_JOIN /nodes/b: .*"flush"'),
  ])
  expect(issuesOf('ra ab ac bd cd de be', { merge: 'e', flush: 'rade' })).toEqual([])
  // A join inside of another region.
  expect(issuesOf('ab ac bd cd de ae', { flush: 'd' })).toEqual([expect.stringMatching('/nodes/d')])
})

describe('inside of a region,', () => {
  /** A diamond, its source before it and a node behind it; one node is set. */
  const issuesAt = (name: string, properties: object): string[] => {
    const nodes = Object.fromEntries([...'rabcde'].map((node) => [node, { coro: 'x' }]))
    const document = {
      nodes: { ...nodes, [name]: { coro: 'x', properties } },
      graph: { r: ['a'], a: ['b', 'c'], b: ['d'], c: ['d'], d: ['e'] },
    }
    return check(document).map(({ code, pointer, message }) => `${code} ${pointer}: ${message}`)
  }

  test.each<[string, object]>([
    ['batch', { batch: { size: 2, returns: 'one' } }],
    ['window', { window: { size: 2 } }],
    ['stateful', { stateful: 2 }],
  ])('one output for several items is an issue, with "%s"; before and behind it is not', (at, properties) => {
    expect(issuesAt('b', properties)).toEqual([
      expect.stringMatching(
        `^PLB_GRAPH_UNEVEN_JOIN /nodes/b/properties/${at}: .*it has "${at}", and what it makes of several items belongs to no single item`,
      ),
    ])
    for (const node of 'ade') expect(issuesAt(node, properties)).toEqual([])
  })

  test('a batch that gives an output for each item is none, nor is state', () => {
    expect(issuesAt('b', { batch: { size: 100 } })).toEqual([])
    expect(issuesAt('b', { stateful: true })).toEqual([])
    expect(issuesAt('b', { stateful: false, workers: 3 })).toEqual([])
  })

  test('the largest batch has room in the window of the fork', () => {
    const windowOf = (batch: object): number | undefined => {
      const nodes = { a: { coro: () => [] }, b: { coro: () => 1, properties: { batch } }, c: { coro: () => 1 } }
      const { plan } = build({ nodes, graph: { a: ['b', 'c'], b: ['c'] } })
      return plan?.regions.forks.get(0)?.window
    }
    expect(windowOf({ size: 16 })).toBe(32)
    expect(windowOf({ size: 17, maxWaitMs: 1 })).toBe(34)
  })
})

test('a join behind a mistake is not judged', () => {
  const nodes = Object.fromEntries([...'abxyj'].map((name) => [name, { coro: 'c' }]))
  const graph = { a: ['x', 'y'], b: ['y', 'bx'], x: ['j'], y: ['j'] }
  const codes = (document: object): string[] => check(document).map(({ code }) => code)
  expect(codes({ nodes, graph })).toEqual(['PLB_GRAPH_UNKNOWN_NODE', 'PLB_GRAPH_UNEVEN_JOIN'])
  const longer = { ...nodes, xx: nodes['x'], far: nodes['x'] }
  expect(codes({ nodes: longer, graph: { ...graph, b: ['y', 'faar'], far: ['x'] } })).toEqual([
    'PLB_GRAPH_UNKNOWN_NODE',
  ])
})

test('a join by position behind a switch pairs nothing, whatever it says of what is missing', () => {
  const coro = defineCoro({ oneToOne: true, emits: ['yes', 'no'], run: () => 1 })
  const nodes = {
    s: { coro: () => [1] },
    a: { coro },
    b: { coro },
    j: { coro, properties: { match: 'position' as const, missing: 'skip' as const } },
  }
  const graph = {
    s: [
      { to: 'a', port: 'yes' },
      { to: 'b', port: 'no' },
    ],
    a: ['j'],
    b: ['j'],
  }
  const [issue, ...others] = check({ nodes, graph })
  expect(others).toEqual([])
  expect(issue).toMatchObject({ code: 'PLB_GRAPH_UNEVEN_JOIN', pointer: '/nodes/j/properties/match' })
  expect(issue?.message).toContain('node "s" before it sends on the way by "yes" and "no"')
})
