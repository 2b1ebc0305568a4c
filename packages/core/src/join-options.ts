import type { Counters } from './counters.js'
import type { NodeProperties } from './defaults.js'
import type { PipelineError } from './errors.js'
import type { Ledger } from './frames.js'
import type { Wake } from './inlet.js'
import type { Packet, Scope } from './packet.js'
import type { Token } from './regions.js'

/** What a join by lineage is made with. */
export interface JoinOptions {
  readonly node: string
  /** Names of the predecessors, in tuple order. */
  readonly inputs: readonly string[]
  /** Which share of a frame is this join's. */
  readonly share: number
  readonly holds: readonly Token[]
  /** `ordered`: hand over in the order in which the fork's outputs left, or as frames become complete. */
  readonly properties: Pick<NodeProperties, 'ordered' | 'missing' | 'collect'>
  /** Whether items that fail here wait for a worker like all others, because what becomes of them may have to wait. */
  readonly faultsInTurn: boolean
  /** Whether the node has no outgoing edges: a leaf drops nothing. */
  readonly leaf: boolean
  readonly ledger: Ledger
  /** That of what has none of its own. */
  readonly scope: Scope
  readonly counters: Counters
  readonly wake: Wake
  /** A packet that was taken and will not be processed. */
  readonly onGivenUp: (packet: Packet) => void
  /** An item that failed before its call. */
  readonly onFault: (packet: Packet, error: PipelineError) => void
}
