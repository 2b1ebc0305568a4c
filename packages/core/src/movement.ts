import type { Host } from './host.js'

/** How much of a node is in progress, and how much of that only waits for others. */
export class Movement {
  /** Bursts and hooks in progress. */
  active = 0
  /** Those of them that wait for others: for room, for a credit, for their turn. */
  blocked = 0
  /** Those of them that ran out of time so long ago that nobody expects them back. */
  stuck = 0
  /** Those of them whose item was given up: nothing comes of them, but they go on. */
  deaf = 0
  /** Calls that wait for their next item. */
  asking = 0
  /** Told whenever nothing in the node moves by itself any more. */
  onRest: () => void = () => {}
  readonly #host: Pick<Host, 'waiting' | 'rested'>
  readonly #isResting: () => boolean

  constructor(host: Pick<Host, 'waiting' | 'rested'>, isResting: () => boolean) {
    this.#host = host
    this.#isResting = isResting
  }

  /** Whether something is in progress, and all of it waits for others that may yet come. */
  get onlyWaits(): boolean {
    return this.active > 0 && this.blocked >= this.active
  }

  /** Whether all that is in progress waits. */
  get waits(): boolean {
    return this.active <= this.blocked + this.stuck
  }

  /** Whether nothing can come of what is in progress. */
  get isBarren(): boolean {
    return this.active <= this.blocked + this.stuck + this.deaf
  }

  /** What the calls are at, in words that follow the name of the node. */
  get doing(): string | undefined {
    if (this.stuck > 0) return 'is in a call that ran out of time and has not returned'
    if (this.active > this.blocked) return 'is in a call'
    return this.asking > 0 ? 'waits for its next item' : undefined
  }

  /** Waits for others. */
  async until<T>(wait: Promise<T>): Promise<T> {
    this.waitBegins()
    try {
      return await wait
    } finally {
      this.waitEnds()
    }
  }

  waitBegins(): void {
    this.blocked++
    this.#host.waiting++
    this.rests()
  }

  waitEnds(): void {
    this.blocked--
    this.#host.waiting--
  }

  /** Waits for a call that should have returned long ago. */
  async untilReturned(call: Promise<unknown>): Promise<void> {
    this.stuck++
    this.#host.waiting++
    this.rests()
    await call
    this.stuck--
    this.#host.waiting--
  }

  /** Call when the node may have come to rest. */
  rests(): void {
    if (!this.#isResting()) return
    this.onRest()
    this.#host.rested()
  }
}
