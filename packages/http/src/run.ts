import { PipelineError } from '@pipelines/core'
import { type Body, readBody } from './body.js'
import type { Endpoint, Exchange } from './exchange.js'
import type { ResolvedHandler } from './options.js'
import { gather, stream, type Task } from './outputs.js'
import { arrayReply, FORMATS, valueReply } from './reply.js'
import type { ServedGraph } from './served-graph.js'
import { streamed } from './streamed.js'

/** Answers requests by a graph. Whether there is room is looked at before the body is read. */
export function runEndpoint(graph: ServedGraph, options: ResolvedHandler): Endpoint {
  const { reply } = options
  return async (exchange) => {
    const visit = graph.admit(exchange, options)
    try {
      if (options.context !== undefined) await visit.prepare()
      const task = { graph, options, visit, given: NOTHING }
      const work = { ...task, body: await bodyOf(exchange, task) }
      if (reply === 'ndjson' || reply === 'sse')
        return await streamed(stream(work), { visit, options, format: FORMATS[reply] })
      const made =
        reply === 'array'
          ? arrayReply((await gather(work, options.maxOutputs)).outputs)
          : valueReply((await gather(work, 1)).outputs)
      visit.end(true)
      return { ...made, readerTimeoutMs: options.readerTimeoutMs }
    } catch (error) {
      visit.cancel(error)
      visit.end(false)
      throw error
    }
  }
}

/** Nothing besides. */
const NOTHING = Object.freeze({})

async function bodyOf(exchange: Exchange, { graph, options, visit }: Task): Promise<Body> {
  const { contract } = graph.mode === 'perRequest' ? graph.plumber : graph
  const { inlet, input } = options
  if (contract.inlets.length === 0) return { value: undefined }
  const check = (value: unknown, line?: number): void => {
    const problems = contract.inputProblems(value, inlet)
    if (problems.length > 0) throw new PipelineError('HTTP_INPUT', { problems, line })
  }
  if (input === undefined) return readBody(exchange, options, { check, onCancel: (cancel) => visit.onCancel(cancel) })
  const value = await input(exchange.raw as never) // the framework's, as the option says
  check(value)
  return { value }
}
