import { describe, expect, test } from 'vitest'
import { recordsOf } from './client.js'
import { NAMES } from './frameworks.js'
import { line } from './graphs.js'
import { logged } from './logged.js'
import { alone, serving } from './serving.js'

const serve = serving()

/** A graph whose node throws what it is told, in place of an answer. */
const failing = (error: () => unknown) =>
  line({
    fail: () => {
      throw error()
    },
  })
const errorWith = (facts: object, message = 'a secret') => Object.assign(new Error(message), facts)
const HIDDEN = 'The request could not be answered.'

describe.each(NAMES)('an error of user code, %s', (framework) => {
  test.each([
    ['an Error', () => new Error('a secret')],
    ['an Error with a secret cause', () => new Error('out', { cause: 'a secret' })],
    ['text', () => 'a secret'],
    ['undefined', () => undefined],
    ['null', () => null],
    ['an object without a prototype', () => Object.assign(Object.create(null), { message: 'a secret' })],
    ['an Error with the status of a success', () => errorWith({ statusCode: 200 })],
    ['an Error with a status that is none', () => errorWith({ statusCode: 600, status: 0 })],
    ['an Error with the status as text', () => errorWith({ statusCode: '404' })],
    ['an Error with a code', () => errorWith({ code: 'E_SECRET' })],
  ])('that is %s is an internal one, and nothing of it is shown', async (_, error) => {
    const { client } = await serve(framework, alone(failing(error)))
    const { status, headers, json } = await client.post(1)
    expect(status).toBe(500)
    const said = { statusCode: 500, code: 'PLB_NODE_FAILED', error: 'Internal Server Error', message: HIDDEN }
    expect(json).toEqual(said)
    expect(JSON.stringify(headers).toLowerCase()).not.toContain('secret')
  })

  test.each([
    ['statusCode', { statusCode: 404 }, 404, 'PLB_NODE_FAILED', 'Not Found'],
    ['status', { status: 409 }, 409, 'PLB_NODE_FAILED', 'Conflict'],
    ['a code too', { statusCode: 422, code: 'E_ODD' }, 422, 'E_ODD', 'Unprocessable Entity'],
    ['a code that is no text', { statusCode: 400, code: 7 }, 400, 'PLB_NODE_FAILED', 'Bad Request'],
  ])('with %s below 500 is shown', async (_, facts, statusCode, code, error) => {
    const { client } = await serve(framework, alone(failing(() => errorWith(facts, 'No such thing.'))))
    const { status, json } = await client.post(1)
    expect([status, json]).toEqual([statusCode, { statusCode, code, error, message: 'No such thing.' }])
  })

  test('with a status from 500 on keeps that, and nothing else', async () => {
    const { client } = await serve(framework, alone(failing(() => errorWith({ statusCode: 502, code: 'E_SECRET' }))))
    const { status, json } = await client.post(1)
    const said = { statusCode: 502, code: 'PLB_NODE_FAILED', error: 'Bad Gateway', message: HIDDEN }
    expect([status, json]).toEqual([502, said])
  })

  test.each(['statusCode', 'status', 'message', 'code', 'headers'])(
    'whose %s throws when it is read is an internal one',
    async (property) => {
      const bad = Object.defineProperty(errorWith({ statusCode: 400 }), property, {
        get: () => {
          throw new Error('a secret')
        },
      })
      const { client } = await serve(framework, alone(failing(() => bad)))
      const { status, text } = await client.post(1)
      expect([status, text]).toEqual([500, expect.not.stringContaining('secret')])
    },
  )

  test('may have headers', async () => {
    const headers = { 'X-Limit': '3', 'retry-after': 7, 'www-authenticate': 'Bearer realm="a"' }
    const { client } = await serve(framework, alone(failing(() => errorWith({ statusCode: 401, headers }))))
    const answer = await client.post(1)
    expect(answer.headers).toMatchObject({
      'x-limit': '3',
      'retry-after': '7',
      'www-authenticate': 'Bearer realm="a"',
    })
  })

  test.each([
    ['split the answer', { 'x-a': 'a\r\nset-cookie: b=c', 'x-b\r\nset-cookie': 'd' }],
    ['be refused by the server', { 'x bad': '1', 'x-é': '1', 'x-a': 'é', '': '1' }],
    ['be no text', { 'x-a': { toString: (): string => '\n' }, 'x-b': ['a', 'b\n'] }],
  ])('may have headers that would %s, which are left out', async (_, headers) => {
    const { client } = await serve(framework, alone(failing(() => errorWith({ statusCode: 400, headers }, 'Odd.'))))
    const answer = await client.post(1)
    expect([answer.status, answer.json]).toEqual([400, expect.objectContaining({ message: 'Odd.' })])
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('x-') && name !== 'x-powered-by')).toEqual([])
    expect(answer.headers['set-cookie']).toBeUndefined()
  })

  test.each([
    ['content-length', '3'],
    ['transfer-encoding', 'gzip, chunked'],
    ['content-type', 'text/html'],
    ['content-encoding', 'gzip'],
    ['connection', 'upgrade'],
    ['upgrade', 'h2c'],
    ['trailer', 'x-late'],
  ])('cannot say by its headers what the body is (%s)', async (name, value) => {
    const { client } = await serve(
      framework,
      alone(failing(() => errorWith({ statusCode: 400, headers: { [name]: value } }, 'Odd.'))),
    )
    const { status, headers, json } = await client.post(1)
    expect([status, json]).toEqual([400, expect.objectContaining({ message: 'Odd.' })])
    expect(headers['content-type']).toMatch(/^application\/json/)
    expect((await client.post(2)).status).toBe(400)
  })

  test('may have headers that cannot be read', async () => {
    const ownKeys = (): never => {
      throw new Error('a secret')
    }
    const headers = new Proxy({}, { ownKeys })
    const { client } = await serve(framework, alone(failing(() => errorWith({ statusCode: 400, headers }))))
    expect((await client.post(1)).status).toBe(500)
  })

  test.each(['input', 'context'] as const)('thrown by "%s" is answered in the same way', async (hook) => {
    const secret = { [hook]: () => Promise.reject(new Error('a secret')) }
    const shown = { [hook]: () => Promise.reject(errorWith({ statusCode: 401 }, 'Who are you?')) }
    const graphs = { g: line({ same: (value: unknown) => value }) }
    const handlers = { '/secret': { graph: 'g', ...secret }, '/shown': { graph: 'g', ...shown } }
    const { client } = await serve(framework, { graphs, handlers })
    const [hidden, open] = [await client.post(1, { path: '/secret' }), await client.post(1, { path: '/shown' })]
    expect([hidden.status, hidden.text]).toEqual([500, expect.not.stringContaining('secret')])
    expect([open.status, open.json]).toEqual([401, expect.objectContaining({ message: 'Who are you?' })])
  })

  test.each(['ndjson', 'sse'] as const)('before the first record of %s is a status', async (reply) => {
    const { client } = await serve(
      framework,
      alone(
        failing(() => errorWith({ statusCode: 404 }, 'None.')),
        { reply },
      ),
    )
    const { status, headers, json } = await client.post(1)
    expect([status, headers['content-type']]).toEqual([404, 'application/json; charset=utf-8'])
    expect(json).toMatchObject({ statusCode: 404, message: 'None.' })
  })

  test('after the first record is the last one', async () => {
    const { client } = await serve(framework, alone(line({ late: lateError }), { reply: 'ndjson' }))
    const answer = await client.post(404)
    expect([answer.status, recordsOf(answer)]).toEqual([
      200,
      [
        { node: 'late', value: 'first' },
        { error: { statusCode: 404, code: 'PLB_NODE_FAILED', error: 'Not Found', message: 'a secret' } },
      ],
    ])
  })

  test('after the first event is the last one, and its secrets are in the log alone', async () => {
    const { logger, entries } = logged()
    const { client } = await serve(framework, alone(line({ late: lateError }), { reply: 'sse' }, { logger }))
    const { text } = await client.post(500)
    const last = { statusCode: 500, code: 'PLB_NODE_FAILED', error: 'Internal Server Error', message: HIDDEN }
    expect(text.split('\n\n').slice(1)).toEqual([`event: error\ndata: ${JSON.stringify(last)}`, ''])
    const told = entries.filter(({ level }) => level === 'error')
    expect(told).toMatchObject([{ message: 'A stream ended with an error', fields: { requestId: expect.any(String) } }])
    expect(String(Reflect.get(told[0]?.fields ?? {}, 'err'))).toContain('a secret')
  })

  test('of one request is nobody else’s', async () => {
    const picky = async (n: number): Promise<number> => {
      if (n % 3 === 0) throw errorWith({ statusCode: 422 })
      return n
    }
    const { client, facts } = await serve(framework, alone(line({ picky })))
    const numbers = Array.from({ length: 30 }, (_, n) => n)
    const answers = await Promise.all(numbers.map((n) => client.post(n)))
    expect(answers.map(({ status }) => status)).toEqual(numbers.map((n) => (n % 3 === 0 ? 422 : 200)))
    expect((await facts()).requests).toEqual({ completed: 20, failed: 10, refused: 0, left: 0 })
  })

  test('that is left out leaves no output', async () => {
    const skips = { coro: () => Promise.reject(new Error('a secret')), properties: { onError: 'skip' } }
    const { client } = await serve(framework, alone(line({ skips })))
    const { status, json, text } = await client.post(1)
    expect([status, json]).toEqual([500, expect.objectContaining({ code: 'PLB_RUN_CARDINALITY' })])
    expect(text).not.toContain('secret')
  })
})

function* lateError(statusCode: number): Generator<string> {
  yield 'first'
  throw errorWith({ statusCode })
}
