import { AsyncResource } from 'node:async_hooks'

/** Longest time that a timer can be set to, in milliseconds; as in Node, a longer one is due at once. */
const LONGEST = 2 ** 31 - 1

type Callback = (...args: never) => unknown

/** What a timer does when it is due, and when that is. */
export interface TimerSettings {
  readonly callback: Callback
  readonly ms: number | undefined
  readonly args: readonly unknown[]
  readonly repeats: boolean
  /** Made where the timer is. */
  readonly made: Error
}

/** A clock that stands still until the next timer is let go: then it is as late as that timer was due. */
export class VirtualClock {
  /** Milliseconds since it was made. */
  now = 0
  readonly #pending = new Map<number, VirtualTimer>()
  #made = 0

  /** Timers that are pending, the next due one first; of those that are due together, the one set first. */
  get timers(): readonly VirtualTimer[] {
    return [...this.#pending.values()].sort((a, b) => a.due - b.due || a.turn - b.turn)
  }

  set(settings: TimerSettings): VirtualTimer {
    return new VirtualTimer(++this.#made, settings, this)
  }

  /** Forgets a timer, given itself or its number; `false` where it is none of this clock's. */
  clear(timer: unknown): boolean {
    if (timer instanceof VirtualTimer) return timer.clock === this && this.#forget(timer)
    return (typeof timer === 'number' || typeof timer === 'string') && this.#pending.delete(Number(timer))
  }

  #forget(timer: VirtualTimer): true {
    this.#pending.delete(timer.id)
    return true
  }

  /** Lets the next due timer go; `false` if there is none. Throws what its callback throws. */
  advance(): boolean {
    const [next] = this.timers
    if (next === undefined) return false
    this.now = Math.max(this.now, next.due)
    if (next.repeats) this.schedule(next)
    else this.#pending.delete(next.id)
    next.call()
    return true
  }

  /** Makes a timer pending, its whole time from now. */
  schedule(timer: VirtualTimer): void {
    timer.due = this.now + timer.ms
    timer.turn = ++this.#made
    this.#pending.set(timer.id, timer)
  }
}

/** What `setTimeout` gives while the clock is virtual: everything that a `NodeJS.Timeout` can do. */
export class VirtualTimer {
  readonly id: number
  readonly ms: number
  readonly repeats: boolean
  readonly clock: VirtualClock
  /** When it is due, on its clock. */
  due = 0
  /** Which of two that are due together comes first. */
  turn = 0
  /** Made where the timer was. */
  readonly made: Error
  readonly #call: () => unknown
  #isRef = true

  constructor(id: number, { callback, ms, args, repeats, made }: TimerSettings, clock: VirtualClock) {
    if (typeof callback !== 'function') throw new TypeError('The callback of a timer must be a function.')
    this.id = id
    this.ms = ms !== undefined && ms >= 1 && ms <= LONGEST ? Math.trunc(ms) : 1
    this.repeats = repeats
    this.clock = clock
    this.made = made
    // Called in the async context of whoever set it, as Node does.
    this.#call = AsyncResource.bind(() => Reflect.apply(callback, this, args))
    clock.schedule(this)
  }

  /** How it is named in messages and orders. */
  get label(): string {
    return `timer of ${this.ms} ms`
  }

  call(): void {
    this.#call()
  }

  ref(): this {
    this.#isRef = true
    return this
  }

  unref(): this {
    this.#isRef = false
    return this
  }

  hasRef(): boolean {
    return this.#isRef
  }

  refresh(): this {
    this.clock.schedule(this)
    return this
  }

  close(): this {
    this.clock.clear(this)
    return this
  }

  [Symbol.toPrimitive](): number {
    return this.id
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
