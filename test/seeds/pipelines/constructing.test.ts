import { type Context, NODE_PROPERTIES } from '@pipelines/core'
import { type GraphDocument, Plumber } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { problemsOf, range, same, settlesSoon, textOf, turns } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'

const coroMap = {
  count: (_output: unknown, { args: { num = 3 } }: Context) => range(Number(num)),
  double: (n: number) => 2 * n,
  same,
}

const pair = { nodes: { inp: { coro: 'count' }, out: { coro: 'double' } }, graph: { inp: ['out'], out: null } }

test('P-01 constructing a Plumber runs nothing', async () => {
  let calls = 0
  const count = () => {
    calls++
    return [1]
  }
  const plumber = new Plumber(pair, { coroMap: { ...coroMap, count } })
  await turns()
  expect(calls).toBe(0)
  expect(await plumber.collect()).toEqual([2])
  expect(calls).toBe(1)
})

test('P-01 a document and a coroMap are all that a Plumber needs', async () => {
  const report = await new Plumber(pair, { coroMap }).run()
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
})

test('P-02 a coro is a name, or in code the function itself', async () => {
  const nodes = { inp: { coro: 'count' }, out: { coro: (n: number) => -n } }
  const plumber = new Plumber({ nodes, graph: { inp: ['out'] } }, { coroMap })
  expect(await plumber.collect()).toEqual([-0, -1, -2])
})

test('P-02 args reach the coroutine', async () => {
  const nodes = { inp: { coro: 'count', args: { num: 5 } }, out: { coro: 'same' } }
  const plumber = new Plumber({ nodes, graph: { inp: ['out'] } }, { coroMap })
  expect(await plumber.collect()).toEqual([0, 1, 2, 3, 4])
})

test('P-02 both spellings of aggregateInputs are read', async () => {
  for (const properties of [{ aggregateInputs: false }, { aggregate_inputs: false }]) {
    const nodes = { inp: { coro: 'count' }, two: { coro: 'double' }, out: { coro: 'same', properties } }
    const plumber = new Plumber({ nodes, graph: { inp: ['two', 'out'], two: ['out'] } }, { coroMap })
    expect((await plumber.collect<number>()).sort()).toEqual([0, 0, 1, 2, 2, 4])
  }
})

test.each([
  ['of the document', { ...pair, grpah: {} }, '', 'graph'],
  ['of a node', { ...pair, nodes: { ...pair.nodes, inp: { coro: 'count', arg: {} } } }, '/nodes/inp', 'args'],
  [
    'of properties',
    { ...pair, nodes: { ...pair.nodes, out: { coro: 'same', properties: { worker: 2 } } } },
    '/nodes/out/properties',
    'workers',
  ],
  ['of a successor', { ...pair, graph: { inp: [{ to: 'out', prt: 'out' }] } }, '/graph/inp/0', 'port'],
])('P-02 an unknown key %s is refused with a suggestion', (_where, document, pointer, meant) => {
  const [problem, ...others] = problemsOf(document, coroMap)
  expect(others).toEqual([])
  expect(problem).toMatchObject({ code: 'PLB_GRAPH_SCHEMA', pointer: expect.stringMatching(new RegExp(`^${pointer}`)) })
  expect(problem && textOf(problem)).toContain(`"${meant}"`)
})

/** Every property, with a value other than its default. */
const settings: readonly (readonly [string, unknown])[] = [
  ['aggregateInputs', false],
  ['match', 'position'],
  ['missing', 'partial'],
  ['collect', 'all'],
  ['unequal', 'longest'],
  ['workers', 2],
  ['ordered', false],
  ['partitionBy', 'same'],
  ['queueSize', 1],
  ['packetsInFlight', 2],
  ['fanOut', 'share'],
  ['timeoutMs', 1000],
  ['retry', { attempts: 2 }],
  ['onError', 'skip'],
  ['onTimeout', 'skip'],
  ['maxErrors', { count: 1, perMs: 1000 }],
  ['rateLimit', { count: 1, perMs: 1000 }],
  ['batch', { size: 2 }],
  ['window', { size: 2 }],
  ['stateful', true],
  ['emit', 'atomic'],
  ['executor', 'elsewhere'],
  ['fuse', false],
]

const executors = [{ name: 'elsewhere', open: () => ({ run: () => undefined }) }]

/** The pair, with a property at its second node. An error budget needs errors that do not end the run, a time that is up a time. */
const withProperty = (property: string, value: unknown): object => {
  const beside = property === 'maxErrors' ? { onError: 'skip' } : property === 'onTimeout' ? { timeoutMs: 1000 } : {}
  const properties = { ...beside, [property]: value }
  return { ...pair, nodes: { ...pair.nodes, out: { coro: 'same', properties } } }
}

test('P-02 these are all the properties', () => {
  expect(settings.map(([property]) => property)).toEqual(Object.keys(NODE_PROPERTIES))
})

