import { pipelines } from '@pipelines/http/express'
import express from 'express'
import { BILLS } from './graph.js'
import { type Listening, listen } from './listening.js'
import { billOf } from './order.js'

/** @see https://expressjs.com/en/5x/api.html#express.json */
export async function expressServer(): Promise<Listening> {
  const app = express()
  const service = pipelines({ graphs: { bills: BILLS } })
  await service.start()
  app.use(express.json())
  app.post('/bare', (request, response) => {
    response.json(billOf(request.body))
  })
  app.post('/value', service.graphs.bills.handler({ reply: 'value' }))
  return listen(app)
}
