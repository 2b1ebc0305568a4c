import type { InFlightQueue } from './in-flight-queue.js'
import type { Movement } from './movement.js'
import type { Packet } from './packet.js'

/**
 * The place that one producer takes for its next output before it makes that, or places for the next few if nobody waits
 * for them. Where several share an edge, each has its own in hand.
 *
 * Nobody waits for ever. A place is held by a packet on the edge or in the hands of the consumer, which waits for nobody
 * before it, or by a producer whose user code runs. A producer that waits for an input holds none: that input may be
 * what another one gives way for, which waits for a place. So every place comes back, the nearest to the leaves first.
 */
export class OwnPlace {
  readonly #places: InFlightQueue
  readonly #movement: Movement
  #held = 0
  /** Settles when it comes; absent while nobody waits for it. */
  #coming: Promise<void> | undefined
  /** Whether nothing more is made. */
  #over = false

  constructor(places: InFlightQueue, movement: Movement) {
    this.#places = places
    this.#movement = movement
  }

  /** Takes it, if it does not have to be waited for; tells whether it is there. */
  take(): boolean {
    if (this.#held > 0 || this.#coming !== undefined) return this.#held > 0
    const place = this.#places.reserve()
    if (place === undefined) this.#held++
    else this.#coming = this.#comes(place)
    return this.#held > 0
  }

  /**
   * Takes others that are free now, for at most so many outputs together; tells for how many it has some. Leaves one for
   * each of the `others` who share the edge and have none: they may be what this one's user code waits for.
   */
  takeMore(most: number, others = 0): number {
    while (this.#held < most && !this.#over && this.#places.free > others && this.#places.reserveNow()) this.#held++
    return this.#held
  }

  /** For how many outputs it has places. */
  get held(): number {
    return this.#held
  }

  /** Settles when it is there. */
  async taken(): Promise<void> {
    while (!this.take()) await this.#coming
  }

  /** An output leaves, and takes the place along. That of a request that is over goes nowhere, and leaves it. */
  leaves({ scope }: Packet): void {
    if (scope.request?.over !== true && this.#held > 0) this.#held--
  }

  /** No more than so many are needed now. */
  giveBack(needed = 0): void {
    while (this.#held > needed) {
      this.#held--
      this.#places.unreserve()
    }
  }

  /** It is not needed any more. */
  close(): void {
    this.#over = true
    this.giveBack()
  }

  async #comes(place: Promise<void>): Promise<void> {
    await this.#movement.until(place)
    this.#coming = undefined
    this.#held++
    if (this.#over) this.giveBack()
  }
}

/** What a producer takes before it makes an output; nothing where outputs need no place of their own. */
export function ownPlaceOf(places: InFlightQueue | undefined, movement: Movement): OwnPlace | undefined {
  return places && new OwnPlace(places, movement)
}
