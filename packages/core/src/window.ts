import type { Window } from './defaults.js'
import { GatherInlet, type GatherOptions } from './gather.js'
import type { Taken } from './inlet.js'
import { Bundle, type Packet, type Scope } from './packet.js'

export interface WindowOptions extends GatherOptions {
  readonly window: Window
  /** Scope of windows whose members have nothing in common. */
  readonly scope: Scope
  /** A packet that no window will have any more, and of which no call tells that it is over. */
  readonly onPassed: (packet: Packet) => void
}

/**
 * Slides a window over the input. A packet is carried, that is worked off, by the last window that has it; those that
 * are left at the end, and those between windows that are further apart than they are long, are in no call's hands.
 */
export class WindowInlet extends GatherInlet {
  readonly #window: Window
  readonly #scope: Scope
  readonly #onPassed: (packet: Packet) => void
  #held: Packet[] = []
  /** How many of the held packets have been in no window yet. */
  #fresh = 0
  /** Packets to pass over before the next window begins. */
  #gap = 0

  constructor(options: WindowOptions) {
    super(options)
    this.#window = options.window
    this.#scope = options.scope
    this.#onPassed = options.onPassed
    this.begin()
  }

  override get held(): readonly Packet[] {
    return this.#held
  }

  protected override get empty(): boolean {
    return this.#held.length === 0
  }

  protected override get hasNext(): boolean {
    if (this.#held.length === this.#window.size) return true
    return this.#window.partial && this.#fresh > 0 && this.inner.over
  }

  protected override get hasRoom(): boolean {
    return this.#held.length < this.#window.size
  }

  protected override hold(packet: Packet): void {
    this.inner.done?.(packet)
    if (this.#gap > 0) {
      this.#gap--
      this.#onPassed(packet)
    } else {
      this.#held.push(packet)
      this.#fresh++
    }
  }

  protected override next(): Taken {
    const { size, step } = this.#window
    const parts = this.#held
    const leaving = parts.length < size ? size : Math.min(step, size)
    this.#held = parts.slice(leaving)
    this.#fresh = 0
    this.#gap = Math.max(0, step - size)
    return new Bundle(parts, parts.slice(0, leaving), this.#scope)
  }

  protected override keep(stays: (packet: Packet) => boolean): void {
    this.#held = this.#held.filter(stays)
    this.#fresh = Math.min(this.#fresh, this.#held.length)
  }

  protected override ended(): void {
    if (this.hasNext) return
    const passed = this.#held
    this.#held = []
    for (const packet of passed) this.#onPassed(packet)
  }

  override done(): void {}
}
