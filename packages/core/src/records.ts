import { ERRORS_LISTED, UNPROCESSED_LISTED } from './defaults.js'
import type { PipelineError } from './errors.js'
import type { Packet } from './packet.js'
import type { RunReport, UnprocessedItem } from './report.js'

/** What a run has to tell at its end: the first error wins, the lists are bounded, everything is counted elsewhere. */
export class Records {
  readonly unprocessed: UnprocessedItem[] = []
  readonly abandoned: string[] = []
  readonly errors: PipelineError[] = []
  /** What ends the run, and how. */
  end: { readonly outcome: RunReport['outcome']; readonly error?: PipelineError; readonly reason?: unknown } | undefined

  lost(node: string, packet: Packet): void {
    if (this.unprocessed.length >= UNPROCESSED_LISTED) return
    this.unprocessed.push({ node, value: packet.value, meta: packet.meta })
  }

  /** Lists an error; tells whether there was room. */
  error(error: PipelineError): boolean {
    if (this.errors.length >= ERRORS_LISTED) return false
    this.errors.push(error)
    return true
  }
}
