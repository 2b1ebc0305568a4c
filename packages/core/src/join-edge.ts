import type { BarePort } from './bare-region.js'
import type { Edge } from './edge.js'
import type { Packet } from './packet.js'

/** An edge into a lineage join: accepts at once and holds nothing, so what entered has left. */
export class JoinEdge implements Edge {
  entered = 0
  readonly unprocessed = 0
  readonly waits = 0
  readonly size = 0
  readonly oldestMs = 0
  readonly crowd = 0
  /** What it lets in is bounded by the window of the fork, in frames. */
  capacity = 0
  onClose: () => void = () => {}
  /** The way into the join for values without packets, where they may come. */
  bare: BarePort | undefined
  readonly #accept: (packet: Packet) => void
  readonly #onEnd: () => void
  #state: 'open' | 'ended' | 'closed' = 'open'

  constructor(accept: (packet: Packet) => void, onEnd: () => void) {
    this.#accept = accept
    this.#onEnd = onEnd
  }

  get left(): number {
    return this.entered
  }

  put(packet: Packet): boolean {
    if (this.#state === 'closed') return false
    this.entered++
    this.#accept(packet)
    return true
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  isWaiting(): boolean {
    return false
  }

  withdraw(): void {}

  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#onEnd()
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.onClose()
  }

  clear(): void {
    this.#state = 'closed'
  }
}
