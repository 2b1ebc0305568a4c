import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { JSON_TYPE, NDJSON, upload } from './client.js'
import { NAMES } from './frameworks.js'
import { double, held, line } from './graphs.js'
import { alone, eventually, serving } from './serving.js'
import { announced, slowly } from './wires.js'

const serve = serving()
const same = line({ same: (value: unknown) => value })
/** Fastify reads JSON by its own parser, before any handler. */
const READ_HERE = NAMES.filter((name) => name !== 'fastify')

describe.each(NAMES)('a body, %s', (framework) => {
  test.each([
    ['not JSON', '{"a":'],
    ['empty', ''],
    ['two values', '1 2'],
    ['one that names a prototype', '{"a":{"__proto__":{"b":1}}}'],
    ['one that names the prototype of a constructor', '{"constructor":{"prototype":{"b":1}}}'],
  ])('that is %s is refused, and no node is called with it', async (_, body) => {
    const { client, pipeline } = await serve(framework, alone(same))
    const { status, json } = await client.send({ body })
    expect([status, json]).toEqual([400, expect.objectContaining({ statusCode: 400, error: 'Bad Request' })])
    expect(pipeline().snapshot().nodes['in']?.received).toBe(0)
  })

  test.each(['application/xml', 'application/jsonx', 'x', undefined])('of the type %s is refused', async (type) => {
    const { client } = await serve(framework, alone(same))
    const { status, json } = await client.send({ type, body: '1' })
    expect([status, json]).toEqual([415, expect.objectContaining({ error: 'Unsupported Media Type' })])
  })

  test.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;charset="UTF-8"'])(
    'of the type %s is JSON',
    async (type) => {
      const { client } = await serve(framework, alone(same))
      expect((await client.send({ type, body: '"é"' })).json).toBe('é')
    },
  )

  test('may come in pieces', async () => {
    const { client } = await serve(framework, alone(same))
    const body = upload('{"a"', ':[1,')
    const answer = client.send({ body })
    body.end('2]}')
    expect((await answer).json).toEqual({ a: [1, 2] })
  })

  test('that is an array gives each element to the graph, and the answers in their order', async () => {
    const gates = [gate(), gate(), gate()]
    const late = async (n: number) => {
      await gates[n]?.opened
      gates[n - 1]?.open()
      return n
    }
    const graph = line({ late: { coro: late, properties: { workers: 3 } } })
    const { client } = await serve(framework, alone(graph, { body: 'array', reply: 'array' }))
    const answer = client.post([0, 1, 2])
    gates[2]?.open()
    expect((await answer).json).toEqual([0, 1, 2])
  })

  test('that should be an array and is none is refused', async () => {
    const { client } = await serve(framework, alone(same, { body: 'array' }))
    const { status, json } = await client.post({ length: 1 })
    expect(status).toBe(400)
    expect(json).toMatchObject({ code: 'PLB_HTTP_BODY_INVALID', message: 'The body is no array.' })
  })

  test('of which an element fails ends with that error, and says which it is', async () => {
    const picky = (n: number): number => {
      if (n < 0) throw Object.assign(new Error('Below zero.'), { statusCode: 422 })
      return n
    }
    const { client } = await serve(framework, alone(line({ picky }), { body: 'array', reply: 'array' }))
    const { status, json } = await client.post([1, 2, -3, -4])
    expect(status).toBe(422)
    expect(json).toMatchObject({ item: 3, message: 'Below zero.' })
  })

  test('is not looked at where the value is made from the request', async () => {
    const urlOf = (request: { readonly url: string }) => new URL(request.url, 'http://host').searchParams.get('n')
    const { client } = await serve(framework, alone(same, { input: urlOf }))
    expect((await client.get('/?n=7')).json).toBe('7')
  })

  test('goes to the inlet that the handler names', async () => {
    const nodes = { a: { coro: 'std.inlet' }, b: { coro: 'std.inlet' }, a2: { coro: double }, b2: { coro: () => 'b' } }
    const graphs = { two: { graph: { nodes, graph: { a: ['a2'], b: ['b2'] } }, inlet: 'a' } }
    const handlers = { '/a': { graph: 'two' }, '/b': { graph: 'two', inlet: 'b' } }
    const { client } = await serve(framework, { graphs, handlers })
    expect([(await client.post(2, { path: '/a' })).json, (await client.post(2, { path: '/b' })).json]).toEqual([4, 'b'])
  })

  test('that was read is no sign that its client has left', async () => {
    const open = gate()
    const signals: AbortSignal[] = []
    const late = async (n: number, { signal }: { readonly signal: AbortSignal }) => {
      signals.push(signal)
      await open.opened
      return n
    }
    const { client } = await serve(framework, alone(line({ late })))
    const answer = client.post(1)
    await eventually(() => signals.length).toBe(1)
    for (let i = 0; i < 10; i++) await client.get('/-/health') // the body has long been read, and its stream closed
    expect(signals[0]?.aborted).toBe(false)
    open.open()
    expect((await answer).json).toBe(1)
  })
})

