import type { Window } from './defaults.js'
import { GatherInlet, type GatherOptions } from './gather.js'
import type { Taken } from './inlet.js'
import { Bundle, type Packet, type Scope } from './packet.js'
import type { Mark } from './roots.js'

export interface WindowOptions extends GatherOptions {
  readonly window: Window
  /** Scope of windows whose members have nothing in common. */
  readonly scope: Scope
  /** A packet that no window will have any more, and of which no call tells that it is over. */
  readonly onPassed: (packet: Packet) => void
}

/** A window in a call. */
class WindowBundle extends Bundle {
  readonly #parts: readonly Packet[]
  readonly #release: (part: Packet) => boolean
  #decided = false

  /** @param release tells whether a packet that this window lets go is in nobody else's hands */
  constructor(parts: readonly Packet[], scope: Scope, release: (part: Packet) => boolean) {
    super(parts, parts, scope)
    this.#parts = parts
    this.#release = release
  }

  override decide(): void {
    if (this.#decided) return
    this.#decided = true
    this.members = this.#parts.filter(this.#release)
  }

  override mark(mark: Mark): void {
    for (const part of this.#parts) part.mark(mark)
  }

  override ended(mark?: Mark): void {
    if (mark !== undefined) this.mark(mark)
    super.ended(mark)
  }
}

/**
 * Slides a window over the input. A packet ends with the last call that has it, whichever that is; one that no call has
 * any more at the end, or that lies between windows, has passed.
 */
export class WindowInlet extends GatherInlet {
  readonly #window: Window
  readonly #scope: Scope
  readonly #onPassed: (packet: Packet) => void
  #held: Packet[] = []
  /** In how many calls each packet is. */
  readonly #inCalls = new Map<Packet, number>()
  /** Those that the next window may have. */
  readonly #kept = new Set<Packet>()
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
    this.inner.ask(packet)
    if (this.#gap > 0) {
      this.#gap--
      this.#onPassed(packet)
    } else {
      this.#held.push(packet)
      this.#kept.add(packet)
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
    for (const part of parts) this.#inCalls.set(part, (this.#inCalls.get(part) ?? 0) + 1)
    for (const part of parts.slice(0, leaving)) this.#kept.delete(part)
    return new WindowBundle(parts, this.#scope, (part) => this.#released(part))
  }

  protected override keep(stays: (packet: Packet) => boolean): void {
    this.#held = this.#held.filter(stays)
    this.#fresh = Math.min(this.#fresh, this.#held.length)
    for (const packet of this.#kept) if (!stays(packet)) this.#kept.delete(packet)
  }

  protected override isInCall(packet: Packet): boolean {
    return this.#inCalls.has(packet)
  }

  /** A call is over that had it; tells whether nobody has it any more. */
  #released(packet: Packet): boolean {
    const calls = (this.#inCalls.get(packet) ?? 1) - 1
    if (calls > 0) this.#inCalls.set(packet, calls)
    else this.#inCalls.delete(packet)
    return calls === 0 && !this.#kept.has(packet)
  }

  protected override ended(): void {
    if (this.hasNext) return
    const left = this.#held
    this.keep(() => false)
    for (const packet of left) if (!this.isInCall(packet)) this.#onPassed(packet)
  }

  override ask(): void {}
}
