import { type Context, type Logger, PipelineError } from '@pipelines/core/coro'
import type { StageRun } from './stage-run.js'
import { nameOfStage, runOf } from './stage-runs.js'

/** Where a stage puts what is for another nest: see `Nest.xcut`. */
export interface Cut<T = unknown> {
  /** Like `put` of a stage. */
  put(item: T): Promise<void>
}

/** Where a stage stands: see {@link Stage.info}. */
export interface StageInfo {
  /** Its node; the name of its class while it does not run. */
  readonly name: string
  /** Its queues, as they are now: empty lists unless a nest runs it. */
  readonly inputs: readonly QueueInfo[]
  readonly outputs: readonly QueueInfo[]
}

export interface QueueInfo {
  readonly from: string
  readonly to: string
  readonly depth: number
  readonly capacity: number
}

/**
 * A step with state and with a beginning and an end. One instance is one worker: it gets one item after the other. What it
 * is constructed with goes to `initialize` and to `setup`.
 *
 * @typeParam In what `do` is called with
 * @typeParam Out what it puts
 * @typeParam Args what it is constructed with
 * @see mpyx's F, from which the idea and the names are taken.
 *
 * @example
 * class AddX extends Stage<number, number, [amount?: number]> {
 *   amount = 0
 *   override setup(amount = 1) { this.amount = amount }
 *   override do(n: number) { this.put(n + this.amount) }
 * }
 */
export class Stage<In = unknown, Out = unknown, Args extends readonly unknown[] = readonly unknown[]> {
  /** What it was constructed with. */
  readonly args: Args

  constructor(...args: Args) {
    this.args = args
  }

  /** Called when a nest is started that it stands in, before anything runs: stage by stage, in order. It must not put, nor wait. */
  initialize(..._args: Args): unknown {
    return undefined
  }

  /** Called first. It may put; a stage without input does all its work here. */
  setup(..._args: Args): unknown {
    return undefined
  }

  /** Called with every item; what it puts goes on, as often as it does. Unless it is overridden, it passes the item on. */
  do(item: In): unknown {
    return this.put(item as unknown as Out) // who passes items on takes what it gives
  }

  /**
   * Called once, behind the last item, or behind `stop`. It may still put. It is called too when the run has failed or was
   * stopped: what it puts goes nowhere then.
   */
  teardown(): unknown {
    return undefined
  }

  /**
   * Hands an item on, with `meta` as it is now. Settles when all successors have accepted it, so that who waits for it
   * holds no more than one; rejects when the stage is told to end.
   *
   * @throws `PLB_STATE_NOT_RUNNING` before `setup`
   */
  put(item: Out): Promise<void> {
    return this.#run('put an item').put(item)
  }

  /** The way to the nest that is cut in by that name; the same as `this.<name>`. */
  cut<T = unknown>(name: string): Cut<T> {
    return { put: (item) => this.#run('put an item').put(item, name) }
  }

  /** Takes no more input: what comes before it may end, and `teardown` is next. What is at work is finished. */
  stop(): void {
    this.#run('stop').stop()
  }

  /** Facts that travel with the item in hand: a copy of its own, to be changed before `put`. */
  get meta(): Record<string, unknown> {
    return this.#run('read its meta').meta
  }

  /** Aborts when the stage is told to end before its input does. */
  get signal(): AbortSignal {
    return this.#context.signal
  }

  /** What the nest was given as `env`. */
  get env(): Readonly<Record<string, unknown>> {
    return this.#context.env
  }

  get log(): Logger {
    return this.#context.log
  }

  /** Whether its `setup` has begun. */
  get started(): boolean {
    return runOf(this) !== undefined
  }

  /** Whether it takes no more input. */
  get stopped(): boolean {
    return runOf(this)?.isStopped ?? false
  }

  /** Whether its `teardown` is over. */
  get finished(): boolean {
    return runOf(this)?.isOver ?? false
  }

  /** Waits for so many milliseconds; rejects at once when the stage is told to end. */
  sleep(ms: number): Promise<void> {
    return this.#run('sleep').sleep(ms)
  }

  /** Its name, and how full its queues are. */
  info(): StageInfo {
    return runOf(this)?.info() ?? { name: nameOfStage(this), inputs: [], outputs: [] }
  }

  get #context(): Context {
    return this.#run('be asked').context
  }

  #run(what: string): StageRun {
    const run = runOf(this)
    if (run !== undefined) return run
    throw new PipelineError('STATE_NOT_RUNNING', {
      what: `Stage "${nameOfStage(this)}", which cannot ${what} yet,`,
      state: 'idle',
    })
  }
}
