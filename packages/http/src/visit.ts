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
  return Object.freeze({ id: exchange.id, traceparent: isWellFormed ? traceparent : undefined })
}

/** One request while it is answered: its client, who may leave, and its time. */
export class Visit {
  readonly #exchange: Exchange
  readonly #options: ResolvedHandler
  readonly #logger: Logger
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

  /** @throws `PLB_HTTP_HEADER` for a time limit that cannot be read */
  constructor(
    exchange: Exchange,
    options: ResolvedHandler,
    { name, logger }: { readonly name: string; readonly logger?: Logger | undefined },
  ) {
    this.#exchange = exchange
    this.#options = options
    this.#logger = exchange.logger ?? logger ?? SILENT
    this.#timeoutMs = timeoutOf(exchange, options)
    this.#unlisten = exchange.onGone(() => {
      this.gone = true
      this.#logger.info({ graph: name, requestId: exchange.id }, 'The client left before its answer was complete')
      if (!this.outlives) this.cancel(new PipelineError('RUN_CANCELLED', { what: 'The request' }, CLIENT_LEFT))
    })
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

  /** With what its requests through the graph are made; `given` goes before. */
  requestOptions(given: ProcessOptions): ProcessOptions {
    const { logger } = this.#exchange
    const { env, meta } = this.#context
    const facts = factsOf(this.#exchange)
    const base: ProcessOptions = {
      ...given,
      overload: given.overload ?? 'wait', // it was let in; its parts need not be
      env: env === undefined && given.env === undefined ? { request: facts } : { request: facts, ...env, ...given.env },
    }
    if (logger === undefined && meta === undefined) return base
    return {
      ...base,
      ...(logger && { logger: given.logger ?? logger }),
      ...(meta && { meta: { ...meta, ...given.meta } }),
    }
  }

  /** Tells the log of an error that the client is told in a stream, where no handler of errors sees it. */
  failed(error: HttpError): void {
    if (this.gone || error.statusCode < 500) return
    this.#logger.error({ err: error.cause ?? error, requestId: this.#exchange.id }, 'A stream ended with an error')
  }

  /** It was answered. */
  end(): void {
    this.#unlisten()
    this.#cancels.length = 0
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
