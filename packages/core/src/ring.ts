/** Places of a ring that is used. */
const FIRST = 8

/** A growing circular buffer: first in, first out, both ends in constant time. */
export class Ring<T> {
  /** Length is a power of two, so that a mask replaces the modulo; nothing at first, as many rings are never used. */
  #slots: (T | undefined)[] = []
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(value: T): void {
    if (this.#size === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = value
    this.#size++
  }

  /** The oldest value; stays where it is. */
  get first(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[this.#head]
  }

  /** Takes the oldest value, or `undefined` when empty. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const value = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.#size--
    return value
  }

  /** Whether any value satisfies `test`. */
  some(test: (value: T) => boolean): boolean {
    for (let place = 0; place < this.#size; place++) {
      const value = this.#slots[(this.#head + place) & (this.#slots.length - 1)]
      if (value !== undefined && test(value)) return true
    }
    return false
  }

  /** Takes out every value that `gone` picks, keeping the order of the others. */
  remove(gone: (value: T) => boolean): void {
    for (let rest = this.#size; rest > 0; rest--) {
      const value = this.shift() as T // inside #size there is always a value
      if (!gone(value)) this.push(value)
    }
  }

  #grow(): void {
    const slots = this.#slots
    const from = slots.slice(this.#head).concat(slots.slice(0, this.#head))
    this.#slots = from.concat(new Array<T | undefined>(Math.max(FIRST, slots.length)).fill(undefined))
    this.#head = 0
  }
}
