import type { Meta } from './coro.js'
import type { Counters } from './counters.js'
import type { Packet } from './packet.js'
import type { Request } from './request.js'

/** An output of the pipeline: what a leaf gave. */
export interface Output {
  readonly node: string
  readonly port: string
  readonly value: unknown
  readonly meta: Meta
}

/** Takes the outputs of leaves: at once, or by a promise that makes the leaf wait and tells whether it was taken. */
export type Deliver = (output: Output) => Promise<boolean> | undefined

export interface LeafOptions {
  readonly node: string
  /** Absent where the outputs of leaves are discarded. */
  readonly deliver: Deliver | undefined
  readonly counters: Counters
  /** Whether the run is over: what was not accepted by then never will be. */
  readonly isDoomed: () => boolean
}

/** Hands what a leaf gives to the caller. */
export class Leaf {
  readonly #o: LeafOptions
  /** Whether nobody wants it any more. */
  closed = false

  constructor(options: LeafOptions) {
    this.#o = options
  }

  /** Hands one output over; a promise where that has to be waited for. */
  send(origin: Packet, port: string, value: unknown, meta: Meta): boolean | Promise<boolean> {
    return origin.scope.counted ? this.#deliverCounted(origin, port, value, meta) : this.#deliver(port, value, meta)
  }

  /** Where a ledger is kept: the output is one more packet of its roots until it was handed over. */
  #deliverCounted(origin: Packet, port: string, value: unknown, meta: Meta): boolean | Promise<boolean> {
    const { scope } = origin
    scope.enter(1)
    const { request } = scope
    const handed = request === undefined ? this.#deliver(port, value, meta) : this.#answer(request, port, value, meta)
    if (typeof handed !== 'boolean') return handed.then((taken) => this.#settle(origin, taken))
    return this.#settle(origin, handed)
  }

  #settle(origin: Packet, taken: boolean): boolean {
    const { scope } = origin
    if (taken) {
      scope.accepted()
      origin.mark('delivered')
    }
    if (taken || !this.#o.isDoomed()) scope.leave()
    return taken
  }

  #deliver(port: string, value: unknown, meta: Meta): boolean | Promise<boolean> {
    const { deliver, node, isDoomed } = this.#o
    if (isDoomed() || this.closed) return false
    return this.#count(deliver?.({ node, port, value, meta }) ?? true)
  }

  #answer(request: Request, port: string, value: unknown, meta: Meta): boolean | Promise<boolean> {
    return this.#count(request.deliver({ node: this.#o.node, port, value, meta }))
  }

  #count(handed: boolean | Promise<boolean>): boolean | Promise<boolean> {
    if (typeof handed !== 'boolean') return handed.then((taken) => this.#count(taken))
    if (handed) this.#o.counters.emitted++
    return handed
  }
}
