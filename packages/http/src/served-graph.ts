import { type Logger, PipelineError, type Snapshot } from '@pipelines/core'
import {
  type Contract,
  checkOptions,
  type GraphDocument,
  isCount,
  type Pipeline,
  Plumber,
  type PlumberOptions,
  type RunOptions,
} from '@pipelines/plumber'
import type { Endpoint, Exchange } from './exchange.js'
import { HANDLER_RULES, type HandlerOptions, isIn, type ResolvedHandler, resolveHandler } from './options.js'
import { runEndpoint } from './run.js'
import { type Host, type Outcome, Visit } from './visit.js'
import { Visits } from './visits.js'

/** What is true of a graph that answers requests, whoever has made its pipeline. */
export interface ServingOptions extends HandlerOptions {
  /** Most requests that may be in progress; one more is answered with 503. @defaultValue 1024 */
  readonly maxInFlight?: number
}

/** A graph that answers requests. */
export interface GraphOptions
  extends ServingOptions,
    PlumberOptions,
    Pick<RunOptions, 'graceMs' | 'inactivityMs' | 'fuse'> {
  readonly graph: GraphDocument | string
  /**
   * `shared`: one standing pipeline for all requests. `perRequest`: a pipeline of its own for each, so that whole bodies go
   * through it as a stream, and nobody waits for somebody else's slow reader.
   *
   * @defaultValue `'shared'`
   */
  readonly mode?: 'shared' | 'perRequest'
}

/** What became of requests. */
export interface ServedCounts {
  /** Answered, and the answer was no error. */
  completed: number
  failed: number
  /** Sent away because too much was in progress, or because the service is closing. */
  refused: number
  /** Whose client left first. */
  left: number
}

export const MAX_IN_FLIGHT = 1024
const RULES = { ...HANDLER_RULES, mode: isIn('shared', 'perRequest'), maxInFlight: isCount }

/** One graph, warm: lets requests in, counts them, and has what answers them. */
export class ServedGraph implements Host {
  readonly name: string
  readonly mode: 'shared' | 'perRequest'
  readonly maxInFlight: number
  readonly logger: Logger | undefined
  readonly counts: ServedCounts = { completed: 0, failed: 0, refused: 0, left: 0 }
  readonly #handler: HandlerOptions
  /** How its answers are made where no more is said. */
  readonly defaults: ResolvedHandler
  /** What a pipeline is made from, unless one was given. */
  readonly #options: GraphOptions | undefined
  #plumber: Plumber | undefined
  #pipeline: Pipeline | undefined
  /** Requests in progress. */
  readonly #visits = new Visits()
  #closing = false

  /** @throws `PLB_OPTION_INVALID` for wrong options; what is wrong with the graph shows when it is started */
  constructor(name: string, source: GraphOptions | ({ readonly pipeline: Pipeline } & ServingOptions)) {
    checkOptions(source, RULES)
    this.name = name
    this.maxInFlight = source.maxInFlight ?? MAX_IN_FLIGHT
    this.#handler = source
    this.defaults = resolveHandler(source)
    this.#options = 'pipeline' in source ? undefined : source
    this.#pipeline = 'pipeline' in source ? source.pipeline : undefined
    this.mode = this.#options?.mode ?? 'shared'
    this.logger = this.#options?.logger
  }

