import { at } from './arrays.js'
import type { NodeProperties } from './defaults.js'
import type { Share } from './frames.js'
import { listsOf, type Packet, tupleOf } from './packet.js'

/** An input that gave none, or too many. */
export interface WrongCount {
  readonly input: number
  readonly count: number
}

/** What a join does with a share to which nothing more can come; what arrived is sorted by input. */
export function outcomeOf(
  share: Share,
  inputs: number,
  { missing, collect }: Pick<NodeProperties, 'missing' | 'collect'>,
): 'hand' | 'filter' | WrongCount {
  if (isOneOfEach(share, inputs)) return 'hand'
  const counts = new Array<number>(inputs).fill(0)
  for (const input of share.inputs) counts[input] = at(counts, input) + 1
  const empty = counts.indexOf(0)
  if (empty >= 0 && missing === 'fail') return { input: empty, count: 0 }
  if (empty >= 0 && (missing === 'skip' || share.packets.length === 0)) return 'filter'
  const several = counts.findIndex((count) => count > 1)
  return several >= 0 && collect === 'one' ? { input: several, count: at(counts, several) } : 'hand'
}

/** The packet that stands for all that arrived. */
export function tupleFor(share: Share, inputs: number, collect: NodeProperties['collect']): Packet {
  const { frame, packets } = share
  if (collect === 'all') return listsOf(slotsOf(share, inputs), frame.scope, frame)
  const parts = packets.length === inputs ? packets : slotsOf(share, inputs).map(([only]) => only)
  return tupleOf(parts, frame.scope, frame)
}

/** What arrived, by input. */
export function slotsOf(share: Share, inputs: number): Packet[][] {
  const slots = Array.from({ length: inputs }, (): Packet[] => [])
  for (const [place, packet] of share.packets.entries()) at(slots, at(share.inputs, place)).push(packet)
  return slots
}

/** The usual case, told without counting: arrivals are in the order of inputs. */
export function isOneOfEach(share: Share, inputs: number): boolean {
  if (share.inputs.length !== inputs) return false
  for (let input = 0; input < inputs; input++) if (share.inputs[input] !== input) return false
  return true
}
