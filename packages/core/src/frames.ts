import { at } from './arrays.js'
import { PipelineError } from './errors.js'
import { Packet, type Scope } from './packet.js'
import type { EdgeRegions, Token } from './regions.js'
import { Ring } from './ring.js'

/** A join as the frames see it. */
export interface FrameJoin {
  /** Tokens that a share holds behind its join until its call has settled or it was skipped. */
  readonly holds: readonly Token[]
  /** Whether it wants no more frames. */
  readonly closed: boolean
  /** A frame was opened: called in the order of opening. */
  opened(share: Share): void
  /** Nothing more can arrive for this share, or the join is closed. */
  complete(share: Share): void
}

/** Most arrivals that are sorted by insertion: `Array.sort` was 6 % of a diamond's time. */
const FEW = 16

/** Of shares that are done. */
const NO_PACKETS: Packet[] = []
const NO_INPUTS: number[] = []

/** One join's part of a frame: what arrived, and how many tokens are still on their way. */
export class Share {
  readonly frame: Frame
  readonly join: FrameJoin
  live: number
  /** `open`: more may come. `complete`: nothing more will. `done`: handed over, or skipped. */
  state: 'open' | 'complete' | 'done' = 'open'
  /** What arrived. */
  packets: Packet[] = []
  /** The inputs that it came by. */
  inputs: number[] = []
  #sorted = true

  constructor(frame: Frame, join: FrameJoin, live: number) {
    this.frame = frame
    this.join = join
    this.live = live
  }

  arrive(input: number, packet: Packet): void {
    const { inputs } = this
    if (inputs.length > 0 && at(inputs, inputs.length - 1) > input) this.#sorted = false
    inputs.push(input)
    this.packets.push(packet)
  }

  /** Brings what arrived into the order of inputs, and of arrival for each. */
  sort(): void {
    if (this.#sorted) return
    this.#sorted = true
    const { inputs, packets } = this
    if (inputs.length > FEW) {
      const order = inputs.map((_, place) => place).sort((a, b) => at(inputs, a) - at(inputs, b))
      this.inputs = order.map((place) => at(inputs, place))
      this.packets = order.map((place) => at(packets, place))
      return
    }
    for (let place = 1; place < inputs.length; place++) {
      const input = at(inputs, place)
      const packet = at(packets, place)
      let to = place
      for (; to > 0 && at(inputs, to - 1) > input; to--) {
        inputs[to] = at(inputs, to - 1)
        packets[to] = at(packets, to - 1)
      }
      inputs[to] = input
      packets[to] = packet
    }
  }

  /** Forgets what arrived; gives it. */
  takeAll(): Packet[] {
    const { packets } = this
    this.packets = []
    this.inputs = []
    return packets
  }
}

/** One output of a fork, and everything that descends from it until it meets again. */
export class Frame {
  readonly fork: ForkWindow
  readonly parent: Frame | undefined
  /** Of the output that opened it. */
  readonly scope: Scope
  readonly shares: Share[] = []
  unfinished = 0
  /** Neighbours among the open frames of the fork, in the order of opening. */
  previous: Frame | undefined
  next: Frame | undefined

  constructor(fork: ForkWindow, parent: Frame | undefined, scope: Scope) {
    this.fork = fork
    this.parent = parent
    this.scope = scope
  }
}

/**
 * Moves tokens. What becomes complete is worked off from a list and not by recursion: an empty share can complete the
 * next join's, and so on for as long as the graph is.
 */
export class Ledger {
  readonly #complete: Share[] = []
  #working = false

  /** Counts `tokens` up, as seen from `frame`. */
  add(frame: Frame | undefined, tokens: readonly Token[], times = 1): void {
    for (const token of tokens) shareOf(frame, token).live += token.copies * times
  }

  /** Counts `tokens` down, as seen from `frame`; a share that reaches zero is complete. */
  release(frame: Frame | undefined, tokens: readonly Token[], times = 1): void {
    for (const token of tokens) this.drop(shareOf(frame, token), token.copies * times)
  }

  /** A token of `share` has ended, or several. */
  drop(share: Share, times = 1): void {
    share.live -= times
    if (share.live < 0) throw new PipelineError('INTERNAL', { what: 'a frame was released twice' })
    if (share.live === 0) this.check(share)
  }

