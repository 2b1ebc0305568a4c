import type { Call } from './call.js'

/** The calls that a worker was sent and has not answered, in their order, which is that of its answers. */
export class SentCalls {
  readonly #calls: Call[] = []
  /** How many of them are left of each message. */
  readonly #messages: number[] = []
  /** The number of the first of them. */
  #number = 0

  get size(): number {
    return this.#calls.length
  }

  get messages(): number {
    return this.#messages.length
  }

  at(place: number): Call | undefined {
    return this.#calls[place]
  }

  /** The number of a call; `undefined` where it is over. */
  numberOf(call: Call): number | undefined {
    const place = this.#calls.indexOf(call)
    return place === -1 ? undefined : this.#number + place
  }

  /** They were sent as one message. */
  add(calls: readonly Call[]): void {
    this.#calls.push(...calls)
    this.#messages.push(calls.length)
  }

  /** So many of the first are over. */
  answered(count: number): void {
    this.#calls.splice(0, count)
    this.#number += count
    for (let left = count; left > 0; ) {
      const first = this.#messages[0] ?? left
      const part = Math.min(first, left)
      left -= part
      if (part === first) this.#messages.shift()
      else this.#messages[0] = first - part
    }
  }

  /**
   * Takes all of them out, because the worker has died: those that it held, and those that it had not begun.
   *
   * @param present the number of the call that it was at, if it could say that; `null` if it was at none
   */
  lost(present: number | null | undefined): { readonly held: readonly Call[]; readonly left: readonly Call[] } {
    const calls = this.#calls.splice(0)
    for (const call of calls) call.over()
    const begun = present === undefined ? calls.length : present === null ? 0 : present - this.#number + 1
    // What has moved into the worker is gone with it.
    const isHeld = (call: Call, place: number): boolean => place < begun || call.moved
    return { held: calls.filter(isHeld), left: calls.filter((call, place) => !isHeld(call, place)) }
  }
}
