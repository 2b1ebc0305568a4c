import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { NDJSON, recordsOf, upload } from './client.js'
import { NAMES } from './frameworks.js'
import { count, double, having, line } from './graphs.js'
import { alone, serving } from './serving.js'
import { slowly } from './wires.js'

const serve = serving()
const ndjson = { reply: 'ndjson' } as const
const same = line({ same: (value: unknown) => value })
const valuesOf = (answer: { readonly text: string }) =>
  recordsOf(answer).flatMap((record) =>
    Object.hasOwn(record as object, 'value') ? [Reflect.get(record as object, 'value')] : [],
  )

describe.each(NAMES)('a body of lines, %s', (framework) => {
  test('gives each line to the graph', async () => {
    const { client } = await serve(framework, alone(line({ double }), ndjson))
    const answer = await client.lines([1, 2, 3])
    expect(valuesOf(answer)).toEqual([2, 4, 6])
    expect(recordsOf(answer).at(-1)).toEqual({ end: { outputs: 3 } })
  })

  test.each(['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-ndjson; charset=utf-8'])(
    'may be of the type %s',
    async (type) => {
      const { client } = await serve(framework, alone(line({ double }), ndjson))
      expect(valuesOf(await client.lines([4], { type }))).toEqual([8])
    },
  )

  test('is answered line by line, before the next line is sent', async () => {
    const { client } = await serve(framework, alone(line({ double }), ndjson))
    const body = upload('1\n')
    const stream = await client.open({ type: NDJSON, body })
    expect(await stream.next()).toBe('{"node":"double","value":2}')
    body.write('2\n')
    expect(await stream.next()).toBe('{"node":"double","value":4}')
    body.end()
    expect(await stream.rest()).toEqual(['{"end":{"outputs":2}}'])
  })

  test('is answered in the order of its lines, whichever is done first', async () => {
    const gates = [gate(), gate(), gate(), gate()]
    const late = async (n: number) => {
      await gates[n]?.opened
      gates[n - 1]?.open()
      return n
    }
    const graph = line({ late: having({ workers: 4, ordered: false }, late) })
    const { client } = await serve(framework, alone(graph, ndjson))
    const answer = client.lines([0, 1, 2, 3])
    gates[3]?.open()
    expect(valuesOf(await answer)).toEqual([0, 1, 2, 3])
  })

  test('may give any number of outputs for each', async () => {
    const { client } = await serve(framework, alone(line({ count }), { reply: 'array' }))
    expect((await client.lines([2, 0, 3])).json).toEqual([1, 2, 1, 2, 3])
  })

  test('may be answered by events', async () => {
    const { client } = await serve(framework, alone(line({ double }), { reply: 'sse' }))
    const { text } = await client.lines([1, 2])
    expect(text).toContain('id: 2\ndata: {"node":"double","value":4}\n\nevent: end\ndata: {"outputs":2}\n\n')
  })

  test.each([
    ['blank lines', '1\n\n \t\n2\n\n', [1, 2]],
    ['carriage returns', '1\r\n{"a":2}\r\n\r\n3\r\n', [1, { a: 2 }, 3]],
    ['no newline at the end', '1\n2', [1, 2]],
    ['a byte order mark', '\uFEFF1\n2\n', [1, 2]],
    ['nothing at all', '', []],
    ['nothing but newlines', '\n\n\n', []],
    ['newlines that are escaped', '"a\\nb"\n"c"\n', ['a\nb', 'c']],
    ['a line separator of Unicode', '"a\u2028b"\n', ['a\u2028b']],
  ])('may have %s', async (_, body, values) => {
    const { client } = await serve(framework, alone(same, ndjson))
    expect(valuesOf(await client.send({ type: NDJSON, body }))).toEqual(values)
  })

  test('may have a character whose bytes come apart', async () => {
    const { client } = await serve(framework, alone(same, ndjson))
    const [first, ...others] = Buffer.from('€')
    const body = upload('1\n"')
    body.write(Uint8Array.of(first ?? 0))
    const stream = await client.open({ type: NDJSON, body })
    await stream.next()
    body.write(Uint8Array.from(others))
    body.end('"\n')
    expect(await stream.next()).toBe('{"node":"same","value":"€"}')
  })

  test('may have many lines', async () => {
    const values = Array.from({ length: 2_000 }, (_, n) => n)
    const { client } = await serve(framework, alone(same, ndjson))
    expect(valuesOf(await client.lines(values))).toEqual(values)
  })

  test('may be longer than the limit, which is one of lines', async () => {
    const { client } = await serve(framework, alone(same, { ...ndjson, bodyLimit: 10 }))
    expect(valuesOf(await client.lines(Array(20).fill('01234567')))).toHaveLength(20)
  })

  test('of which the first line is too long is refused', async () => {
    const { client } = await serve(framework, alone(same, { ...ndjson, bodyLimit: 10 }))
    const { status, json } = await client.lines(['012345678'])
    expect(status).toBe(413)
    expect(json).toMatchObject({ code: 'PLB_HTTP_BODY_TOO_LARGE', item: 1 })
  })

  test('of which a line is too long is refused before the line has ended', async () => {
    const { url } = await serve(framework, alone(same, { ...ndjson, bodyLimit: 10 }))
    const slow = await slowly(url, NDJSON)
    slow.send('"01234')
    slow.send('567890')
    expect(await slow.statusAt('larger than 10 bytes.')).toBe(413)
    await slow.finish()
  })

  test.each([
    ['no JSON', '{'],
    ['too long', '"0123456789012345678901"'],
    ['not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['naming a prototype', '{"__proto__":1}'],
  ])('of which a later line is %s gives what came before, and then that error', async (_, bad) => {
    const { client } = await serve(framework, alone(line({ double }), { ...ndjson, bodyLimit: 20 }))
    const body = Buffer.concat([Buffer.from('1\n\n2\n'), Buffer.from(bad), Buffer.from('\n3\n')])
    const [first, second, last, ...others] = recordsOf(await client.send({ type: NDJSON, body }))
    expect([first, second]).toEqual([
      { node: 'double', value: 2 },
      { node: 'double', value: 4 },
    ])
    expect(last).toMatchObject({
      error: { item: 4, statusCode: expect.any(Number), code: expect.stringMatching(/^PLB_HTTP_BODY/) },
    })
    expect(others).toEqual([])
  })

  test('ends with the first line that fails, after the answers before it', async () => {
    const picky = (n: number): number => {
      if (n < 0) throw Object.assign(new Error('Below zero.'), { statusCode: 422, code: 'E_BELOW' })
      return n
    }
    const { client } = await serve(framework, alone(line({ picky }), ndjson))
    const { text } = await client.send({ type: NDJSON, body: '1\n\n2\n-3\n-4\n5\n' })
    expect(recordsOf({ text })).toEqual([
      { node: 'picky', value: 1 },
      { node: 'picky', value: 2 },
      { error: { statusCode: 422, code: 'E_BELOW', error: 'Unprocessable Entity', message: 'Below zero.', item: 4 } },
    ])
  })

  test('whose first line fails is answered by a status', async () => {
    const { client } = await serve(framework, alone(line({ fail: () => Promise.reject(new Error('no')) }), ndjson))
    const { status, json } = await client.lines([1, 2])
    expect([status, json]).toEqual([500, expect.objectContaining({ code: 'PLB_NODE_FAILED', item: 1 })])
  })

  test('may not be compressed', async () => {
    const { client } = await serve(framework, alone(same, ndjson))
    const { status, json } = await client.lines([1], { headers: { 'content-encoding': 'gzip' } })
    expect([status, json]).toEqual([415, expect.objectContaining({ code: 'PLB_HTTP_MEDIA_TYPE' })])
  })

  test('whose next line does not come is waited for only so long', async () => {
    const { url } = await serve(framework, alone(same, { ...ndjson, bodyTimeoutMs: 200 }))
    const slow = await slowly(url, NDJSON)
    slow.send('1\n2')
    expect(await slow.statusAt('"PLB_HTTP_BODY_TIMEOUT"')).toBe(200)
    expect(await slow.until('}')).toContain('{"node":"same","value":1}\n')
    await slow.finish()
  })

  test('that does not begin is waited for only so long', async () => {
    const { url } = await serve(framework, alone(same, { ...ndjson, bodyTimeoutMs: 30 }))
    const slow = await slowly(url, NDJSON)
    expect(await slow.statusAt('"PLB_HTTP_BODY_TIMEOUT"')).toBe(408)
    await slow.finish()
  })

  test('has no time limit while the graph is at work', async () => {
    const open = gate()
    const late = (n: number) => open.opened.then(() => n)
    const { client } = await serve(framework, alone(line({ late }), { ...ndjson, bodyTimeoutMs: 10, itemsInFlight: 1 }))
    const answer = client.lines([1, 2])
    await new Promise((resolve) => setTimeout(resolve, 40))
    open.open()
    expect(valuesOf(await answer)).toEqual([1, 2])
  })
})
