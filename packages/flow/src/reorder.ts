import { type Context, type CoroDefinition, DROP, defineCoro, type Meta, PipelineError, show } from '@pipelines/core'
import { compareIndex, elementIndex } from './element-index.js'
import type { OrderedOptions } from './stage.js'

interface Held {
  readonly value: unknown
  readonly meta: Meta
  readonly index: readonly number[]
  /** How many came before it. */
  readonly arrival: number
}

interface Reordering {
  /** A heap, the first in order at the top. */
  readonly heap: Held[]
  arrivals: number
  /** The last that was given. */
  given: Held | undefined
}

/** Throws `PLB_OPTION_INVALID` for a window that is no number of items. */
export function assertWindow({ window = 1 }: OrderedOptions): void {
  if (Number.isSafeInteger(window) && window >= 1) return
  throw new PipelineError('OPTION_INVALID', {
    option: 'window',
    what: `must be an integer of at least 1, got ${show(window)}`,
  })
}

/**
 * A coroutine that puts items of several sources in order of their places, and those of one place in order of arrival. It
 * holds all of them until the end, or with `window` at most so many.
 */
export function reorder({ window = Number.POSITIVE_INFINITY }: OrderedOptions): CoroDefinition<unknown, Reordering> {
  return defineCoro<unknown, Reordering>({
    setup: () => ({ heap: [], arrivals: 0, given: undefined }),
    run(value, context) {
      const { state, meta } = context
      const held = { value, meta, index: elementIndex(context) ?? [], arrival: state.arrivals++ }
      if (state.given !== undefined && compareIndex(held.index, state.given.index) < 0)
        throw new Error(
          `Item ${held.index.join('.')} came when item ${state.given.index.join('.')} had left already: a window of ${window} is too small.`,
        )
      push(state.heap, held)
      if (state.heap.length > window) give(context)
      return DROP
    },
    *flush(context) {
      while (context.state.heap.length > 0) {
        give(context)
        yield DROP
      }
    },
  })
}

function give(context: Context<Reordering>): void {
  const { state } = context
  const first = pop(state.heap)
  if (first === undefined) return
  state.given = first
  context.emit('out', first.value, { meta: first.meta })
}

const before = (a: Held, b: Held): boolean => (compareIndex(a.index, b.index) || a.arrival - b.arrival) < 0

function push(heap: Held[], held: Held): void {
  let place = heap.push(held) - 1
  for (let above = (place - 1) >> 1; place > 0; above = (place - 1) >> 1) {
    const parent = heap[above]
    if (parent === undefined || !before(held, parent)) return
    heap[place] = parent
    heap[above] = held
    place = above
  }
}

function pop(heap: Held[]): Held | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return first
  let place = 0
  for (;;) {
    const below = 2 * place + 1
    const [left, right] = [heap[below], heap[below + 1]]
    if (left === undefined) break
    const [child, at] = right !== undefined && before(right, left) ? [right, below + 1] : [left, below]
    if (!before(child, last)) break
    heap[place] = child
    place = at
  }
  heap[place] = last
  return first
}
