import { numbers } from '../numbers.js'
import type { Contestant } from '../workload.js'
import { hops } from './graphs.js'

/** Numbers in an array of 40 MB. */
const LENGTH = 5_000_000
export const STAGES = 3
/** Arrays that wait in front of a node at most. */
export const QUEUE_SIZE = 2

/** Source → stages on threads → sink, each with a queue of {@link QUEUE_SIZE}. */
export function arrayHops(transfer: boolean, source = fresh): Contestant['run'] {
  return hops({
    ...{ place: 'thread', coro: 'touch', stages: STAGES, queueSize: QUEUE_SIZE, transfer, source },
    worth: first,
  })
}

/** As the system gives them: only the pages that somebody touches take memory. */
export function* fresh(items: number): Generator<Float64Array, void, void> {
  for (const item of numbers(items)) yield freshOne(item)
}

/** With all their pages. */
export function* filled(items: number): Generator<Float64Array, void, void> {
  for (const item of numbers(items)) yield new Float64Array(LENGTH).fill(item)
}

export function freshOne(item: number): Float64Array {
  const array = new Float64Array(LENGTH)
  array[0] = item
  return array
}

export function first(array: Float64Array): number {
  return array[0] ?? Number.NaN
}
