import { PipelineError } from '@pipelines/core'
import { type Body, readBody } from './body.js'
import type { Endpoint, Exchange } from './exchange.js'
import type { ResolvedHandler } from './options.js'
import { gather, stream, type Task, type Work } from './outputs.js'
import { arrayReply, FORMATS, valueReply } from './reply.js'
import type { ServedGraph } from './served-graph.js'
import { streamed } from './streamed.js'

/** Answers requests by a graph. Whether there is room is looked at before the body is read. */
export function runEndpoint(graph: ServedGraph, options: ResolvedHandler): Endpoint {
  const { reply, readerTimeoutMs } = options
  return async (exchange) => {
    const visit = graph.admit(exchange, options)
    try {
      if (options.context !== undefined) await visit.prepare()
      const work: Work = { graph, options, visit, given: NOTHING, body: NO_BODY }
      const body = bodyOf(exchange, work)
      work.body = body instanceof Promise ? await body : body
      if (reply === 'ndjson' || reply === 'sse')
        return await streamed(stream(work), { visit, options, format: FORMATS[reply] })
      const most = reply === 'array' ? options.maxOutputs : 1
      const { outputs } = await gather(work, most)
      const made = reply === 'array' ? arrayReply(outputs, readerTimeoutMs) : valueReply(outputs, readerTimeoutMs)
      visit.end(true)
      return made
    } catch (error) {
      visit.cancel(error)
      visit.end(false)
      throw error
    }
  }
}

/** Nothing besides. */
const NOTHING = Object.freeze({})
const NO_BODY: Body = Object.freeze({ value: undefined })

/** What a request brings: at once where it is there already. */
function bodyOf(exchange: Exchange, { graph, options, visit }: Task): Body | Promise<Body> {
  const { contract } = graph
  const { inlet, input } = options
  if (contract.inlets.length === 0) return NO_BODY
  const check = (value: unknown, line?: number): void => {
    const problems = contract.inputProblems(value, inlet)
    if (problems.length > 0) throw new PipelineError('HTTP_INPUT', { problems, line })
  }
  if (input !== undefined) return inputOf(exchange, input, check)
  return readBody(exchange, options, { check, onCancel: (cancel) => visit.onCancel(cancel) })
}

async function inputOf(
  exchange: Exchange,
  input: NonNullable<ResolvedHandler['input']>,
  check: (value: unknown) => void,
): Promise<Body> {
  const value = await input(exchange.raw as never) // the framework's, as the option says
  check(value)
  return { value }
}
