import { isPipelineError, type Logger, type Output, PipelineError, type Snapshot } from '@pipelines/core'
import { type CoroMap, type GraphDocument, type Input, type Pipeline, Plumber } from '@pipelines/plumber'
import { type BodyOptions, isJson, readBody } from './body.js'
import type { Endpoint, Exchange } from './exchange.js'
import { resolveHandler } from './options.js'
import { FORMATS } from './reply.js'
import { streamed } from './streamed.js'
import { assertModest, documentLimits, resolveSubmitLimits, type SubmitLimits } from './submit-limits.js'
import { type Host, Visit } from './visit.js'
import { Visits } from './visits.js'

/** Who may send graphs, and what these may use. */
export interface SubmitOptions {
  /** The coroutines that they may name: nothing else can be reached. */
  readonly coroMap: CoroMap
  /**
   * Who asks, by the framework's request: a name, `true` for anybody at the same address, `false` for nobody who may. Runs
   * are counted by it. Asked before the body is read.
   */
  readonly authorize: (request: never) => boolean | string | Promise<boolean | string>
  /** `ctx.env` of all of them. */
  readonly env?: Readonly<Record<string, unknown>>
  readonly limits?: Partial<SubmitLimits>
  /** @defaultValue silent */
  readonly logger?: Logger
  /** @defaultValue 15000 */
  readonly heartbeatMs?: number
  /** @defaultValue 10000 */
  readonly readerTimeoutMs?: number
  /** @defaultValue 30000 */
  readonly bodyTimeoutMs?: number
}

/** A graph that somebody has sent. */
export interface Submission {
  readonly document: GraphDocument | string
  /** Values for its inlets, as `Plumber.run` takes them. */
  readonly input?: Input | undefined
  /** By whom runs are counted. */
  readonly client: string
  /** More for `ctx.env` of this run. */
  readonly env?: Readonly<Record<string, unknown>>
  /** Ends it. */
  readonly signal?: AbortSignal
}

/** Milliseconds between two looks at how much a run has done. */
const LOOK_MS = 20
/** Milliseconds that the coroutines of a run get to return when it is ended. */
const GRACE_MS = 1_000

/** Runs the graphs that clients send, each in a pipeline of its own, and none beyond its limits. */
export class Submissions implements Host {
  readonly name = 'submitted'
  readonly limits: SubmitLimits
  readonly #options: SubmitOptions
  /** How many runs each client has. */
  readonly #runs = new Map<string, number>()
  /** What ends each run. */
  readonly #cancels = new Set<(reason: unknown) => void>()
  /** Those that were sent by HTTP. */
  readonly #visits = new Visits()
  #closing = false
  #onEmpty: () => void = () => {}

  /** @throws `PLB_OPTION_INVALID` */
  constructor(options: SubmitOptions) {
    for (const option of ['coroMap', 'authorize'] as const)
      if (options[option] === undefined)
        throw new PipelineError('OPTION_INVALID', { option: `submit.${option}`, what: 'is missing' })
    this.#options = options
    this.limits = resolveSubmitLimits(options.limits)
  }

  get logger(): Logger | undefined {
    return this.#options.logger
  }

  /** How many runs there are. */
  get inFlight(): number {
    return this.#cancels.size
  }

