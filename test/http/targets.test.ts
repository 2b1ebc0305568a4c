import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { endpointOf, fetchHandler, nodeHandler, type ServingOptions } from '@pipelines/http'
import { pipelineHandler } from '@pipelines/http/express'
import { fastifyHandler } from '@pipelines/http/fastify'
import type { Pipeline } from '@pipelines/plumber'
import express from 'express'
import fastify from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { chain, same } from '../support/blackbox.js'
import { expectNothingInside } from '../support/requests.js'
import { Client, recordsOf } from './client.js'
import { NAMES } from './frameworks.js'
import { double, line } from './graphs.js'
import { alone, eventually, serving } from './serving.js'
import { webListener } from './web-listener.js'

/** What serves a pipeline that somebody else has made: its address, and what ends it. */
type Bare = (pipeline: Pipeline, options?: ServingOptions) => Promise<{ url: string; close: () => Promise<unknown> }>

const BARE: Readonly<Record<string, Bare>> = {
  async fastify(pipeline, options) {
    const app = fastify()
    app.post('/', fastifyHandler(pipeline, options))
    return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
  express(pipeline, options) {
    const app = express()
    app.use(express.json({ strict: false }))
    app.post('/', pipelineHandler(pipeline, options))
    app.use(
      ((error, _request, response, _next) =>
        void response.status(error.status).set(error.headers).json(error)) as express.ErrorRequestHandler,
    )
    return listening(app)
  },
  node: (pipeline, options) => listening(nodeHandler(endpointOf(pipeline, options))),
  fetch: (pipeline, options) => listening(webListener(fetchHandler(pipeline, options))),
}

async function listening(listener: RequestListener): ReturnType<Bare> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens by TCP
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(resolve)) }
}

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

describe.each(Object.entries(BARE))('a pipeline by itself, %s', (_, serve) => {
  const served = async (options?: ServingOptions) => {
    const pipeline = chain({ in: 'std.inlet', double }).createPipeline()
    const { url, close } = await serve(pipeline, options)
    const client = new Client(url)
    ends.push(
      () => pipeline.drain(),
      close,
      () => client.close(),
    )
    return { client, pipeline }
  }

  test('answers, and stays what it is', async () => {
    const { client, pipeline } = await served()
    expect((await client.post(21)).text).toBe('42')
    expectNothingInside(pipeline)
    expect(await pipeline.process(4)).toBe(8)
  })

  test('answers as it is told to', async () => {
    const { client } = await served({ reply: 'ndjson', body: 'array' })
    expect(recordsOf(await client.post([1, 2])).slice(0, 2)).toMatchObject([{ value: 2 }, { value: 4 }])
  })

  test('that has ended is not made anew', async () => {
    const { client, pipeline } = await served()
    await pipeline.drain()
    const { status, headers, json } = await client.post(1)
    expect([status, headers['retry-after']]).toEqual([503, '1'])
    expect(json).toMatchObject({ code: 'PLB_STATE_NOT_RUNNING', message: 'This is not available at the moment.' })
  })

  test('has its own limit of requests', async () => {
    const pipeline = chain({ in: 'std.inlet', wait: () => new Promise(() => {}) }).createPipeline({ graceMs: 0 })
    const { url, close } = await serve(pipeline, { maxInFlight: 1, timeoutMs: 100 })
    const client = new Client(url)
    ends.push(
      () => pipeline.doomsday(),
      close,
      () => client.close(),
    )
    const statuses = await Promise.all([1, 2].map((n) => client.post(n).then(({ status }) => status)))
    expect(statuses.toSorted()).toEqual([503, 504])
  })
})

test('wrong options of a handler are refused when it is made', async () => {
  const pipeline = chain({ in: 'std.inlet', same }).createPipeline()
  ends.push(() => pipeline.drain())
  for (const make of [fetchHandler, pipelineHandler, fastifyHandler])
    expect(() => make(pipeline, { timeoutMs: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'PLB_OPTION_INVALID' }),
    )
})

const serveGraph = serving()

describe.each(NAMES)('a pipeline of a service, %s', (framework) => {
  test('that has failed is made anew by the next request', async () => {
    const { client, pipeline } = await serveGraph(framework, alone(line({ double })))
    const before = pipeline()
    await before.doomsday(new Error('gone'))
    expect((await client.post(3)).json).toBe(6)
    expect(pipeline()).not.toBe(before)
    expect((await client.post(4)).json).toBe(8)
  })

  test('that fails tells those inside, and nothing of why', async () => {
    const wait = (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
      new Promise((resolve) => signal.addEventListener('abort', resolve))
    const { client, pipeline, facts } = await serveGraph(framework, alone(line({ wait })))
    const answer = client.post(1)
    await eventually(() => facts().then(({ inFlight }) => inFlight)).toBe(1)
    await pipeline().doomsday(new Error('a secret'))
    const { status, headers, json, text } = await answer
    expect([status, headers['retry-after']]).toEqual([503, '1'])
    expect(json).toMatchObject({ code: 'PLB_RUN_DOOMED', message: 'This is not available at the moment.' })
    expect(text).not.toContain('secret')
  })
})
