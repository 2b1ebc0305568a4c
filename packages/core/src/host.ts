import type { PipelineError } from './errors.js'
import type { RunFacts } from './executor.js'
import type { Ledger } from './frames.js'
import type { NodeState } from './lifecycle.js'
import type { Packet, Scope } from './packet.js'
import type { RootLedger } from './roots.js'

/** What a node needs from the network around it. */
export interface Host extends RunFacts {
  /** Async context of whoever started the run: that of sources, and of everything that has no root of its own. */
  readonly scope: Scope
  readonly ledger: Ledger
  /** How much waits for others at the moment, in all nodes: see {@link rested}. */
  waiting: number
  readonly roots: RootLedger
  /** Whether every root is counted, not only those that somebody waits for. */
  readonly countsRoots: boolean
  /** Whether everything is being cancelled. */
  readonly doomed: boolean
  /** An error that ends the run. After the first one: recorded. */
  fail(error: PipelineError): void
  /** An error that ends the run as failed once everything inside has flowed out. */
  failAtEnd(error: PipelineError): void
  /** An item failed and the run goes on. */
  skip(error: PipelineError): void
  /** Something has come in from outside. */
  stirred(): void
  /** Nothing in some node moves by itself any more: perhaps nothing anywhere does. */
  rested(): void
  /** An item that was not processed, and the node where it was. */
  lost(node: string, packet: Packet): void
  nodeMoved(node: string, from: NodeState, to: NodeState): void
  nodeEnded(node: string, abandoned: boolean): void
}
