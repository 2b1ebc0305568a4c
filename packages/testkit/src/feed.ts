import { isPipelineError, type Meta, PipelineError, quote } from '@pipelines/core'
import type { Input, Pipeline, Plumber } from '@pipelines/plumber'

type Values = Iterable<unknown> | AsyncIterable<unknown>

/** What each inlet of a graph is fed with. Throws `PLB_OPTION_INVALID` where the two do not fit. */
export function inputsOf({ graph }: Plumber, input: Input | undefined): ReadonlyMap<string, Values> {
  const inlets = Object.keys(graph.nodes).filter((name) => graph.nodes[name]?.coro === 'std.inlet')
  const [only, ...others] = inlets
  const given = new Map<string, Values>(
    input === undefined || !isIterable(input)
      ? Object.entries(input ?? {})
      : only === undefined || others.length > 0
        ? [['', input]]
        : [[only, input]],
  )
  const fits = given.size === inlets.length && inlets.every((name) => isIterable(given.get(name)))
  if (fits) return given
  const listed = inlets.length === 0 ? 'no inlet' : `the inlets ${inlets.map(quote).join(', ')}`
  throw new PipelineError('OPTION_INVALID', {
    option: 'input',
    what: `does not fit the graph, which has ${listed}`,
    hint: 'Give an iterable for the only inlet, or an object with one for each.',
  })
}

/**
 * Puts the values of every inlet, one after the other, and ends it. Stops where a put is refused, because the run has
 * ended; an input that throws dooms the run with its error. Never rejects.
 */
export async function feedInlets(pipeline: Pipeline, inputs: ReadonlyMap<string, Values>, meta?: Meta): Promise<void> {
  await Promise.all(
    [...inputs].map(async ([node, values]) => {
      try {
        for await (const value of values) await pipeline.put(value, { node, ...(meta && { meta }) })
        pipeline.end({ node })
      } catch (error) {
        // After the end of the run this changes nothing.
        if (!isRefusal(error)) void pipeline.doomsday(error)
      }
    }),
  )
}

const isRefusal = (error: unknown): boolean => isPipelineError(error) && error.code === 'PLB_STATE_NOT_RUNNING'

function isIterable(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
}
