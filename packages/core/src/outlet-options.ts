import type { BareRegion } from './bare-region.js'
import type { Link } from './chain.js'
import type { Logger } from './context.js'
import type { Edge } from './edge.js'
import type { ForkWindow, Ledger } from './frames.js'
import type { InFlightQueue } from './in-flight-queue.js'
import type { LeafOptions } from './leaf.js'
import type { Scope } from './packet.js'
import type { EdgeRegions, PortRegions } from './regions.js'
import type { SharedEdge } from './sharing.js'

/** One output edge, with what it does to frames where it is near a join. */
export interface OutputEdge {
  readonly edge: Edge
  readonly port: string
  readonly regions: EdgeRegions | undefined
}

export interface OutletOptions extends LeafOptions {
  /** Whether what it is given is handed to the caller, but for what leaves by port `error`. */
  readonly leaf: boolean
  /** In the order of the graph. */
  readonly edges: readonly OutputEdge[]
  readonly logger: Logger
  readonly ledger: Ledger
  /** By port, where an output opens a frame or adds tokens. */
  readonly regions: ReadonlyMap<string, PortRegions> | undefined
  /** The window of the frames that this node opens. */
  readonly window: ForkWindow | undefined
  /** Where each output needs a place that can be taken beforehand: the only edge. */
  readonly places?: InFlightQueue | undefined
  /** The scope of what has none of its own. */
  readonly scope: Scope
  /** By edge, the node behind it where that may be called on the spot. */
  readonly next?: readonly (Link | undefined)[]
  /** The region that begins here, as long as nothing there carries a frame. */
  readonly fork?: BareRegion | undefined
  /** The region that lies around it, as long as nothing there carries a frame. */
  readonly inside?: BareRegion | undefined
  /** The edge that stands for several of the graph, of which each output takes one. */
  readonly shared?: SharedEdge | undefined
  /** Every output was closed: nobody wants what the node makes. */
  readonly onUnwanted: () => void
}
