import { MAX_IN_FLIGHT } from './defaults.js'
import { asPipelineError, PipelineError } from './errors.js'
import { NO_META, Packet } from './packet.js'
import { type Answer, type Overload, Request, type RequestHost, type RequestOptions } from './request.js'
import { Ring } from './ring.js'

/** How many requests there may be. */
export interface RequestLimits {
  /** Most requests that may be in flight. @defaultValue 1024 */
  readonly maxInFlight?: number
  /** @defaultValue `'reject'` */
  readonly overload?: Overload
}

/** A value on its way. */
export interface RequestHandle {
  /** Settles with the outputs that descend from it; rejects with what it failed with. */
  readonly answer: Promise<Answer>
  /** Takes it out; its calls are told. Without effect once it has its answer. */
  cancel(reason?: unknown): void
}

/** Brings a packet in; settles when it was handed on, or was taken back. */
export type Enter = (packet: Packet) => Promise<void>

/** The requests of a network: how many may enter, and who waits for that. */
export class Requests {
  readonly #host: RequestHost
  readonly #maxInFlight: number
  readonly #overload: Overload
  readonly #living = new Set<Request>()
  /** Requests that may not enter yet. */
  readonly #waiting = new Ring<{ readonly request: Request; readonly enter: () => void }>()
  /** Requests of which something is inside. */
  #inside = 0

  constructor(host: RequestHost, { maxInFlight = MAX_IN_FLIGHT, overload = 'reject' }: RequestLimits) {
    this.#host = host
    this.#maxInFlight = maxInFlight
    this.#overload = overload
  }

  /**
   * Sends a value through the network.
   *
   * @throws (its answer rejects) `PLB_RUN_OVERLOADED`, `PLB_RUN_CANCELLED`, `PLB_RUN_DEADLINE`; the error of an item of it that
   * fails; that of the run, if that ends before
   */
  send(value: unknown, enter: Enter, options: RequestOptions): RequestHandle {
    const { signal, overload = this.#overload } = options
    const maxInFlight = this.#maxInFlight
    if (signal?.aborted) return refused(new PipelineError('RUN_CANCELLED', { what: 'The request' }, signal.reason))
    const full = this.#inside >= maxInFlight || this.#waiting.size > 0
    if (full && overload === 'reject') return refused(new PipelineError('RUN_OVERLOADED', { maxInFlight }))
    const request = new Request(this.#host, options)
    this.#living.add(request)
    const left = (): void => void this.#living.delete(request)
    request.answer.then(left, left)
    const begin = (): void => void this.#begin(request, value, enter)
    if (full) this.#waiting.push({ request, enter: begin })
    else begin()
    return request
  }

  /** Whether somebody who asked will do something by and by. */
  get expecting(): boolean {
    return [...this.#living].some((request) => request.isExpecting)
  }

  /** How many there are. */
  get inFlight(): number {
    return this.#inside + this.#waiting.size
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
      request.fail(asPipelineError(error, 'A request'))
    }
    scope.leave()
  }

  readonly #leave = (): void => {
    this.#inside--
    while (this.#inside < this.#maxInFlight) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      if (!next.request.over) next.enter()
    }
  }
}

/** The handle of a request that was not let in. */
export function refused(error: PipelineError): RequestHandle {
  return { answer: Promise.reject(error), cancel: () => {} }
}
