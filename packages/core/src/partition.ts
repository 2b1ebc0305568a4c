import { GatherInlet, type GatherOptions } from './gather.js'
import { Faulty, type InletHooks, type Taken } from './inlet.js'
import type { Packet } from './packet.js'

export interface PartitionOptions extends GatherOptions {
  /** Most packets that are held aside. */
  readonly most: number
  /** The key of a packet, or what it fails with because it has none. */
  readonly keyOf: InletHooks['keyOf']
  readonly onHeld: InletHooks['onHeld']
}

/** A packet with its place in the order of arrival. */
interface Held {
  readonly packet: Packet
  readonly number: number
}

/** Packets of one key. */
interface Lane {
  busy: boolean
  readonly waiting: Held[]
}

/**
 * Lets one packet per key be in progress, and holds those aside that have to wait for one of their key. Of those that may
 * go the oldest goes first: with ordered outputs, younger ones could otherwise keep all workers waiting for it.
 */
export class PartitionInlet extends GatherInlet {
  readonly #most: number
  readonly #keyOf: PartitionOptions['keyOf']
  readonly #onHeld: PartitionOptions['onHeld']
  readonly #lanes = new Map<unknown, Lane>()
  readonly #inProgress = new Map<Packet, unknown>()
  /** The first packets of lanes that are not busy, oldest first. */
  #free: (Held & { readonly key: unknown })[] = []
  #size = 0
  #arrived = 0

  constructor(options: PartitionOptions) {
    super(options)
    this.#most = options.most
    this.#keyOf = options.keyOf
    this.#onHeld = options.onHeld
    this.begin()
  }

  override get held(): readonly Packet[] {
    return [...this.#lanes.values()].flatMap(({ waiting }) => waiting.map(({ packet }) => packet))
  }

  done(packet: Packet): void {
    if (!this.#inProgress.has(packet)) return
    const key = this.#inProgress.get(packet)
    this.#inProgress.delete(packet)
    const lane = this.#lanes.get(key)
    if (lane === undefined) return
    lane.busy = false
    this.#release(key, lane)
    this.wake()
  }

  protected override get empty(): boolean {
    return this.#size === 0
  }

  protected override get hasNext(): boolean {
    return this.#free.length > 0
  }

  protected override get hasRoom(): boolean {
    return this.#size < this.#most
  }

  protected override fail(fault: Faulty): void {
    this.#onHeld(fault.packet)
    super.fail(fault)
  }

  protected override hold(packet: Packet): void {
    const found = this.#keyOf(packet)
    if (found instanceof Faulty) {
      this.fail(found)
      return
    }
    if (found === undefined) {
      this.inner.ask(packet)
      return
    }
    this.#onHeld(packet)
    const { key } = found
    const lane = this.#lanes.get(key) ?? { busy: false, waiting: [] }
    this.#lanes.set(key, lane)
    lane.waiting.push({ packet, number: this.#arrived++ })
    this.#size++
    if (lane.waiting.length === 1) this.#release(key, lane)
  }

  protected override next(): Taken {
    const { packet, key } = this.#free.shift() as Held & { key: unknown } // only called while there is one
    const lane = this.#lanes.get(key)
    lane?.waiting.shift()
    if (lane !== undefined) lane.busy = true
    this.#size--
    this.#inProgress.set(packet, key)
    return packet
  }

  protected override keep(stays: (packet: Packet) => boolean): void {
    this.#free = []
    this.#size = 0
    for (const [key, lane] of this.#lanes) {
      const waiting = lane.waiting.filter(({ packet }) => stays(packet))
      lane.waiting.splice(0, lane.waiting.length, ...waiting)
      this.#size += waiting.length
      this.#release(key, lane)
    }
  }

  /** Lets the first packet of a lane go, if it may; forgets a lane that has none. */
  #release(key: unknown, lane: Lane): void {
    if (lane.busy) return
    const [first] = lane.waiting
    if (first === undefined) {
      this.#lanes.delete(key)
      return
    }
    // From the back: most often it is the youngest.
    let place = this.#free.length
    while (place > 0 && (this.#free[place - 1]?.number ?? 0) > first.number) place--
    this.#free.splice(place, 0, { ...first, key })
  }
}
