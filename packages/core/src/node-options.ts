import type { Counters } from './counters.js'
import type { ErrorDetails } from './errors.js'
import type { Host } from './host.js'
import type { Outlet } from './outlet.js'
import type { PlanNode } from './plan.js'

/** What every kind of node is made with. */
export interface NodeOptions {
  readonly plan: PlanNode
  readonly host: Host
  readonly counters: Counters
  /** Makes the outlet; called once, with what it tells the node. */
  readonly outlet: (onUnwanted: () => void) => Outlet
}

/** What was going on when user code failed. */
export type Phase = ErrorDetails<'NODE_FAILED'>['phase']
