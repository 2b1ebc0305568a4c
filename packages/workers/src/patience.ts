import type { Call } from './call.js'

/** The part of `graceMs` after which a call is ended that has not stopped: the engine must not give it up before. */
const IN_TIME = 0.8

/** How long calls may take to stop that were told to, before their worker is ended. */
export class Patience {
  readonly #times: { readonly stuckMs: number; readonly graceMs: number }
  readonly #end: () => void

  constructor(times: { readonly stuckMs: number; readonly graceMs: number }, end: () => void) {
    this.#times = times
    this.#end = end
  }

  /** The worker is at a call that was told to stop. One whose time is up also has to show that it is not stuck. */
  begin(call: Call, isLate = false): void {
    const { stuckMs, graceMs } = this.#times
    const mostMs = IN_TIME * graceMs
    call.stopIn(isLate ? Math.min(stuckMs, mostMs) : mostMs, this.#end)
  }
}