  /** What there is to tell. */
  stats(): object {
    return { inFlight: this.inFlight, clients: this.#runs.size }
  }

  /**
   * Runs a graph and gives its outputs as they are made, no faster than they are taken. Leaving the loop ends it.
   *
   * @throws (from `next`) `PLB_GRAPH_INVALID` with every issue; `PLB_HTTP_TOO_MANY_RUNS`, `PLB_HTTP_BUSY`,
   * `PLB_HTTP_CLOSING`; `PLB_HTTP_RUN_LIMIT` or `PLB_RUN_DEADLINE` for a run that does too much; with what fails in it
   */
  async *run(submission: Submission): AsyncGenerator<Output, void, void> {
    const controller = new AbortController()
    const cancel = (reason: unknown): void => controller.abort(reason)
    const { signal, client } = submission
    this.#enter(client, cancel)
    const aborted = (): void => cancel(signal?.reason)
    signal?.addEventListener('abort', aborted)
    if (signal?.aborted) aborted()
    try {
      yield* this.#outputs(submission, controller)
    } catch (error) {
      throw plainly(error)
    } finally {
      signal?.removeEventListener('abort', aborted)
      this.#leave(client, cancel)
    }
  }

  /** `POST`: takes a document, or `{ document, input }`; gives NDJSON, or events where these are asked for. */
  readonly endpoint: Endpoint = async (exchange) => {
    const { heartbeatMs, readerTimeoutMs, bodyTimeoutMs } = this.#options
    const reply = exchange.header('accept')?.includes('text/event-stream') === true ? 'sse' : 'ndjson'
    const given = { reply, heartbeatMs, readerTimeoutMs, bodyTimeoutMs, bodyLimit: this.limits.bytes } as const
    const options = resolveHandler(given as never) // what is not set is left out there
    if (this.#closing) throw new PipelineError('HTTP_CLOSING', {})
    const visit = new Visit(exchange, options, this)
    this.#visits.add(visit)
    try {
      const client = await this.#clientOf(exchange)
      const submission = await submissionOf(exchange, options, visit)
      const outputs = this.run({ ...submission, client, signal: visit.signal })
      return await streamed(outputs, { visit, options, format: FORMATS[reply] })
    } catch (error) {
      visit.end(false)
      throw error
    }
  }

  /** Lets no run begin any more. */
  stopIntake(): void {
    this.#closing = true
  }

  /** Waits for the runs; ends them after four fifths of the time, and does not wait beyond it. */
  async close(deadlineMs: number): Promise<void> {
    this.stopIntake()
    const reason = (): PipelineError => new PipelineError('HTTP_CLOSING', {})
    const timer = setTimeout(() => {
      for (const cancel of this.#cancels) cancel(reason())
    }, deadlineMs * 0.8)
    await this.#visits.end(deadlineMs, reason)
    if (this.inFlight > 0) await this.#emptied(deadlineMs)
    clearTimeout(timer)
  }

  leave(visit: Visit): void {
    this.#visits.delete(visit)
  }

  #emptied(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #clientOf(exchange: Exchange): Promise<string> {
    const allowed = await this.#options.authorize(exchange.raw as never) // the framework's, as the option says
    if (typeof allowed === 'string') return allowed
    if (allowed === true) return exchange.address ?? 'anybody'
    throw new PipelineError('HTTP_FORBIDDEN', {})
  }

  #enter(client: string, cancel: (reason: unknown) => void): void {
    const { runs, runsPerClient } = this.limits
    const own = this.#runs.get(client) ?? 0
    if (this.#closing) throw new PipelineError('HTTP_CLOSING', {})
    if (own >= runsPerClient) throw new PipelineError('HTTP_TOO_MANY_RUNS', { limit: runsPerClient })
    if (this.inFlight >= runs) throw new PipelineError('HTTP_BUSY', { what: `${runs} runs are in progress already` })
    this.#runs.set(client, own + 1)
    this.#cancels.add(cancel)
  }

  #leave(client: string, cancel: (reason: unknown) => void): void {
    const own = this.#runs.get(client) ?? 0
    if (own > 1) this.#runs.set(client, own - 1)
    else this.#runs.delete(client)
    this.#cancels.delete(cancel)
    if (this.inFlight === 0) this.#onEmpty()
  }

  async *#outputs(
    { document, input, env }: Submission,
    controller: AbortController,
  ): AsyncGenerator<Output, void, void> {
    const { coroMap, logger, env: ours } = this.#options
    const { outputs: most, runMs } = this.limits
    const limits = documentLimits(this.limits)
    const plumber = await Plumber.create(document, { coroMap, limits, ...(logger && { logger }) })
    assertModest(plumber.toJSON(), this.limits)
    let stop = (): void => {}
    const run = {
      deadlineMs: runMs,
      graceMs: GRACE_MS,
      signal: controller.signal,
      env: { ...ours, ...env },
      onStart: (pipeline: Pipeline) => {
        stop = this.#watch(pipeline, controller)
      },
    }
    let count = 0
    try {
      for await (const output of plumber.stream(input, run)) {
        if (++count > most) throw new PipelineError('HTTP_RUN_LIMIT', { what: 'outputs', limit: most })
        yield output
      }
    } finally {
      stop()
    }
  }

  /** Ends a run that does too much. What it holds is bounded, but how much of it is thrown away is not. */
  #watch(pipeline: Pipeline, controller: AbortController): () => void {
    const { packets: limit } = this.limits
    const timer = setInterval(() => {
      if (packetsOf(pipeline.snapshot()) > limit)
        controller.abort(new PipelineError('HTTP_RUN_LIMIT', { what: 'packets', limit }))
    }, LOOK_MS)
    return () => clearInterval(timer)
  }
}

/** A framework that has read the body may have taken more, and other things, than are allowed here. */
function refuseParsed(exchange: Exchange, sent: unknown, limit: number): void {
  if (!isJson(exchange)) {
    const found = exchange.header('content-type')
    throw new PipelineError('HTTP_MEDIA_TYPE', { header: 'content-type', found, allowed: ['application/json'] })
  }
  if (Buffer.byteLength(JSON.stringify(sent)) > limit) throw new PipelineError('HTTP_BODY_TOO_LARGE', { limit })
}

/** Why a run was ended from here, and what is wrong with what was sent, as themselves. */
function plainly(error: unknown): unknown {
  if (!isPipelineError(error)) return error
  if (isPipelineError(error.cause) && error.cause.code.startsWith('PLB_HTTP_')) return error.cause
  if (error.code !== 'PLB_OPTION_INVALID') return error
  const { option, what } = (error as PipelineError<'OPTION_INVALID'>).details
  return option === 'input'
    ? new PipelineError('HTTP_BODY_INVALID', { what: `has an "input" that ${what}` }, error)
    : error
}

const packetsOf = ({ edges }: Snapshot): number => edges.reduce((sum, { entered }) => sum + entered, 0)

interface Sent {
  readonly document: GraphDocument
  readonly input?: Input | undefined
}

async function submissionOf(exchange: Exchange, options: BodyOptions, visit: Visit): Promise<Sent> {
  const hooks = { check: () => {}, onCancel: (cancel: (reason: unknown) => void) => visit.onCancel(cancel) }
  const body = await readBody(exchange, { ...options, body: 'value' }, hooks)
  const sent = 'value' in body ? body.value : undefined
  if (exchange.parsed !== undefined) refuseParsed(exchange, sent, options.bodyLimit)
  // Whatever it is, it is checked as a document, and as an input, next.
  if (typeof sent !== 'object' || sent === null || !('document' in sent)) return { document: sent as GraphDocument }
  const { document, input } = sent as { readonly document: GraphDocument; readonly input?: Input }
  return { document, input }
}
