import { cut, PipelineError, type Plan, quote, show } from '@pipelines/core'
import { suggester } from './graph/names.js'

/** What a graph with inlets is fed with: an iterable for its only inlet, or one for each by name. */
export type Input =
  | Iterable<unknown>
  | AsyncIterable<unknown>
  | Readonly<Record<string, Iterable<unknown> | AsyncIterable<unknown>>>

type Values = Iterable<unknown> | AsyncIterable<unknown>

/** The inlets of a plan: their numbers by name. */
export function inletsOf(plan: Plan): ReadonlyMap<string, number> {
  return new Map(plan.nodes.flatMap((node, number) => (node.kind === 'inlet' ? [[node.name, number] as const] : [])))
}

/** Assigns `input` to inlets, by node number. Throws `PLB_OPTION_INVALID` before anything starts. */
export function assignInput(inlets: ReadonlyMap<string, number>, input: unknown): ReadonlyMap<number, Values> {
  if (inlets.size === 0) {
    if (input === undefined) return new Map()
    throw invalid('was given, but the graph has no inlet', 'Give the node that takes it "coro": "std.inlet".')
  }
  if (input === undefined)
    throw invalid(`is missing: the graph has ${listed(inlets)}`, 'Give an iterable, or use createPipeline() and put().')
  if (isIterable(input)) {
    const [only, ...others] = inlets.values()
    if (only !== undefined && others.length === 0) return new Map([[only, input]])
    throw invalid(`is one iterable, but the graph has ${listed(inlets)}`, 'Give an object with one iterable for each.')
  }
  if (typeof input !== 'object' || input === null)
    throw invalid(`must be an iterable or async iterable, got ${show(input)}`)
  return assignByName(inlets, input)
}

/** The number of an inlet: the only one, or the named one. */
export function inletNumber(inlets: ReadonlyMap<string, number>, name: unknown): number {
  if (name === undefined) {
    if (inlets.size === 1) for (const only of inlets.values()) return only
    const what =
      inlets.size === 0 ? 'is missing, and the graph has no inlet' : `is missing: the graph has ${listed(inlets)}`
    throw new PipelineError('OPTION_INVALID', { option: 'node', what })
  }
  const number = typeof name === 'string' ? inlets.get(name) : undefined
  if (number !== undefined) return number
  throw new PipelineError('OPTION_INVALID', {
    option: 'node',
    what: `names ${typeof name === 'string' ? quote(name) : show(name)}, which is no inlet`,
    suggestion: typeof name === 'string' ? suggester([...inlets.keys()])(name) : undefined,
  })
}

function assignByName(inlets: ReadonlyMap<string, number>, input: object): ReadonlyMap<number, Values> {
  const given = new Map(Object.entries(input))
  for (const [name, values] of given) {
    if (!inlets.has(name))
      throw invalid(`names ${quote(name)}, which is no inlet`, undefined, suggester([...inlets.keys()])(name))
    if (!isIterable(values)) throw invalid(`must have an iterable for ${quote(name)}, got ${show(values)}`)
  }
  const missing = [...inlets.keys()].filter((name) => !given.has(name))
  if (missing.length > 0)
    throw invalid(`has nothing for ${missing.map(quote).join(', ')}`, 'Give an iterable for every inlet.')
  return new Map([...inlets].map(([name, number]) => [number, given.get(name) as Values])) // each was checked above
}

function isIterable(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
}

function listed(inlets: ReadonlyMap<string, number>): string {
  const names = [...inlets.keys()].map(quote).join(', ')
  return `${inlets.size === 1 ? 'the inlet' : 'the inlets'} ${cut(names, 300)}`
}

function invalid(what: string, hint?: string, suggestion?: string): PipelineError {
  return new PipelineError('OPTION_INVALID', { option: 'input', what, hint, suggestion })
}
