import { ERRORS_LISTED, UNPROCESSED_LISTED } from './defaults.js'
import type { PipelineError } from './errors.js'
import type { Packet } from './packet.js'
import type { RunReport, UnprocessedItem } from './report.js'

/** How a run ends. */
export type End = Pick<RunReport, 'outcome' | 'error' | 'reason'>

/** What a run has to tell at its end: the lists are bounded, everything is counted elsewhere. */
export class Records {
  /** What ends the run; absent while nothing has. */
  end: End | undefined
  readonly errors: PipelineError[] = []
  readonly #unprocessed: UnprocessedItem[] = []
  readonly #abandoned: string[] = []
  #startedAt: number | undefined
  #endedAt: number | undefined

  /** The run starts. */
  begin(): void {
    this.#startedAt = performance.now()
  }

  get durationMs(): number {
    return this.#startedAt === undefined ? 0 : (this.#endedAt ?? performance.now()) - this.#startedAt
  }

  lost(node: string, { value, meta }: Packet): void {
    if (this.#unprocessed.length < UNPROCESSED_LISTED) this.#unprocessed.push({ node, value, meta })
  }

  abandoned(node: string): void {
    this.#abandoned.push(node)
  }

  /** Lists an error; tells whether there was room. */
  error(error: PipelineError): boolean {
    if (this.errors.length >= ERRORS_LISTED) return false
    this.errors.push(error)
    return true
  }

  /** The end and the lists as they are now: what comes later does not change them. */
  close(): End & Pick<RunReport, 'durationMs' | 'unprocessed' | 'abandoned' | 'errors'> {
    this.#endedAt = performance.now()
    const facts = {
      durationMs: this.durationMs,
      unprocessed: this.#unprocessed.slice(),
      abandoned: this.#abandoned.slice(),
      errors: this.errors.slice(),
    }
    return this.end === undefined ? { outcome: 'completed', ...facts } : { ...this.end, ...facts }
  }
}
