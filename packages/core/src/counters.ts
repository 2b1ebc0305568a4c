/** What a node did so far. Only ever counted up; rates and depths are derived by reading. */
export class Counters {
  /** Packets taken from its input edges; of an inlet, values accepted. */
  received = 0
  /** Received packets whose call ended without error and whose outputs were accepted. */
  completed = 0
  /** Received packets that failed for good. */
  failed = 0
  /** Received packets that were neither when the run settled. */
  unprocessed = 0
  /** Outputs accepted, once and not per successor. */
  emitted = 0
  /** Completed calls or frames that gave no output; never at a leaf. */
  dropped = 0
  /** Extra attempts. */
  retried = 0
  /** Results that came after the run had no use for them. */
  late = 0
  /** Wall time of its bursts, in milliseconds, waiting included. */
  busyMs = 0
}
