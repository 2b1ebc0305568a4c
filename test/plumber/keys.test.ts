import { type CoroDefinition, defineCoro } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { describe, expect, test } from 'vitest'
import { build, buildAsync, check } from '../../packages/plumber/src/build.js'

const same = (value: unknown): unknown => value
const length = (text: string): number => text.length

const documentOf = (partitionBy: string, nodes: object = {}): object => ({
  nodes: { src: { coro: 'same' }, mid: { coro: 'same', properties: { partitionBy, workers: 2 } }, ...nodes },
  graph: { src: ['mid'] },
})
const placesOf = (document: object, more: object): string[] =>
  check(document, { coroMap: { same, ...more } }).map(({ code, pointer }) => `${code} ${pointer}`)
const AT = '/nodes/mid/properties/partitionBy'

describe('what a node partitions by', () => {
  test('is a function of the coroMap, in the plan', () => {
    const { plan, graph } = build(documentOf('text.length'), { coroMap: { same, text: { length } } })
    expect(plan?.nodes[1]?.partitionBy).toBe(length)
    expect(plan?.nodes[0]).not.toHaveProperty('partitionBy')
    expect(graph?.nodes['mid']?.properties.partitionBy).toBe('text.length')
  })

  test('may be a definition, which finds its own keys', () => {
    const key = defineCoro({ run: (n: number) => n % 2, oneToOne: true })
    const own = { ...key, factor: 3, run: (n: number) => n } as CoroDefinition & { factor: number }
    own.run = function run(this: typeof own, n: number) {
      return n % this.factor
    } as never
    const { plan } = build(documentOf('key'), { coroMap: { same, key: defineCoro(own) } })
    const { partitionBy } = plan?.nodes[1] ?? {}
    expect([4, 5, 6].map((n) => partitionBy?.(n, {} as never))).toEqual([1, 2, 0])
  })

  test('is waited for where the coroMap answers with promises', async () => {
    const later = async (ref: string): Promise<unknown> => (ref === 'key' ? length : same)
    const { plan } = await buildAsync(documentOf('key'), { coroMap: later })
    expect(plan?.nodes[1]?.partitionBy).toBe(length)
    const [issue] = build(documentOf('key', { mid: mid('key') }), {
      coroMap: (ref: string) => (ref === 'key' ? later(ref) : same),
    }).issues
    expect(issue).toMatchObject({ code: 'PLB_CORO_ASYNC', pointer: AT })
    await expect(Plumber.create(documentOf('key') as never, { coroMap: later })).resolves.toBeInstanceOf(Plumber)
  })

  test('is looked for as any coroutine is', () => {
    const [issue, ...others] = check(documentOf('lenght'), { coroMap: { same, length } })
    expect(others).toEqual([])
    expect(issue).toMatchObject({ code: 'PLB_CORO_NOT_FOUND', pointer: AT })
    expect(issue?.hint).toBe('Did you mean "length"?')
    for (const name of ['constructor', 'toString', '__proto__', 'same.name'])
      expect(placesOf(documentOf(name), {})).toEqual([`PLB_CORO_NOT_FOUND ${AT}`])
    expect(placesOf(documentOf('key'), { key: 5 })).toEqual([`PLB_CORO_NOT_FUNCTION ${AT}`])
  })

  test('is not looked for where there is no coroMap', () => {
    expect(check(documentOf('key'))).toEqual([])
    expect(check(documentOf('std.key'))).toEqual([])
    expect(placesOf(documentOf('std.key'), {})).toEqual([`PLB_CORO_NOT_FOUND ${AT}`])
  })

  test.each<[string, unknown, string]>([
    ['a source', defineCoro({ kind: 'source', run: same }), 'is of kind "source"'],
    ['a stream', defineCoro({ kind: 'stream', run: same }), 'is of kind "stream"'],
    ['one with "setup"', defineCoro({ setup: () => 1, run: same }), 'has "setup"'],
    ['one with "flush"', defineCoro({ flush: () => 1, run: same }), 'has "flush"'],
    ['one with "teardown"', defineCoro({ teardown: () => 1, run: same }), 'has "teardown"'],
    ['one with args', defineCoro({ args: {}, run: same }), 'has "args"'],
    ['one with refs', defineCoro({ refs: ['f'], run: same }), 'has "refs"'],
    ['a generator', function* () {}, 'is a generator'],
  ])('cannot be %s', (_what, key, why) => {
    const [issue, ...others] = check(documentOf('key'), { coroMap: { same, key } })
    expect(others).toEqual([])
    expect(issue).toMatchObject({ code: 'PLB_CORO_TYPE', pointer: AT })
    expect(issue?.message).toContain(`takes its keys from the coroutine "key", which ${why}. Use a function`)
  })

  test('cannot be an inlet', () => {
    expect(placesOf(documentOf('std.inlet'), {})).toEqual([`PLB_CORO_TYPE ${AT}`])
  })
})

function mid(partitionBy: string): object {
  return { coro: 'same', properties: { partitionBy } }
}
