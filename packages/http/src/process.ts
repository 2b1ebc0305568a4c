import { type Output, PipelineError } from '@pipelines/core'
import type { ProcessOptions } from '@pipelines/plumber'
import type { Exchange } from './exchange.js'
import { toHttpError } from './http-error.js'
import { gather } from './outputs.js'
import type { ServedGraph } from './served-graph.js'
import type { Visit } from './visit.js'

/** How a value is sent through a graph by a handler of somebody else. */
export interface Asked {
  readonly options?: ProcessOptions | undefined
  /** The request that it is done for. */
  readonly exchange?: Exchange | undefined
}

/** Sends a value through a graph and gives its one output. Rejects with an `HttpError`. */
export function ask<T>(graph: ServedGraph, value: unknown, { options, exchange }: Asked): Promise<T> {
  return answered(graph, value, { options, exchange, most: 1, select: onlyValue }) as Promise<T> // the caller's word for what the leaves give
}

/** The same for any number of outputs. */
export function askAll<T>(graph: ServedGraph, value: unknown, { options, exchange }: Asked): Promise<T[]> {
  const most = graph.defaults.maxOutputs
  return answered(graph, value, { options, exchange, most, select: allValues }) as Promise<T[]> // as above
}

interface Question<T> extends Asked {
  readonly most: number
  readonly select: (outputs: readonly Output[]) => T
}

async function answered<T>(graph: ServedGraph, value: unknown, question: Question<T>): Promise<T> {
  const { options: given = NOTHING, exchange = NOBODY, most, select } = question
  let visit: Visit | undefined
  try {
    const { defaults } = graph
    const options = given.timeoutMs === undefined ? defaults : { ...defaults, timeoutMs: given.timeoutMs }
    visit = graph.admit(exchange, options)
    if (options.context !== undefined) await visit.prepare()
    const { outputs } = await gather({ graph, options, visit, given, body: { value } }, most)
    visit.end(true)
    return select(outputs)
  } catch (error) {
    visit?.end(false)
    throw toHttpError(error)
  }
}

function onlyValue([only]: readonly Output[]): unknown {
  if (only === undefined) throw new PipelineError('RUN_CARDINALITY', { count: 0 })
  return only.value
}

const allValues = (outputs: readonly Output[]): unknown[] => outputs.map(({ value }) => value)
const NOTHING: ProcessOptions = Object.freeze({})

/** Where no request is behind it. */
const NOBODY: Exchange = {
  raw: undefined,
  id: '',
  header: () => undefined,
  async *bytes() {},
  onGone: () => () => {},
  drop: () => {},
}
