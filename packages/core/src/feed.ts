import { onAbort } from './aborts.js'
import type { Meta } from './coro.js'
import { PipelineError } from './errors.js'
import { RunningNode } from './node.js'
import { pacer } from './pacer.js'
import { NO_META, Packet, Scope } from './packet.js'
import { OUT } from './plan.js'
import { Ring } from './ring.js'
import { Root } from './roots.js'

export interface PutOptions {
  readonly meta?: Meta
  /** Takes the value back while nobody has accepted it. */
  readonly signal?: AbortSignal
}

/** A packet on its way in. */
export interface Entrant {
  readonly packet: Packet
  /** Whether it was taken back. */
  cancelled: boolean
  /** It was handed on; with an error, it never will be. Only the first time counts. */
  settle(error?: unknown): void
}

/** The inlet of a standing network: values come by `put`, one after the other, first come first served. */
export class Feed extends RunningNode {
  readonly #waiting = new Ring<Entrant>()
  /** The put that is being handed on. */
  #current: Entrant | undefined
  #ended = false

  /**
   * Hands a value on; settles when every successor has accepted it. Rejects with `PLB_STATE_NOT_RUNNING` after `end`,
   * with `PLB_RUN_CANCELLED` when its signal aborts first, and with the reason when the run is doomed.
   */
  put(value: unknown, { meta, signal }: PutOptions = {}): Promise<void> {
    if (signal?.aborted && this.takes) return Promise.reject(this.#cancellation(signal))
    const { roots, countsRoots } = this.host
    const scope = new Scope(countsRoots ? [new Root(roots)] : undefined)
    return new Promise((resolve, reject) => {
      const put: Entrant = {
        packet: new Packet(value, meta === undefined ? NO_META : Object.freeze({ ...meta }), scope),
        cancelled: false,
        settle: (error) => {
          unlisten?.()
          if (error === undefined) resolve()
          else reject(error)
        },
      }
      const unlisten = signal && onAbort(signal, () => this.#cancel(put, signal))
      this.admit(put)
    })
  }

  /** Hands a packet on in its turn: see {@link put}. */
  admit(entrant: Entrant): void {
    if (!this.takes) {
      entrant.settle(this.refusal)
      return
    }
    this.#waiting.push(entrant)
    this.#pump()
  }

  /** No more values: ends once what waits was handed on. */
  end(): void {
    this.#ended = true
    this.#pump()
  }

  /** How many values wait. */
  get waiting(): number {
    return this.#waiting.size + (this.#current === undefined ? 0 : 1)
  }

  /** Whether it takes values. */
  get takes(): boolean {
    return this.running && !this.#ended
  }

  /** What a value is refused with. */
  get refusal(): PipelineError {
    const state = this.#ended && this.running ? 'ended' : this.state
    return new PipelineError('STATE_NOT_RUNNING', { what: `Inlet "${this.name}"`, state })
  }

  /** Whether the world may still bring something that is handed on at once. */
  get open(): boolean {
    return this.running && !this.#ended && this.#current === undefined
  }

  override cancel(scope: Scope, reason: unknown): boolean {
    const error = reason instanceof PipelineError ? reason : this.#cancellation(undefined)
    let found = false
    this.#waiting.remove((put) => {
      if (put.packet.scope !== scope) return false
      put.settle(error)
      found = true
      return true
    })
    const put = this.#current
    if (put === undefined || put.packet.scope !== scope) return found
    if (!scope.roots.some((root) => root.accepted)) put.cancelled = true
    put.settle(error)
    return true
  }

  override resume(): void {
    super.resume()
    this.#pump()
  }

  protected override begin(): void {}

  protected override halted(doomed: boolean): void {
    const error = (): unknown =>
      doomed
        ? this.signal.reason
        : new PipelineError('STATE_NOT_RUNNING', { what: `Inlet "${this.name}"`, state: 'stopping' })
    for (let put = this.#waiting.shift(); put; put = this.#waiting.shift()) put.settle(error())
  }

  protected override flush(): Promise<void> {
    return Promise.resolve()
  }

  /** Hands on what waits, until something has to wait. */
  #pump(): void {
    while (this.#current === undefined && this.running && !this.bursts.paused) {
      const put = this.#waiting.shift()
      if (put === undefined) {
        if (this.#ended) void this.finish()
        return
      }
      if (put.cancelled) continue
      this.#current = put
      this.movement.active++
      this.host.stirred()
      const sent = this.outlet.send(put.packet, OUT, put.packet.value, put.packet.meta)
      if (typeof sent === 'boolean') this.#sent(put, sent)
      else void this.#sendLate(put, sent)
    }
  }

  async #sendLate(put: Entrant, sent: Promise<boolean>): Promise<void> {
    try {
      this.#sent(put, await this.movement.until(sent))
    } catch (error) {
      this.broken(error)
    }
    this.#pump()
  }

  #sent(put: Entrant, accepted: boolean): void {
    if (pacer.due()) void this.#breathe(put, accepted)
    else this.#settle(put, accepted)
  }

  /** A caller that puts as fast as it can must not keep timers and sockets waiting; the order of puts stays. */
  async #breathe(put: Entrant, accepted: boolean): Promise<void> {
    await pacer.turn()
    this.#settle(put, accepted)
    this.#pump()
  }

  #settle(put: Entrant, accepted: boolean): void {
    this.#current = undefined
    this.movement.active--
    if (!put.cancelled) {
      if (!accepted && this.doomed) put.settle(this.signal.reason)
      else {
        this.counters.received++
        this.counters.completed++
        if (!accepted && !this.outlet.leaf) this.counters.dropped++
        put.settle()
      }
    }
    this.burstEnded()
  }

  #cancel(put: Entrant, signal: AbortSignal | undefined): void {
    // What somebody has accepted cannot be taken back: then the signal came too late.
    if (put === this.#current && !this.outlet.withdraw(put.packet.scope)) return
    put.cancelled = true
    for (const root of put.packet.scope.roots) root.withdrawn = true
    put.settle(this.#cancellation(signal))
  }

  #cancellation(signal: AbortSignal | undefined): PipelineError {
    return new PipelineError('RUN_CANCELLED', { what: `A put into "${this.name}"` }, signal?.reason)
  }
}
