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
import { toHttpError } from './http-error.js'
import { leaveBody, NodeExchange, streamOf } from './node.js'
import type { HandlerOptions } from './options.js'
import { type Asked, ask, askAll } from './process.js'
import { schemaOf } from './route-schema.js'
import type { Routes } from './routes.js'
import type { ServedGraph, ServingOptions } from './served-graph.js'
import { PipelineService, type ServiceOptions } from './service.js'

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
export interface FastifyGraph {
  /** Sends a value through, and gives its one output. Rejects with an `HttpError`. */
  process<T = unknown>(value: unknown, options?: FastifyProcessOptions): Promise<T>
  /** The same for any number of outputs. */
  processAll<T = unknown>(value: unknown, options?: FastifyProcessOptions): Promise<T[]>
  /** Answers a route. Whether there is room is looked at before the body is read. */
  handler(options?: HandlerOptions): RouteHandlerMethod
  /** `schema` of a route, as far as the graph tells what it takes and gives. */
  schema(options?: HandlerOptions): RouteOptions['schema'] & object
  /** The standing pipeline. */
  readonly pipeline: Pipeline
}

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

/** Endpoints whose graph is asked for room before the body is read. */
const guarded = new WeakMap<object, ServedGraph>()

/**
 * Fastify 5 plugin: named graphs that start with the app and close with it. Decorates the instance that it is registered
 * on with `pipelines` and `pipelineRoutes`. A graph that cannot serve fails the boot with all its issues.
 *
 * @example
 * await app.register(pipelines, { graphs: { enrich: { graph, coroMap } } })
 * app.post('/enrich', app.pipelines.enrich.handler({ reply: 'ndjson' }))
 */
async function pipelines(app: FastifyInstance, options: FastifyPipelinesOptions): Promise<void> {
  const { closeDeadlineMs, ...given } = options
  const logger: Logger = app.log
  const service = new PipelineService({ logger, ...given })
  const graphs = service.all.map((graph) => [graph.name, fastifyGraph(graph)] as const)
  app.decorate('pipelines', Object.freeze(Object.assign(Object.create(null), Object.fromEntries(graphs))))
  app.decorate('pipelineRoutes', fastifyRoutes(service))
  for (const type of NDJSON_TYPES)
    if (!app.hasContentTypeParser(type)) app.addContentTypeParser(type, (_request, body, done) => done(null, body))
  app.addHook('onRoute', guard)
  app.addHook('onReady', () => service.start())
  // Not waited for: the server has to stop listening meanwhile.
  app.addHook('preClose', (done) => {
    void service.close(closeDeadlineMs === undefined ? {} : { deadlineMs: closeDeadlineMs })
    done()
  })
  app.addHook('onClose', () => service.close())
}

/** Refuses what is too much before the body is read, and lets lines through that no parser need gather. */
function guard(route: RouteOptions): void {
  const graph = guarded.get(route.handler)
  if (graph === undefined) return
  const before = route.onRequest === undefined ? [] : [route.onRequest].flat()
  route.onRequest = [
    ...before,
    async () => {
      try {
        graph.check()
      } catch (error) {
        throw toHttpError(error)
      }
    },
  ]
}

function fastifyGraph(graph: ServedGraph): FastifyGraph {
  return {
    process: (value, { request, reply, ...options } = {}) => ask(graph, value, asked(options, request, reply)),
    processAll: (value, { request, reply, ...options } = {}) => askAll(graph, value, asked(options, request, reply)),
    handler(options) {
      const handler = fastifyHandler(graph.run(options))
      guarded.set(handler, graph)
      return handler
    },
    schema: (options) => schemaOf(graph, graph.resolve(options)),
    get pipeline() {
      return graph.pipeline
    },
  }
}

function asked(options: ProcessOptions, request?: FastifyRequest, reply?: FastifyReply): Asked {
  if (request === undefined || reply === undefined) return { options }
  return { options, exchange: exchangeOf(request, reply) }
}

function fastifyRoutes({ routes }: PipelineService): FastifyRoutes {
  const made = Object.entries(routes).map(([name, route]) => [name, () => fastifyHandler(route())])
  return Object.freeze(Object.fromEntries(made)) as FastifyRoutes // of the same names
}

/** A handler for one route of an app that needs no plugin: of a pipeline, or of an endpoint. */
export function fastifyHandler(target: Pipeline | Endpoint, options?: ServingOptions): RouteHandlerMethod {
  const endpoint = endpointOf(target, options)
  return async (request, reply) => {
    try {
      const { status, headers, body } = await endpoint(exchangeOf(request, reply))
      return reply
        .code(status)
        .headers(headers)
        .send(typeof body === 'string' ? body : streamOf(body))
    } catch (error) {
      leaveBody(request.raw, reply.raw)
      throw toHttpError(error)
    }
  }
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
