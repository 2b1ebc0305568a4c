import type { Logger, PipelineError } from '@pipelines/core'
import type { Call, CommonEnv } from './call.js'
import type { Lane } from './lane.js'
import type { Link } from './link.js'
import type { Session } from './session.js'

/** What a lane is for, and who is told of it. */
export interface LaneOwner extends CommonEnv {
  readonly session: Session
  readonly logger: Logger
  /** Whether buffers in values are moved. */
  readonly moves: boolean
  readonly stuckMs: number
  readonly graceMs: number
  /** Other lanes that are set up, and whose teardown has not begun. */
  activeBeside(lane: Lane): number
  /** It may take more calls. */
  hasRoom(): void
  /** Its worker has died while it was in use. `held` are the calls that were in it, `left` those that had not begun. */
  died(
    lane: Lane,
    error: PipelineError,
    calls: { readonly held: readonly Call[]; readonly left: readonly Call[] },
  ): void
}

/** What a lane is made with. */
export interface LaneParts {
  readonly link: Link
  readonly isUsed: boolean
  readonly needsSetup: boolean
}
