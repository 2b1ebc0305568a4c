import { type Logger, PipelineError, SILENT } from '@pipelines/core'
import type { ProcessOptions } from '@pipelines/plumber'
import type { Exchange } from './exchange.js'
import type { HttpError } from './http-error.js'
import type { RequestContext, ResolvedHandler } from './options.js'

/** What coroutines see of the HTTP request that they work for, as `ctx.env.request`. */
export interface RequestFacts {
  /** Names the request in logs. */
  readonly id: string
  /** The W3C trace context that came with it, unchanged; absent where there was none, or none that is well formed. */
  readonly traceparent: string | undefined
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** What the calls for an exchange see of it. */
export function factsOf(exchange: Exchange): RequestFacts {
  const traceparent = exchange.header('traceparent')
  const isWellFormed = traceparent !== undefined && TRACEPARENT.test(traceparent)
  return { id: exchange.id, traceparent: isWellFormed ? traceparent : undefined }
}

/** Where a visit is made. */
export interface Host {
  readonly name: string
  readonly logger?: Logger | undefined
  /** It is over. */
  leave(visit: Visit, outcome: Outcome): void
}

/** What became of a request: `left` if its client did not wait for that. */
export type Outcome = 'completed' | 'failed' | 'left'

/** One request while it is answered: its client, who may leave, and its time. */
export class Visit {
  readonly #host: Host
  readonly #exchange: Exchange
  readonly #options: ResolvedHandler
  readonly #arrivedMs = performance.now()
  readonly #timeoutMs: number | undefined
  /** Most have one, if any. */
  readonly #cancels: ((reason: unknown) => void)[] = []
  readonly #unlisten: () => void
  #controller: AbortController | undefined
  #cause: { readonly reason: unknown } | undefined
  /** What somebody has added for its calls. */
  #context: RequestContext = {}
  /** Whether the client has left. */
  gone = false
  /** Its place among those in progress. */
  place = 0
  #isOver = false

  /** @throws `PLB_HTTP_HEADER` for a time limit that cannot be read */
  constructor(exchange: Exchange, options: ResolvedHandler, host: Host) {
    this.#host = host
    this.#exchange = exchange
    this.#options = options
    this.#timeoutMs = timeoutOf(exchange, options)
    this.#unlisten = exchange.onGone(() => this.#left())
  }

  /** Asks for what its calls see besides, where anybody wants to add something. */
  async prepare(): Promise<void> {
    const { context } = this.#options
    if (context !== undefined) this.#context = await context(this.#exchange.raw as never) // the framework's, as the option says
  }

  /** Whether its work goes on without its client. */
  get outlives(): boolean {
    return this.#options.onDisconnect === 'finish'
  }

  /** Aborts when the work is of no use any more. Made when first read. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController()
      this.#controller = controller
      this.onCancel((reason) => controller.abort(reason))
    }
    return this.#controller.signal
  }

  /** Milliseconds that are left for it. Throws when there are none. */
  get leftMs(): number | undefined {
    if (this.#timeoutMs === undefined) return undefined
    const left = this.#timeoutMs - (performance.now() - this.#arrivedMs)
    if (left > 0) return left
    throw new PipelineError('RUN_DEADLINE', { deadlineMs: this.#timeoutMs, nodes: [] })
  }

  /** Calls `cancel`, now if it already is so, when the work is of no use any more; what comes back ends that. */
  onCancel(cancel: (reason: unknown) => void): () => void {
    if (this.#cause === undefined) this.#cancels.push(cancel)
    else cancel(this.#cause.reason)
    return () => {
      const place = this.#cancels.indexOf(cancel)
      if (place !== -1) this.#cancels.splice(place, 1)
    }
  }

  /** Ends the connection. */
  drop(): void {
    this.#exchange.drop()
  }

  /** Its work is of no use any more. */
  cancel(reason: unknown): void {
    if (this.#cause !== undefined) return
    this.#cause = { reason }
    for (const cancel of this.#cancels.splice(0)) cancel(reason)
  }

  /** What its calls see of it; `given` goes before what was added, and that before the facts. */
  env(given: ProcessOptions['env']): Readonly<Record<string, unknown>> {
    const request = factsOf(this.#exchange)
    const { env } = this.#context
    return env === undefined && given === undefined ? { request } : { request, ...env, ...given }
  }

  meta(given: ProcessOptions['meta']): ProcessOptions['meta'] {
    const { meta } = this.#context
    return meta === undefined ? given : { ...meta, ...given }
  }

  /** The framework's, for this request. */
  get logger(): Logger | undefined {
    return this.#exchange.logger
  }

  /** Tells the log of an error that the client is told in a stream, where no handler of errors sees it. */
  failed(error: HttpError): void {
    if (this.gone || error.statusCode < 500) return
    this.#log.error({ err: error.cause ?? error, requestId: this.#exchange.id }, 'A stream ended with an error')
  }

  /** It has its answer, or will never have one. Without effect the second time. */
  end(completed: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#unlisten()
    this.#cancels.length = 0
    this.#host.leave(this, this.gone ? 'left' : completed ? 'completed' : 'failed')
  }

  #left(): void {
    this.gone = true
    const facts = { graph: this.#host.name, requestId: this.#exchange.id }
    this.#log.info(facts, 'The client left before its answer was complete')
    if (!this.outlives) this.cancel(new PipelineError('RUN_CANCELLED', { what: 'The request' }, CLIENT_LEFT))
  }

  get #log(): Logger {
    return this.#exchange.logger ?? this.#host.logger ?? SILENT
  }
}

const CLIENT_LEFT = 'The client left.'

function timeoutOf(exchange: Exchange, { timeoutMs, timeoutHeader }: ResolvedHandler): number | undefined {
  const asked = timeoutHeader === undefined ? undefined : exchange.header(timeoutHeader.toLowerCase())
  if (asked === undefined || timeoutHeader === undefined) return timeoutMs
  const wanted = /^[0-9]{1,9}$/.test(asked) ? Number(asked) : 0
  if (wanted === 0)
    throw new PipelineError('HTTP_HEADER', { header: timeoutHeader, what: 'must be a number of milliseconds above 0' })
  return Math.min(wanted, timeoutMs ?? wanted)
}