describe.each(READ_HERE)('a body that the library reads, %s', (framework) => {
  test.each([
    ['{"a":', 'is not JSON, or names what it must not'],
    ['{"__proto__":1}', 'is not JSON, or names what it must not'],
    ['', 'is empty'],
    [Uint8Array.of(0x22, 0xff, 0x22), 'is not UTF-8'],
  ])('%j is refused with what is wrong', async (body, what) => {
    const { client } = await serve(framework, alone(same))
    const { status, json, headers } = await client.send({ body })
    expect([status, headers['content-type']]).toEqual([400, 'application/json; charset=utf-8'])
    expect(json).toEqual({
      statusCode: 400,
      code: 'PLB_HTTP_BODY_INVALID',
      error: 'Bad Request',
      message: `The body ${what}.`,
    })
  })

  test('may be of a type that is JSON too', async () => {
    const { client } = await serve(framework, alone(same))
    expect((await client.send({ type: 'application/vnd.api+json', body: '[1]' })).json).toEqual([1])
  })

  test('that is compressed is refused', async () => {
    const { client } = await serve(framework, alone(same))
    const { status, json } = await client.post(1, { headers: { 'content-encoding': 'gzip' } })
    expect([status, json]).toEqual([415, expect.objectContaining({ code: 'PLB_HTTP_MEDIA_TYPE' })])
  })

  test.each(['ndjson', 'value'] as const)('of another type than the handler takes (%s) is refused', async (body) => {
    const { client } = await serve(framework, alone(same, { body }))
    const { status, json } = await client.send({ type: body === 'value' ? NDJSON : JSON_TYPE, body: '1' })
    expect([status, json]).toEqual([415, expect.objectContaining({ code: 'PLB_HTTP_MEDIA_TYPE' })])
  })

  test('may have as many bytes as are allowed, and not one more', async () => {
    const { client } = await serve(framework, alone(same, { bodyLimit: 10 }))
    expect((await client.send({ body: '"01234567"' })).json).toBe('01234567')
    const { status, json } = await client.send({ body: '"012345678"' })
    expect(status).toBe(413)
    expect(json).toMatchObject({ code: 'PLB_HTTP_BODY_TOO_LARGE', message: 'The body is larger than 10 bytes.' })
  })

  test('that is said to be too large is refused before any of it has come', async () => {
    const { url } = await serve(framework, alone(same, { bodyLimit: 10 }))
    const slow = await announced(url, JSON_TYPE, 12)
    expect(await slow.statusAt('larger than 10 bytes.')).toBe(413)
    await slow.finish()
  })

  test('of unknown length is counted while it comes', async () => {
    const { url } = await serve(framework, alone(same, { bodyLimit: 10 }))
    const slow = await slowly(url, JSON_TYPE)
    slow.send('"01234')
    slow.send('56789')
    expect(await slow.statusAt('larger than 10 bytes.')).toBe(413)
    await slow.finish()
  })

  test('that does not come to its end is waited for only so long', async () => {
    const { url } = await serve(framework, alone(same, { bodyTimeoutMs: 30 }))
    const slow = await slowly(url, JSON_TYPE)
    slow.send('"0')
    expect(await slow.statusAt('Nothing complete came of the body for 30 ms.')).toBe(408)
    await slow.finish()
  })

  test('that is refused does not count as in progress', async () => {
    const open = gate()
    const { client, facts } = await serve(framework, alone(line({ held: held(open) }), { bodyLimit: 10 }))
    await client.send({ body: '' })
    await client.send({ body: '"0123456789"' })
    expect(await facts()).toMatchObject({ inFlight: 0, requests: { failed: 2, completed: 0 } })
  })
})
