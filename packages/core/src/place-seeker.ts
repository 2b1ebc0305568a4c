import type { InFlightQueue } from './in-flight-queue.js'
import type { Movement } from './movement.js'
import type { Packet } from './packet.js'
import { Ring } from './ring.js'

export interface PlaceSeekerOptions {
  /** Where each output needs a place; absent where none does. */
  readonly places: InFlightQueue | undefined
  readonly movement: Movement
  /** The next item is asked for, for the sake of who waits for that. */
  readonly ask: (packet: Packet) => void
  /** A worker is about to wait. */
  readonly waits: () => void
}

/** Takes a place for each output of a node before its item is taken, where outputs need one. */
export class PlaceSeeker {
  readonly #o: PlaceSeekerOptions
  /** Workers that wait for a place for their output. */
  readonly #seekers = new Ring<() => void>()
  /** Packets that were worked off, of which no next one was asked for yet. */
  readonly #toAsk = new Ring<Packet>()
  /** Places for outputs that were taken when the next items were asked for. */
  #ahead = 0

  constructor(options: PlaceSeekerOptions) {
    this.#o = options
  }

  /** Takes a place; a promise where that has to be waited for. */
  async take(): Promise<void> {
    if (this.#ahead > 0) {
      this.#ahead--
      return
    }
    if (this.#o.places === undefined) return
    const granted = new Promise<void>((resume) => this.#seekers.push(resume))
    this.#seek()
    if (this.#seekers.size > 0) this.#o.waits()
    await this.#o.movement.until(granted)
  }

  /** The place is not needed. */
  giveBack(): void {
    this.#o.places?.unreserve()
  }

  /**
   * Asks for the next item, for the sake of who waits for that: with a place for its output, where that needs one. So a
   * whole chain goes in step.
   */
  ask(packet: Packet): void {
    if (this.#o.places === undefined) this.#o.ask(packet)
    else {
      this.#toAsk.push(packet)
      this.#seek()
    }
  }

  /** Takes a place: for the worker that has waited longest, or ahead of the next item, which is then asked for. */
  #seek(): void {
    const { places } = this.#o
    const granted = (): void => {
      const seeker = this.#seekers.shift()
      const packet = this.#toAsk.shift()
      if (seeker !== undefined) seeker()
      else if (packet !== undefined) this.#ahead++
      else places?.unreserve()
      if (packet !== undefined) this.#o.ask(packet)
    }
    const place = places?.reserve()
    if (place === undefined) granted()
    else void place.then(granted)
  }
}
