import { defineCoro, type Schema, type StandardResult } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { build } from '../../packages/plumber/src/build.js'

const run = (): number => 1

function builtWith(definition: object, args: object, more: object = {}): ReturnType<typeof build> {
  const coroMap = { x: defineCoro({ run, ...definition }), ...more }
  return build({ nodes: { n: { coro: 'x', args } }, graph: {} }, { coroMap })
}

const standard = (validate: (value: unknown) => StandardResult | Promise<StandardResult>): Schema => ({
  '~standard': { version: 1, vendor: 'test', validate },
})

describe('args and a JSON Schema', () => {
  const args = { type: 'object', properties: { count: { type: 'integer', default: 7 } }, additionalProperties: false }

  test('that fits changes nothing, not even a default', () => {
    expect(builtWith({ args }, { count: 3 }).plan?.nodes[0]?.args).toEqual({ count: 3 })
    expect(builtWith({ args }, {}).plan?.nodes[0]?.args).toEqual({})
  })

  test('that does not fit gives one issue for each value', () => {
    const { issues } = builtWith({ args }, { count: '3', cuont: 4 })
    expect(issues.map(({ code, pointer, message }) => `${code} ${pointer}: ${message}`)).toMatchInlineSnapshot(`
      [
        "PLB_CORO_ARGS /nodes/n/args/cuont: The args of node "n" do not fit the coroutine "x": "args" has the unknown key "cuont". Did you mean "count"?",
        "PLB_CORO_ARGS /nodes/n/args/count: The args of node "n" do not fit the coroutine "x": "count" must be an integer, got "3".",
      ]
    `)
  })

  test('of 2020-12 is understood', () => {
    const tuple = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      properties: { at: { prefixItems: [{ type: 'string' }] } },
    }
    expect(builtWith({ args: tuple }, { at: [1] }).issues.map(({ pointer }) => pointer)).toEqual(['/nodes/n/args/at/0'])
  })

  test('that is no schema is the fault of the coroutine', () => {
    const { issues } = builtWith({ args: { type: 'objekt' } }, {})
    expect(issues).toEqual([expect.objectContaining({ code: 'PLB_CORO_TYPE', pointer: '/nodes/n/coro' })])
  })
})

describe('args and a Standard Schema', () => {
  test('go to the coroutine as the schema made them', () => {
    const args = standard((value) => ({ value: { ...(value as object), more: 1 } }))
    const { plan, graph } = builtWith({ args }, { a: 1 })
    expect(plan?.nodes[0]?.args).toEqual({ a: 1, more: 1 })
    expect(graph?.nodes['n']?.args).toEqual({ a: 1 })
  })

  test('give its issues with their places', () => {
    const args = standard(() => ({ issues: [{ message: 'Too small.', path: ['list', { key: 0 }] }] }))
    expect(builtWith({ args }, {}).issues).toEqual([
      expect.objectContaining({
        pointer: '/nodes/n/args/list/0',
        message: expect.stringContaining('"list.0": Too small.'),
      }),
    ])
  })

  test.each([
    ['a promise', standard(async () => ({ value: {} }))],
    ['a rejection', standard(() => Promise.reject(new Error('late')))],
    [
      'a throw',
      standard(() => {
        throw new Error('broken')
      }),
    ],
    ['a text', standard(() => ({ value: 'text' }))],
  ])('that answers with %s is refused', (_what, args) => {
    expect(builtWith({ args }, {}).issues).toHaveLength(1)
  })
})

describe('refs', () => {
  const other = (): number => 2
  const hooked = defineCoro({ run: other })

  test('are replaced by the functions, alone and in lists', () => {
    const { plan } = builtWith(
      { refs: ['by', 'all', 'none'] },
      { by: 'other', all: ['other', 'hooked'], kept: 'other' },
      { other, hooked },
    )
    const args = plan?.nodes[0]?.args
    expect(args).toMatchObject({ by: other, all: [other, expect.any(Function)], kept: 'other' })
    expect(args).not.toHaveProperty('none')
    const all = (args?.['all'] ?? []) as (() => unknown)[]
    expect(all.map((call) => call())).toEqual([2, 2])
  })

  test('may be functions already', () => {
    expect(builtWith({ refs: ['by'] }, { by: other }).plan?.nodes[0]?.args['by']).toBe(other)
  })

  test('that are not found, or no names, are issues at their place', () => {
    const { issues } = builtWith({ refs: ['by', 'all'] }, { by: 'othr', all: ['other', 5] }, { other })
    expect(issues.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
      'PLB_CORO_NOT_FOUND /nodes/n/args/by',
      'PLB_CORO_ARGS /nodes/n/args/all/1',
    ])
  })
})
