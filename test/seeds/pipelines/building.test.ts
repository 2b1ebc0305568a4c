import { type Context, PipelineError } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { expect, test } from 'vitest'
import { chain, from, problemsOf, same, textOf } from '../../support/blackbox.js'

const nodes = { inp: { coro: 'one' }, mid: { coro: 'same' }, out: { coro: 'same' } }
const graph = { inp: ['mid'], mid: ['out'], out: null }
const coroMap = { one: from(1), same }

test('P-20 every node sees the same env', async () => {
  const env = { sid: 'session-1', client: { id: 7 } }
  const seen: unknown[] = []
  const note = (_: unknown, { env: { sid, client } }: Context) => {
    seen.push(sid, client)
    return [1]
  }
  await chain({ src: note, mid: note, out: note }, { env }).run()
  expect(seen).toEqual(Array.from({ length: 3 }, () => ['session-1', env.client]).flat())
  for (const client of [seen[1], seen[3], seen[5]]) expect(client).toBe(env.client)
})

test('P-20 env is read-only', async () => {
  const env: Record<string, unknown> = { sid: 'session-1' }
  const spoil = (_: unknown, ctx: Context) => {
    Reflect.set(ctx.env, 'sid', 'spoilt')
    Reflect.set(ctx.env, 'more', true)
    return [1]
  }
  const plumber = chain({ src: spoil, out: (_: unknown, ctx: Context) => ({ ...ctx.env }) }, { env })
  expect(await plumber.collect()).toEqual([{ sid: 'session-1' }])
  expect(env).toEqual({ sid: 'session-1' })
})

test('P-21 coroMap as a function is called once per node, while the Plumber is built', async () => {
  const asked: unknown[] = []
  const resolver = (ref: unknown) => {
    asked.push(ref)
    return ref === 'one' ? from(1) : same
  }
  const plumber = new Plumber({ nodes: { ...nodes, mid: { coro: 'other' } }, graph }, { coroMap: resolver })
  expect(asked.sort()).toEqual(['one', 'other', 'same'])
  plumber.createPipeline()
  expect(await plumber.collect()).toEqual([1])
  expect(asked).toHaveLength(3)
})

test('P-21 the error of a coroMap says where it came from', () => {
  const resolver = (ref: unknown) => {
    if (ref === 'one') throw new Error('the map is torn')
    return same
  }
  const problems = problemsOf({ nodes, graph }, resolver)
  expect(problems).toEqual([
    expect.objectContaining({ code: expect.stringMatching(/^PLB_CORO_/), pointer: '/nodes/inp/coro' }),
  ])
  expect(problems.map(textOf).join()).toContain('the map is torn')
})

test('P-21 a coroutine that is not in the coroMap is named, with the nearest that is', () => {
  const problems = problemsOf({ nodes: { ...nodes, mid: { coro: 'smae' } }, graph }, coroMap)
  expect(problems).toEqual([expect.objectContaining({ code: 'PLB_CORO_NOT_FOUND', pointer: '/nodes/mid/coro' })])
  expect(problems.map(textOf).join()).toMatch(/"smae".*"same"/)
})

test.each([[42], ['text'], [[]], [null]])('P-21 a coroMap that yields %j is refused', (found) => {
  const problems = problemsOf({ nodes, graph }, { ...coroMap, same: found })
  expect(problems.map(({ pointer }) => pointer)).toEqual(['/nodes/mid/coro', '/nodes/out/coro'])
  for (const { code } of problems) expect(['PLB_CORO_NOT_FUNCTION', 'PLB_CORO_NOT_FOUND']).toContain(code)
})

test('P-21 a resolver that answers later needs Plumber.create', async () => {
  const later = async (ref: string) => (ref === 'one' ? from(1) : same)
  const problems = problemsOf({ nodes, graph }, later)
  expect(problems.map(({ code }) => code)).toContain('PLB_CORO_ASYNC')
  const plumber = await Plumber.create({ nodes, graph }, { coroMap: later })
  expect(await plumber.collect()).toEqual([1])
})

