import type { BarePort, BareRegion } from './bare-region.js'
import { type Link, OPEN } from './chain.js'
import type { ForkWindow } from './frames.js'
import { JoinEdge } from './join-edge.js'
import type { OutletOptions, OutputEdge } from './outlet-options.js'
import { NO_META, Packet, type Scope } from './packet.js'
import { OUT } from './plan.js'
import { Queue } from './queue.js'

/** The beginning of a branch. */
export interface Head {
  readonly edge: Queue | BarePort
  /** The node behind the edge, where that may be called on the spot. */
  readonly next: Link | undefined
  /** Puts a packet with a frame on the edge. */
  readonly put: (packet: Packet) => boolean | Promise<boolean>
}

/** Hands the outputs of a fork to its branches without frames, as long as its region lets that be. */
export class BareFork {
  readonly region: BareRegion
  readonly #heads: readonly Head[]
  readonly #window: ForkWindow
  readonly #scope: Scope

  constructor(region: BareRegion, heads: readonly Head[], { window, scope }: { window: ForkWindow; scope: Scope }) {
    this.region = region
    this.#heads = heads
    this.#window = window
    this.#scope = scope
  }

  /** Takes a credit if there is one, and every branch has room. */
  takesNow(): boolean {
    if (!this.region.takes || this.#window.open >= this.#window.size) return false
    for (const { edge, next } of this.#heads)
      if ((next === undefined || next.state !== OPEN) && !edge.hasRoomForBare) return false
    return this.#window.credit(this.#scope) === true
  }

  /** Hands an output to every branch, for which a credit was taken; gives what came of each, if not all took it at once. */
  spread(value: unknown): readonly (boolean | Promise<boolean>)[] | undefined {
    const { region } = this
    const heads = this.#heads
    let took: (boolean | Promise<boolean>)[] | undefined
    region.spreads()
    for (let place = 0; place < heads.length; place++) {
      const { edge, next, put } = heads[place] as Head // inside the list there is always one
      if (region.active) {
        if (next !== undefined && next.state === OPEN) {
          next.enter(value)
          took?.push(true)
          continue
        }
        if (edge.offerBare(value)) {
          took?.push(true)
          continue
        }
      }
      took ??= new Array<boolean>(place).fill(true)
      // No longer bare, if a node that was just called has done something else than to give one output.
      const packet = new Packet(value, NO_META, this.#scope, region.active ? undefined : region.newest)
      took.push(region.active ? edge.put(packet) : put(packet))
    }
    region.spread()
    return took
  }
}

/** The edge of an outlet, if it takes values without packets. */
export function bareEdgeOf(
  { fork, inside }: Pick<OutletOptions, 'fork' | 'inside'>,
  output: OutputEdge | undefined,
): Queue | BarePort | undefined {
  if (output === undefined || output.port !== OUT) return undefined
  const { edge, regions } = output
  if (edge instanceof Queue) return !edge.bounded && (regions === undefined || fork || inside) ? edge : undefined
  return edge instanceof JoinEdge ? edge.bare : undefined
}

/** What begins at an outlet, if nothing there has to carry a frame for now. */
export function bareForkOf(
  options: Pick<OutletOptions, 'fork' | 'inside' | 'window' | 'edges' | 'next' | 'scope'>,
  put: (output: OutputEdge, packet: Packet) => boolean | Promise<boolean>,
): BareFork | undefined {
  const { fork, window, edges, next, scope } = options
  if (fork === undefined || window === undefined) return undefined
  const heads = edges.flatMap((output, place) => {
    const edge = bareEdgeOf(options, output) // there is one: else this would be no such fork
    return edge === undefined ? [] : [{ edge, next: next?.[place], put: (packet: Packet) => put(output, packet) }]
  })
  return new BareFork(fork, heads, { window, scope })
}
