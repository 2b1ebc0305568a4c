import type { Meta } from './coro.js'
import type { Counters } from './counters.js'
import type { PipelineError } from './errors.js'
import type { NodeState, RunState } from './lifecycle.js'
import type { VerdictCounts } from './roots.js'

/** What a node did, as numbers that stay. */
export type NodeCounts = Readonly<Counters>

/** What an edge carried. `entered = left + unprocessed`. */
export interface EdgeCounts {
  readonly from: string
  readonly port: string
  readonly to: string
  /** Packets that it accepted. */
  readonly entered: number
  /** Packets that its consumer took. */
  readonly left: number
  /** Packets that entered and were never taken. */
  readonly unprocessed: number
  /** How often its producer had to wait for room. */
  readonly waits: number
}

/** An item that was on its way when the run settled, and the node where it waited or was in work. */
export interface UnprocessedItem {
  readonly node: string
  readonly value: unknown
  readonly meta: Meta
}

/**
 * How a run ended. The books balance: for every node `received = completed + failed + unprocessed`, and `received` is
 * the sum of `left` of its input edges; for every edge `entered = left + unprocessed`.
 */
export interface RunReport {
  readonly outcome: 'completed' | 'failed' | 'doomed'
  /** What ended the run; absent exactly if it completed. */
  readonly error?: PipelineError
  /** What doomsday, or the caller's signal, gave as reason. */
  readonly reason?: unknown
  readonly durationMs: number
  readonly nodes: Readonly<Record<string, NodeCounts>>
  readonly edges: readonly EdgeCounts[]
  /** How many of the values that entered at sources ended how; only with `ledger: true`. */
  readonly roots?: VerdictCounts
  /** At most 1,000 of them; the counts are exact. What a source had made and nobody accepted is listed too. */
  readonly unprocessed: readonly UnprocessedItem[]
  /** Nodes whose coroutine, or hook, had not returned `graceMs` after it was told to stop. */
  readonly abandoned: readonly string[]
  /** Every failure that was reported, at most 100. */
  readonly errors: readonly PipelineError[]
}

/** A node, seen while it runs. */
export interface NodeSnapshot extends NodeCounts {
  readonly state: NodeState
  /** Items in calls now. */
  readonly inProgress: number
}

/** An edge, seen while it runs. */
export interface EdgeSnapshot extends EdgeCounts {
  /** Packets in it now. */
  readonly depth: number
  /** The most packets it may hold; in front of a join by lineage, the most frames that its fork may have open. */
  readonly capacity: number
  /** How long its oldest packet has been in it, in milliseconds, to within a millisecond or the time of 16 items; 0 when empty. */
  readonly oldestMs: number
}

export interface Snapshot {
  readonly state: RunState
  /** Since the start of the run. */
  readonly durationMs: number
  readonly nodes: Readonly<Record<string, NodeSnapshot>>
  readonly edges: readonly EdgeSnapshot[]
}

/** How busy a standing network is behind one inlet: cheap enough to be asked for every request. */
export interface Load {
  /** Requests that have no answer yet, and cancelled ones of which something is still inside. */
  readonly inFlight: number
  /** Values that wait for room behind the inlet. */
  readonly waiting: number
  /** Packets on the fullest edge behind the inlet, and the most that it may hold. */
  readonly depth: number
  readonly capacity: number
}
