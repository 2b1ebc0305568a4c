import type { InFlightQueue } from './in-flight-queue.js'
import type { Movement } from './movement.js'
import type { Packet } from './packet.js'

/**
 * The place that one producer takes for its next output before it makes that. Where several share an edge, each has its
 * own in hand.
 *
 * Nobody waits for ever. A place is held by a packet on the edge or in the hands of the consumer, which waits for nobody
 * before it, or by a producer whose user code runs. A producer that waits for an input holds none: that input may be
 * what another one gives way for, which waits for a place. So every place comes back, the nearest to the leaves first.
 */
export class OwnPlace {
  readonly #places: InFlightQueue
  readonly #movement: Movement
  #held = false
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
    if (this.#held || this.#coming !== undefined) return this.#held
    const place = this.#places.reserve()
    if (place === undefined) this.#held = true
    else this.#coming = this.#comes(place)
    return this.#held
  }

  /** Settles when it is there. */
  async taken(): Promise<void> {
    while (!this.take()) await this.#coming
  }

  /** An output leaves, and takes the place along. That of a request that is over goes nowhere, and leaves it. */
  leaves({ scope }: Packet): void {
    if (scope.request?.over !== true) this.#held = false
  }

  /** It is not needed now. */
  giveBack(): void {
    if (!this.#held) return
    this.#held = false
    this.#places.unreserve()
  }

  /** It is not needed any more. */
  close(): void {
    this.#over = true
    this.giveBack()
  }

  async #comes(place: Promise<void>): Promise<void> {
    await this.#movement.until(place)
    this.#coming = undefined
    this.#held = true
    if (this.#over) this.giveBack()
  }
}

/** What a producer takes before it makes an output; nothing where outputs need no place of their own. */
export function ownPlaceOf(places: InFlightQueue | undefined, movement: Movement): OwnPlace | undefined {
  return places && new OwnPlace(places, movement)
}
