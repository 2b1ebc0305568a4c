import type { Coro, CoroDefinition, Meta, Output, RunReport } from '@pipelines/core'
import { isCoroDefinition } from '@pipelines/core'
import { type CoroMap, Plumber, type PropertiesDocument } from '@pipelines/plumber'
import { feedInlets } from './feed.js'

export interface RunCoroOptions {
  /** The node's `args`. */
  readonly args?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, unknown>>
  /** The meta that every input brings. */
  readonly meta?: Meta
  /** Where the coroutines are found that `args` name; see `refs` of `defineCoro`. */
  readonly coroMap?: CoroMap
  /**
   * The node's properties: `batch` for a coroutine that is called with several inputs, `retry`, `workers` and so on. Not
   * for a source.
   *
   * @defaultValue those that every node has
   */
  readonly properties?: PropertiesDocument
}

/** What a coroutine gave for its inputs. */
export interface CoroRun {
  /** Everything that it returned, yielded and emitted, in order. */
  readonly outputs: readonly Pick<Output, 'port' | 'value' | 'meta'>[]
  /** The values of `outputs`. */
  readonly values: readonly unknown[]
  readonly report: RunReport
}

/**
 * Runs one coroutine by itself, its hooks included, as at a leaf: so `undefined` is no output. A source is told by its
 * `kind`, or by `inputs` being left out.
 *
 * @throws (rejects) the PipelineError that ended the run, with the report as `report`; `PLB_GRAPH_INVALID` where the args
 * or the properties do not fit
 *
 * @example
 * const { values } = await runCoro(double, [1, 2, 3])
 */
export async function runCoro(
  coro: Coro | CoroDefinition,
  inputs?: Iterable<unknown> | AsyncIterable<unknown>,
  { args, env, meta, coroMap, properties }: RunCoroOptions = {},
): Promise<CoroRun> {
  const isSource = inputs === undefined || (isCoroDefinition(coro) && coro.kind === 'source')
  const tested = { coro, ...(args && { args }), ...(properties && { properties }) }
  const document = isSource
    ? { nodes: { coro: tested }, graph: {} }
    : { nodes: { inputs: { coro: 'std.inlet' }, coro: tested }, graph: { inputs: ['coro'] } }
  const plumber = await Plumber.create(document, { coroMap, ...(env && { env }) })
  const outputs: Pick<Output, 'port' | 'value' | 'meta'>[] = []
  const pipeline = plumber.createPipeline({
    onOutput: ({ port, value, meta }) => {
      outputs.push({ port, value, meta })
    },
  })
  if (!isSource) await feedInlets(pipeline, new Map([['inputs', inputs]]), meta)
  const report = await pipeline.settled
  if (report.error !== undefined) throw Object.assign(report.error, { report })
  return { outputs, values: outputs.map(({ value }) => value), report }
}
