import { onAbort } from './aborts.js'
import type { Logger } from './context.js'
import type { Meta } from './coro.js'
import { PipelineError } from './errors.js'
import { guarded } from './events.js'
import type { Output } from './leaf.js'
import { NO_META, Packet, Scope } from './packet.js'
import { Ring } from './ring.js'
import { Root, type RootLedger } from './roots.js'

/** One call that an item of a request was in. Times are in milliseconds since the request was made. */
export interface TraceStep {
  readonly node: string
  /** Position of the item in the node's input. */
  readonly index: number
  readonly attempts: number
  /** When it came to the node; of a tuple, its last part. */
  readonly enteredMs: number
  readonly startedMs: number
  readonly endedMs: number
  readonly outcome: 'completed' | 'failed' | 'cancelled'
}

/** How one request is to go. */
export interface RequestOptions {
  readonly meta?: Meta
  /** More for `ctx.env` of its calls, over what the run was given. */
  readonly env?: Readonly<Record<string, unknown>>
  /** Cancels it. */
  readonly signal?: AbortSignal
  /** Milliseconds after which it is cancelled with `PLB_RUN_DEADLINE`. @defaultValue none */
  readonly timeoutMs?: number
  /** Told about every call that an item of it was in, when the call has ended. */
  readonly trace?: (step: TraceStep) => void
}

/** How many requests there may be. */
export interface RequestLimits {
  /** Most requests that may be in flight. */
  readonly maxInFlight: number
  /** Whether one more is refused, or waits until it may enter, first come first served. */
  readonly overload: 'reject' | 'wait'
}

/** What requests need from the network that they go through. */
export interface RequestHost {
  readonly roots: RootLedger
  readonly env: Readonly<Record<string, unknown>>
  readonly logger: Logger
  /** Takes everything of a request out; gives the names of the nodes where it was. */
  cancel(scope: Scope, reason: unknown): readonly string[]
  /** An error that ends the run. */
  fail(error: PipelineError): void
}

/** What a request is answered with. */
export interface Answer {
  /** In the order in which they were handed over. */
  readonly outputs: readonly Output[]
  /** The first failure of an item of it that was left out. */
  readonly skipped: PipelineError | undefined
}

/** Brings a packet in; settles when it was handed on, or was taken back. */
export type Enter = (packet: Packet) => Promise<void>

/**
 * A value that somebody waits for: a root that gathers the outputs which descend from it. It is answered when nothing of
 * it is on its way any more, or before that with what it failed with; what is left of it is then taken out.
 */
export class Request extends Root implements Answer {
  readonly env: Readonly<Record<string, unknown>> | undefined
  readonly scope: Scope
  /** Whether what is still on its way is of no use. */
  over = false
  /** Whether that is because it was taken out. */
  cancelled = false
  /** The first failure of an item that was left out. */
  skipped: PipelineError | undefined
  readonly outputs: Output[] = []
  readonly answer: Promise<Answer>
  /** Told when nothing of it is inside any more. */
  onLeft: () => void = () => {}
  readonly #host: RequestHost
  readonly options: RequestOptions
  readonly #startedAt = performance.now()
  /** When packets came to where they are; only where it is traced. */
  readonly #arrivals: WeakMap<Packet, number> | undefined
  #resolve: (answer: Answer) => void = () => {}
  #reject: (error: PipelineError) => void = () => {}
  #timer: NodeJS.Timeout | undefined
  /** Stops listening to the signal. */
  readonly #unlisten: (() => void) | undefined

