import type { Counters } from './counters.js'
import type { Host } from './host.js'
import type { Packet } from './packet.js'
import type { WorkerSlot } from './slot.js'

/** A call that could not go on in the chain. */
export type Stumble =
  | { readonly error: unknown }
  | { readonly result: unknown }
  | { readonly sent: boolean | Promise<boolean> }
  | typeof WORKED_OFF

/** The call is over, and all is done about its packet; but the link was closed meanwhile. */
export const WORKED_OFF = 'worked off'

/** The node of a link. */
export interface LinkOwner {
  readonly counters: Counters
  readonly host: Pick<Host, 'scope'>
  /**
   * Goes on with a call as a worker of its own does; a promise where the chain was entered by such a worker, who has to
   * wait for it.
   */
  goOn(slot: WorkerSlot, packet: Packet, stumble: Stumble): Promise<void> | undefined
  /** The call of a packet has ended without error, and its output has left or never will. */
  workedOff(packet: Packet, accepted: boolean): void
  /** Tells the request of a packet what its call did. */
  trace(slot: WorkerSlot, packet: Packet, outcome: 'completed'): void
  /** Takes a packet that its predecessor is done with, and that it cannot be called with. */
  land(packet: Packet): void
}
