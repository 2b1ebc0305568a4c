import { type Issue, isPipelineError, type Logger, PipelineError } from '@pipelines/core'
import { pointer } from '@pipelines/plumber'
import { type Routes, routesOf } from './routes.js'
import { type GraphOptions, ServedGraph } from './served-graph.js'
import { Submissions, type SubmitOptions } from './submissions.js'

/** What a service serves. */
export interface ServiceOptions<Name extends string = string> {
  /** The graphs, by the names under which they are asked for. */
  readonly graphs?: Readonly<Record<Name, GraphOptions>>
  /** What clients may send as graphs of their own. @defaultValue nothing: it is off */
  readonly submit?: SubmitOptions
  /** Where graphs without a logger of their own report. @defaultValue silent */
  readonly logger?: Logger
}

/** Milliseconds that a service gets to close. */
export const CLOSE_MS = 10_000

/** Several graphs that start and close together, and routes that tell of them. What frameworks get is made of this. */
export class PipelineService<Name extends string = string> {
  /** By name. */
  readonly graphs: Readonly<Record<Name, ServedGraph>>
  /** Absent where clients may send no graphs. */
  readonly submissions: Submissions | undefined
  /** Endpoints, to be mounted one by one. */
  readonly routes: Routes
  #state: 'idle' | 'starting' | 'serving' | 'closing' | 'closed' = 'idle'
  #started: Promise<void> | undefined
  #closed: Promise<void> | undefined

  /** @throws `PLB_OPTION_INVALID` for wrong options; what is wrong with graphs shows when it is started */
  constructor({ graphs, submit, logger }: ServiceOptions<Name>) {
    const named = Object.entries<GraphOptions>(graphs ?? {}).map(
      ([name, options]) =>
        [name, new ServedGraph(name, logger === undefined ? options : { logger, ...options })] as const,
    )
    // Without a prototype, since the names are somebody's.
    this.graphs = Object.freeze(Object.assign(Object.create(null), Object.fromEntries(named)))
    this.submissions = submit && new Submissions(logger === undefined ? submit : { logger, ...submit })
    this.routes = routesOf(this)
  }

  get state(): 'idle' | 'starting' | 'serving' | 'closing' | 'closed' {
    return this.#state
  }

  /** Whether it serves, and every graph does. */
  get isReady(): boolean {
    return this.#state === 'serving' && this.all.every((graph) => graph.isReady)
  }

  get all(): readonly ServedGraph[] {
    return Object.values(this.graphs)
  }

  /**
   * Checks and starts every graph. Rejects with `PLB_GRAPH_INVALID`, which lists every issue of every graph under its name,
   * or with what else keeps one from serving.
   */
  start(): Promise<void> {
    this.#started ??= this.#start()
    return this.#started
  }

  /** Lets no request in any more: each is answered with 503. Those inside go on. */
  stopIntake(): void {
    if (this.#state !== 'closed') this.#state = 'closing'
    for (const graph of this.all) graph.stopIntake()
    this.submissions?.stopIntake()
  }

  /**
   * Lets no request in, lets those inside have their answers, and ends what is not done after four fifths of the time.
   * Idempotent; never rejects.
   *
   * @param options.deadlineMs milliseconds by which all is over. @defaultValue 10000
   */
  close({ deadlineMs = CLOSE_MS }: { readonly deadlineMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(deadlineMs)
    return this.#closed
  }

  async #start(): Promise<void> {
    this.#state = 'starting'
    const started = await Promise.allSettled(this.all.map((graph) => graph.start()))
    const errors = started.flatMap((one, index) =>
      one.status === 'rejected' ? [{ name: this.all[index]?.name ?? '', error: one.reason }] : [],
    )
    if (errors.length === 0) {
      if (this.#state === 'starting') this.#state = 'serving'
      return
    }
    await this.close({ deadlineMs: 0 })
    throw togetherOf(errors)
  }

  async #close(deadlineMs: number): Promise<void> {
    this.stopIntake()
    await Promise.all([...this.all.map((graph) => graph.close(deadlineMs)), this.submissions?.close(deadlineMs)])
    this.#state = 'closed'
  }
}

/** All issues of all graphs as one error; the first error that is something else, if there is one. */
function togetherOf(errors: readonly { readonly name: string; readonly error: unknown }[]): unknown {
  const issues: Issue[] = []
  for (const { name, error } of errors) {
    if (!isPipelineError(error) || error.code !== 'PLB_GRAPH_INVALID') return error
    const listed = (error as PipelineError<'GRAPH_INVALID'>).details.issues
    for (const issue of listed) issues.push({ ...issue, pointer: `${pointer(name)}${issue.pointer}` })
  }
  return new PipelineError('GRAPH_INVALID', { issues })
}
