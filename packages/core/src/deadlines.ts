import { DRAIN_SHARE } from './defaults.js'
import { PipelineError } from './errors.js'
import type { NetworkOptions } from './network-options.js'
import type { End } from './records.js'

/** What may end a run from outside: the caller's signal, the deadline of the run, and that of a drain. */
export class Deadlines {
  readonly #options: Pick<NetworkOptions, 'signal' | 'deadlineMs'>
  readonly #doom: (end: End, graceMs?: number) => void
  readonly #timers: NodeJS.Timeout[] = []

  /** @param doom ends the run; with `graceMs`, calls get no longer than that to return */
  constructor(options: Pick<NetworkOptions, 'signal' | 'deadlineMs'>, doom: (end: End, graceMs?: number) => void) {
    this.#options = options
    this.#doom = doom
  }

  /** The run starts; tells whether it may, or has been aborted before. */
  start(): boolean {
    const { signal, deadlineMs } = this.#options
    if (signal?.aborted) {
      this.#abort()
      return false
    }
    signal?.addEventListener('abort', this.#abort, { once: true })
    if (deadlineMs !== undefined) this.#timers.push(setTimeout(() => this.#late(deadlineMs), deadlineMs))
    return true
  }

  /** A drain begins. Most of its deadline is for what flows; what is left then is all the grace there is. */
  drain(deadlineMs: number): void {
    const late = (): void => this.#late(deadlineMs, deadlineMs * (1 - DRAIN_SHARE))
    this.#timers.push(setTimeout(late, deadlineMs * DRAIN_SHARE))
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#options.signal?.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#options.signal?.reason
    this.#doom({ outcome: 'doomed', error: new PipelineError('RUN_DOOMED', { reason }, reason), reason })
  }

  #late(deadlineMs: number, graceMs?: number): void {
    const error = new PipelineError('RUN_DEADLINE', { deadlineMs })
    this.#doom({ outcome: 'doomed', error, reason: error }, graceMs)
  }
}
