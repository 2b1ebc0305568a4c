import type { RunReport, Snapshot } from '@pipelines/core'

/** As much of a pipeline as is needed to watch it. */
export interface Observed {
  /** Everything as it is now. */
  snapshot(): Snapshot
  /** Settles with the report, whatever ends the run. */
  readonly settled: Promise<RunReport>
}
