import { defineCoro } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { NDJSON, recordsOf } from './client.js'
import { NAMES } from './frameworks.js'
import { line } from './graphs.js'
import { alone, serving } from './serving.js'

const serve = serving()

const user = {
  type: 'object',
  required: ['name', 'age'],
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
  additionalProperties: false,
} as const
const greet = defineCoro({ input: user, run: ({ name }: { readonly name: string }) => `Hello ${name}` })

const good = { name: 'Ann', age: 3 }
const bad = { name: 7, age: -1, extra: true }

describe.each(NAMES)('what the nodes behind the inlet ask for, %s,', (framework) => {
  test('is asked of the body, and every problem is told at once', async () => {
    const { client, pipeline } = await serve(framework, alone(line({ greet })))
    expect((await client.post(good)).json).toBe('Hello Ann')
    const { status, json } = await client.post(bad)
    expect(status).toBe(400)
    expect(json).toMatchObject({ statusCode: 400, code: 'PLB_HTTP_INPUT', error: 'Bad Request' })
    const { issues } = json as { readonly issues: readonly { readonly pointer: string; readonly message: string }[] }
    expect(new Set(issues.map(({ pointer }) => pointer))).toEqual(new Set(['/name', '/age', '/extra']))
    for (const { message } of issues) expect(message).not.toBe('')
    expect(pipeline().snapshot().nodes['in']?.received).toBe(1)
  })

  test('is asked of each line, and the first that does not fit ends it', async () => {
    const { client } = await serve(framework, alone(line({ greet }), { reply: 'ndjson' }))
    const [first, last, ...others] = recordsOf(await client.lines([good, bad, good]))
    expect(first).toEqual({ node: 'greet', value: 'Hello Ann' })
    expect(last).toMatchObject({
      error: { statusCode: 400, code: 'PLB_HTTP_INPUT', item: 2, issues: expect.any(Array) },
    })
    expect(others).toEqual([])
  })

  test('is asked of each element of an array', async () => {
    const { client } = await serve(framework, alone(line({ greet }), { body: 'array', reply: 'array' }))
    expect((await client.post([good, good])).json).toEqual(['Hello Ann', 'Hello Ann'])
    const { status, json } = await client.post([good, good, bad])
    expect([status, json]).toEqual([400, expect.objectContaining({ code: 'PLB_HTTP_INPUT', item: 3 })])
  })

  test('is asked of what the handler makes of the request', async () => {
    const { client } = await serve(framework, alone(line({ greet }), { input: () => ({ name: 'Bob' }) }))
    const { status, json } = await client.post(good)
    expect([status, json]).toEqual([400, expect.objectContaining({ code: 'PLB_HTTP_INPUT' })])
  })

  test('is asked of a body for a pipeline of its own', async () => {
    const { client } = await serve(framework, alone(line({ greet }, { mode: 'perRequest' }), { reply: 'array' }))
    expect((await client.post(bad)).json).toMatchObject({ code: 'PLB_HTTP_INPUT' })
    expect((await client.send({ type: NDJSON, body: `${JSON.stringify(bad)}\n` })).status).toBe(400)
  })

  test('may be a Standard Schema', async () => {
    const standard = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'Must be a number.', path: ['n', 0] }] },
      },
    }
    const next = defineCoro({ input: standard, run: (n: number) => n + 1 })
    const { client } = await serve(framework, alone(line({ next })))
    expect((await client.post(1)).json).toBe(2)
    const { status, json } = await client.post('1')
    expect(status).toBe(400)
    expect(json).toMatchObject({ issues: [{ pointer: '/n/0', message: '"n.0": Must be a number' }] })
  })

  test('is asked though nothing between the nodes is checked', async () => {
    const twice = defineCoro({ input: { type: 'string' }, run: (text: unknown) => `${text}${text}` })
    const { client } = await serve(framework, alone(line({ first: (n: unknown) => n, twice })))
    expect((await client.post(1)).json).toBe('11')
  })
})
