import { PipelineError } from '@pipelines/core'
import type { ProcessOptions } from '@pipelines/plumber'
import type { Exchange } from './exchange.js'
import { toHttpError } from './http-error.js'
import { gather } from './outputs.js'
import type { ServedGraph } from './served-graph.js'
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
  try {
    const place = graph.admit()
    const resolved = graph.resolve()
    const options = given.timeoutMs === undefined ? resolved : { ...resolved, timeoutMs: given.timeoutMs }
    const visit = new Visit(exchange, options, graph)
    place.onClose((reason) => visit.cancel(reason))
    let outcome: 'completed' | 'failed' = 'failed'
    try {
      const outputs = await gather({ graph, options, visit, given, body: { value } })
      outcome = 'completed'
      return outputs.map((output) => output.value as T) // the caller's word for what the leaves give
    } finally {
      place.release(visit.gone ? 'left' : outcome)
      visit.end()
    }
  } catch (error) {
    throw toHttpError(error)
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
