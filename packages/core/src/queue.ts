import { Ages } from './ages.js'
import { PipelineError } from './errors.js'
import type { Packet, Scope } from './packet.js'
import { Ring } from './ring.js'

/** The way of a packet from one node to the next, as the producing side sees it. */
export interface Edge {
  /**
   * Adds a packet: `true` at once if there is room, else a promise that settles when there was. `false` means that the
   * consumer wants no more: the packet is gone.
   */
  put(packet: Packet): boolean | Promise<boolean>
  /** Whether the consumer wants no more. */
  readonly closed: boolean
  /** Whether a packet of this root still waits for room. */
  isWaiting(scope: Scope): boolean
  /** Takes back what still waits for room: `put` answers `false`. */
  withdraw(scope: Scope): void
  /** Nothing more will be put. */
  end(): void
  /** Told once when the consumer closes the edge. */
  onClose: () => void
}

/** What happens at the consuming end. `arrived` is called when an empty queue got a packet, not for every packet. */
export interface Receiver {
  arrived(input: number): void
  inputEnded(input: number): void
}

interface Waiting {
  readonly packet: Packet
  readonly resume: (accepted: boolean) => void
}

/**
 * A bounded edge. First in, first out; a full queue makes its producers wait, and one freed slot wakes one of them, first
 * come first served. It ends once (`end`, by the producer) or is closed (`close`, by the consumer).
 *
 * Books: `entered = left + unprocessed + size` at any time.
 */
export class Queue implements Edge {
  readonly capacity: number
  entered = 0
  left = 0
  /** Packets that entered and were never taken. */
  unprocessed = 0
  /** How often a producer had to wait. */
  waits = 0
  onClose: () => void = () => {}
  /** Told about every packet that the queue loses when it is closed or cleared. */
  onLost: (packet: Packet) => void = () => {}
  /** Told about every packet of a cancelled request that was taken out. */
  onDiscarded: (packet: Packet) => void = () => {}
  /** Whether packets count until they were given back. */
  readonly bounded: boolean = false
  readonly #packets = new Ring<Packet>()
  readonly #ages = new Ages()
  /** Producers that wait; only while the queue is full. */
  readonly #waiting = new Ring<Waiting>()
  #state: 'open' | 'ended' | 'closed' = 'open'
  #receiver: Receiver | undefined
  #input = 0

  /** @param capacity the most packets it may hold, at least 1 */
  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new PipelineError('OPTION_INVALID', {
        option: 'capacity',
        what: `must be an integer of at least 1, got ${capacity}`,
      })
    this.capacity = capacity
  }

  /** Names the consumer, which knows this queue as its input number `input`, and tells it what has happened so far. */
  attach(receiver: Receiver, input: number): void {
    this.#receiver = receiver
    this.#input = input
    if (this.size > 0) receiver.arrived(input)
    if (this.#state === 'ended') receiver.inputEnded(input)
  }

  get size(): number {
    return this.#packets.size
  }

  /** How long the oldest packet has been in it, in milliseconds, to within a millisecond or the time of 16 items; 0 when empty. */
  get oldestMs(): number {
    return this.size === 0 ? 0 : this.#ages.ageOf(this.entered - this.size)
  }

  /** Whether nothing is in it and nothing will come. */
  get over(): boolean {
    return this.#state !== 'open' && this.#packets.size === 0
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Adds a packet if there is room; never waits. */
  offer(packet: Packet): boolean {
    if (this.#state !== 'open' || this.full) return false
    this.#accept(packet)
    return true
  }

  put(packet: Packet): boolean | Promise<boolean> {
    if (this.#state === 'ended') throw new PipelineError('STATE_NOT_RUNNING', { what: 'The queue', state: 'ended' })
    if (this.#state === 'closed') return false
    if (this.offer(packet)) return true
    this.waits++
    return new Promise((resume) => this.#waiting.push({ packet, resume }))
  }

  isWaiting(scope: Scope): boolean {
    return this.#waiting.some(({ packet }) => packet.scope === scope)
  }

  withdraw(scope: Scope): void {
    this.#waiting.remove(({ packet, resume }) => {
      if (packet.scope !== scope) return false
      resume(false)
      return true
    })
  }

  /** Takes the oldest packet, or `undefined` when there is none now. */
  take(): Packet | undefined {
    const packet = this.#packets.shift()
    if (packet === undefined) return undefined
    this.left++
    this.admit()
    return packet
  }

  /** A packet that was taken is worked off. */
  giveBack(): void {}

  /** Takes out everything of a request that was cancelled; tells whether there was anything. */
  discard(scope: Scope): boolean {
    const waited = this.isWaiting(scope)
    if (waited) this.withdraw(scope)
    const before = this.size
    this.#packets.remove((packet) => {
      if (packet.scope !== scope) return false
      this.unprocessed++
      this.onDiscarded(packet)
      return true
    })
    this.admit()
    return waited || this.size < before
  }

  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#receiver?.inputEnded(this.#input)
  }

  /** The consumer wants no more: what is inside is lost, whoever waits is let go, the producer is told. */
  close(): void {
    if (this.#state === 'closed') return
    this.clear()
    this.onClose()
  }

  /** Lets go whoever waits for room: their packets are not accepted. */
  letGo(): void {
    for (let waiting = this.#waiting.shift(); waiting; waiting = this.#waiting.shift()) waiting.resume(false)
  }

  /** Closes without telling the producer: everything ends now. */
  clear(): void {
    if (this.#state === 'closed') return
    const ended = this.#state === 'ended'
    this.#state = 'closed'
    this.letGo()
    for (let packet = this.#packets.shift(); packet; packet = this.#packets.shift()) {
      this.unprocessed++
      this.onLost(packet)
    }
    if (!ended) this.#receiver?.inputEnded(this.#input)
  }

  /** Takes packets until the queue has ended; leaving the loop closes it. Only for a queue without another consumer. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Packet, void, void> {
    let wake = (): void => {}
    this.attach({ arrived: () => wake(), inputEnded: () => wake() }, 0)
    try {
      while (!this.over) {
        const packet = this.take()
        if (packet !== undefined) yield packet
        else
          await new Promise<void>((resume) => {
            wake = resume
          })
      }
    } finally {
      this.close()
    }
  }

  protected get full(): boolean {
    return this.#packets.size >= this.capacity
  }

  /** Whether the producer that has waited longest may put. */
  protected get mayAdmit(): boolean {
    return !this.full
  }

  /** How many producers wait. */
  get crowd(): number {
    return this.#waiting.size
  }

  /** Lets producers in while there is room. */
  protected admit(): void {
    while (this.#waiting.size > 0 && this.mayAdmit) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.admitted()
      this.#accept(next.packet)
      next.resume(true)
    }
  }

  /** A producer that waited is about to put. */
  protected admitted(): void {}

  #accept(packet: Packet): void {
    const number = this.entered++
    this.#packets.push(packet)
    if (this.#packets.size === 1) {
      this.#ages.first()
      this.#receiver?.arrived(this.#input)
    } else if (number % 8 === 0 && this.#ages.due) this.#ages.next(number, this.entered - this.size)
  }
}
