import type { OwnPlace } from './own-place.js'
import type { Packet } from './packet.js'

/** One instance of a stream coroutine at work. */
export interface StreamCall {
  /** Whether it was told to end because there are fewer workers now. */
  retired: boolean
  /** Whether it wants no more input: it has returned, or left its loop. */
  over: boolean
  /** Whether an output of the item in hand was accepted. */
  accepted: boolean
  /** Items that were taken beyond the one in hand. */
  readonly ahead: Ahead[]
  /** That of its next output; absent where outputs need none. */
  readonly place: OwnPlace | undefined
}

interface Ahead {
  readonly packet: Packet
  readonly index: number
}

/** How many of them have a place. */
export function havingPlaces(calls: Iterable<StreamCall>): number {
  let having = 0
  for (const { place } of calls) if (place !== undefined && place.held > 0) having++
  return having
}
