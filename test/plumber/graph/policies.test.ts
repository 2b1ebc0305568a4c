import { defineCoro, type Issue } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'

const same = (value: unknown): unknown => value
const stream = defineCoro({ kind: 'stream', run: async () => undefined })

/** A node and what is around it. */
interface Setting {
  readonly coro?: unknown
  readonly properties: object
  /** Whether failed items have somewhere to go. */
  readonly routed?: boolean
}

/** Issues of a line of three nodes, of which the middle one is set. */
function issuesOf({ coro = same, properties, routed = false }: Setting): readonly Issue[] {
  const nodes = { src: { coro: () => [] }, mid: { coro, properties }, out: { coro: same }, dead: { coro: same } }
  const error = routed ? [{ to: 'dead', port: 'error' }] : []
  return check({ nodes, graph: { src: ['mid'], mid: ['out', ...error] } }, { coroMap: { key: same } })
}

/** Issues of a source that is set. */
function issuesOfSource(coro: unknown, properties: object): readonly Issue[] {
  const nodes = { mid: { coro, properties }, out: { coro: same } }
  return check({ nodes, graph: { mid: ['out'] } }, { coroMap: { key: same } })
}

const placesOf = (issues: readonly Issue[]): string[] => issues.map(({ code, pointer }) => `${code} ${pointer}`)
const conflict = (name: string): string => `PLB_OPTION_CONFLICT /nodes/mid/properties/${name}`

/** Everything that is about calls per item. */
const PER_CALL: readonly (readonly [string, unknown])[] = [
  ['partitionBy', 'key'],
  ['timeoutMs', 5],
  ['retry', { attempts: 2 }],
  ['onError', 'skip'],
  ['onError', 'route'],
  ['rateLimit', { count: 1, perMs: 1 }],
  ['batch', { size: 2 }],
  ['window', { size: 2 }],
  ['stateful', true],
  ['stateful', 2],
  ['emit', 'atomic'],
]

describe.each(PER_CALL)('"%s": %j', (name, value) => {
  const properties = { [name]: value }

  test('is for nodes that are called per item', () => {
    expect(issuesOf({ properties, routed: value === 'route' })).toEqual([])
  })

  test.each([
    ['a source', () => [1]],
    ['a source that was declared', defineCoro({ kind: 'source', run: () => [1] })],
    ['an inlet', 'std.inlet'],
  ])('is refused on %s, unless it changes nothing there', (_what, coro) => {
    const issues = issuesOfSource(coro, properties)
    if (value === 'skip') {
      expect(issues).toEqual([])
      return
    }
    expect(placesOf(issues)).toEqual([conflict(name)])
    expect(issues[0]?.message).toMatch(/^Node "mid" has "\w+".*, but no incoming edges, so it is a source, which /)
    expect(issues[0]?.hint).toBeDefined()
  })

  test('is refused on a stream coroutine', () => {
    const issues = issuesOf({ coro: stream, properties, routed: value === 'route' })
    expect(placesOf(issues)).toEqual([conflict(name)])
    expect(issues[0]?.message).toMatch(/^Node "mid" has "\w+".*, but its coroutine is of kind "stream", which /)
  })
})

test('what is not about calls is for sources and stream coroutines too', () => {
  const properties = { queueSize: 2, packetsInFlight: 2, fuse: false, stateful: false, onError: 'fail', ordered: false }
  expect(issuesOfSource(() => [1], properties)).toEqual([])
  expect(issuesOfSource('std.inlet', properties)).toEqual([])
  expect(issuesOf({ coro: stream, properties: { ...properties, workers: 2 } })).toEqual([])
})

test('an error budget is refused on sources and stream coroutines', () => {
  const maxErrors = { count: 1, perMs: 1 }
  expect(placesOf(issuesOfSource(() => [1], { maxErrors }))).toEqual([conflict('maxErrors')])
  const skipping = issuesOf({ coro: stream, properties: { maxErrors, onError: 'skip' } })
  expect(placesOf(skipping)).toEqual([conflict('onError'), conflict('maxErrors')])
})

test('everything that is wrong with a node is said at once', () => {
  // Of two values of a property, the later one.
  const all = Object.fromEntries([...PER_CALL, ['workers', 3], ['maxErrors', { count: 1, perMs: 1 }]])
  const names = ['workers', 'partitionBy', 'timeoutMs', 'retry', 'onError', 'maxErrors', 'rateLimit', 'batch', 'window']
  const expected = [...names, 'stateful', 'emit'].map(conflict)
  expect(placesOf(issuesOfSource(() => [1], all))).toEqual(expected)
})

