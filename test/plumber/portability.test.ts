import { defineCoro, type Executor, inline, type NodeCode, type Refusal } from '@pipelines/core'
import { moduleCoros, Plumber } from '@pipelines/plumber'
import { describe, expect, test } from 'vitest'
import { failureOf } from '../support/blackbox.js'

const url = new URL('../workers/coros/named.mjs', import.meta.url)

/** An executor that says what it is asked about, and refuses what it is told to. */
function picky(refusals: readonly Refusal[] = []): { executor: Executor; asked: NodeCode[] } {
  const asked: NodeCode[] = []
  const refuses = (code: NodeCode): readonly Refusal[] => {
    asked.push(code)
    return refusals
  }
  return { executor: { name: 'picky', refuses, open: inline.open }, asked }
}

function build(executor: Executor, node: object, coros: object = {}): Promise<Plumber> {
  const nodes = { src: { coro: 'src' }, a: { properties: { executor: 'picky' }, ...node } }
  const coroMap = [{ src: () => [1], ...coros }, moduleCoros(url)]
  return Plumber.create({ nodes, graph: { src: ['a'] } } as never, { coroMap, executors: [executor] } as never)
}

describe('an executor that may refuse', () => {
  test('is told where a coroutine comes from', async () => {
    const { executor, asked } = picky()
    await build(executor, { coro: 'group.deep.plain', args: { n: 1 } })
    expect(asked).toMatchObject([
      { node: 'a', args: { n: 1 }, origin: { module: url.href, export: 'group.deep.plain' } },
    ])
  })

  test('is told of no origin where there is none', async () => {
    const { executor, asked } = picky()
    await build(executor, { coro: 'mine' }, { mine: (n: number) => n })
    expect(asked[0]?.origin).toBeUndefined()
  })

  test('is told of the coroutines in args, with their places', async () => {
    const { executor, asked } = picky()
    const mine = defineCoro({ refs: ['one', 'many'], run: (n: number) => n })
    await build(executor, { coro: 'mine', args: { one: 'plain', many: ['plain', 'local'] } }, { mine, local: () => 1 })
    expect(asked[0]?.references).toEqual([
      { arg: 'one', origin: { module: url.href, export: 'plain' } },
      { arg: 'many', place: 0, origin: { module: url.href, export: 'plain' } },
      { arg: 'many', place: 1, origin: undefined },
    ])
  })

  test('is not asked about the nodes of others', async () => {
    const { executor, asked } = picky()
    await build(executor, { coro: 'plain', properties: {} })
    expect(asked).toEqual([])
  })

  test('makes issues of all that it refuses, at the coroutine and at args', async () => {
    const refusals = [
      { what: 'it is too heavy', hint: 'Make it lighter.' },
      { arg: 'n', what: 'its arg "n" is odd', hint: 'Make it even.' },
    ]
    const error = await failureOf(() => build(picky(refusals).executor, { coro: 'plain', args: { n: 1 } }))
    expect(error).toMatchObject({
      code: 'PLB_GRAPH_INVALID',
      details: {
        issues: [
          {
            code: 'PLB_CORO_NOT_PORTABLE',
            pointer: '/nodes/a/coro',
            message: expect.stringContaining('"picky", but it is too heavy.'),
          },
          { code: 'PLB_CORO_NOT_PORTABLE', pointer: '/nodes/a/args/n', hint: 'Make it even.' },
        ],
      },
    })
  })

  test('that throws refuses', async () => {
    const executor: Executor = {
      ...picky().executor,
      refuses: () => {
        throw new Error('mine')
      },
    }
    const error = await failureOf(() => build(executor, { coro: 'plain' }))
    expect(error).toMatchObject({
      details: { issues: [{ code: 'PLB_CORO_NOT_PORTABLE', message: expect.stringContaining('mine') }] },
    })
  })
})
