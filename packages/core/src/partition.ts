import { GatherInlet, type GatherOptions } from './gather.js'
import { Faulty, type InletHooks, type Taken } from './inlet.js'
import type { Packet } from './packet.js'

export interface PartitionOptions extends GatherOptions {
  /** Most packets that are held aside. */
  readonly most: number
  /** Whether packets are handed over in the order in which they came, also those of different keys. */
  readonly ordered: boolean
  readonly keyOf: InletHooks['keyOf']
}

/** A packet that waits, with its key; or one that has failed, which waits for its place in the order. */
type Held = { readonly packet: Packet; readonly key: unknown } | Faulty

/**
 * Lets one packet per key be in progress, and holds those aside that have to wait for one of their key.
 *
 * With ordered outputs nothing is handed over before what came earlier: a younger one that is done would wait for its turn
 * with its worker, and its place on the way, that the older one needs.
 */
export class PartitionInlet extends GatherInlet {
  readonly #o: PartitionOptions
  /** What waits, oldest first. */
  #line: Held[] = []
  readonly #busy = new Set<unknown>()
  readonly #keys = new Map<Packet, unknown>()

  constructor(options: PartitionOptions) {
    super(options)
    this.#o = options
    this.begin()
  }

  override get held(): readonly Packet[] {
    return this.#line.map(({ packet }) => packet)
  }

  done(packet: Packet): void {
    if (!this.#keys.has(packet)) return
    this.#busy.delete(this.#keys.get(packet))
    this.#keys.delete(packet)
    this.wake()
  }

  protected override get empty(): boolean {
    return this.#line.length === 0
  }

  protected override get hasNext(): boolean {
    return this.#place >= 0
  }

  protected override get hasRoom(): boolean {
    return this.#line.length < this.#o.most
  }

  protected override fail(fault: Faulty): void {
    this.#line.push(fault)
  }

  protected override hold(packet: Packet): void {
    const found = this.#o.keyOf(packet)
    if (found === undefined) this.inner.ask(packet)
    else this.#line.push(found instanceof Faulty ? found : { packet, key: found.key })
  }

  protected override next(): Taken {
    const [next] = this.#line.splice(this.#place, 1) as [Held] // only called while there is one
    if (next instanceof Faulty) return next
    this.#busy.add(next.key)
    this.#keys.set(next.packet, next.key)
    return next.packet
  }

  protected override keep(stays: (packet: Packet) => boolean): void {
    this.#line = this.#line.filter(({ packet }) => stays(packet))
  }

  /** Where the packet is that may go next; -1 if none may. */
  get #place(): number {
    const mayGo = (held: Held): boolean => held instanceof Faulty || !this.#busy.has(held.key)
    if (!this.#o.ordered) return this.#line.findIndex(mayGo)
    const [first] = this.#line
    return first !== undefined && mayGo(first) ? 0 : -1
  }
}
