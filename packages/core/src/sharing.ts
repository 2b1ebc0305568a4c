import { at } from './arrays.js'
import type { Logger } from './context.js'
import type { Edge, Waiting } from './edge.js'
import { frameOn, type Ledger, packetOn } from './frames.js'
import type { OutputEdge } from './outlet-options.js'
import type { Packet, Scope } from './packet.js'
import { OUT } from './plan.js'
import type { Queue } from './queue.js'
import { type TapSettings, Taps } from './taps.js'

/** The way to one of the nodes that share. */
export interface Branch extends Pick<OutputEdge, 'regions'> {
  readonly edge: Queue
  /** Name of the node behind it. */
  readonly to: string
}

export interface SharingOptions {
  /** Name of the node whose outputs are shared. */
  readonly node: string
  /** In the order of the graph. */
  readonly branches: readonly Branch[]
  readonly logger: Logger
  readonly ledger: Ledger
  /** Whether the run is over: then nothing is counted any more. */
  readonly isDoomed: () => boolean
}

/** A branch with the packet that goes there. */
interface Way {
  readonly branch: Branch
  readonly packet: Packet
}

/**
 * Several edges as one: each packet goes to one of them, the first in turn that has room. Where none has, it waits at all
 * of them for whichever has room first; so who waits is served first come first served, and one freed slot wakes one.
 * A closed edge is passed over.
 *
 * Near a join, a packet that comes here is counted at the joins behind every branch. Those behind the others are told as
 * soon as one has taken it.
 *
 * @see mpyx's parallel stages, which take from one queue, from which the idea is taken.
 */
export class SharedEdge implements Edge {
  onClose: () => void = () => {}
  readonly #o: SharingOptions
  /** The branch that is asked first: the one behind that which was served last. */
  #turn = 0
  #open: number
  /** By branch, who looks at it. */
  readonly #taps = new Map<Branch, Taps>()

  constructor(options: SharingOptions) {
    this.#o = options
    const { branches } = options
    this.#open = branches.length
    const onClose = (): void => {
      this.#open--
      if (this.#open === 0) this.onClose()
    }
    for (const { edge } of branches) edge.onClose = onClose
  }

  get closed(): boolean {
    return this.#o.branches.every(({ edge }) => edge.closed)
  }

  put(packet: Packet): boolean | Promise<boolean> {
    const { branches } = this.#o
    for (let tried = 0; tried < branches.length; tried++) {
      const branch = at(branches, (this.#turn + tried) % branches.length)
      const way = { branch, packet: packetOn(packet, branch.regions) }
      if (branch.edge.offer(way.packet)) {
        this.#served(branch)
        return this.#taken(packet, way)
      }
    }
    if (this.closed) return this.#refused(packet)
    return this.#wait(packet).then((way) => (way === undefined ? this.#refused(packet) : this.#taken(packet, way)))
  }

  isWaiting(scope: Scope): boolean {
    return this.#o.branches.some(({ edge }) => edge.isWaiting(scope))
  }

  withdraw(scope: Scope): void {
    for (const { edge } of this.#o.branches) edge.withdraw(scope)
  }

  end(): void {
    for (const { edge } of this.#o.branches) edge.end()
  }

  /** Shows a sample of what goes by the branch that the settings name; the function that comes back ends that. */
  tap(settings: TapSettings): () => void {
    const { branches, node, logger } = this.#o
    const branch = branches.find(({ to }) => to === settings.target.to)
    if (branch === undefined) return () => {}
    const taps = this.#taps.get(branch) ?? new Taps(node, logger)
    this.#taps.set(branch, taps)
    const remove = taps.add(settings)
    return () => {
      remove()
      if (taps.none) this.#taps.delete(branch)
    }
  }

  /** Waits at every branch that is open; settles with the one that had room first, or with none if all have let it go. */
  #wait(packet: Packet): Promise<Way | undefined> {
    const open = this.#o.branches.filter(({ edge }) => !edge.closed)
    return new Promise((settle) => {
      const waits: { readonly edge: Queue; readonly waiting: Waiting }[] = []
      let left = open.length
      for (const branch of open) {
        const way = { branch, packet: packetOn(packet, branch.regions) }
        const resume = (accepted: boolean): void => {
          left--
          if (!accepted && left > 0) return
          if (accepted) {
            // On this stack: a slot that is freed next is for who waits next.
            for (const { edge, waiting } of waits) if (edge !== branch.edge) edge.forget(waiting)
            this.#served(branch)
          }
          settle(accepted ? way : undefined)
        }
        const waiting = { packet: way.packet, resume }
        waits.push({ edge: branch.edge, waiting })
        branch.edge.wait(waiting)
      }
    })
  }

  #served(branch: Branch): void {
    const { branches } = this.#o
    this.#turn = (branches.indexOf(branch) + 1) % branches.length
  }

  /** One branch has a packet: there will be none of it at the joins behind the others. */
  #taken(packet: Packet, { branch, packet: copy }: Way): true {
    this.#taps.get(branch)?.see(OUT, packet.value, packet.meta)
    // The node has told it only of the packet that it has given.
    if (copy !== packet) copy.scope.request?.arrived(copy)
    for (const other of this.#o.branches) if (other !== branch) this.#release(other, packet)
    return true
  }

  #refused(packet: Packet): false {
    for (const branch of this.#o.branches) this.#release(branch, packet)
    return false
  }

  #release({ regions }: Branch, { frame }: Packet): void {
    if (regions === undefined || this.#o.isDoomed()) return
    this.#o.ledger.release(frameOn(frame, regions), regions.tokens)
  }
}
