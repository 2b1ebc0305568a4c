import { at } from './arrays.js'
import type { Share } from './frames.js'
import { type Packet, tupleOf } from './packet.js'

/**
 * The combinations of what arrived for a share, one tuple at a time, the last input varying fastest. A packet is in many
 * tuples and is worked off once: with the last one that it is part of.
 */
export class Product {
  readonly share: Share
  /** Tuples that have not been given yet. */
  tuples: number
  readonly #slots: readonly (readonly (Packet | undefined)[])[]
  /** Which value of each input is next. */
  readonly #digits: number[]
  /** Packets that no tuple has carried yet. */
  readonly #left: Set<Packet>

  /** @param slots what arrived, by input; an empty input counts as one `undefined` */
  constructor(share: Share, slots: readonly (readonly Packet[])[]) {
    this.share = share
    this.#left = new Set(slots.flat())
    this.#slots = slots.map((slot) => (slot.length === 0 ? [undefined] : slot))
    this.#digits = slots.map(() => 0)
    this.tuples = this.#slots.reduce((product, slot) => product * slot.length, 1)
  }

  next(): Packet {
    const parts = this.#digits.map((digit, input) => at(this.#slots, input)[digit])
    const carried = parts.filter((part, input): part is Packet => part !== undefined && this.#isLastOf(input))
    for (const packet of carried) this.#left.delete(packet)
    const tuple = tupleOf(parts, this.share.frame.scope, this.share.frame, carried)
    // Others carry its parts: until it has ended it stands for itself.
    if (carried.length === 0) tuple.scope.enter(1)
    this.tuples--
    this.#turn()
    return tuple
  }

  /** Packets that have been in no tuple that carries them. */
  left(): Packet[] {
    return [...this.#left]
  }

  /** Whether no later tuple has this one's value of `input`: all the other inputs are at their last. */
  #isLastOf(input: number): boolean {
    return this.#digits.every((digit, other) => other === input || digit === at(this.#slots, other).length - 1)
  }

  #turn(): void {
    for (let input = this.#digits.length - 1; input >= 0; input--) {
      const next = at(this.#digits, input) + 1
      this.#digits[input] = next % at(this.#slots, input).length
      if (this.#digits[input] !== 0) return
    }
  }
}