test.each(settings)('P-02 a node may have the property %s', (property, value) => {
  const plumber = new Plumber(withProperty(property, value) as GraphDocument, { coroMap, executors })
  const { properties } = plumber.nodes['out'] ?? {}
  expect(properties).toHaveProperty(property)
  expect(Reflect.get(properties ?? {}, property)).toEqual(
    typeof value === 'object' ? expect.objectContaining(value ?? {}) : value,
  )
  expect(plumber.toJSON().nodes['out']?.properties).toHaveProperty(property, value)
})

test.each(settings)('P-02 a misspelt %s is refused with a suggestion', (property, value) => {
  const [problem, ...others] = problemsOf(withProperty(`${property}_`, value), coroMap)
  expect(others).toEqual([])
  expect(problem).toMatchObject({ code: 'PLB_GRAPH_SCHEMA', pointer: `/nodes/out/properties/${property}_` })
  expect(problem && textOf(problem)).toContain(`"${property}"`)
})

test.each([
  ['aggregateInputs', 'yes'],
  ['executor', 'thread'],
  ['onError', 'retry'],
  ['workers', 'many'],
  ['workers', -1],
  ['queueSize', 0],
  ['unequal', 'sometimes'],
  ['ordered', 'yes'],
  ['partitionBy', 5],
  ['packetsInFlight', 0],
  ['timeoutMs', '1s'],
  ['timeoutMs', 0],
  ['retry', 3],
  ['maxErrors', 10],
  ['rateLimit', '10/s'],
  ['batch', 100],
  ['window', [2]],
  ['stateful', 0],
  ['emit', 'each'],
  ['fuse', 1],
])('P-02 the property %s is not %j', (property, value) => {
  const problems = problemsOf(withProperty(property, value), coroMap)
  expect(problems.map(({ pointer }) => pointer)).toEqual([`/nodes/out/properties/${property}`])
})

test.each([
  ['retry', { attempts: 2, factor: 0 }, 'retry/factor'],
  ['retry', { attempts: 2, maxDelay: 5 }, 'retry/maxDelay'],
  ['maxErrors', { count: 1 }, 'maxErrors/perMs'],
  ['rateLimit', { count: 1.5, perMs: 10 }, 'rateLimit/count'],
  ['batch', { size: 2, maxWaitMs: 'soon' }, 'batch/maxWaitMs'],
  ['window', { size: 0 }, 'window/size'],
])('P-02 the property %s is not %j, and the issue says where', (property, value, at) => {
  const problems = problemsOf(withProperty(property, value), coroMap)
  expect(problems.map(({ pointer }) => pointer)).toEqual([`/nodes/out/properties/${at}`])
})

test.each([
  ['a list', { inp: ['out'], out: [] }],
  ['a tuple', { inp: ['out'] as const, out: null }],
  ['a list of objects', { inp: [{ to: 'out' }], out: null }],
  ['null for a leaf', { inp: ['out'], out: null }],
  ['an empty list for a leaf', { inp: ['out'], out: [] }],
  ['nothing for a leaf', { inp: ['out'] }],
])('P-03 successors may be written as %s', async (_how, graph) => {
  const plumber = new Plumber({ nodes: pair.nodes, graph }, { coroMap })
  expect(await plumber.collect()).toEqual([0, 2, 4])
})

test('P-04 createPipeline starts every node at once, without anything else being called', async () => {
  const seen = gate()
  const plumber = new Plumber(pair, { coroMap: { ...coroMap, double: seen.open } })
  const pipeline = plumber.createPipeline()
  await seen.opened
  expect((await pipeline.settled).outcome).toBe('completed')
})

test('P-04 createPipeline is repeatable, and each pipeline is its own', async () => {
  const nodes = { inp: { coro: 'std.inlet' }, out: { coro: 'double' } }
  const plumber = new Plumber({ nodes, graph: { inp: ['out'] } }, { coroMap })
  const seen: unknown[][] = [[], []]
  const pipelines = seen.map((values) => plumber.createPipeline({ onOutput: ({ value }) => void values.push(value) }))
  for (const [n, pipeline] of pipelines.entries()) {
    await pipeline.put(10 * (n + 1))
    pipeline.end()
  }
  const reports = await Promise.all(pipelines.map((pipeline) => pipeline.settled))
  expect(seen).toEqual([[20], [40]])
  for (const report of reports) expectBalancedBooks(report, ['inp'])
})

test('P-04 a pipeline that ended leaves its twin alone', async () => {
  const nodes = { inp: { coro: 'std.inlet' }, out: { coro: 'double' } }
  const plumber = new Plumber({ nodes, graph: { inp: ['out'] } }, { coroMap })
  const [first, second] = [plumber.createPipeline(), plumber.createPipeline()]
  await first.doomsday()
  expect(await settlesSoon(second.settled)).toBe(false)
  await second.put(1)
  second.end()
  expect((await second.settled).outcome).toBe('completed')
})
