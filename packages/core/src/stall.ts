import { PipelineError } from './errors.js'
import type { Pipework } from './pipework.js'

/** What a network tells about itself. */
export interface StallHost {
  /** How much waits for others at the moment. */
  readonly waiting: number
  /** Whether it is at work: started, not paused, not over. */
  readonly atWork: boolean
  /** Whether the caller has an output in hand, or a request will be given up at its time. */
  readonly expecting: boolean
  stalled(error: PipelineError<'RUN_STALLED'>): void
}

/** What its nodes and edges tell. */
export type Watched = Pick<Pipework, 'standsStill' | 'holds' | 'dozes' | 'progress' | 'waits'>

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
  readonly #watched: Watched
  readonly #inactivityMs: number | undefined
  #look: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #progress = 0
  /** Looks in a row that saw nothing move. */
  #still = 0

  constructor(host: StallHost, watched: Watched, inactivityMs: number | undefined) {
    this.#host = host
    this.#watched = watched
    this.#inactivityMs = inactivityMs
  }

  /** Something came to rest. */
  rested(): void {
    if (this.#look !== undefined || (this.#host.waiting === 0 && this.#timer === undefined)) return
    this.#look = setImmediate(() => {
      this.#look = undefined
      const { atWork, waiting, expecting } = this.#host
      if (atWork && waiting > 0 && !expecting && this.#watched.standsStill()) this.#stalled()
      else if (!this.#watched.holds) this.#disarm()
    })
  }

  /** Something came in, or the run began. */
  stirred(): void {
    if (this.#inactivityMs === undefined || this.#timer !== undefined) return
    this.#progress = this.#watched.progress
    this.#still = 0
    this.#arm(Math.ceil(this.#inactivityMs / LOOKS))
  }

  /** It was paused: what has not moved meanwhile could not. */
  resumed(): void {
    if (this.#timer !== undefined) {
      this.#disarm()
      this.stirred()
    }
    this.rested()
  }

  end(): void {
    clearImmediate(this.#look)
    this.#disarm()
  }

  #disarm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const { progress, holds, dozes } = this.#watched
      this.#still = progress === this.#progress && this.#host.atWork && !dozes ? this.#still + 1 : 0
      this.#progress = progress
      if (this.#still >= LOOKS && holds) this.#stalled(this.#inactivityMs)
      else if (holds) this.#arm(ms)
    }, ms)
  }

  #stalled(inactivityMs?: number): void {
    this.#host.stalled(new PipelineError('RUN_STALLED', { waits: this.#watched.waits(), inactivityMs }))
  }
}
