import { PipelineError } from '@pipelines/core'
import { Plumber, type Successor } from '@pipelines/plumber'
import { expect } from 'vitest'
import { turns } from './turns.js'

export { settlesSoon, turns, until } from './turns.js'

/** Helpers of the black-box tests: what a user of the two packages can do, in fewer words. */

/** The report of a run. */
export type Report = Awaited<ReturnType<Plumber['run']>>

/** A standing pipeline. */
export type Pipeline = ReturnType<Plumber['createPipeline']>

/** What a source coroutine is given first. */
export interface SourceOutput {
  put(value: unknown, options?: { readonly meta?: Readonly<Record<string, unknown>> }): unknown
}

/** One problem of a document. */
export interface Problem {
  readonly code: string
  readonly pointer: string
  readonly message: string
  readonly hint?: string | undefined
}

/** A node with its coroutine in place: the coroutine itself, the name of a ready one, or either with the rest of a node. */
export type Stage = string | object

/** A node of the document, `coro` still a coroutine. */
interface Node {
  readonly coro: string | object
  readonly args?: Readonly<Record<string, unknown>>
  readonly properties?: Readonly<Record<string, unknown>>
}

/** A Plumber of nodes that carry their coroutines, joined as in the document's `graph`. */
export function plumberOf(
  nodes: Readonly<Record<string, Stage>>,
  graph: Readonly<Record<string, readonly Successor[] | null>>,
  options: Readonly<Record<string, unknown>> = {},
): Plumber {
  const coroMap: Record<string, object> = {}
  const written: Record<string, object> = {}
  for (const [name, stage] of Object.entries(nodes)) {
    const { coro, ...rest } = asNode(stage)
    if (typeof coro !== 'string') coroMap[name] = coro
    written[name] = { coro: typeof coro === 'string' ? coro : name, ...rest }
  }
  return new Plumber({ nodes: written, graph } as never, { coroMap, ...options } as never)
}

/** A Plumber whose nodes stand in one line, in the order in which they are written. */
export function chain(nodes: Readonly<Record<string, Stage>>, options?: Readonly<Record<string, unknown>>): Plumber {
  const names = Object.keys(nodes)
  const graph = names.map((name, at) => [name, names.slice(at + 1, at + 2)] as const)
  return plumberOf(nodes, Object.fromEntries(graph), options)
}

function asNode(stage: Stage): Node {
  return typeof stage === 'object' && 'coro' in stage ? (stage as Node) : { coro: stage }
}

/** A coroutine with the properties of its node. */
export const having = (properties: Readonly<Record<string, unknown>>, coro: Stage): Stage => ({ coro, properties })

/** A coroutine on a node that runs alone, with a real queue before it, whatever its neighbours are. */
export const unfused = (coro: Stage, properties: Readonly<Record<string, unknown>> = {}): Stage =>
  having({ fuse: false, ...properties }, coro)

/** A source coroutine that gives the values and ends. */
export const from =
  (...values: readonly unknown[]): (() => readonly unknown[]) =>
  () =>
    values

/** The whole numbers from 0 up to, not including, `end`. */
export const range = (end: number): number[] => Array.from({ length: end }, (_, n) => n)

/** A coroutine that changes nothing. */
export const same = <T>(value: T): T => value

/** Numbers that do not end, and what is known of whoever reads them. */
export function endless(): { read: number; closed: boolean; source: () => Generator<number> } {
  const state = { read: 0, closed: false, source }
  function* source(): Generator<number> {
    try {
      for (;;) yield state.read++
    } finally {
      state.closed = true
    }
  }
  return state
}

/** A promise that rejects with the signal's reason as soon as it aborts, and does nothing else. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** The PipelineError that the work throws or rejects with. */
export async function failureOf(work: () => unknown): Promise<PipelineError> {
  try {
    await work()
  } catch (error) {
    expect(error).toBeInstanceOf(PipelineError)
    return error as PipelineError
  }
  throw new Error('It should have failed.')
}

/** The report that an error of `run` or `collect` carries. */
export function reportOf(error: PipelineError): Report {
  const report: unknown = Reflect.get(error, 'report')
  expect(report).toBeTypeOf('object')
  return report as Report
}

/** One of an error's details. */
export function detailOf(error: PipelineError, name: string): unknown {
  const details: unknown = error.details
  return typeof details === 'object' && details !== null ? Reflect.get(details, name) : undefined
}

/** The problems for which the document is refused. */
export function problemsOf(document: unknown, coroMap: unknown = {}): readonly Problem[] {
  try {
    new Plumber(document as never, { coroMap } as never)
  } catch (error) {
    expect(error).toMatchObject({ code: 'PLB_GRAPH_INVALID' })
    return detailOf(error as PipelineError, 'issues') as readonly Problem[]
  }
  throw new Error('The document should have been refused.')
}

/** All that a problem tells a person. */
export const textOf = ({ message, hint }: Problem): string => `${message} ${hint ?? ''}`

/** The counters of one node of a report or snapshot. */
export function nodeOf<T>({ nodes }: { readonly nodes: Readonly<Record<string, T>> }, name: string): T {
  const node = nodes[name]
  if (node === undefined) throw new Error(`There is no node "${name}".`)
  return node
}

/** One edge of a report or snapshot. */
export function edgeOf<T extends { readonly from: string; readonly to: string }>(
  { edges }: { readonly edges: readonly T[] },
  from: string,
  to: string,
): T {
  const edge = edges.find((candidate) => candidate.from === from && candidate.to === to)
  if (edge === undefined) throw new Error(`There is no edge from "${from}" to "${to}".`)
  return edge
}

/** A place for outputs, and the options that fill it. */
export function outputs(): {
  readonly values: unknown[]
  readonly options: { onOutput(output: { readonly value: unknown }): void }
} {
  const values: unknown[] = []
  return { values, options: { onOutput: ({ value }) => void values.push(value) } }
}

/** Puts the values one after the other, each followed by whatever follows from it, and then by so much time. */
export async function putEach(
  pipeline: Pipeline,
  values: readonly unknown[],
  { clock, stepMs = 0 }: { readonly clock: { now: number }; readonly stepMs?: number },
): Promise<void> {
  for (const value of values) {
    await pipeline.put(value)
    await turns(2)
    clock.now += stepMs
  }
}
