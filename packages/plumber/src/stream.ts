import { type Output, packet, Queue, type RunReport } from '@pipelines/core'
import type { Pipeline } from './pipeline.js'

/** A pipeline whose outputs go to `onOutput`, as `stream` starts it. */
export type StartPipeline = (onOutput: (output: Output) => unknown) => Pipeline

/**
 * The outputs of a run as an async generator. It starts with the first `next`; an output waits until the one before was
 * taken, and its leaf with it. Leaving the loop ends the run well; `check` throws for a run that did not complete.
 */
export async function* streamOutputs(
  start: StartPipeline,
  check: (report: RunReport) => void,
): AsyncGenerator<Output, void, void> {
  const outputs = new Queue(1)
  const pipeline = start((output) => outputs.put(packet(output)))
  void pipeline.settled.then(() => outputs.end())
  try {
    for await (const { value } of outputs) yield value as Output // only outputs are put above
    check(await pipeline.settled)
  } finally {
    pipeline.closeOutputs()
    await pipeline.settled
  }
}
