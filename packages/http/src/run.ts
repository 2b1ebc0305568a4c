import { PipelineError } from '@pipelines/core'
import { type Body, readBody } from './body.js'
import type { Endpoint, Exchange, Reply } from './exchange.js'
import type { ResolvedHandler } from './options.js'
import { gather, stream, type Task } from './outputs.js'
import { arrayReply, FORMATS, valueReply } from './reply.js'
import type { ServedGraph } from './served-graph.js'
import { streamed } from './streamed.js'
import { Visit } from './visit.js'

/** Answers requests by a graph. Whether there is room is looked at before the body is read. */
export function runEndpoint(graph: ServedGraph, options: ResolvedHandler): Endpoint {
  return async (exchange) => {
    const place = graph.admit()
    try {
      const visit = new Visit(exchange, options, graph)
      place.onClose((reason) => visit.cancel(reason))
      if (options.context !== undefined) await visit.prepare()
      return await answer(exchange, { graph, options, visit, given: NOTHING }, (completed) => {
        place.release(visit.gone ? 'left' : completed ? 'completed' : 'failed')
        visit.end()
      })
    } catch (error) {
      place.release('failed')
      throw error
    }
  }
}

/** Nothing besides. */
const NOTHING = Object.freeze({})

async function answer(exchange: Exchange, to: Task, onOver: (completed: boolean) => void): Promise<Reply> {
  const { visit, options } = to
  const { reply } = options
  try {
    const work = { ...to, body: await bodyOf(exchange, to) }
    if (reply === 'ndjson' || reply === 'sse')
      return await streamed(stream(work), { visit, options, format: FORMATS[reply], onOver })
    const outputs = await gather(work)
    const made = reply === 'array' ? arrayReply(outputs) : valueReply(outputs)
    onOver(true)
    return made
  } catch (error) {
    visit.cancel(error)
    onOver(false)
    throw error
  }
}

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
