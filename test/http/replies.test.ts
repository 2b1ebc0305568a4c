import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { recordsOf } from './client.js'
import { NAMES } from './frameworks.js'
import { count, double, line } from './graphs.js'
import { alone, serving } from './serving.js'

const serve = serving()
const NONE = 'The graph gave no output for this request instead of one.'

describe.each(NAMES)('a reply, %s', (framework) => {
  test('that is a value is the one output as JSON', async () => {
    const { client } = await serve(framework, alone(line({ double })))
    const { status, headers, text } = await client.post(21)
    expect([status, text, headers['content-type']]).toEqual([200, '42', 'application/json; charset=utf-8'])
  })

  test('that is a value may be text, null, or an object', async () => {
    const { client } = await serve(framework, alone(line({ same: (value: unknown) => value })))
    for (const value of ['é', null, false, { a: [1, { b: '\n' }] }])
      expect((await client.post(value)).json).toEqual(value)
  })

  test('is as long as it is, whatever was answered before', async () => {
    const { client } = await serve(framework, alone(line({ same: (value: unknown) => value })))
    for (const length of [0, 1_000, 1, 10]) expect((await client.post('é'.repeat(length))).json).toHaveLength(length)
  })

  test('that is an array has every output, in order', async () => {
    const { client } = await serve(framework, alone(line({ count }), { reply: 'array' }))
    expect((await client.post(3)).text).toBe('[1,2,3]')
    const { status, headers, text } = await client.post(0)
    expect([status, text, headers['content-type']]).toEqual([200, '[]', 'application/json; charset=utf-8'])
  })

  test('that is NDJSON has a line for each output and one for the end', async () => {
    const { client } = await serve(framework, alone(line({ count }), { reply: 'ndjson' }))
    const { status, headers, text } = await client.post(2)
    expect([status, headers['content-type']]).toEqual([200, 'application/x-ndjson; charset=utf-8'])
    expect(text).toBe('{"node":"count","value":1}\n{"node":"count","value":2}\n{"end":{"outputs":2}}\n')
  })

  test('that is events has one for each output and one for the end', async () => {
    const { client } = await serve(framework, alone(line({ count }), { reply: 'sse' }))
    const { status, headers, text } = await client.post(2)
    expect([status, headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect(text).toBe(
      'id: 1\ndata: {"node":"count","value":1}\n\nid: 2\ndata: {"node":"count","value":2}\n\nevent: end\ndata: {"outputs":2}\n\n',
    )
  })

  test.each(['ndjson', 'sse'] as const)('that is %s is neither stored nor gathered on its way', async (reply) => {
    const { client } = await serve(framework, alone(line({ count }), { reply }))
    const { headers } = await client.post(1)
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    expect(headers['content-length']).toBeUndefined()
  })

  test('that is a stream without outputs is its end alone', async () => {
    const { client } = await serve(framework, alone(line({ count }), { reply: 'ndjson' }))
    expect(recordsOf(await client.post(0))).toEqual([{ end: { outputs: 0 } }])
  })

  test.each([0, 2])('that is to be one value is an error where there are %i', async (outputs) => {
    const { client } = await serve(framework, alone(line({ count })))
    const { status, json } = await client.post(outputs)
    expect(status).toBe(500)
    expect(json).toEqual({
      statusCode: 500,
      code: 'PLB_RUN_CARDINALITY',
      error: 'Internal Server Error',
      message: outputs === 0 ? NONE : 'The graph gave more than 1 output for this request.',
    })
  })

  test('that is a stream brings each output as soon as it is made', async () => {
    const open = gate()
    async function* slowly(): AsyncGenerator<number> {
      yield 1
      await open.opened
      yield 2
    }
    const { client } = await serve(framework, alone(line({ slowly }), { reply: 'ndjson' }))
    const stream = await client.open({ body: '0' })
    expect(await stream.next()).toBe('{"node":"slowly","value":1}')
    open.open()
    expect(await stream.rest()).toEqual(['{"node":"slowly","value":2}', '{"end":{"outputs":2}}'])
  })

  test('that is events is kept alive by comments while there is nothing to say', async () => {
    const open = gate()
    const late = (n: number) => open.opened.then(() => n)
    const { client } = await serve(framework, alone(line({ late }), { reply: 'sse', heartbeatMs: 5 }))
    const stream = await client.open({ body: '7' }, '\n\n')
    expect([await stream.next(), await stream.next()]).toEqual([':', ':'])
    open.open()
    const rest = (await stream.rest()).filter((record) => record !== ':')
    expect(rest).toEqual(['id: 1\ndata: {"node":"late","value":7}', 'event: end\ndata: {"outputs":1}'])
  })

  test.each(['value', 'array', 'ndjson', 'sse'] as const)(
    '%s that cannot be written as JSON is an error',
    async (reply) => {
      const { client } = await serve(framework, alone(line({ big: () => 1n }), { reply }))
      const { status, json } = await client.post(1)
      expect([status, json]).toEqual([500, expect.objectContaining({ code: 'PLB_HTTP_OUTPUT' })])
    },
  )

  test('that has too many outputs for an array is an error', async () => {
    const { client } = await serve(framework, alone(line({ count }), { reply: 'array', maxOutputs: 3 }))
    expect((await client.post(3)).json).toEqual([1, 2, 3])
    const { status, json } = await client.post(1_000)
    expect([status, json]).toEqual([500, expect.objectContaining({ code: 'PLB_RUN_CARDINALITY' })])
  })
})