  constructor(host: RequestHost, options: RequestOptions) {
    super(host.roots)
    this.#host = host
    this.options = options
    this.#arrivals = options.trace && new WeakMap()
    this.env = options.env && laidOver(host.env, options.env)
    this.scope = new Scope([this], undefined, this)
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { signal, timeoutMs } = options
    this.#unlisten = signal && onAbort(signal, this.#abort)
    if (timeoutMs !== undefined)
      this.#timer = setTimeout(() => {
        const late = (nodes?: readonly string[]): PipelineError =>
          new PipelineError('RUN_DEADLINE', { deadlineMs: timeoutMs, nodes })
        this.#cancel(late([]), late)
      }, timeoutMs)
  }

  /** An item of it failed for good: it has its answer. */
  fail(error: PipelineError): void {
    this.#cancel(error, () => error)
  }

  /** The run is over: nothing needs to be taken out. */
  doom(error: PipelineError): void {
    this.#answered()
    this.#reject(error)
  }

  override onSettled(): void {
    if (!this.over) {
      this.#answered()
      this.#resolve(this)
    }
    this.onLeft()
  }

  now(): number {
    return performance.now() - this.#startedAt
  }

  /** A packet of it has come to where it is. */
  arrived(packet: Packet): void {
    this.#arrivals?.set(packet, this.now())
  }

  /** A call has ended that one of its packets was in. */
  step(packet: Packet, step: Omit<TraceStep, 'enteredMs' | 'endedMs'>): void {
    const { trace } = this.options
    if (trace === undefined) return
    const arrivals = (packet.parts ?? [packet]).map((part) => this.#arrivals?.get(part) ?? 0)
    guarded(
      () => trace({ ...step, enteredMs: Math.max(...arrivals), endedMs: this.now() }),
      (err) => this.#host.logger.error({ err, node: step.node }, 'A trace listener threw'),
    )
  }

  readonly #abort = (): void => {
    const error = cancellation(this.options.signal)
    this.#cancel(this.options.signal?.reason ?? error, () => error)
  }

  /** @param reason what its calls are told */
  #cancel(reason: unknown, error: (nodes: readonly string[]) => PipelineError): void {
    if (this.over) return
    this.#answered()
    this.cancelled = true
    this.mark('aborted')
    this.#reject(error(this.#takeOut(reason)))
  }

  #takeOut(reason: unknown): readonly string[] {
    try {
      return this.#host.cancel(this.scope, reason)
    } catch (error) {
      // On the stack of whoever aborted the signal, who cannot know what to do with it.
      this.#host.fail(new PipelineError('INTERNAL', { what: 'a request could not be cancelled' }, error))
      return []
    }
  }

  #answered(): void {
    this.over = true
    clearTimeout(this.#timer)
    this.#unlisten?.()
  }
}

function cancellation(signal: AbortSignal | undefined): PipelineError {
  return new PipelineError('RUN_CANCELLED', { what: 'The request' }, signal?.reason)
}

/** An `env` that is more than a plain object keeps its prototype. */
function laidOver(below: RequestHost['env'], above: RequestHost['env']): RequestHost['env'] {
  const prototype: unknown = Object.getPrototypeOf(below)
  const isPlain = prototype === Object.prototype || prototype === null
  return Object.freeze(isPlain ? { ...below, ...above } : Object.assign(Object.create(below), above))
}

/** The requests of a network: how many may enter, and who waits for that. */
export class Requests {
  readonly #host: RequestHost
  readonly #limits: RequestLimits
  readonly #living = new Set<Request>()
  /** Requests that may not enter yet. */
  readonly #waiting = new Ring<{ readonly request: Request; readonly enter: () => void }>()
  /** Requests of which something is inside. */
  #inside = 0

  constructor(host: RequestHost, limits: RequestLimits) {
    this.#host = host
    this.#limits = limits
  }

  /**
   * Sends a value through the network; settles with the outputs that descend from it.
   *
   * @throws (rejects) `PLB_RUN_OVERLOADED`, `PLB_RUN_CANCELLED`, `PLB_RUN_DEADLINE`; the error of an item of it that
   * fails; that of the run, if that ends before
   */
  send(value: unknown, enter: Enter, options: RequestOptions): Promise<Answer> {
    const { maxInFlight, overload } = this.#limits
    if (options.signal?.aborted) return Promise.reject(cancellation(options.signal))
    const full = this.#inside >= maxInFlight || this.#waiting.size > 0
    if (full && overload === 'reject') return Promise.reject(new PipelineError('RUN_OVERLOADED', { maxInFlight }))
    const request = new Request(this.#host, options)
    this.#living.add(request)
    const left = (): void => void this.#living.delete(request)
    request.answer.then(left, left)
    const begin = (): void => void this.#begin(request, value, enter)
    if (full) this.#waiting.push({ request, enter: begin })
    else begin()
    return request.answer
  }

  /** Whether any of them is taken out when its time has come. */
  get timed(): boolean {
    return [...this.#living].some((request) => request.options.timeoutMs !== undefined)
  }

  /** The run is over. */
  doom(error: PipelineError): void {
    this.#waiting.remove(() => true)
    for (const request of this.#living) request.doom(error)
  }

  async #begin(request: Request, value: unknown, enter: Enter): Promise<void> {
    const { scope } = request
    this.#inside++
    request.onLeft = this.#leave
    // Held until it has entered: copies that were handed on may end before the last one is.
    scope.enter(1)
    try {
      const { meta } = request.options
      await enter(new Packet(value, meta === undefined ? NO_META : Object.freeze({ ...meta }), scope))
    } catch (error) {
      if (!request.accepted) request.withdrawn = true
      if (error instanceof PipelineError) request.fail(error)
      else request.fail(new PipelineError('RUN_FAILED', { what: 'A request', cause: error }, error))
    }
    scope.leave()
  }

  readonly #leave = (): void => {
    this.#inside--
    while (this.#inside < this.#limits.maxInFlight) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      if (!next.request.over) next.enter()
    }
  }
}
