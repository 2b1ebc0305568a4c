import type { Logger } from './context.js'
import type { Output } from './leaf.js'
import type { Overload } from './request.js'

export interface NetworkOptions {
  readonly env?: Readonly<Record<string, unknown>>
  readonly logger?: Logger
  /** Takes the outputs of leaves, one at a time; a promise makes the leaf wait. Absent: they are discarded. */
  readonly onOutput?: (output: Output) => unknown
  /** What inlets are fed with, by node number; other inlets take `put`. */
  readonly inputs?: ReadonlyMap<number, Iterable<unknown> | AsyncIterable<unknown>>
  /** Dooms the run when it aborts. */
  readonly signal?: AbortSignal
  /** Milliseconds after which the run is doomed. */
  readonly deadlineMs?: number
  /** @defaultValue 5000 */
  readonly graceMs?: number
  /** Milliseconds that nothing may move while something is inside; then the run fails. @defaultValue none */
  readonly inactivityMs?: number
  /** Whether neighbours may run as one call chain. @defaultValue `true` */
  readonly fuse?: boolean
  /** Whether the report tells what became of every root. @defaultValue `false` */
  readonly ledger?: boolean
  /** Most requests that may be in flight. @defaultValue 1024 */
  readonly maxInFlight?: number
  /** Whether one more request is refused or waits. @defaultValue `'reject'` */
  readonly overload?: Overload
}