  /** Hands a share to its join if nothing more can arrive. */
  check(share: Share): void {
    if (share.live !== 0 || share.state !== 'open') return
    this.#complete.push(share)
    if (this.#working) return
    this.#working = true
    try {
      for (let next = this.#complete.pop(); next; next = this.#complete.pop()) next.join.complete(next)
    } finally {
      this.#working = false
    }
  }

  /** The join has handed the share over or skipped it: the frame closes with its last share. */
  finish(share: Share): void {
    share.state = 'done'
    share.packets = NO_PACKETS
    share.inputs = NO_INPUTS
    const { frame } = share
    frame.unfinished--
    if (frame.unfinished === 0) frame.fork.close(frame)
  }
}

/** The frame `steps` outwards. */
export function outwards(frame: Frame | undefined, steps: number): Frame | undefined {
  let found = frame
  for (let rest = steps; rest > 0 && found !== undefined; rest--) found = found.parent
  return found
}

/** The frame that a packet of `frame` has on an edge: without those that no join behind it needs. */
export function frameOn(frame: Frame | undefined, regions: EdgeRegions | undefined): Frame | undefined {
  if (regions === undefined || regions.up === 0) return frame
  return regions.up < 0 ? undefined : outwards(frame, regions.up)
}

/** A packet as it is on an edge: see {@link frameOn}. */
export function packetOn(packet: Packet, regions: EdgeRegions | undefined): Packet {
  const { value, meta, scope, frame } = packet
  const within = frameOn(frame, regions)
  return within === frame ? packet : new Packet(value, meta, scope, within)
}

function shareOf(frame: Frame | undefined, token: Token): Share {
  const found = outwards(frame, token.hops)
  if (found === undefined) throw new PipelineError('INTERNAL', { what: 'a packet has lost its frame' })
  return at(found.shares, token.share)
}

/**
 * The frames that a fork has open: at most `size`. An output takes its credit when it is next to leave, before its first
 * copy is put; the credit comes back when every join of the fork is done with the frame. That bounds what joins store.
 */
export class ForkWindow {
  readonly size: number
  /** Open frames. */
  open = 0
  /** Most frames that were ever open at once. */
  peak = 0
  /** Oldest and newest open frame. */
  first: Frame | undefined
  #last: Frame | undefined
  /** Told when an output has to wait for a credit. */
  onStarved: () => void = () => {}
  readonly #joins: readonly FrameJoin[]
  readonly #ledger: Ledger
  readonly #waiting = new Ring<{ readonly scope: Scope; readonly resume: (granted: boolean) => void }>()
  #closed = false

  constructor(size: number, joins: readonly FrameJoin[], ledger: Ledger) {
    this.size = size
    this.#joins = joins
    this.#ledger = ledger
  }

  /** How many outputs wait for a credit. */
  get crowd(): number {
    return this.#waiting.size
  }

  /** Takes a credit for an output of `scope`: at once if there is one, else by a promise; `false` if it was let go. */
  credit(scope: Scope): boolean | Promise<boolean> {
    if (this.#closed) return false
    if (this.open < this.size) {
      this.#take()
      return true
    }
    const granted = new Promise<boolean>((resume) => this.#waiting.push({ scope, resume }))
    this.onStarved()
    return granted
  }

  /** Opens a frame for which a credit was taken by an output of `origin`; `live` counts the copies per join. */
  start(origin: Packet, live: readonly number[]): Frame {
    const frame = new Frame(this, origin.frame, origin.scope)
    this.#append(frame)
    for (let place = 0; place < this.#joins.length; place++)
      frame.shares.push(new Share(frame, at(this.#joins, place), live[place] ?? 0))
    frame.unfinished = frame.shares.length
    for (const share of frame.shares) share.join.opened(share)
    // Only now: what is complete from the start may complete another join's share of the same frame.
    for (const share of frame.shares) {
      if (share.join.closed) share.join.complete(share)
      else this.#ledger.check(share)
    }
    return frame
  }

  close(frame: Frame): void {
    if (frame.previous === undefined) this.first = frame.next
    else frame.previous.next = frame.next
    if (frame.next === undefined) this.#last = frame.previous
    else frame.next.previous = frame.previous
    // A closed frame that somebody still holds must not hold all that were opened after it.
    frame.previous = undefined
    frame.next = undefined
    this.giveBack()
  }

  /** A credit is free. */
  giveBack(): void {
    this.open--
    if (this.#waiting.size === 0) return
    const waiting = this.#waiting.shift()
    if (waiting === undefined) return
    this.#take()
    waiting.resume(true)
  }

  /** Lets go whoever of `scope` waits for a credit; tells whether anybody did. */
  withdraw(scope: Scope): boolean {
    if (!this.#waiting.some((waiting) => waiting.scope === scope)) return false
    this.#waiting.remove((waiting) => {
      if (waiting.scope !== scope) return false
      waiting.resume(false)
      return true
    })
    return true
  }

  /** The run is doomed: whoever waits is let go. */
  clear(): void {
    this.#closed = true
    for (let waiting = this.#waiting.shift(); waiting; waiting = this.#waiting.shift()) waiting.resume(false)
  }

  #take(): void {
    this.open++
    if (this.open > this.peak) this.peak = this.open
  }

  #append(frame: Frame): void {
    frame.previous = this.#last
    if (this.#last === undefined) this.first = frame
    else this.#last.next = frame
    this.#last = frame
  }
}
