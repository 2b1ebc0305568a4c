import { type CoroMap, Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { describe, expect, test } from 'vitest'

type Args = Readonly<Record<string, unknown>>

/** What is wrong with a node, as pairs of the place in its args and what is said of it. */
function issuesOf(coro: string, args: Args, mine: CoroMap = {}): string[][] {
  const nodes = { in: { coro: 'std.inlet' }, node: { coro: `std.${coro}`, args } }
  const isSource = ['const', 'iter', 'range'].includes(coro)
  const document = isSource ? { nodes: { node: nodes.node }, graph: {} } : { nodes, graph: { in: ['node'] } }
  return Plumber.check(document, { coroMap: [std, mine] }).map(({ code, pointer, message }) => [
    code,
    pointer.replace('/nodes/node/args', ''),
    message.replace(/^.*": /, ''),
  ])
}

const fn = (value: unknown) => value

describe('refused at build:', () => {
  test.each<[coro: string, args: Args, places: string[]]>([
    ['const', {}, ['/value']],
    ['const', { value: 1, count: -1 }, ['/count']],
    ['const', { value: 1, count: 1.5, times: 2 }, ['/times', '/count']],
    ['iter', {}, ['/items']],
    ['iter', { items: 'abc' }, ['/items']],
    ['range', {}, ['/end']],
    ['range', { start: 0.5, end: '9', step: 0 }, ['/start', '/end', '/step']],
    ['range', { end: Number.POSITIVE_INFINITY }, ['/end']],
    ['map', {}, ['/fn']],
    ['filter', { when: fn }, ['/fn', '/when']],
    ['flatMap', { fn, elementIndex: 1 }, ['/elementIndex']],
    ['each', { fn: [fn] }, ['/fn']],
    ['tee', { fn, onStart: 5, onDone: {} }, ['/onStart', '/onDone']],
    ['pass', { fn }, ['/fn']],
    ['batch', {}, ['/size']],
    ['batch', { size: 0 }, ['/size']],
    ['batch', { size: 2.5 }, ['/size']],
    ['window', { size: 0, step: 0, partial: 'no' }, ['/size', '/step', '/partial']],
    ['take', { count: -1 }, ['/count']],
    ['take', {}, ['/count']],
    ['takeWhile', {}, ['/fn']],
    ['skip', { count: 0.5 }, ['/count']],
    ['distinct', { fn: 5 }, ['/fn']],
    ['delay', { ms: -1 }, ['/ms']],
    ['delay', { ms: 2 ** 31 }, ['/ms']],
    ['seq', { size: 1 }, ['/size']],
    ['zip', { names: [] }, ['/names']],
    ['zip', { names: ['a', 'a'] }, ['/names']],
    ['zip', { names: ['a', 5] }, ['/names/1']],
    ['print', { prefix: 1, to: 'file' }, ['/prefix', '/to']],
    ['stamp', { label: 1, every: 0, to: 'file' }, ['/label', '/every', '/to']],
  ])('std.%s with %j', (coro, args, places) => {
    const issues = issuesOf(coro, args)
    expect(new Set(issues.map(([code]) => code))).toEqual(new Set(['PLB_CORO_ARGS']))
    expect(issues.map(([, place]) => place).sort()).toEqual([...places].sort())
  })
})

describe('the function of an arg', () => {
  test('is found by its name in the coroMap', () => {
    expect(issuesOf('map', { fn: 'text.trim' }, { text: { trim: fn } })).toEqual([])
  })

  test('is one of the names that are told where it is not found', () => {
    const document = { nodes: { in: { coro: 'std.inlet' }, a: { coro: 'std.filter', args: { fn: 'isEvn' } } } }
    const [issue] = Plumber.check({ ...document, graph: { in: ['a'] } }, { coroMap: [std, { isEven: fn }] })
    expect(issue).toMatchObject({ code: 'PLB_CORO_NOT_FOUND', pointer: '/nodes/a/args/fn' })
    expect(`${issue?.message} ${issue?.hint}`).toContain('"isEven"')
  })

  test('may be the function itself where the graph is made in code', () => {
    expect(issuesOf('map', { fn, onStart: fn, onDone: fn })).toEqual([])
  })
})

test('a ready coroutine that is not there is told apart from those that are', () => {
  const document = { nodes: { a: { coro: 'std.rnge', args: { end: 1 } } }, graph: {} }
  const [issue] = Plumber.check(document, { coroMap: std })
  expect(issue).toMatchObject({ code: 'PLB_CORO_NOT_FOUND', pointer: '/nodes/a/coro' })
  expect(`${issue?.message} ${issue?.hint}`).toContain('"std.range"')
})

test('nobody can put another coroutine under the name of a ready one', async () => {
  const mine = { 'std.range': () => ['mine'], std: { range: () => ['mine'] } }
  const document = { nodes: { a: { coro: 'std.range', args: { end: 2 } } }, graph: {} }
  expect(await new Plumber(document, { coroMap: [mine, std] }).collect()).toEqual([0, 1])
})
