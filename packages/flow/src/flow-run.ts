import { type Executor, PipelineError, show } from '@pipelines/core'
import { type ProgressOptions, progress, type Screen } from '@pipelines/observe'
import { type Limits, type Pipeline, Plumber, type RunOptions } from '@pipelines/plumber'
import type { Blueprint } from './blueprint.js'
import { blueprintOf } from './flow-blueprint.js'
import { assertUnread } from './from.js'
import { type Stage, stagesOf } from './stage.js'

/** How a flow is run: what a Plumber is given beside the graph, and what a run is given. */
export interface FlowOptions extends RunOptions {
  /** Executors in the place of those that all flows share. */
  readonly executors?: readonly Executor[] | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Whether the `input` and `output` schemas of coroutines are checked per item. @defaultValue `false` */
  readonly validate?: boolean | undefined
  /** Shows how far it is: where, as `process.stderr`, or where and how. */
  readonly progress?: Screen | (ProgressOptions & { readonly screen: Screen }) | undefined
}

/** How a flow is run whose items are given back. */
export type ItemsOptions = Omit<FlowOptions, 'onOutput'>

/** A Plumber for a blueprint, and the options for its run. */
export async function plumberFor(
  { graph, ...given }: Blueprint,
  { executors, limits, validate, progress: shown, ...run }: FlowOptions,
): Promise<{ readonly plumber: Plumber; readonly run: RunOptions }> {
  const build = { ...(executors && { executors }), ...(limits && { limits }), ...(validate && { validate }) }
  const plumber = await Plumber.create(graph, { ...given, ...build })
  if (shown === undefined) return { plumber, run }
  if (typeof shown !== 'object' || shown === null)
    throw new PipelineError('OPTION_INVALID', {
      option: 'progress',
      what: `must be a screen, got ${show(shown)}`,
      hint: 'For example process.stderr.',
    })
  const { screen, ...how } = 'screen' in shown ? shown : { screen: shown }
  const onStart = (pipeline: Pipeline): void => {
    progress(pipeline, screen, how)
    run.onStart?.(pipeline)
  }
  return { plumber, run: { ...run, onStart } }
}

/** A Plumber for some stages whose sources can be read, and the options for its run. */
export async function ready(
  ends: readonly Stage[],
  options: FlowOptions,
  isIndexed = false,
): ReturnType<typeof plumberFor> {
  for (const stage of stagesOf(ends)) if (stage.kind === 'source') assertUnread(stage.data)
  return plumberFor(blueprintOf(ends, isIndexed), options)
}
