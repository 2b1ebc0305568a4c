import { getEventListeners } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Context } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { fetch as fetching } from '../../packages/std/src/fetch.js'
import { failureOf, turns, until } from '../support/blackbox.js'
import { given, lineOf, through } from './ready.js'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** What the server does at a path. */
const answers: Readonly<Record<string, Answer>> = {
  '/json': (_, response) => response.setHeader('content-type', 'application/json').end('\uFEFF{"a":[1,"é"]}'),
  '/text': (_, response) => response.end('hé'),
  '/empty': (_, response) => response.end(),
  '/none': (_, response) => response.writeHead(204).end(),
  '/echo': (request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { method, headers } = request
      response.end(JSON.stringify({ method, headers, body: Buffer.concat(pieces).toString() }))
    })
  },
  '/moved': (_, response) => response.writeHead(302, { location: '/text' }).end(),
  '/circle': (_, response) => response.writeHead(302, { location: '/circle' }).end(),
  '/busy': (_, response) => response.writeHead(503, { 'retry-after': '7' }).end('come back later'),
  '/bad-and-endless': (_, response) => {
    response.writeHead(500)
    flood(response)
  },
  '/large': (_, response) => response.end('x'.repeat(100)),
  '/endless': (_, response) => flood(response),
  '/promised': (_, response) => void response.writeHead(200, { 'content-length': '1000000' }).write('begun'),
  '/broken': (request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('begun')
    setImmediate(() => request.socket.destroy())
  },
  '/silent': () => {},
  '/stuck': (_, response) => void response.write('begun'),
}

function flood(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write('x'.repeat(1000)));
  }
  response.on('drain', more)
  more()
}

const server = createServer((request, response) => {
  const answer = answers[new URL(request.url ?? '', 'http://x').pathname]
  asked.add(request)
  response.once('close', () => asked.delete(request))
  if (answer === undefined) response.writeHead(404).end()
  else answer(request, response)
})
/** Requests that are neither answered nor given up. */
const asked = new Set<IncomingMessage>()
let base = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await (await fetch(`${base}/text`)).text() // Node's clock for all requests starts with the first one
})
// Node keeps idle connections for some seconds, and makes a new one for one that was aborted; those are no leaks.
afterEach(async () => {
  server.closeAllConnections()
  await vi.waitFor(async () => expect(await connections()).toBe(0))
  await turns()
})
afterAll(() => void server.close())

/** How many connections there are. */
const connections = (): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  )

