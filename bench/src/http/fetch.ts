import { getRequestListener } from '@hono/node-server'
import { fetchHandler, PipelineService } from '@pipelines/http'
import { BILLS } from './graph.js'
import { type Listening, listen } from './listening.js'
import { billOf } from './order.js'

/** Web-standard handlers on Node, by the server of Hono. @see https://github.com/honojs/node-server */
export async function fetchServer(): Promise<Listening> {
  const service = new PipelineService({ graphs: { bills: BILLS } })
  await service.start()
  const value = fetchHandler(service.graphs.bills.run({ reply: 'value' }))
  const bare = async (request: Request): Promise<Response> => Response.json(billOf(await request.json()))
  return listen(getRequestListener((request) => (request.url.endsWith('/value') ? value : bare)(request)))
}
