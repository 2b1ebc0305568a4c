import type { IncomingMessage, ServerResponse } from 'node:http'
import { nodeHandler, PipelineService } from '@pipelines/http'
import { BILLS } from './graph.js'
import { type Listening, listen } from './listening.js'
import { billOf } from './order.js'

/** @see https://nodejs.org/en/learn/modules/anatomy-of-an-http-transaction */
export async function nodeServer(): Promise<Listening> {
  const service = new PipelineService({ graphs: { bills: BILLS } })
  await service.start()
  const value = nodeHandler(service.graphs.bills.run({ reply: 'value' }))
  return listen((request, response) => (request.url === '/value' ? value : bare)(request, response))
}

function bare(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const bill = JSON.stringify(billOf(JSON.parse(Buffer.concat(chunks).toString())))
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(bill)
  })
}