describe('properties that contradict each other:', () => {
  const [batch, window, partitionBy] = [{ size: 2 }, { size: 2 }, 'key']

  test.each<[object, string, RegExp]>([
    [{ batch, window }, 'window', /has "window" beside "batch", and both say which items a call gets together/],
    [{ batch, stateful: 2 }, 'stateful', /has "stateful": 2 beside "batch"/],
    [{ window, stateful: 2 }, 'stateful', /has "stateful": 2 beside "window"/],
    [{ batch, partitionBy }, 'partitionBy', /has "partitionBy": "key" beside "batch", .* different keys/],
    [{ window, partitionBy }, 'partitionBy', /has "partitionBy": "key" beside "window"/],
    [{ stateful: 2, partitionBy }, 'partitionBy', /has "partitionBy": "key" beside "stateful": 2/],
    [{ stateful: true, workers: 2 }, 'workers', /has "workers": 2 beside "stateful": true, which means one worker/],
    [{ stateful: true, workers: 0 }, 'workers', /has "workers": 0 beside "stateful": true/],
    [{ stateful: true, ordered: false }, 'ordered', /has "ordered": false beside "stateful": true/],
    [{ maxErrors: { count: 1, perMs: 1 } }, 'maxErrors', /its first error ends the run.*"skip" or "route"/],
  ])('%j', (properties, at, message) => {
    const issues = issuesOf({ properties })
    expect(placesOf(issues)).toEqual([conflict(at)])
    expect(issues[0]?.message).toMatch(message)
    // It needs no coroutines to say so.
    const nodes = { src: { coro: 'a' }, mid: { coro: 'b', properties }, out: { coro: 'c' } }
    expect(check({ nodes, graph: { src: ['mid'], mid: ['out'] } })).toEqual(issues)
  })

  test.each([
    { batch, stateful: true },
    { window, stateful: true },
    { partitionBy, stateful: true },
    { batch, stateful: false, workers: 3, ordered: false },
    { window, workers: 3 },
    { stateful: 2, workers: 3, ordered: false },
    { partitionBy, workers: 3, ordered: false },
    { stateful: true, workers: 1, ordered: true },
    { maxErrors: { count: 1, perMs: 1 }, onError: 'skip' },
    { retry: { attempts: 5, minDelayMs: 0 }, timeoutMs: 1, rateLimit: { count: 1, perMs: 1 }, batch },
  ])('not %j', (properties) => {
    expect(issuesOf({ properties })).toEqual([])
  })
})

describe('another attempt', () => {
  const generators = [function* (): Generator<number> {}, async function* (): AsyncGenerator<number> {}]

  test.each(generators)('at a generator needs "emit": "atomic" (%o)', (run) => {
    for (const coro of [run, defineCoro({ run })]) {
      const issues = issuesOf({ coro, properties: { retry: { attempts: 2 } } })
      expect(placesOf(issues)).toEqual([conflict('retry')])
      expect(issues[0]?.hint).toContain('"emit": "atomic"')
      expect(issuesOf({ coro, properties: { retry: { attempts: 2 }, emit: 'atomic' } })).toEqual([])
      expect(issuesOf({ coro, properties: { retry: { attempts: 1 } } })).toEqual([])
    }
  })

  test('at a generator behind a proxy is not known of', () => {
    const coro = new Proxy(function* (): Generator<number> {}, {})
    expect(issuesOf({ coro, properties: { retry: { attempts: 2 } } })).toEqual([])
  })
})

describe('what a coroutine declares of one item', () => {
  const oneToOne = defineCoro({ oneToOne: true, run: same })

  test.each([
    ['batch', { size: 2, returns: 'one' }],
    ['window', { size: 2 }],
    ['stateful', 2],
  ])('to be one output does not hold with "%s": %j', (name, value) => {
    const issues = issuesOf({ coro: oneToOne, properties: { [name]: value } })
    expect(placesOf(issues)).toEqual([conflict(name)])
    expect(issues[0]?.message).toContain('is declared one-to-one')
  })

  test('to be one output holds in a batch that gives one for each', () => {
    expect(issuesOf({ coro: oneToOne, properties: { batch: { size: 2 } } })).toEqual([])
    expect(issuesOf({ coro: oneToOne, properties: { stateful: true } })).toEqual([])
  })

  test('to be emitted has no owner in a batch that gives one for each', () => {
    const coro = defineCoro({ emits: ['odd', 'even'], run: same })
    const issues = issuesOf({ coro, properties: { batch: { size: 2 } } })
    expect(placesOf(issues)).toEqual([conflict('batch')])
    expect(issues[0]?.message).toContain('emits to "odd", "even"')
    for (const batch of [{ size: 2, returns: 'one' }, undefined])
      expect(issuesOf({ coro, properties: { batch } })).toEqual([])
    const silent = defineCoro({ emits: [], run: same })
    expect(issuesOf({ coro: silent, properties: { batch: { size: 2 } } })).toEqual([])
  })
})

