import type { Pipeline, ProcessOptions } from '@pipelines/plumber'
import type { Endpoint, Exchange } from './exchange.js'
import type { HandlerOptions } from './options.js'
import { type Asked, ask, askAll } from './process.js'
import { type RouteSchema, schemaOf } from './route-schema.js'
import type { ServedGraph } from './served-graph.js'

/** A graph in the app of some framework. */
export interface FrameworkGraph<Options extends ProcessOptions, Handler> {
  /** Sends a value through, and gives its one output. Rejects with an `HttpError`. */
  process<T = unknown>(value: unknown, options?: Options): Promise<T>
  /** The same for any number of outputs. */
  processAll<T = unknown>(value: unknown, options?: Options): Promise<T[]>
  /** Answers a route. Whether there is room is looked at before the body is read. */
  handler(options?: HandlerOptions): Handler
  /** What a route takes and gives, in JSON Schema, as far as the graph tells. */
  schema(options?: HandlerOptions): RouteSchema
  /** The standing pipeline. */
  readonly pipeline: Pipeline
}

/** What is different from framework to framework. */
export interface Framework<Options, Handler> {
  /** The request that a value is sent through for, if it is for one. */
  exchangeOf(options: Options): Exchange | undefined
  handlerOf(endpoint: Endpoint, options?: HandlerOptions): Handler
}

export function frameworkGraph<Options extends ProcessOptions, Handler>(
  graph: ServedGraph,
  framework: Framework<Options, Handler>,
): FrameworkGraph<Options, Handler> {
  const asked = (options?: Options): Asked => ({ options, exchange: options && framework.exchangeOf(options) })
  return {
    process: (value, options) => ask(graph, value, asked(options)),
    processAll: (value, options) => askAll(graph, value, asked(options)),
    handler: (options) => framework.handlerOf(graph.run(options), options),
    schema: (options) => schemaOf(graph, graph.resolve(options)),
    get pipeline() {
      return graph.pipeline
    },
  }
}
