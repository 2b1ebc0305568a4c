import { isPipelineError, type Output, PipelineError, type RunReport } from '@pipelines/core'
import type { Pipeline } from '@pipelines/plumber'
import { type ItemsOptions, plumberFor } from '../flow-run.js'
import type { NestGraph } from './nest-graph.js'
import type { QueueInfo, Stage } from './stage.js'
import { showQueues } from './stage-run.js'
import { engage } from './stage-runs.js'
import { type WatchOptions, watchPipeline } from './watch.js'

/** Told of the error that ended a run. The report is absent where nothing had begun. */
export type ErrorHandler = (error: PipelineError, report: RunReport | undefined) => unknown

/** What is to be run. */
export interface NestSetup {
  readonly graph: NestGraph
  readonly stages: readonly Stage[]
  readonly options: ItemsOptions
}

type Plumbing = Awaited<ReturnType<typeof plumberFor>>

const nothing = (): void => {}

/** The one run of a nest. */
export class NestRun {
  /**
   * Settles when the run has, and whoever handles its error: rejects with the error unless somebody does, or the run was
   * stopped. The report is absent where nothing had begun.
   */
  readonly ended: Promise<RunReport | undefined>
  handler: ErrorHandler | undefined
  readonly #setup: () => NestSetup
  /** Who gets what comes out: somebody who is called, or who takes it. */
  #taker: ((output: Output) => unknown) | 'items' | undefined
  #plumbing: Promise<Plumbing> | undefined
  #resolve: (report: RunReport | undefined) => void = nothing
  #reject: (error: unknown) => void = nothing
  #pipeline: Pipeline | undefined
  #watching: WatchOptions | undefined
  #unwatch: () => void = nothing
  /** Lets the stages go. */
  #release: () => void = nothing
  isStarted = false
  isStopped = false
  isFinished = false

  constructor(setup: () => NestSetup) {
    this.#setup = setup
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.ended.catch(nothing) // who only starts a nest has not to hear of its end
  }

  /** Says who is given what comes out. Throws `PLB_STATE_ALREADY_STARTED` where that is settled. */
  take(taker: (output: Output) => unknown): void {
    this.#assertFree()
    this.#taker = taker
  }

  /** Runs it to its end, from the next job on; not while it is waited for who takes the first item. */
  start(): void {
    if (this.isStarted || this.#taker === 'items') return
    const start = async (): Promise<void> => {
      const { plumber, run } = await this.#prepared()
      const taker = this.#taker
      if (taker !== 'items') plumber.createPipeline({ ...run, ...(taker && { onOutput: taker }) })
    }
    start().catch((error: unknown) => this.#over(undefined, error))
  }

  /** Runs it while its items are taken; leaving the loop ends it well. */
  items(): AsyncGenerator<unknown, void, void> {
    this.#assertFree()
    this.#taker = 'items'
    return this.#draw()
  }

  /** Ends it: what is inside is given up. */
  stop(): void {
    this.isStopped = true
    void this.#pipeline?.doomsday(stopped())
  }

  /** How full the queues are; an empty list before it runs. */
  get queues(): readonly QueueInfo[] {
    const edges = this.#pipeline?.snapshot().edges ?? []
    return edges.map(({ from, to, depth, capacity }) => ({ from, to, depth, capacity }))
  }

  watch(options: WatchOptions): void {
    this.unwatch()
    this.#watching = options
    if (this.#pipeline !== undefined && !this.isFinished) this.#unwatch = watchPipeline(this.#pipeline, options)
  }

  unwatch(): void {
    this.#watching = undefined
    this.#unwatch()
    this.#unwatch = nothing
  }

  async *#draw(): AsyncGenerator<unknown, void, void> {
    const outputs = await this.#prepared()
      .then(({ plumber, run }) => plumber.stream(undefined, run))
      .catch((error: unknown) => void this.#over(undefined, error))
    try {
      for (;;) {
        // What the run ends with is thrown below, unless somebody has handled it.
        const step = await outputs?.next().catch(nothing)
        if (step === undefined || step.done === true) break
        yield step.value.value
      }
    } finally {
      await outputs?.return()
    }
    await this.ended
  }

  #assertFree(): void {
    if (this.#taker !== undefined || this.#pipeline !== undefined || this.isFinished)
      throw new PipelineError('STATE_ALREADY_STARTED', { what: 'The nest' })
  }

  #prepared(): Promise<Plumbing> {
    if (this.#plumbing === undefined) {
      this.isStarted = true
      this.#plumbing = this.#prepare()
    }
    return this.#plumbing
  }

  async #prepare(): Promise<Plumbing> {
    const { graph, stages, options } = this.#setup()
    this.#release = engage(stages)
    const plumbing = await plumberFor(graph.blueprint, options)
    const onStart = (pipeline: Pipeline): void => {
      this.#started(pipeline, stages)
      plumbing.run.onStart?.(pipeline)
    }
    return { ...plumbing, run: { ...plumbing.run, onStart } }
  }

  #started(pipeline: Pipeline, stages: readonly Stage[]): void {
    this.#pipeline = pipeline
    for (const stage of stages) showQueues(stage, () => this.queues)
    if (this.#watching !== undefined) this.#unwatch = watchPipeline(pipeline, this.#watching)
    void pipeline.settled.then((report) => this.#over(report, report.error))
    if (this.isStopped) void pipeline.doomsday(stopped())
  }

  /** Settles `ended`: a run that was stopped has ended as it should, and an error that is handled is nobody's any more. */
  async #over(report: RunReport | undefined, cause: unknown): Promise<void> {
    if (this.isFinished) return
    this.isFinished = true
    this.#release()
    this.unwatch()
    const isWell = report?.outcome === 'completed' || (report?.outcome === 'doomed' && this.isStopped)
    if (isWell) return this.#resolve(report)
    const error = isPipelineError(cause) ? cause : new PipelineError('RUN_FAILED', { what: 'The nest', cause }, cause)
    if (report !== undefined) error.report = report
    if (this.handler === undefined) return this.#reject(error)
    try {
      await this.handler(error, report)
      this.#resolve(report)
    } catch (failure) {
      this.#reject(failure)
    }
  }
}

/** What calls that go on are told. */
const stopped = (): PipelineError =>
  new PipelineError('RUN_CANCELLED', { what: 'The nest was stopped, and what was inside' })
