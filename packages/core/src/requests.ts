import { MAX_IN_FLIGHT } from './defaults.js'
import { asPipelineError, PipelineError } from './errors.js'
import type { Entrant, Feed } from './feed.js'
import { NO_META, Packet } from './packet.js'
import { type Answer, type Overload, Request, type RequestHost, type RequestOptions } from './request.js'
import { Ring } from './ring.js'
import { Timeouts } from './timeouts.js'

/** How many requests there may be. */
export interface RequestLimits {
  /** Most requests that may be in flight. @defaultValue 1024 */
  readonly maxInFlight?: number
  /** @defaultValue `'reject'` */
  readonly overload?: Overload
}

/** A value on its way. */
export interface RequestHandle<T = Answer> {
  /** Settles with the outputs that descend from it; rejects with what it failed with. */
  readonly answer: Promise<T>
  /** Takes it out; its calls are told. Without effect once it has its answer. */
  cancel(reason?: unknown): void
}

/** The requests of a network: how many may enter, and who waits for that. */
export class Requests {
  readonly #host: RequestHost
  readonly #maxInFlight: number
  readonly #overload: Overload
  /** Requests that may not enter yet. */
  readonly #waiting = new Ring<Entry>()
  /** Requests of which something is inside. */
  #inside = 0
  readonly #timeouts = new Timeouts()
  /** Whether those that wait will be looked after. */
  #calling = false

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
  send<T>(value: unknown, way: Way<T>): RequestHandle<T> {
    const { options, select } = way
    const { signal, overload = this.#overload } = options
    const maxInFlight = this.#maxInFlight
    if (signal?.aborted) return refused(new PipelineError('RUN_CANCELLED', { what: 'The request' }, signal.reason))
    const full = this.#inside >= maxInFlight || this.#waiting.size > 0
    if (full && overload === 'reject') return refused(new PipelineError('RUN_OVERLOADED', { maxInFlight }))
    const request = new Request(this.#host, options, select)
    if (options.timeoutMs !== undefined) request.begin(this.#timeouts, options.timeoutMs)
    const entry = new Entry(request, value, way)
    if (full) this.#waiting.push(entry)
    else this.#begin(entry)
    return request as RequestHandle<T> // what `select` gives
  }

  /** Whether somebody who asked will do something by and by. */
  get expecting(): boolean {
    return this.#all().some((request) => !request.over && request.isExpecting)
  }

  /** How many there are. */
  get inFlight(): number {
    return this.#inside + this.#waiting.size
  }

  /** The run has settled: nothing waits any more. */
  end(): void {
    this.#timeouts.clear()
  }

  /** The run is over. */
  doom(error: PipelineError): void {
    const all = this.#all()
    this.#waiting.remove(() => true)
    for (const request of all) if (!request.over) request.doom(error)
  }

  /** Those of which something is inside, and those who wait. */
  #all(): Request[] {
    const all = this.#host.roots.living.filter((root) => root instanceof Request)
    this.#waiting.some(({ request }) => {
      all.push(request)
      return false
    })
    return all
  }

  #begin(entry: Entry): void {
    const { request } = entry
    this.#inside++
    request.onLeft = this.#leave
    // Held until it has entered: copies that were handed on may end before the last one is.
    request.scope.enter(1)
    try {
      entry.way.feed.admit(entry)
    } catch (error) {
      entry.settle(error)
    }
  }

  readonly #leave = (): void => {
    this.#inside--
    if (this.#waiting.size === 0 || this.#calling) return
    this.#calling = true
    // Not on this stack: who comes in may be through at once, and so on; and whoever has left may be in a list somewhere.
    queueMicrotask(this.#call)
  }

  readonly #call = (): void => {
    this.#calling = false
    while (this.#inside < this.#maxInFlight) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      if (!next.request.over) this.#begin(next)
    }
  }
}

/** How a request goes. */
export interface Way<T> {
  readonly feed: Feed
  readonly options: RequestOptions
  /** Makes its answer of what became of it. */
  readonly select: (answer: Answer) => T
  /** Whether somebody may cancel it: who does so at once must not find that it has its answer already. */
  readonly recallable: boolean
}

/** The value of a request on its way in. */
class Entry implements Entrant {
  readonly request: Request
  readonly packet: Packet
  readonly way: Pick<Way<unknown>, 'feed' | 'recallable'>
  cancelled = false
  #isIn = false

  constructor(request: Request, value: unknown, way: Entry['way']) {
    const { meta } = request.options
    this.request = request
    this.packet = new Packet(value, meta === undefined ? NO_META : Object.freeze({ ...meta }), request.scope)
    this.way = way
  }

  settle(error?: unknown): void {
    if (this.#isIn) return
    this.#isIn = true
    if (error === undefined && !this.way.recallable) this.request.scope.leave()
    else queueMicrotask(() => this.#isOver(error)) // somebody who takes it now may have failed it on this stack
  }

  #isOver(error: unknown): void {
    const { request } = this
    if (error !== undefined) {
      if (!request.accepted) request.withdrawn = true
      request.fail(asPipelineError(error, 'A request'))
    }
    request.scope.leave()
  }
}

/** The handle of a request that was not let in. */
export function refused(error: PipelineError): RequestHandle<never> {
  return { answer: Promise.reject(error), cancel: () => {} }
}
