import type { Pipeline } from '@pipelines/plumber'
import type { Endpoint } from './exchange.js'
import { ServedGraph, type ServingOptions } from './served-graph.js'

/** An endpoint as it is; a pipeline that answers as `options` say. */
export function endpointOf(target: Pipeline | Endpoint, options: ServingOptions = {}): Endpoint {
  if (typeof target === 'function') return target
  return new ServedGraph('pipeline', { ...options, pipeline: target }).run()
}