/** What comes of one URL of the server. */
const fetched = async (path: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> =>
  (await through('fetch', [`${base}${path}`], args))[0]

/** What the fetching of a URL fails with. */
const causeOf = async (path: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> =>
  (await failureOf(() => fetched(path, args))).cause

describe('std.fetch', () => {
  test('gives the body of what each item is the URL of', async () => {
    expect(await through('fetch', [`${base}/json`, new URL(`${base}/json?b`)])).toEqual([
      { a: [1, 'é'] },
      { a: [1, 'é'] },
    ])
    expect(await fetched('/text', { as: 'text' })).toBe('hé')
    expect(await fetched('/text', { as: 'bytes' })).toEqual(Buffer.from('hé'))
    expect(await fetched('/none', { as: 'text' })).toBe('')
  })

  test('fetches once where the node has no inputs', async () => {
    expect(await given('fetch', { url: `${base}/text`, as: 'text' })).toEqual(['hé'])
    expect(await given('fetch', { url: `${base}/json` })).toEqual([{ a: [1, 'é'] }])
  })

  test('sends what an item says, and headers of every request', async () => {
    const item = { url: `${base}/echo`, method: 'put', headers: { 'x-b': '2' }, body: 'hello' }
    const [echo] = await through('fetch', [item], { headers: { 'x-a': '1', 'x-b': '1' } })
    expect(echo).toMatchObject({ method: 'PUT', body: 'hello', headers: { 'x-a': '1', 'x-b': '2' } })
  })

  test('sends a body that is no text as JSON, by POST', async () => {
    const [echo] = await through('fetch', [{ url: `${base}/echo`, body: { a: [1] } }])
    expect(echo).toMatchObject({ method: 'POST', body: '{"a":[1]}', headers: { 'content-type': 'application/json' } })
  })

  test('sends each item to one URL, if it is told to', async () => {
    const args = { url: `${base}/echo`, body: 'json', headers: { 'content-type': 'application/problem+json' } }
    const echoes = await through('fetch', ['a', { b: 1 }], args)
    expect(echoes).toMatchObject([{ body: '"a"' }, { body: '{"b":1}' }])
    expect(echoes[0]).toMatchObject({ headers: { 'content-type': 'application/problem+json' } })
  })

  test('follows to another URL, or gives that answer, or fails', async () => {
    expect(await fetched('/moved', { as: 'text' })).toBe('hé')
    const meta = await fetched('/moved', { redirect: 'manual', as: 'response-meta' })
    expect(meta).toMatchObject({ status: 302, headers: { location: '/text' }, redirected: false })
    expect(await causeOf('/moved', { redirect: 'error' })).toBeInstanceOf(Error)
    expect(await causeOf('/circle')).toMatchObject({ message: expect.stringContaining('redirect') })
  })

  test('gives what is known of an answer without its body', async () => {
    const meta = await fetched('/endless', { as: 'response-meta' })
    expect(meta).toMatchObject({ url: `${base}/endless`, status: 200, statusText: 'OK' })
    await gone('/endless')
  })

  test('takes a status that is no success, if it may', async () => {
    expect(await fetched('/busy', { okOnly: false, as: 'text' })).toBe('come back later')
  })
})

/** What is asked for now. */
const urls = (): (string | undefined)[] => [...asked].map(({ url }) => url)

/** Waits until the server knows that nobody wants that any more. */
const gone = (path: string): Promise<void> => until(() => !urls().includes(path))

describe('what fails', () => {
  test('a status that is no success: it is told, with how the body begins', async () => {
    expect(await causeOf('/busy?token=secret')).toMatchObject({
      name: 'FetchError',
      status: 503,
      retryAfter: '7',
      body: 'come back later',
      url: `${base}/busy`,
      message: `GET ${base}/busy answered 503 Service Unavailable: come back later`,
    })
  })

  test('the same with a body that does not end: the rest of it is let go', async () => {
    expect(await causeOf('/bad-and-endless')).toMatchObject({ status: 500, body: 'x'.repeat(1024) })
    await gone('/bad-and-endless')
  })

  test.each(['/large', '/endless', '/promised'])('a body that is larger than allowed: %s', async (path) => {
    const expected = `GET ${base}${path} answered with more than 99 bytes.`
    expect(await causeOf(path, { maxBytes: 99, as: 'text' })).toMatchObject({ message: expected })
    await gone(path)
    expect(await fetched('/large', { maxBytes: 100, as: 'bytes' })).toHaveLength(100)
  })

  test.each(['/silent', '/stuck'])('a server that does not answer in time: %s', async (path) => {
    const cause = await causeOf(path, { timeoutMs: 20 })
    expect(cause).toMatchObject({ name: 'TimeoutError', message: `GET ${base}${path} did not answer within 20 ms.` })
    await gone(path)
  })

  test('an answer that breaks off', async () => {
    const { message } = (await causeOf('/broken', { as: 'text' })) as Error
    expect(message).toMatch(`GET ${base}/broken failed: `)
  })

  test('a body that is no JSON', async () => {
    expect(await causeOf('/text')).toMatchObject({
      message: expect.stringMatching(/answered with no JSON: .* as "text"/),
    })
    expect(await causeOf('/empty')).toMatchObject({ message: expect.stringContaining('no JSON') })
  })

  test('a server that is not there, with the reason', async () => {
    const { cause } = await failureOf(() => through('fetch', ['http://127.0.0.1:1/x?token=secret']))
    expect(cause).toMatchObject({ message: expect.stringMatching(/^GET http:\/\/127\.0\.0\.1:1\/x failed: /) })
    expect(String(cause)).not.toContain('secret')
  })

  test.each<[item: unknown, message: string]>([
    ['nonsense', '"nonsense" is no URL.'],
    [5, 'What is to be fetched is a URL, or has one as "url", and is not 5.'],
    [{ url: 5 }, '5 is no URL.'],
    ['file:///etc/hosts', 'A URL with "file:" is not fetched; "http:" and "https:" are.'],
    [{ url: 'http://x', headers: ['a'] }, 'Headers are an object of texts, not an array of 1.'],
  ])('an item such as %j', async (item, message) => {
    expect((await failureOf(() => through('fetch', [item]))).cause).toMatchObject({ message })
  })

  test('a node whose place in the graph and args do not go together', async () => {
    const conflict = { cause: { code: 'PLB_OPTION_CONFLICT' } }
    expect(await failureOf(() => given('fetch', {}))).toMatchObject(conflict)
    expect(await failureOf(() => through('fetch', ['x'], { url: base }))).toMatchObject(conflict)
    expect(await failureOf(() => through('fetch', ['x'], { body: 'json' }))).toMatchObject(conflict)
  })
})

describe('nothing is left', () => {
  test('to listen to the signal after an answer or an error', async () => {
    const { signal } = new AbortController()
    const one = (path: string) => Promise.resolve(fetching.run(`${base}${path}`, { args: {}, signal } as Context))
    await one('/json')
    await expect(one('/busy')).rejects.toMatchObject({ status: 503 })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test.each(['/silent', '/stuck', '/endless'])('at doomsday of a request for %s', async (path) => {
    const pipeline = lineOf([['inlet'], ['fetch']]).createPipeline()
    await pipeline.put(`${base}${path}`)
    await until(() => urls().includes(path))
    const report = await pipeline.doomsday('enough')
    expect([report.outcome, report.abandoned]).toEqual(['doomed', []])
    await gone(path)
  })

  test('of an attempt that ran out of time', async () => {
    const properties = { timeoutMs: 20, onError: 'skip' } as const
    expect(await through('fetch', [`${base}/silent`], {}, properties)).toEqual([])
    await gone('/silent')
  })

  test('when the caller wants no more while several are under way', async () => {
    const started = gate()
    const plumber = lineOf([
      ['inlet'],
      ['fetch', { as: 'text' }, { workers: 3, ordered: false }],
      ['take', { count: 1 }],
    ])
    async function* items() {
      yield `${base}/silent`
      yield `${base}/stuck`
      await until(() => urls().includes('/silent') && urls().includes('/stuck'))
      started.open()
      yield `${base}/text`
    }
    expect(await plumber.collect(items())).toEqual(['hé'])
    await gone('/silent')
    await gone('/stuck')
    expect(started.isOpen).toBe(true)
  })
})
