import type { Server } from 'node:http'
import type { Pipeline, ProcessOptions } from '@pipelines/plumber'
import type { Request, RequestHandler, Response } from 'express'
import { endpointOf } from './endpoint-of.js'
import type { Endpoint, Exchange } from './exchange.js'
import { type FrameworkGraph, frameworkGraph } from './framework-graph.js'
import { toHttpError } from './http-error.js'
import { cutOffAfter, leaveBody, NodeExchange, requestId, send } from './node.js'
import type { Routes } from './routes.js'
import type { ServedGraph, ServingOptions } from './served-graph.js'
import { CLOSE_MS, PipelineService, type ServiceOptions } from './service.js'

/**
 * An Express 5 handler that answers by a standing pipeline, or by an endpoint. Where `express.json()` has read the body,
 * that is taken; else the handler reads it, after it has made sure that there is room. Errors go to `next` as `HttpError`.
 *
 * @example
 * app.post('/enrich', pipelineHandler(pipeline, { reply: 'value' }))
 */
export function pipelineHandler(target: Pipeline | Endpoint, options?: ServingOptions): RequestHandler {
  const endpoint = endpointOf(target, options)
  return (request, response, next) => {
    endpoint(exchangeOf(request, response))
      .then((reply) => send(response, reply))
      .catch((error) => {
        leaveBody(request)
        next(toHttpError(error))
      })
  }
}

/** What a value is sent through a graph with. */
export interface ExpressProcessOptions extends ProcessOptions {
  /** The request that it is done for. */
  readonly request?: Request
  /** Its response: tells when the client has left, which cancels the work. */
  readonly response?: Response
}

/** A graph in an Express app. */
export type ExpressGraph = FrameworkGraph<ExpressProcessOptions, RequestHandler>

/** The same handlers as `Routes` has endpoints. */
export type ExpressRoutes = { readonly [Name in keyof Routes]: () => RequestHandler }

/** Several graphs in an Express app, which has no life cycle of its own. */
export class ExpressPipelines<Name extends string = string> {
  readonly graphs: Readonly<Record<Name, ExpressGraph>>
  /** What tells of them, to be mounted. */
  readonly routes: ExpressRoutes
  readonly #service: PipelineService<Name>
  readonly #servers = new Set<Server>()

  /** @throws `PLB_OPTION_INVALID`; what is wrong with graphs shows when it is started */
  constructor(options: ServiceOptions<Name>) {
    this.#service = new PipelineService(options)
    const graphs = this.#service.all.map((graph) => [graph.name, expressGraph(graph)] as const)
    this.graphs = Object.freeze(Object.assign(Object.create(null), Object.fromEntries(graphs)))
    const routes = Object.entries(this.#service.routes).map(([name, route]) => [name, () => pipelineHandler(route())])
    this.routes = Object.freeze(Object.fromEntries(routes)) as ExpressRoutes // of the same names
  }

  /** Checks and starts every graph. Rejects with `PLB_GRAPH_INVALID`, which lists every issue of all of them. */
  start(): Promise<void> {
    return this.#service.start()
  }

  /** Closes with a server: when that has closed, the graphs do; when {@link close} is called, it does. */
  attach(server: Server): this {
    this.#servers.add(server)
    server.once('close', () => void this.#service.close())
    return this
  }

  /**
   * Stops listening, answers new requests with 503, lets those inside have their answers, and ends what is not done after
   * four fifths of the time. Settles when the graphs and the servers have closed; never rejects.
   *
   * @param options.deadlineMs milliseconds by which all is over. @defaultValue 10000
   */
  async close({ deadlineMs = CLOSE_MS }: { readonly deadlineMs?: number } = {}): Promise<void> {
    this.#service.stopIntake()
    const servers = [...this.#servers].filter((server) => server.listening)
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
    for (const server of servers) {
      server.closeIdleConnections()
      cutOffAfter(server, deadlineMs)
    }
    await this.#service.close({ deadlineMs })
    for (const server of servers) server.closeIdleConnections()
    await Promise.all(closed)
  }
}

/** Makes handlers for several graphs that start and close together. */
export function pipelines<Name extends string>(options: ServiceOptions<Name>): ExpressPipelines<Name> {
  return new ExpressPipelines(options)
}

function expressGraph(graph: ServedGraph): ExpressGraph {
  return frameworkGraph<ExpressProcessOptions, RequestHandler>(graph, {
    exchangeOf: ({ request, response }) => request && response && exchangeOf(request, response),
    handlerOf: (endpoint) => pipelineHandler(endpoint),
  })
}

function exchangeOf(request: Request, response: Response): Exchange {
  const { body } = request
  const parsed = body === undefined ? undefined : { value: body as unknown }
  return new NodeExchange(request, response, { raw: request, id: requestId(request.get('x-request-id')), parsed })
}