describe('"onTimeout"', () => {
  const maxErrors = { count: 1, perMs: 1 }

  test.each(['fail', 'skip'])('may be %j beside "timeoutMs"', (onTimeout) => {
    expect(issuesOf({ properties: { timeoutMs: 5, onTimeout } })).toEqual([])
  })

  test('says nothing without "timeoutMs"', () => {
    const [issue, ...others] = issuesOf({ properties: { onTimeout: 'skip' } })
    expect(issue).toMatchObject({ code: 'PLB_OPTION_CONFLICT', hint: 'Set "timeoutMs", or remove "onTimeout".' })
    expect([issue?.pointer, others]).toEqual(['/nodes/mid/properties/onTimeout', []])
  })

  test('gives "maxErrors" something to count', () => {
    expect(issuesOf({ properties: { timeoutMs: 5, onTimeout: 'skip', maxErrors } })).toEqual([])
    const failing = issuesOf({ properties: { timeoutMs: 5, onTimeout: 'fail', maxErrors } })
    expect(placesOf(failing)).toEqual([conflict('maxErrors')])
  })

  test('"route" and an edge from port error need each other', () => {
    const properties = { timeoutMs: 5, onTimeout: 'route' }
    expect(placesOf(issuesOf({ properties }))).toEqual([conflict('onTimeout')])
    expect(issuesOf({ properties, routed: true })).toEqual([])
  })

  test('is for nodes that are called per item', () => {
    const properties = { onTimeout: 'skip' }
    expect(placesOf(issuesOfSource(() => [], properties))).toEqual([conflict('onTimeout')])
    expect(placesOf(issuesOf({ coro: stream, properties: { timeoutMs: 5, ...properties } }))).toEqual([
      conflict('timeoutMs'),
      conflict('onTimeout'),
    ])
  })
})

describe('"onError": "route"', () => {
  const route = { onError: 'route' }

  test('needs an edge from port "error"', () => {
    const issues = issuesOf({ properties: route })
    expect(placesOf(issues)).toEqual([conflict('onError')])
    expect(issues[0]?.hint).toContain('{ "to": …, "port": "error" }')
    expect(issuesOf({ properties: route, routed: true })).toEqual([])
  })

  test.each<[string, unknown]>([
    ['to a node that does not exist', [{ to: 'deed', port: 'error' }]],
    ['that cannot be read', [{ to: 'dead', port: 5 }]],
    ['among successors that cannot be read', 5],
  ])('is not said to need an edge %s', (_what, list) => {
    const nodes = { src: { coro: 'a' }, mid: { coro: 'b', properties: route }, dead: { coro: 'c' } }
    const [issue, ...others] = check({ nodes, graph: { src: ['mid', 'dead'], mid: list } })
    expect(others).toEqual([])
    expect(issue?.pointer).toMatch(/^\/graph\/mid/)
  })

  test('gives its node the port, whatever the coroutine emits', () => {
    const coro = defineCoro({ emits: ['odd'], run: same })
    expect(issuesOf({ coro, properties: route, routed: true })).toEqual([])
    expect(placesOf(issuesOf({ coro, properties: {}, routed: true }))).toEqual(['PLB_GRAPH_PORT /graph/mid/1/port'])
  })

  test('is meant by an edge from port "error", unless the coroutine emits there', () => {
    for (const onError of ['fail', 'skip']) {
      const [issue, ...others] = issuesOf({ properties: { onError }, routed: true })
      expect(others).toEqual([])
      expect(issue).toMatchObject({ code: 'PLB_OPTION_CONFLICT', pointer: '/graph/mid/1/port' })
      expect(issue?.hint).toBe(
        'Set "onError": "route", or declare what the coroutine emits: defineCoro({ emits: ["error"], … }).',
      )
    }
    const coro = defineCoro({ emits: ['error'], run: same })
    expect(issuesOf({ coro, properties: {}, routed: true })).toEqual([])
    expect(issuesOf({ coro, properties: route, routed: true })).toEqual([])
  })

  test('is not advised where it would be refused', () => {
    const [issue] = issuesOf({ coro: stream, properties: {}, routed: true })
    expect(issue?.hint).toBe('Declare what the coroutine emits: defineCoro({ emits: ["error"], … }).')
    const nodes = { src: { coro: () => [1] }, out: { coro: same } }
    const [source] = check({ nodes, graph: { src: [{ to: 'out', port: 'error' }] } })
    expect(source?.hint).toBe(issue?.hint)
  })

  test('is not asked of a coroutine that is not known', () => {
    const nodes = { src: { coro: 'a' }, mid: { coro: 'b' }, dead: { coro: 'c' } }
    expect(check({ nodes, graph: { src: ['mid'], mid: [{ to: 'dead', port: 'error' }] } })).toEqual([])
  })

  test('at both inputs of a join is an issue of the join', () => {
    const nodes = (properties: object): object => ({
      src: { coro: () => [1] },
      mid: { coro: same, properties: route },
      mend: { coro: same },
      join: { coro: same, properties },
    })
    const graph = { src: ['mid'], mid: ['join', { to: 'mend', port: 'error' }], mend: ['join'] }
    const [issue, ...others] = check({ nodes: nodes({}), graph })
    expect(others).toEqual([])
    expect(issue).toMatchObject({ code: 'PLB_GRAPH_PORT', pointer: '/nodes/join' })
    expect(issue?.message).toContain('Node "join" waits for both "out" and "error" of "mid"')
    for (const properties of [{ aggregateInputs: false }, { missing: 'skip' }, { missing: 'partial' }])
      expect(check({ nodes: nodes(properties), graph })).toEqual([])
  })
})
