import type { Batch } from './defaults.js'
import { GatherInlet, type GatherOptions } from './gather.js'
import type { Taken } from './inlet.js'
import { Bundle, type Packet, type Scope } from './packet.js'

export interface BatchOptions extends GatherOptions {
  readonly batch: Batch
  /** Scope of batches whose members have nothing in common. */
  readonly scope: Scope
}

/**
 * Gathers packets into batches. A batch goes ahead when it is full, when its time is up, when nothing more will come, or
 * when it is told to hurry because waiting would not help.
 */
export class BatchInlet extends GatherInlet {
  readonly #batch: Batch
  readonly #scope: Scope
  #members: Packet[] = []
  /** Whether an incomplete batch may go ahead. */
  #due = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: BatchOptions) {
    super(options)
    this.#batch = options.batch
    this.#scope = options.scope
    this.begin()
  }

  override get held(): readonly Packet[] {
    return this.#members
  }

  /** Whether it holds an incomplete batch that nothing but more items, or {@link hurry}, lets go. */
  get waits(): boolean {
    return this.#members.length > 0 && !this.hasNext && !this.timed
  }

  get timed(): boolean {
    return this.#timer !== undefined
  }

  /** Whether somebody waits for one of the packets that it holds. */
  get holdsRequest(): boolean {
    return this.#members.some((member) => member.scope.request !== undefined)
  }

  hurry(): void {
    this.#due = true
    this.wake()
  }

  protected override get empty(): boolean {
    return this.#members.length === 0
  }

  protected override get hasNext(): boolean {
    const { length } = this.#members
    return length > 0 && (length >= this.#batch.size || this.#due || this.inner.over)
  }

  protected override get hasRoom(): boolean {
    return this.#members.length < this.#batch.size
  }

  protected override hold(packet: Packet): void {
    this.#members.push(packet)
    // The place that it had on the way is free: the batch asks for more.
    this.inner.ask(packet)
    const { maxWaitMs } = this.#batch
    if (maxWaitMs === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.hurry()
    }, maxWaitMs)
  }

  protected override next(): Taken {
    const members = this.#members
    this.keep(() => false)
    return new Bundle(members, members, this.#scope)
  }

  protected override keep(stays: (packet: Packet) => boolean): void {
    this.#members = this.#members.filter(stays)
    if (this.#members.length > 0) return
    this.#due = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  override ask(): void {}
}
