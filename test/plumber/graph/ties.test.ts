import { defineCoro, type Issue } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'

const same = (value: unknown): unknown => value
const steady = defineCoro({ oneToOne: true, run: same })

/** Issues of a diamond that pairs by position, and of which one branch is set. */
function issuesOf(properties: object, coro: unknown = steady): readonly Issue[] {
  const nodes = {
    src: { coro: () => [] },
    mid: { coro, properties },
    other: { coro: steady },
    join: { coro: same, properties: { match: 'position' } },
    dead: { coro: same },
  }
  const error = 'onError' in properties ? [{ to: 'dead', port: 'error' }] : []
  const graph = { src: ['mid', 'other'], mid: ['join', ...error], other: ['join'] }
  return check({ nodes, graph }, { coroMap: { key: same } })
}

const atJoin = expect.objectContaining({ code: 'PLB_GRAPH_UNEVEN_JOIN', pointer: '/nodes/join/properties/match' })

describe('a join by position is refused behind a node that', () => {
  test.each<[string, object, string, string]>([
    [
      'sends elsewhere what fails',
      { onError: 'route' },
      'sends items that fail to port "error"',
      'Set "onError": "fail" there.',
    ],
    [
      'leaves out what runs out of time',
      { timeoutMs: 5, onTimeout: 'skip' },
      'skips items that run out of time',
      'Set "onTimeout": "fail" there.',
    ],
    [
      'waits for a batch',
      { batch: { size: 3 } },
      'waits for 3 items, which may not come while the other inputs are full',
      'Set "maxWaitMs" in its "batch", or let the join pair by lineage.',
    ],
    [
      'lets keys overtake each other',
      { partitionBy: 'key', workers: 2, ordered: false },
      'items may overtake each other',
      'Set "ordered": true there.',
    ],
  ])('%s', (_what, properties, why, hint) => {
    const [issue, ...others] = issuesOf(properties)
    expect(others).toEqual([])
    expect(issue).toEqual(atJoin)
    expect(issue?.message).toContain('node "mid" before it')
    expect(issue?.message).toContain(why)
    expect(issue?.hint).toBe(hint)
  })

  test.each<[string, object]>([
    ['batch', { batch: { size: 2, returns: 'one', maxWaitMs: 1 } }],
    ['window', { window: { size: 2 } }],
    ['stateful', { stateful: 2 }],
  ])('gives one output for several items, because of "%s"', (name, properties) => {
    const [issue, ...others] = issuesOf(properties, same)
    expect(others).toEqual([])
    expect(issue?.message).toContain(
      `node "mid" before it gives one output for several items, because it has "${name}"`,
    )
    // Also where the coroutine is not known.
    expect(issuesOf(properties, 'unknown')).toContainEqual(issue)
  })
})

test.each<[string, object]>([
  ['batches that go ahead after a while', { batch: { size: 3, maxWaitMs: 5 } }],
  ['batches of one', { batch: { size: 1 } }],
  ['partitions in order', { partitionBy: 'key', workers: 2 }],
  ['other attempts', { retry: { attempts: 3 }, timeoutMs: 5, rateLimit: { count: 1, perMs: 1 } }],
  ['one worker', { stateful: true }],
  ['few packets in flight', { packetsInFlight: 1 }],
])('a join by position may be behind a node with %s', (_what, properties) => {
  expect(issuesOf(properties)).toEqual([])
})

test('a batch that need not give an output for each item is an obstacle like any such node', () => {
  const [issue, ...others] = issuesOf({ batch: { size: 3, maxWaitMs: 5 } }, same)
  expect(others).toEqual([])
  expect(issue?.message).toContain('may give more or fewer outputs than it gets items')
})

test('inputs that nothing connects pair by position whatever is before them', () => {
  const nodes = {
    a: { coro: () => [] },
    b: { coro: () => [] },
    mid: { coro: same, properties: { batch: { size: 3, returns: 'one' } } },
    join: { coro: same, properties: { match: 'position' } },
  }
  expect(check({ nodes, graph: { a: ['mid'], mid: ['join'], b: ['join'] } })).toEqual([])
})
