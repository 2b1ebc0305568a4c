import { PipelineError } from '@pipelines/core/coro'
import type { Stage } from './stage.js'
import type { StageRun } from './stage-run.js'

const runs = new WeakMap<object, StageRun>()
/** Stages that a run has, though they may not be at work yet, or not any more. */
const engaged = new WeakSet<object>()

/** What a stage is called: its class may have no name. */
export const nameOfStage = (stage: object): string => stage.constructor.name || 'stage'

/** The run of a stage that goes on, or was the last one; `undefined` from its `initialize` to its `setup`. */
export const runOf = (stage: object): StageRun | undefined => runs.get(stage)

/**
 * Takes stages for a run, and calls `initialize` of each.
 *
 * @returns lets them go again
 * @throws `PLB_STATE_ALREADY_STARTED` where another run has one of them: then nothing is called
 */
export function engage(stages: readonly Stage[]): () => void {
  for (const stage of stages) assertFree(stage, engaged.has(stage))
  const release = (): void => {
    for (const stage of stages) engaged.delete(stage)
  }
  for (const stage of stages) {
    engaged.add(stage)
    runs.delete(stage)
  }
  try {
    for (const stage of stages) initialize(stage)
  } catch (error) {
    release()
    throw error
  }
  return release
}

/**
 * Notes that a stage goes to work. Who runs the blueprint of a nest without it has not engaged the stage: that is made up for.
 *
 * @returns to be called when its work is over
 * @throws `PLB_STATE_ALREADY_STARTED` where it is at work in another run
 */
export function enter(stage: Stage, run: StageRun): () => void {
  assertFree(stage, false)
  const release = engaged.has(stage) ? nothing : engage([stage])
  runs.set(stage, run)
  return release
}

const nothing = (): void => {}

function assertFree(stage: Stage, isEngaged: boolean): void {
  if (!isEngaged && runs.get(stage)?.isAtWork !== true) return
  throw new PipelineError('STATE_ALREADY_STARTED', { what: `Stage "${nameOfStage(stage)}", at work in another nest,` })
}

function initialize(stage: Stage): void {
  try {
    stage.initialize(...stage.args)
  } catch (cause) {
    throw new PipelineError('NODE_FAILED', { node: nameOfStage(stage), attempts: 1, phase: 'setup', cause }, cause)
  }
}
