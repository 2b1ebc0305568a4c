import type { Call, CommonEnv } from './call.js'
import type { Particulars, ToWorker } from './messages.js'

/** What calls have in common. */
interface Common extends CommonEnv {
  /** Whether buffers in values are moved. */
  readonly moves: boolean
}

/** The message that sends calls together, and the buffers that move with it. */
export function messageOf(
  calls: readonly Call[],
  common: Common,
  active: number,
): { readonly message: ToWorker; readonly moved?: readonly ArrayBuffer[] } {
  const particulars: (readonly [number, Particulars])[] = []
  const moved = new Set<ArrayBuffer>()
  calls.forEach((call, place) => {
    if (common.moves) for (const buffer of call.buffers.movable) moved.add(buffer)
    const own = call.particulars(common)
    if (own !== undefined) particulars.push([place, own])
  })
  const message: ToWorker = {
    type: 'calls',
    values: calls.map(({ value }) => value),
    indexes: calls.map(({ index }) => index),
    active,
    ...(particulars.length > 0 && { particulars }),
  }
  return moved.size === 0 ? { message } : { message, moved: [...moved] }
}
