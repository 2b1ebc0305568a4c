import type { Logger } from '@pipelines/core'
import type { Pipeline, ProcessOptions } from '@pipelines/plumber'
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  RouteHandlerMethod,
  RouteOptions,
} from 'fastify'
import plugin from 'fastify-plugin'
import { NDJSON_TYPES } from './body.js'
import { endpointOf } from './endpoint-of.js'
import type { Endpoint, Exchange } from './exchange.js'
import { type FrameworkGraph, frameworkGraph } from './framework-graph.js'
import { toHttpError } from './http-error.js'
import { cutOffAfter, leaveBody, NodeExchange, piecesOf } from './node.js'
import type { Routes } from './routes.js'
import type { ServedGraph, ServingOptions } from './served-graph.js'
import { CLOSE_MS, PipelineService, type ServiceOptions } from './service.js'

/** Options of the plugin. */
export interface FastifyPipelinesOptions extends ServiceOptions {
  /** Milliseconds that `app.close()` waits for answers before it ends what is not done. @defaultValue 10000 */
  readonly closeDeadlineMs?: number
}

/** What a request is asked for with. */
export interface FastifyProcessOptions extends ProcessOptions {
  /** The request that it is done for. */
  readonly request?: FastifyRequest
  /** Its reply: tells when the client has left, which cancels the work. */
  readonly reply?: FastifyReply
}

/** A graph in a Fastify app. */
export type FastifyGraph = FrameworkGraph<FastifyProcessOptions, RouteHandlerMethod>

/** Names of graphs, to be added to by `declare module '@pipelines/http/fastify'` where the compiler is to know them. */
// biome-ignore lint/suspicious/noEmptyInterface: this is what it is for
export interface NamedGraphs {}

/** The same handlers as `Routes` has endpoints. */
export type FastifyRoutes = { readonly [Name in keyof Routes]: () => RouteHandlerMethod }

declare module 'fastify' {
  interface FastifyInstance {
    /** The graphs by name. */
    readonly pipelines: NamedGraphs & Readonly<Record<string, FastifyGraph>>
    /** What tells of them, to be mounted. */
    readonly pipelineRoutes: FastifyRoutes
  }
}

/** What a route has to know of a handler of ours. */
interface Known {
  /** Asked for room before the body is read. */
  readonly graph?: ServedGraph
  readonly bodyLimit?: number
}

/** Handlers of ours. */
const known = new WeakMap<object, Known>()

/** By its own schema Fastify writes no more of an error than four properties. */
const ERROR_SCHEMA = {
  type: 'object',
  additionalProperties: true,
  properties: {
    statusCode: { type: 'integer' },
    code: { type: 'string' },
    error: { type: 'string' },
    message: { type: 'string' },
    item: { type: 'integer' },
    issues: {
      type: 'array',
      items: {
        type: 'object',
        properties: { pointer: { type: 'string' }, message: { type: 'string' }, code: { type: 'string' } },
      },
    },
  },
}

/**
 * Fastify 5 plugin: named graphs that start with the app and close with it. Decorates the instance that it is registered
 * on with `pipelines` and `pipelineRoutes`. A graph that cannot serve fails the boot with all its issues.
 *
 * @example
 * await app.register(pipelines, { graphs: { enrich: { graph, coroMap } } })
 * app.post('/enrich', app.pipelines.enrich.handler({ reply: 'ndjson' }))
 */
async function pipelines(app: FastifyInstance, options: FastifyPipelinesOptions): Promise<void> {
  const { closeDeadlineMs = CLOSE_MS, ...given } = options
  const logger: Logger = app.log
  const service = new PipelineService({ logger, ...given })
  const graphs = service.all.map((graph) => [graph.name, fastifyGraph(graph)] as const)
  app.decorate('pipelines', Object.freeze(Object.assign(Object.create(null), Object.fromEntries(graphs))))
  app.decorate('pipelineRoutes', fastifyRoutes(service))
  for (const type of NDJSON_TYPES)
    if (!app.hasContentTypeParser(type)) app.addContentTypeParser(type, (_request, body, done) => done(null, body))
  app.addHook('onRoute', completeRoute)
  app.addHook('onReady', () => service.start())
  // Not waited for: the server has to stop listening meanwhile.
  app.addHook('preClose', (done) => {
    void service.close({ deadlineMs: closeDeadlineMs })
    if (app.server.listening) cutOffAfter(app.server, closeDeadlineMs)
    done()
  })
  app.addHook('onClose', () => service.close())
}