test.each(['constructor', 'toString', 'same.constructor', '__proto__.toString'])(
  'P-21 %s is not a coroutine of any coroMap',
  (coro) => {
    const [problem] = problemsOf({ nodes: { ...nodes, mid: { coro } }, graph }, coroMap)
    expect(problem?.pointer).toBe('/nodes/mid/coro')
  },
)

test('P-22 a cycle is named by its path', () => {
  const problems = problemsOf({ nodes, graph: { ...graph, out: ['mid'] } }, coroMap)
  expect(problems).toEqual([expect.objectContaining({ code: 'PLB_GRAPH_CYCLE' })])
  expect(problems.map(textOf).join()).toMatch(/"?mid"?.*"?out"?.*"?mid"?|"?out"?.*"?mid"?.*"?out"?/)
})

test('P-22 a node that feeds itself is a cycle', () => {
  const problems = problemsOf({ nodes, graph: { ...graph, mid: ['mid', 'out'] } }, coroMap)
  expect(problems.map(({ code }) => code)).toEqual(['PLB_GRAPH_CYCLE'])
})

test('P-22 a successor that is not in nodes is named, with the nearest that is', () => {
  const problems = problemsOf({ nodes, graph: { ...graph, mid: ['oot'] } }, coroMap)
  const problem = problems.find(({ code }) => code === 'PLB_GRAPH_UNKNOWN_NODE')
  expect(problem?.pointer).toBe('/graph/mid/0')
  expect(problem && textOf(problem)).toMatch(/"mid".*"oot".*"out"/)
})

test('P-22 a key of graph that is not in nodes is named', () => {
  const problems = problemsOf({ nodes, graph: { ...graph, ghost: ['out'] } }, coroMap)
  expect(problems.map(({ code, pointer }) => [code, pointer])).toContainEqual([
    'PLB_GRAPH_UNKNOWN_NODE',
    '/graph/ghost',
  ])
})

test('P-22 a node that is absent from graph is a leaf', async () => {
  const plumber = new Plumber({ nodes, graph: { inp: ['mid'], mid: ['out'] } }, { coroMap })
  expect(await plumber.collect()).toEqual([1])
})

test('P-22 one error lists every problem', () => {
  const wrong = {
    nodes: {
      inp: { coro: 'one' },
      a: { coro: 'missing' },
      b: { coro: 'same', properties: { worker: 1 } },
      c: { coro: 'same' },
    },
    graph: { inp: ['a', 'a', 'gone'], a: ['c'], c: ['a'] },
  }
  const codes = problemsOf(wrong, coroMap).map(({ code }) => code)
  expect(new Set(codes)).toEqual(
    new Set([
      'PLB_GRAPH_SCHEMA',
      'PLB_GRAPH_UNKNOWN_NODE',
      'PLB_GRAPH_DUPLICATE_EDGE',
      'PLB_GRAPH_CYCLE',
      'PLB_CORO_NOT_FOUND',
    ]),
  )
})

test('P-22 check finds the same problems and throws nothing', () => {
  const wrong = { nodes: { ...nodes, mid: { coro: 'missing' } }, graph: { ...graph, out: ['gone'] } }
  const issues = Plumber.check(wrong, { coroMap })
  expect(issues.map(({ code, pointer }) => [code, pointer])).toEqual(
    problemsOf(wrong, coroMap).map(({ code, pointer }) => [code, pointer]),
  )
  expect(Plumber.check(JSON.stringify({ nodes, graph }), { coroMap })).toEqual([])
})

test.each([
  ['null', null],
  ['a number', 42],
  ['a list', []],
  ['text that is no JSON', '{"nodes":'],
  ['nothing', undefined],
])('P-22 check of %s answers with issues', (_what, document) => {
  const issues = Plumber.check(document as never)
  expect(issues.length).toBeGreaterThan(0)
  for (const issue of issues) expect(issue).toMatchObject({ code: expect.any(String), pointer: expect.any(String) })
})

test('P-22 check without a coroMap looks for no coroutine', () => {
  expect(Plumber.check({ nodes, graph })).toEqual([])
})

test('P-22 a refused document is one PipelineError with a readable message', () => {
  const build = () => new Plumber({ nodes, graph: { ...graph, mid: ['oot'] } }, { coroMap })
  expect(build).toThrow(PipelineError)
  expect(build).toThrow(/"oot"/)
})
