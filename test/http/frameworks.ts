import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import type { Logger } from '@pipelines/core'
import {
  type Endpoint,
  fetchHandler,
  type GraphOptions,
  type HandlerOptions,
  nodeHandler,
  PipelineService,
  type SubmitOptions,
} from '@pipelines/http'
import { pipelines } from '@pipelines/http/express'
import fastifyPipelines from '@pipelines/http/fastify'
import type { Pipeline } from '@pipelines/plumber'
import express from 'express'
import fastify, { type FastifyBaseLogger } from 'fastify'
import { Hono } from 'hono'
import { webListener } from './web-listener.js'

/** What a test wants to be served. */
export interface Setup {
  readonly graphs: Readonly<Record<string, GraphOptions>>
  /** What answers, by path. */
  readonly handlers: Readonly<Record<string, HandlerOptions & { readonly graph: string }>>
  readonly submit?: SubmitOptions
  readonly logger?: Logger
  /** What every request goes through before anything else: it calls `next`. */
  readonly enter?: Enter
}

export type Enter = (headers: IncomingHttpHeaders, next: () => void) => void

/** It is served. */
export interface Mounted {
  /** Where it listens. */
  readonly url: string
  /** The standing pipeline of a graph. */
  pipeline(graph: string): Pipeline
  /** Closes the graphs and the server, as the framework does that. */
  close(): Promise<void>
}

/** Every way by which requests get to graphs. */
export const FRAMEWORKS = {
  fastify: onFastify,
  express: onExpress,
  'node:http': onNode,
  'fetch on node:http': onFetch,
  'fetch on Hono': onHono,
} as const satisfies Readonly<Record<string, (setup: Setup) => Promise<Mounted>>>

export type Framework = keyof typeof FRAMEWORKS

/** For `describe.each`. */
export const NAMES: readonly Framework[] = Object.keys(FRAMEWORKS) as Framework[] // of the table above

/** Paths of what a service tells of itself. */
export const ROUTES = {
  '/-/stats': 'stats',
  '/-/health': 'health',
  '/-/ready': 'ready',
  '/-/metrics': 'metrics',
} as const
export const SUBMIT = '/-/submit'

const METHODS = ['GET', 'POST'] as const

async function onFastify({ handlers, logger, enter, ...service }: Setup): Promise<Mounted> {
  // Fastify's own shape of a logger has more than ours; those of the tests have it too.
  const app = fastify(logger === undefined ? {} : { loggerInstance: logger as FastifyBaseLogger })
  if (enter !== undefined) app.addHook('onRequest', (request, _reply, done) => enter(request.headers, done))
  await app.register(fastifyPipelines, service)
  for (const [url, { graph, ...options }] of Object.entries(handlers))
    app.route({ method: [...METHODS], url, handler: own(app.pipelines, graph).handler(options) })
  for (const [url, name] of Object.entries(ROUTES)) app.get(url, app.pipelineRoutes[name]())
  if (service.submit !== undefined) app.post(SUBMIT, app.pipelineRoutes.submit())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, pipeline: (name) => own(app.pipelines, name).pipeline, close: () => app.close() }
}

async function onExpress({ handlers, enter = straight, ...options }: Setup): Promise<Mounted> {
  const app = express()
  app.use((request, _response, next) => enter(request.headers, next))
  const service = pipelines(options)
  for (const [url, { graph, ...how }] of Object.entries(handlers)) app.all(url, own(service.graphs, graph).handler(how))
  for (const [url, name] of Object.entries(ROUTES)) app.get(url, service.routes[name]())
  if (options.submit !== undefined) app.post(SUBMIT, service.routes.submit())
  app.use(asJson)
  await service.start()
  const server = createServer(app)
  service.attach(server)
  const url = await listening(server)
  return { url, pipeline: (name) => own(service.graphs, name).pipeline, close: () => service.close() }
}

/** What an app of its own would do with errors: Express's own answer is a page of HTML. */
const asJson: express.ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) next(error)
  else response.status(error.status).set(error.headers).json(error)
}

async function onNode(setup: Setup): Promise<Mounted> {
  return onService(setup, (routes) => {
    const listeners = new Map([...routes].map(([path, endpoint]) => [path, nodeHandler(endpoint)]))
    return (request, response) => listeners.get(pathOf(request.url))?.(request, response)
  })
}

async function onFetch(setup: Setup): Promise<Mounted> {
  return onService(setup, (routes) => {
    const handlers = new Map([...routes].map(([path, endpoint]) => [path, fetchHandler(endpoint)]))
    return webListener(async (request) => {
      const handle = handlers.get(new URL(request.url).pathname)
      return handle === undefined ? new Response(null, { status: 404 }) : handle(request)
    })
  })
}

/** Hono's server puts its own `Request` and `Response` in the place of the global ones: so it is used, and so it is undone. */
async function onHono(setup: Setup): Promise<Mounted> {
  const { Request: plainRequest, Response: plainResponse } = globalThis
  const mounted = await onService(setup, (routes) => {
    const app = new Hono()
    for (const [path, endpoint] of routes) {
      const handle = fetchHandler(endpoint)
      app.all(path, (context) => handle(context.req.raw))
    }
    return getRequestListener(app.fetch)
  })
  const close = async (): Promise<void> => {
    await mounted.close()
    // It looks after a body that nobody read by two timers, one after the other, from when the connection has closed.
    for (let timers = 0; timers < 3; timers++) await setTimeout(1)
    Object.defineProperty(globalThis, 'Request', { value: plainRequest, writable: true })
    Object.defineProperty(globalThis, 'Response', { value: plainResponse, writable: true })
  }
  return { ...mounted, close }
}

async function onService(
  { handlers, enter = straight, ...options }: Setup,
  listenerOf: (routes: ReadonlyMap<string, Endpoint>) => RequestListener,
): Promise<Mounted> {
  const service = new PipelineService(options)
  const routes = new Map<string, Endpoint>()
  for (const [path, { graph, ...how }] of Object.entries(handlers))
    routes.set(path, own(service.graphs, graph).run(how))
  for (const [path, name] of Object.entries(ROUTES)) routes.set(path, service.routes[name]())
  if (options.submit !== undefined) routes.set(SUBMIT, service.routes.submit())
  await service.start()
  const listener = listenerOf(routes)
  const server = createServer((request, response) => enter(request.headers, () => listener(request, response)))
  const url = await listening(server)
  const close = async (): Promise<void> => {
    service.stopIntake()
    const closed = new Promise((resolve) => server.close(resolve))
    await service.close()
    server.closeIdleConnections()
    await closed
  }
  return { url, pipeline: (name) => own(service.graphs, name).pipeline, close }
}

const straight: Enter = (_headers, next) => next()

const pathOf = (url: string | undefined): string => new URL(url ?? '/', 'http://localhost').pathname

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens by TCP
}

/** What a table has under a name. */
export function own<T>(table: Readonly<Record<string, T>>, name: string): T {
  const found = table[name]
  if (found === undefined) throw new Error(`There is no ${name}.`)
  return found
}
