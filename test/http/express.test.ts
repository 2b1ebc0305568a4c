import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Context } from '@pipelines/core'
import { HttpError } from '@pipelines/http'
import { type ExpressPipelines, pipelines } from '@pipelines/http/express'
import { gate } from '@pipelines/testkit'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { aborted } from '../support/blackbox.js'
import { Client } from './client.js'
import { count, double, held, line } from './graphs.js'
import { eventually } from './serving.js'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** An app that listens. */
async function listening(app: Express, service: ExpressPipelines<string>): Promise<{ client: Client; server: Server }> {
  await service.start()
  const server = createServer(app).listen(0, '127.0.0.1')
  service.attach(server)
  await once(server, 'listening')
  const client = new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) // it listens by TCP
  closers.push(
    () => service.close(),
    () => client.close(),
  )
  return { client, server }
}

/** Answers errors, and keeps them. */
function keeping(): { readonly errors: unknown[]; readonly handler: ErrorRequestHandler } {
  const errors: unknown[] = []
  const handler: ErrorRequestHandler = (error, _request, response, _next) => {
    errors.push(error)
    response.status(error.status).json({ mine: error.code })
  }
  return { errors, handler }
}

/** An app that answers errors by pages, and says nothing of them. */
function paging(): Express {
  const told = vi.spyOn(console, 'error').mockImplementation(() => {})
  closers.push(async () => told.mockRestore())
  return express().set('env', 'production')
}

