import { Faulty, type Inlet, type Taken, type Wake } from './inlet.js'
import type { Packet, Scope } from './packet.js'
import { Ring } from './ring.js'

export interface GatherOptions {
  /** Makes what is gathered from; called once. */
  readonly inlet: (wake: Wake) => Inlet
  readonly wake: Wake
  /** A packet that was taken and will not be processed. */
  readonly giveUp: (packet: Packet) => void
}

/**
 * Takes packets as soon as they are there and holds some of them aside, to hand them over in another form: what batches,
 * windows and partitions have in common. What is held has been received.
 */
export abstract class GatherInlet implements Inlet {
  protected readonly inner: Inlet
  protected readonly wake: Wake
  readonly #giveUp: (packet: Packet) => void
  /** Items that failed before their call: they need no company. */
  readonly #faults = new Ring<Faulty>()
  /** From the start until {@link begin}, and while it takes: a queue that is taken from may be refilled on the same stack. */
  #pulling = true

  constructor({ inlet, wake, giveUp }: GatherOptions) {
    this.wake = wake
    this.#giveUp = giveUp
    this.inner = inlet(() => {
      this.pull()
      wake()
    })
  }

  get ready(): boolean {
    return this.#faults.size > 0 || this.hasNext
  }

  get over(): boolean {
    return this.inner.over && !this.ready && this.empty
  }

  take(): Taken | undefined {
    const taken = this.#faults.shift() ?? (this.hasNext ? this.next() : undefined)
    this.pull()
    return taken
  }

  ask(packet: Packet): void {
    this.inner.ask(packet)
  }

  close(): void {
    this.inner.close()
    this.#drop()
  }

  clear(): void {
    this.inner.clear()
    this.#drop()
  }

  cancel(scope: Scope): boolean {
    const waited = this.inner.cancel(scope)
    const gone = this.held.filter((packet) => packet.scope === scope)
    if (gone.length > 0) this.keep((packet) => packet.scope !== scope)
    this.#faults.remove(({ packet }) => {
      if (packet.scope === scope) gone.push(packet)
      return packet.scope === scope
    })
    for (const packet of gone) {
      this.#giveUp(packet)
      this.inner.ask(packet)
    }
    this.pull()
    return waited || gone.length > 0
  }

  /** What is held aside now. */
  abstract get held(): readonly Packet[]
  protected abstract get empty(): boolean
  /** Whether {@link next} has something to give. */
  protected abstract get hasNext(): boolean
  /** Whether another packet may be held. */
  protected abstract get hasRoom(): boolean
  protected abstract hold(packet: Packet): void
  /** Only called while {@link hasNext}. */
  protected abstract next(): Taken
  /** Whether a call has it besides: then that decides what becomes of it. */
  protected isInCall(_packet: Packet): boolean {
    return false
  }
  /** Forgets what is held, but for what `stays`. */
  protected abstract keep(stays: (packet: Packet) => boolean): void
  /** Nothing more will come. */
  protected ended(): void {}

  /** An item that was to be held has failed. */
  protected fail(fault: Faulty): void {
    this.#faults.push(fault)
  }

  /** Call when what is held can be held. */
  protected begin(): void {
    this.#pulling = false
    this.pull()
  }

  protected pull(): void {
    if (this.#pulling) return
    this.#pulling = true
    while (this.hasRoom && this.inner.ready) {
      const taken = this.inner.take()
      if (taken instanceof Faulty) this.fail(taken)
      else if (taken !== undefined) this.hold(taken)
    }
    this.#pulling = false
    if (this.inner.over) this.ended()
  }

  #drop(): void {
    const gone = this.held
    this.keep(() => false)
    for (const packet of gone) if (!this.isInCall(packet)) this.#giveUp(packet)
    for (let fault = this.#faults.shift(); fault; fault = this.#faults.shift()) this.#giveUp(fault.packet)
  }
}
