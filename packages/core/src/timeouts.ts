/** Who is told when its time is up. */
export interface Timed {
  expire(): void
  /** Its slot, while it is in one, and its place there. */
  slot: TimeSlot | undefined
  place: number
}

/** Those whose time is up at the same moment. */
export interface TimeSlot {
  /** By `performance.now`. */
  readonly due: number
  /** No set: one that members go through quickly is made anew all the time, and what is left of the old one keeps them. */
  readonly members: Timed[]
}

/** Part of a time by which it may be exceeded; below as many milliseconds it is exact. */
const COARSE = 64

/**
 * Times that mostly nobody waits for to the end, such as those of requests: one timer for all of them. Each is up at the
 * time that was given, or later by at most a thirty-second part of it. When there are none the timer does not keep the
 * process alive.
 */
export class Timeouts {
  readonly #slots = new Map<number, TimeSlot>()
  #members = 0
  #timer: NodeJS.Timeout | undefined
  /** When the timer fires. */
  #next = Number.POSITIVE_INFINITY

  /** Tells `timed` in `ms`, unless it is removed. */
  add(timed: Timed, ms: number): void {
    const now = performance.now()
    const step = ms < COARSE ? 1 : 2 ** Math.floor(Math.log2(ms / COARSE))
    const due = Math.ceil((now + ms) / step) * step
    let slot = this.#slots.get(due)
    if (slot === undefined) {
      slot = { due, members: [] }
      this.#slots.set(due, slot)
      if (due < this.#next) this.#arm(due, now)
    }
    timed.slot = slot
    timed.place = slot.members.push(timed) - 1
    if (this.#members++ === 0) this.#timer?.ref()
  }

  /** Without effect if it is not there any more. */
  remove(timed: Timed): void {
    const { slot, place } = timed
    if (slot === undefined) return
    timed.slot = undefined
    const last = slot.members.pop()
    if (last !== undefined && last !== timed) {
      slot.members[place] = last
      last.place = place
    }
    if (--this.#members === 0) this.#timer?.unref()
  }

  /** Nobody is told any more. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#next = Number.POSITIVE_INFINITY
    this.#slots.clear()
    this.#members = 0
  }

  #arm(due: number, now: number): void {
    clearTimeout(this.#timer)
    this.#next = due
    this.#timer = setTimeout(this.#fire, Math.max(0, Math.ceil(due - now)))
    if (this.#members === 0) this.#timer.unref()
  }

  readonly #fire = (): void => {
    const now = performance.now()
    // A timer counts from when the turn of the event loop began, so by the clock it may be a little early.
    const reached = Math.max(now, this.#next)
    this.#timer = undefined
    this.#next = Number.POSITIVE_INFINITY
    let next = Number.POSITIVE_INFINITY
    const expired: Timed[] = []
    for (const [due, { members }] of this.#slots) {
      if (due > reached && members.length > 0) next = Math.min(next, due)
      else {
        this.#slots.delete(due)
        for (const timed of members.splice(0)) {
          timed.slot = undefined
          this.#members--
          expired.push(timed)
        }
      }
    }
    if (next < this.#next) this.#arm(next, now)
    for (const timed of expired) timed.expire()
  }
}
