import { readFileSync } from 'node:fs'
import pipelines, { type FastifyGraph } from '@pipelines/http/fastify'
import Fastify, { type FastifyInstance } from 'fastify'
import * as text from './text.js'

declare module '@pipelines/http/fastify' {
  interface NamedGraphs {
    readonly analysis: FastifyGraph
  }
}

const graph = readFileSync(new URL('../graph.json', import.meta.url), 'utf8')

/** An app with one warm graph; at most `maxInFlight` requests are in it. */
export async function makeApp(maxInFlight: number): Promise<FastifyInstance> {
  const app = Fastify({ logger: true })
  const analysis = { graph, coroMap: { text }, maxInFlight }
  await app.register(pipelines, { graphs: { analysis }, closeDeadlineMs: 5_000 })
  const { handler } = app.pipelines.analysis
  app.post('/analyse', handler())
  app.post('/analyse/bulk', handler({ reply: 'ndjson', body: 'ndjson' }))
  app.post('/analyse/live', handler({ reply: 'sse', body: 'array' }))
  for (const name of ['health', 'ready', 'stats', 'metrics'] as const) app.get(`/${name}`, app.pipelineRoutes[name]())
  return app
}
