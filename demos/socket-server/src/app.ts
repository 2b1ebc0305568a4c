import { createServer, type Server } from 'node:http'
import { PipelineService, type SubmitLimits, toHttpError } from '@pipelines/http'
import type { GraphDocument } from '@pipelines/plumber'
import { Server as SocketServer } from 'socket.io'
import * as strings from './strings.js'

const LIMITS = { nodes: 20, bytes: 65_536, outputs: 2_000, runMs: 5_000, runsPerClient: 1 }

/** A server that runs the graphs which clients send, and a way to close it. */
export interface GraphServer {
  readonly server: Server
  readonly service: PipelineService
  close(): Promise<void>
}

export async function makeServer(limits: Partial<SubmitLimits> = {}): Promise<GraphServer> {
  const authorize = () => false // nobody may send one by HTTP
  const service = new PipelineService({ submit: { coroMap: { strings }, authorize, limits: { ...LIMITS, ...limits } } })
  await service.start()
  const server = createServer()
  const sockets = new SocketServer(server, { maxHttpBufferSize: LIMITS.bytes })

  sockets.on('connection', (socket) => {
    const leaving = new AbortController()
    socket.once('disconnect', (reason) => leaving.abort(reason))
    socket.on('process_msg', async (document: GraphDocument, done: unknown) => {
      const tell = typeof done === 'function' ? done : () => {}
      try {
        const run = { document, client: socket.id, env: { sid: socket.id }, signal: leaving.signal }
        for await (const { value } of service.submissions?.run(run) ?? []) socket.emit('recv', value)
        tell({ ok: true })
      } catch (error) {
        tell({ ok: false, error: toHttpError(error) })
      }
    })
  })

  const close = async (): Promise<void> => {
    service.stopIntake()
    await sockets.close() // ends the runs of all who are connected
    await service.close()
  }
  return { server, service, close }
}
