import { show } from '@pipelines/core/coro'

/** The parts of what a join hands over. Throws where the node is no join. */
export function partsOf(tuple: unknown, coro: string): readonly unknown[] {
  if (Array.isArray(tuple)) return tuple
  throw new TypeError(`"${coro}" got ${show(tuple)}, and takes what a join hands over. Give its node several inputs.`)
}
