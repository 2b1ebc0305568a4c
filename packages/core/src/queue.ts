import { Ages } from './ages.js'
import type { Edge, QueueOptions, Receiver, Waiting } from './edge.js'
import { PipelineError } from './errors.js'
import type { Frame } from './frames.js'
import { NO_META, Packet, type Scope } from './packet.js'
import { packetsOf } from './queue-iterator.js'
import { Ring } from './ring.js'

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
  /** Whether what is inside are values and not packets. */
  bare: boolean
  /** The scope of bare values; absent where the consumer takes packets only. */
  readonly #scope: Scope | undefined
  readonly #items = new Ring<unknown>()
  readonly #ages = new Ages()
  /** Producers that wait; only while the queue is full. */
  readonly #waiting = new Ring<Waiting>()
  #state: 'open' | 'ended' | 'closed' = 'open'
  #receiver: Receiver | undefined
  #input = 0

  /** @param capacity the most packets it may hold, at least 1 */
  constructor(capacity: number, { scope }: QueueOptions = {}) {
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw new PipelineError('OPTION_INVALID', {
        option: 'capacity',
        what: `must be an integer of at least 1, got ${capacity}`,
      })
    this.capacity = capacity
    this.#scope = scope
    this.bare = scope !== undefined
  }

  /** Names the consumer, which knows this queue as its input number `input`, and tells it what has happened so far. */
  attach(receiver: Receiver, input: number): void {
    this.#receiver = receiver
    this.#input = input
    if (this.size > 0) receiver.arrived(input)
    if (this.#state === 'ended') receiver.inputEnded(input)
  }

  get size(): number {
    return this.#items.size
  }

  /** How long the oldest packet has been in it, in milliseconds, to within a millisecond or the time of 16 items; 0 when empty. */
  get oldestMs(): number {
    return this.size === 0 ? 0 : this.#ages.ageOf(this.entered - this.size)
  }

  /** Whether nothing is in it and nothing will come. */
  get over(): boolean {
    return this.#state !== 'open' && this.#items.size === 0
  }

  /** Whether nothing is in it, and something may come. */
  get isIdle(): boolean {
    return this.#state === 'open' && this.#items.size === 0
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
    return new Promise((resume) => this.wait({ packet, resume }))
  }

  /** Lets a producer wait for room; only while there is none. */
  wait(waiting: Waiting): void {
    this.waits++
    this.#waiting.push(waiting)
  }

  /** That producer waits no more, and is not told. */
  forget(waiting: Waiting): void {
    this.#waiting.remove((other) => other === waiting)
  }

  /** Takes a packet that its producer is done with: it is inside, or lost like what is. */
  land(packet: Packet): void {
    if (this.#state !== 'closed') this.#accept(packet)
    else {
      this.entered++
      this.unprocessed++
      this.onLost(packet)
    }
    if (packet.scope.request?.over === true) this.discard(packet.scope)
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

  /** Whether values may be inside without packets. */
  get takesBare(): boolean {
    return this.#scope !== undefined
  }

  /** Adds a value without a packet: `false` unless there is room, and only values are inside. Never waits. */
  offerBare(value: unknown): boolean {
    if (!this.hasRoomForBare) return false
    this.#push(value)
    return true
  }

  /** Adds a value of `scope`, in a packet if that is what is inside: `false` unless there is room. Never waits. */
  offerValue(value: unknown, scope: Scope): boolean {
    if (this.bare) return this.offerBare(value)
    return this.#state === 'open' && !this.full && this.offer(new Packet(value, NO_META, scope))
  }

  /** Whether {@link offerBare} would succeed. */
  get hasRoomForBare(): boolean {
    return this.bare && this.#items.size < this.capacity && this.#state === 'open'
  }

  /** Takes the oldest packet, or `undefined` when there is none now. */
  take(): Packet | undefined {
    if (this.#items.size === 0) return undefined
    const packet = this.#shift()
    this.left++
    this.admit()
    return packet
  }

  /** Takes the oldest value: only while it is {@link bare}, and not empty. */
  takeBare(): unknown {
    const value = this.#items.shift()
    this.left++
    if (this.#waiting.size > 0) this.admit()
    return value
  }

  /** Gives everything that is inside, or waits, the `next` frame, the oldest first; from now on nothing comes bare. */
  frameAll(next: () => Frame): void {
    this.bare = false
    const wrap = (value: unknown): Packet => new Packet(value, NO_META, this.#scope as Scope, next())
    for (let rest = this.#items.size; rest > 0; rest--) this.#items.push(wrap(this.#items.shift()))
    for (let rest = this.#waiting.size; rest > 0; rest--) {
      const { packet, resume } = this.#waiting.shift() as Waiting // there are as many
      this.#waiting.push({ packet: wrap(packet.value), resume })
    }
  }

  giveBack(): void {} // a packet that was taken is worked off

  /** Takes out everything of a request that was cancelled; tells whether there was anything. */
  discard(scope: Scope): boolean {
    const waited = this.isWaiting(scope)
    if (waited) this.withdraw(scope)
    const before = this.size
    if (!this.bare)
      this.#items.remove((item) => {
        const packet = item as Packet // while not bare
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
    while (this.#items.size > 0) {
      this.unprocessed++
      this.onLost(this.#shift())
    }
    if (!ended) this.#receiver?.inputEnded(this.#input)
  }

  /** Takes packets until the queue has ended; leaving the loop closes it. Only for a queue without another consumer. */
  [Symbol.asyncIterator](): AsyncGenerator<Packet, void, void> {
    return packetsOf(this)
  }

  protected get full(): boolean {
    return this.#items.size >= this.capacity
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
    const plain = packet.scope === this.#scope && packet.meta === NO_META && packet.frame === undefined
    if (this.#items.size === 0) this.bare = plain
    else if (this.bare && !plain) this.#wrapAll()
    this.#push(this.bare ? packet.value : packet)
  }

  #push(item: unknown): void {
    const number = this.entered++
    this.#items.push(item)
    if (this.#items.size === 1) {
      this.#ages.first()
      this.#receiver?.arrived(this.#input)
    } else if (number % 8 === 0 && this.#ages.due) this.#ages.next(number, this.entered - this.size)
  }

  #shift(): Packet {
    const item = this.#items.shift()
    return this.bare ? this.#wrap(item) : (item as Packet)
  }

  #wrap(value: unknown): Packet {
    return new Packet(value, NO_META, this.#scope as Scope) // while bare, it has one
  }

  /** Something comes that needs a packet: so do those inside from now on. */
  #wrapAll(): void {
    for (let rest = this.#items.size; rest > 0; rest--) this.#items.push(this.#wrap(this.#items.shift()))
    this.bare = false
  }
}
