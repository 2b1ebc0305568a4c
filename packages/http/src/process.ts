import { PipelineError } from '@pipelines/core'
import type { ProcessOptions } from '@pipelines/plumber'
import type { Exchange } from './exchange.js'
import { toHttpError } from './http-error.js'
import { gather } from './outputs.js'
import type { Place, ServedGraph } from './served-graph.js'
import { Visit } from './visit.js'

/** How a value is sent through a graph by a handler of somebody else. */
export interface Asked {
  readonly options?: ProcessOptions
  /** The request that it is done for. */
  readonly exchange?: Exchange
}

/** Sends a value through a graph and gives its one output. Rejects with an `HttpError`. */
export async function ask<T>(graph: ServedGraph, value: unknown, asked: Asked): Promise<T> {
  const values = await askAll<T>(graph, value, asked)
  if (values.length === 1) return values[0] as T // there is one
  throw toHttpError(new PipelineError('RUN_CARDINALITY', { count: values.length }))
}

/** The same for any number of outputs. */
export async function askAll<T>(graph: ServedGraph, value: unknown, asked: Asked): Promise<T[]> {
  const { options: given = {}, exchange = NOBODY } = asked
  let place: Place | undefined
  let visit: Visit | undefined
  let outcome: 'completed' | 'failed' = 'failed'
  try {
    place = graph.admit()
    const { defaults } = graph
    const options = given.timeoutMs === undefined ? defaults : { ...defaults, timeoutMs: given.timeoutMs }
    const of = new Visit(exchange, options, graph)
    visit = of
    place.onClose((reason) => of.cancel(reason))
    if (options.context !== undefined) await visit.prepare()
    const outputs = await gather({ graph, options, visit, given, body: { value } })
    outcome = 'completed'
    return outputs.map((output) => output.value as T) // the caller's word for what the leaves give
  } catch (error) {
    throw toHttpError(error)
  } finally {
    place?.release(visit?.gone === true ? 'left' : outcome)
    visit?.end()
  }
}

/** Where no request is behind it. */
const NOBODY: Exchange = {
  raw: undefined,
  id: '',
  header: () => undefined,
  async *bytes() {},
  onGone: () => () => {},
  drop: () => {},
}
