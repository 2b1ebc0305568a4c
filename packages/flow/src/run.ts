import type { RunReport } from '@pipelines/core'
import { Flow } from './flow.js'
import { type FlowOptions, ready } from './flow-run.js'

/** Runs several flows together, until all of them have ended; nothing is done without any. What they share runs once. */
export async function run(flows: readonly Flow<unknown>[], options: FlowOptions = {}): Promise<RunReport | undefined> {
  if (flows.length === 0) return undefined
  const { plumber, run: how } = await ready(Flow.endsOf(flows).ends, options)
  return plumber.run(undefined, how)
}