/** To routes of ours: errors are written with all they have, and what is too much is refused before the body is read. */
function completeRoute(route: RouteOptions): void {
  const handler = known.get(route.handler)
  if (handler === undefined) return
  const { graph, bodyLimit } = handler
  if (bodyLimit !== undefined && Number.isFinite(bodyLimit)) route.bodyLimit ??= bodyLimit
  const { response } = { ...route.schema } as { readonly response?: object }
  route.schema = { ...route.schema, response: { '4xx': ERROR_SCHEMA, '5xx': ERROR_SCHEMA, ...response } }
  if (graph === undefined) return
  const before = route.onRequest === undefined ? [] : [route.onRequest].flat()
  route.onRequest = [...before, async () => checkRoom(graph)]
}

function checkRoom(graph: ServedGraph): void {
  try {
    graph.check()
  } catch (error) {
    throw toHttpError(error)
  }
}

function fastifyGraph(graph: ServedGraph): FastifyGraph {
  return frameworkGraph<FastifyProcessOptions, RouteHandlerMethod>(graph, {
    exchangeOf: ({ request, reply }) => request && reply && exchangeOf(request, reply),
    handlerOf(endpoint, options) {
      const handler = fastifyHandler(endpoint)
      known.set(handler, { graph, bodyLimit: graph.resolve(options).bodyLimit })
      return handler
    },
  })
}

function fastifyRoutes({ routes, submissions }: PipelineService): FastifyRoutes {
  const handlerOf = (endpoint: Endpoint): RouteHandlerMethod => {
    const handler = fastifyHandler(endpoint)
    if (endpoint === submissions?.endpoint) known.set(handler, { bodyLimit: submissions.limits.bytes })
    return handler
  }
  const made = Object.entries(routes).map(([name, route]) => [name, () => handlerOf(route())])
  return Object.freeze(Object.fromEntries(made)) as FastifyRoutes // of the same names
}

/** A handler for one route of an app that needs no plugin: of a pipeline, or of an endpoint. */
export function fastifyHandler(target: Pipeline | Endpoint, options?: ServingOptions): RouteHandlerMethod {
  const endpoint = endpointOf(target, options)
  const handler: RouteHandlerMethod = async (request, reply) => {
    try {
      const made = await endpoint(exchangeOf(request, reply))
      return reply.code(made.status).headers(made.headers).send(piecesOf(reply.raw, made))
    } catch (error) {
      leaveBody(request.raw)
      throw toHttpError(error)
    }
  }
  known.set(handler, {})
  return handler
}

function exchangeOf(request: FastifyRequest, reply: FastifyReply): Exchange {
  const { body, id, log: logger } = request
  const parsed = isParsed(body) ? { value: body } : undefined
  return new NodeExchange(request.raw, reply.raw, { raw: request, id, logger, parsed })
}

const isParsed = (body: unknown): boolean =>
  body !== undefined && !(typeof body === 'object' && body !== null && Symbol.asyncIterator in body)

export type { HandlerOptions } from './options.js'
export type { GraphOptions, ServingOptions } from './served-graph.js'
export type { SubmitOptions } from './submissions.js'

const fastifyPipelines: FastifyPluginAsync<FastifyPipelinesOptions> = plugin(pipelines, {
  fastify: '5.x',
  name: '@pipelines/http',
})

// biome-ignore lint/style/noDefaultExport: what Fastify's autoload and everybody's `import x from` expect
export default fastifyPipelines
