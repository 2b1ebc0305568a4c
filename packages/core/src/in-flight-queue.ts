import type { Packet, Scope } from './packet.js'
import { Queue } from './queue.js'
import { Ring } from './ring.js'

/**
 * A queue that counts what its consumer has in work too: at most `most` packets are in it or in work, until the consumer
 * gives their places back by asking for the next. A producer that makes one item for one place takes it beforehand, so
 * that nothing is made that could not leave.
 *
 * @see pipeline-lib's `packets_in_flight`, from which the idea is taken.
 */
export class InFlightQueue extends Queue {
  override readonly bounded: boolean = true
  readonly #most: number
  /** Packets that were taken and not given back. */
  #inWork = 0
  /** Places that are taken for items which are being made. */
  #reserved = 0
  /** Places of outputs that wait for room. */
  #placed = 0
  readonly #reserving = new Ring<() => void>()

  constructor(capacity: number, most: number) {
    super(capacity)
    this.#most = most
  }

  /** Takes a place for an item that will be made: at once if there is one. Who waits to put goes first. */
  reserve(): undefined | Promise<void> {
    if (this.closed || this.#hasPlace) {
      this.#reserved++
      return undefined
    }
    return new Promise((resume) => this.#reserving.push(resume))
  }

  /** The same, only if there is one. */
  reserveNow(): boolean {
    if (!this.#hasPlace) return false
    this.#reserved++
    return true
  }

  /** The item was not made. */
  unreserve(): void {
    if (this.#reserved === 0) return
    this.#reserved--
    this.admit()
  }

  override get crowd(): number {
    return super.crowd + this.#reserving.size
  }

  override put(packet: Packet): boolean | Promise<boolean> {
    if (this.#reserved === 0) return super.put(packet)
    this.#reserved--
    // It has a place, and keeps it while it waits for room.
    if (super.full && !this.closed) this.#placed++
    return super.put(packet)
  }

  override take(): Packet | undefined {
    // Before it is taken: its place is not free yet.
    this.#inWork++
    const packet = super.take()
    if (packet === undefined) this.#inWork--
    return packet
  }

  override giveBack(): void {
    if (this.#inWork === 0) return
    this.#inWork--
    this.admit()
  }

  override letGo(): void {
    super.letGo()
    this.#placed = 0
    for (let resume = this.#reserving.shift(); resume; resume = this.#reserving.shift()) resume()
  }

  override withdraw(scope: Scope): void {
    const before = super.crowd
    super.withdraw(scope)
    this.#placed = Math.max(0, this.#placed - (before - super.crowd))
  }

  protected override get mayAdmit(): boolean {
    return this.#placed > 0 ? !super.full : !this.full
  }

  protected override admitted(): void {
    if (this.#placed > 0) this.#placed--
  }

  protected override get full(): boolean {
    return super.full || !this.#hasPlace
  }

  protected override admit(): void {
    super.admit()
    while (this.#reserving.size > 0 && this.#hasPlace) {
      this.#reserved++
      this.#reserving.shift()?.()
    }
  }

  /** How many places nobody has. */
  get free(): number {
    return this.#most - this.size - this.#inWork - this.#reserved - this.#placed
  }

  get #hasPlace(): boolean {
    return this.size + this.#inWork + this.#reserved + this.#placed < this.#most
  }
}
