import { PipelineError, type StalledNode } from './errors.js'

/** What a network tells about its movements. */
export interface StallHost {
  /** How much waits for others at the moment. */
  readonly waiting: number
  /** Whether it is at work: started, not paused, not over. */
  readonly atWork: boolean
  /** Whether nothing moves by itself, and nothing can come from outside. */
  readonly stands: boolean
  /** Whether anything is inside. */
  readonly holds: boolean
  /** Grows with everything that happens to packets. */
  readonly progress: number
  waits(): readonly StalledNode[]
  stalled(error: PipelineError<'RUN_STALLED'>): void
}

/** Looks per time that a run may stand still: it is found out at most a quarter of it too late. */
const LOOKS = 4

/**
 * Sees to it that a run never stands still in silence. Where nothing can move and something waits, that is known at once:
 * it looks once per turn of the event loop in which something came to rest while something waits. Where a coroutine may
 * still wait for the world, only time can tell: then `inactivityMs` says how long nothing may move while something is
 * inside. An idle network is not watched.
 */
export class StallWatch {
  readonly #host: StallHost
  readonly #inactivityMs: number | undefined
  #look: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #progress = 0
  /** Looks in a row that saw nothing move. */
  #still = 0

  constructor(host: StallHost, inactivityMs: number | undefined) {
    this.#host = host
    this.#inactivityMs = inactivityMs
  }

  /** Something came to rest. */
  rested(): void {
    if (this.#host.waiting === 0 || this.#look !== undefined) return
    this.#look = setImmediate(() => {
      this.#look = undefined
      const { atWork, waiting, stands } = this.#host
      if (atWork && waiting > 0 && stands) this.#stalled()
    })
  }

  /** Something came in, or the run began. */
  stirred(): void {
    if (this.#inactivityMs === undefined || this.#timer !== undefined) return
    this.#progress = this.#host.progress
    this.#still = 0
    this.#arm(this.#inactivityMs / LOOKS)
  }

  end(): void {
    clearImmediate(this.#look)
    clearTimeout(this.#timer)
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const { progress, atWork, holds } = this.#host
      this.#still = progress === this.#progress && atWork ? this.#still + 1 : 0
      this.#progress = progress
      if (this.#still >= LOOKS && holds) this.#stalled(this.#inactivityMs)
      else if (holds) this.#arm(ms)
    }, ms)
  }

  #stalled(inactivityMs?: number): void {
    this.#host.stalled(new PipelineError('RUN_STALLED', { waits: this.#host.waits(), inactivityMs }))
  }
}