describe('pipelines in Express', () => {
  test('take what express.json() has read', async () => {
    const service = pipelines({ graphs: { g: line({ double: ({ n }: { readonly n: number }) => n * 2 }) } })
    const app = express().use(express.json()).post('/', service.graphs.g.handler())
    const { client } = await listening(app, service)
    expect((await client.post({ n: 4 })).json).toBe(8)
  })

  test('take an array that express.json() has read element by element', async () => {
    const service = pipelines({ graphs: { g: line({ double }, { body: 'array', reply: 'array' }) } })
    const app = express().use(express.json()).post('/', service.graphs.g.handler())
    const { client } = await listening(app, service)
    expect((await client.post([1, 2])).json).toEqual([2, 4])
  })

  test('take lines, which express.json() leaves alone', async () => {
    const service = pipelines({ graphs: { g: line({ double }, { reply: 'array' }) } })
    const app = express().use(express.json()).post('/', service.graphs.g.handler())
    const { client } = await listening(app, service)
    expect((await client.lines([1, 2])).json).toEqual([2, 4])
  })

  test('give errors to the handler of errors that the app has', async () => {
    const { errors, handler } = keeping()
    const service = pipelines({ graphs: { g: line({ fail: () => Promise.reject(new Error('a secret')) }) } })
    const { client } = await listening(express().post('/', service.graphs.g.handler()).use(handler), service)
    const { status, json } = await client.post(1)
    expect([status, json]).toEqual([500, { mine: 'PLB_NODE_FAILED' }])
    expect(errors[0]).toBeInstanceOf(HttpError)
    expect(errors[0]).toMatchObject({ statusCode: 500, status: 500, cause: { cause: { message: 'a secret' } } })
  })

  test('give no secret to a page of Express’ own', async () => {
    const service = pipelines({ graphs: { g: line({ fail: () => Promise.reject(new Error('a secret')) }) } })
    const app = paging().post('/', service.graphs.g.handler())
    const { client } = await listening(app, service)
    const { status, text } = await client.post(1)
    expect([status, text]).toEqual([500, expect.not.stringContaining('secret')])
  })

  test('say when to come back, on a page of Express’ own too', async () => {
    const open = gate()
    const service = pipelines({ graphs: { g: line({ held: held(open) }, { maxInFlight: 1 }) } })
    const app = paging().post('/', service.graphs.g.handler())
    const { client } = await listening(app, service)
    const first = client.post(1)
    await eventually(() => service.graphs.g.pipeline.snapshot().nodes['held']?.inProgress).toBe(1)
    const { status, headers } = await client.post(2)
    expect([status, headers['retry-after']]).toEqual([503, '1'])
    open.open()
    await first
  })

  test('leave an answer alone that has begun, and end it with its error', async () => {
    const { errors, handler } = keeping()
    function* late(): Generator<number> {
      yield 1
      throw new Error('a secret')
    }
    const service = pipelines({ graphs: { g: line({ late }, { reply: 'ndjson' }) } })
    const { client } = await listening(express().post('/', service.graphs.g.handler()).use(handler), service)
    expect((await client.post(1)).text).toMatch(/^\{"node":"late","value":1\}\n\{"error":.*\}\n$/)
    expect(errors).toEqual([])
  })

  test('add nothing to Express, nor to its requests', async () => {
    const before = [express.request, express.response, express.application].map(
      (object) => Reflect.ownKeys(object).length,
    )
    const keys: number[] = []
    const service = pipelines({ graphs: { g: line({ double }) } })
    const app = express()
    app.use((request, _response, next) => {
      keys.push(Object.keys(request).length)
      request.once('close', () => keys.push(Object.keys(request).length))
      next()
    })
    app.post('/', service.graphs.g.handler())
    app.use((_request, response) => void response.status(404).end())
    const { client } = await listening(app, service)
    await client.post(1)
    const after = [express.request, express.response, express.application].map(
      (object) => Reflect.ownKeys(object).length,
    )
    expect(after).toEqual(before)
    expect(Object.keys(app.locals)).toEqual(Object.keys(express().locals))
  })

  test('give functions for handlers of one’s own, which cancel with the client', async () => {
    const called = gate()
    const signals: AbortSignal[] = []
    const wait = async (_: unknown, { signal }: Context) => {
      signals.push(signal)
      called.open()
      return aborted(signal)
    }
    const { errors, handler } = keeping()
    const service = pipelines({ graphs: { g: line({ wait }), all: line({ count }) } })
    const app = express().use(express.json({ strict: false }))
    app.post('/', async (request, response) => {
      response.json(await service.graphs.g.process(request.body, { request, response }))
    })
    const { client } = await listening(app.use(handler), service)
    await client.leaving({ body: '1' }, called.opened)
    await eventually(() => signals.map((signal) => signal.aborted)).toEqual([true])
    await eventually(() => errors.length).toBe(1)
    expect(errors[0]).toMatchObject({ name: 'HttpError', code: 'PLB_RUN_CANCELLED' })
    expect(await service.graphs.all.processAll(2)).toEqual([1, 2])
  })

  test('do not start with graphs that are wrong', async () => {
    const service = pipelines({ graphs: { a: { graph: '{' }, b: { graph: '[]' } } })
    const error = await service.start().catch((reason) => reason)
    expect(error.details.issues.map(({ pointer }: { readonly pointer: string }) => pointer.split('/')[1])).toEqual([
      'a',
      'b',
    ])
  })

  test('close with the server that they are attached to', async () => {
    const service = pipelines({ graphs: { g: line({ double }) } })
    const { client, server } = await listening(express().post('/', service.graphs.g.handler()), service)
    expect((await client.post(1)).json).toBe(2)
    const { pipeline } = service.graphs.g
    await client.close()
    server.close()
    expect((await pipeline.settled).outcome).toBe('completed')
  })

  test('close the server that they are attached to, and answer those inside', async () => {
    const open = gate()
    const service = pipelines({ graphs: { g: line({ held: held(open) }) } })
    const { client, server } = await listening(express().post('/', service.graphs.g.handler()), service)
    const inside = client.post(1)
    const { pipeline } = service.graphs.g
    await eventually(() => pipeline.snapshot().nodes['held']?.inProgress).toBe(1)
    const closed = service.close()
    expect(server.listening).toBe(false)
    open.open()
    expect((await inside).json).toBe(1)
    await closed
    expect((await pipeline.settled).outcome).toBe('completed')
  })

  test('close with a deadline, and tell those who are still inside', async () => {
    const service = pipelines({ graphs: { g: line({ wait: () => new Promise(() => {}) }, { graceMs: 10 }) } })
    const { handler } = keeping()
    const { client } = await listening(express().post('/', service.graphs.g.handler()).use(handler), service)
    const inside = client.post(1)
    await eventually(() => service.graphs.g.pipeline.snapshot().nodes['wait']?.inProgress).toBe(1)
    await service.close({ deadlineMs: 50 })
    expect([(await inside).status, (await inside).json]).toEqual([503, { mine: 'PLB_HTTP_CLOSING' }])
  })
})