  /** Checks the graph and starts it. Rejects with `PLB_GRAPH_INVALID`, or what keeps requests from going through it. */
  async start(): Promise<void> {
    if (this.#options !== undefined) this.#plumber ??= await Plumber.create(this.#options.graph, this.#options)
    if (this.mode === 'shared') this.pipeline.contract.assertTakesRequests(this.#handler.inlet)
  }

  /** What makes its pipelines. @throws `PLB_GRAPH_INVALID`; `PLB_CORO_ASYNC` before `start` */
  get plumber(): Plumber {
    if (this.#options === undefined)
      throw new PipelineError('INTERNAL', { what: 'a pipeline that was given has no plumber here' })
    this.#plumber ??= new Plumber(this.#options.graph, this.#options)
    return this.#plumber
  }

  /** The standing one. Where it was made here and has ended, though nobody closed it, there is a new one. */
  get pipeline(): Pipeline {
    const { state } = this.#pipeline ?? {}
    const isOver = state === undefined || state === 'settled' || state === 'doomed'
    if (this.#pipeline !== undefined && (!isOver || this.#closing || this.#options === undefined)) return this.#pipeline
    this.#pipeline = this.plumber.createPipeline({ ...this.runOptions, maxInFlight: this.maxInFlight })
    return this.#pipeline
  }

  /** How its pipelines are run, whether one stands or each request has one. */
  get runOptions(): RunOptions {
    const { graceMs, inactivityMs, fuse } = this.#options ?? {}
    return {
      ...(graceMs !== undefined && { graceMs }),
      ...(inactivityMs !== undefined && { inactivityMs }),
      ...(fuse !== undefined && { fuse }),
    }
  }

  /** What it takes and gives. */
  get contract(): Contract {
    return (this.#plumber ?? this.#pipeline ?? this.plumber).contract
  }

  get inFlight(): number {
    return this.#visits.size
  }

  get isReady(): boolean {
    if (this.#closing) return false
    if (this.mode === 'perRequest') return this.#plumber !== undefined
    return this.#pipeline !== undefined && (this.#pipeline.state === 'running' || this.#pipeline.state === 'starting')
  }

  /** Everything as it is now; only where one pipeline stands for all requests. */
  snapshot(): Snapshot | undefined {
    return this.mode === 'shared' ? this.#pipeline?.snapshot() : undefined
  }

  /** How its answers are made, with more that is said of one handler. */
  resolve(options: HandlerOptions = {}): ResolvedHandler {
    return resolveHandler(this.#handler, options)
  }

  /** Answers requests. */
  run(options: HandlerOptions = {}): Endpoint {
    return runEndpoint(this, this.resolve(options))
  }

  /**
   * Throws if one more request would be too many: costs no look at the request, so that its body need not be read.
   *
   * @throws `PLB_RUN_OVERLOADED`, `PLB_HTTP_CLOSING`
   */
  check(): void {
    if (!this.#closing && this.inFlight < this.maxInFlight && !this.#isFull) return
    this.counts.refused++
    if (this.#closing) throw new PipelineError('HTTP_CLOSING', {})
    throw new PipelineError('RUN_OVERLOADED', { maxInFlight: this.maxInFlight })
  }

  /** Lets a request in, or throws: see {@link check}. */
  admit(exchange: Exchange, options: ResolvedHandler): Visit {
    this.check()
    const visit = new Visit(exchange, options, this)
    this.#visits.add(visit)
    return visit
  }

  leave(visit: Visit, outcome: Outcome): void {
    this.counts[outcome]++
    this.#visits.delete(visit)
  }

  /** Lets nobody in any more; what is inside goes on. */
  stopIntake(): void {
    this.#closing = true
  }

  /** Whether nobody is let in any more. */
  get closing(): boolean {
    return this.#closing
  }

  /**
   * Lets nobody in, waits for what is inside, and ends what is not done after four fifths of the time. Never rejects.
   *
   * @param deadlineMs milliseconds by which all is over
   */
  async close(deadlineMs: number): Promise<void> {
    this.stopIntake()
    const closedMs = performance.now()
    await this.#visits.end(deadlineMs, () => new PipelineError('HTTP_CLOSING', {}))
    if (this.#options !== undefined)
      await this.#pipeline?.drain({ deadlineMs: Math.max(0, deadlineMs - (performance.now() - closedMs)) })
  }

  /** Whether there is no room behind the inlet. */
  get #isFull(): boolean {
    if (this.mode === 'perRequest') return false
    const { depth, capacity } = this.pipeline.load(
      this.#handler.inlet === undefined ? {} : { node: this.#handler.inlet },
    )
    return depth >= capacity
  }
}
