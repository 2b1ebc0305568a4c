import { defineCoro, type SourceOutput } from '@pipelines/core'
import { concat, flow, source } from '@pipelines/flow'
import { describe, expect, test } from 'vitest'
import { all, byText, double, first, nodesOf } from './flow-support.js'

describe('a flow that begins with a ready source', () => {
  test('has its items, by whomever it is run', async () => {
    const described = source<number>('std.range', { start: 1, end: 4 }).map(double)
    expect(await described.toArray()).toEqual([2, 4, 6])
    expect(await byText(described)).toEqual([2, 4, 6])
  })

  test('can be run again, and left early', async () => {
    const numbers = source<number>('std.range', { end: 1_000_000 })
    expect(await first(2, numbers)).toEqual([0, 1])
    expect(await first(3, numbers.map(double))).toEqual([0, 2, 4])
  })

  test('is named after what it does, or as it is told', () => {
    expect(Object.keys(nodesOf(source('std.range', { end: 1 })))).toEqual(['range'])
    expect(Object.keys(nodesOf(source('std.range', { end: 1 }, { name: 'numbers' })))).toEqual(['numbers'])
  })

  test('comes together with others', async () => {
    const both = concat([source<number>('std.iter', { items: [1] }), flow([2])])
    expect((await both.toArray()).sort()).toEqual([1, 2])
  })

  test('with wrong args is an issue of the graph', async () => {
    await expect(source('std.range', { ende: 1 }).run()).rejects.toMatchObject({
      details: { issues: [{ code: 'PLB_CORO_ARGS' }, { code: 'PLB_CORO_ARGS' }] },
    })
    await expect(source('std.rang').run()).rejects.toMatchObject({
      details: { issues: [{ code: 'PLB_CORO_NOT_FOUND' }] },
    })
  })
})

describe('a flow that begins with one of its own', () => {
  test('has what its function gives', async () => {
    const upTo = (_: unknown, { args }: { readonly args: Readonly<Record<string, unknown>> }): number[] =>
      Array.from({ length: Number(args['end']) }, (_, n) => n)
    expect(await source<number>(upTo, { end: 3 }).map(double).toArray()).toEqual([0, 2, 4])
  })

  test('has what its definition puts', async () => {
    const put = defineCoro({
      kind: 'source',
      run: async (output: SourceOutput) => {
        await output.put(1)
        await output.put(2)
      },
    })
    expect(await source<number>(put).toArray()).toEqual([1, 2])
  })

  test('tells places where they are wanted', async () => {
    const items = await all(source<string>(() => ['a', 'b']).toIterable({ returnIndex: true }))
    expect(items).toEqual([
      { index: [0], value: 'a' },
      { index: [1], value: 'b' },
    ])
  })

  test('is put in order behind a merge, like any other', async () => {
    const both = concat([source<number>(() => [10, 20]), flow([11, 21])]).ordered()
    expect((await both.toArray()).map((n) => Math.floor(n / 10))).toEqual([1, 1, 2, 2])
  })
})
