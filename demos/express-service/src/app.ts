import { readFileSync } from 'node:fs'
import { toHttpError } from '@pipelines/http'
import { type ExpressPipelines, pipelines } from '@pipelines/http/express'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import * as shop from './shop.js'

const graph = readFileSync(new URL('../graph.json', import.meta.url), 'utf8')

/** An app, and its graph, which starts and closes by itself. */
export async function makeApp(): Promise<{ readonly app: Express; readonly served: ExpressPipelines }> {
  const served = pipelines({ graphs: { customers: { graph, coroMap: { shop }, timeoutMs: 5_000 } } })
  await served.start()
  const { handler } = served.graphs.customers
  const app = express()
  app.get('/customers/:id', handler({ input: ({ params }: Request) => Number(params.id) }))
  app.post('/customers', handler({ reply: 'ndjson', itemsInFlight: 50 }))
  app.get('/ready', served.routes.ready())
  app.get('/metrics', served.routes.metrics())
  app.use(answerError)
  return { app, served }
}

/** Errors of the handlers come here, as all others do. Express knows an error handler by its four parameters. */
function answerError(error: unknown, _: Request, response: Response, next: NextFunction): void {
  const told = toHttpError(error)
  if (response.headersSent) next(error)
  else response.status(told.status).set(told.headers).json(told)
}
