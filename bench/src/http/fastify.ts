import { Readable } from 'node:stream'
import pipelines, { type FastifyGraph } from '@pipelines/http/fastify'
import Fastify from 'fastify'
import { BILLS, LATER, UNORDERED } from './graph.js'
import type { Listening } from './listening.js'
import { billLater, billOf } from './order.js'

declare module '@pipelines/http/fastify' {
  interface NamedGraphs {
    readonly bills: FastifyGraph
    readonly later: FastifyGraph
    readonly unordered: FastifyGraph
  }
}

/** @see https://fastify.dev/docs/latest/Guides/Getting-Started/ */
export async function fastifyServer(): Promise<Listening> {
  const app = Fastify()
  await app.register(pipelines, { graphs: { bills: BILLS, later: LATER, unordered: UNORDERED } })
  const { bills, later, unordered } = app.pipelines
  app.post('/bare', async (request) => billOf(request.body))
  app.post('/bare-ndjson', async (request, reply) => {
    reply.type('application/x-ndjson; charset=utf-8')
    return Readable.from(lines(request.body))
  })
  app.post('/bare-later', async (request) => billLater(request.body))
  app.post('/process', async (request, reply) => bills.process(request.body, { request, reply }))
  app.post('/later', async (request, reply) => later.process(request.body, { request, reply }))
  app.post('/unordered', async (request, reply) => unordered.process(request.body, { request, reply }))
  for (const reply of ['value', 'array', 'ndjson', 'sse'] as const) app.post(`/${reply}`, bills.handler({ reply }))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}

/** What the stream of a graph says, by hand. */
async function* lines(body: unknown): AsyncGenerator<string, void, void> {
  yield `${JSON.stringify({ node: 'shape', value: billOf(body) })}\n`
  yield `${JSON.stringify({ end: { outputs: 1 } })}\n`
}
