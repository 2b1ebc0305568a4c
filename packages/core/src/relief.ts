import { at } from './arrays.js'
import type { BatchInlet } from './batch.js'
import type { ForkWindow } from './frames.js'
import type { RunningNode } from './node.js'
import type { Plan } from './plan.js'

/** The parts of a network that matter to incomplete batches, by node number. */
export interface ReliefParts {
  readonly nodes: readonly RunningNode[]
  readonly windows: ReadonlyMap<number, ForkWindow>
  readonly batches: ReadonlyMap<number, BatchInlet>
}

/** A node with batches. */
interface Place {
  readonly node: number
  readonly batch: BatchInlet
  /** Nodes that something could come from. */
  readonly upstream: readonly number[]
  /** The forks around it. */
  readonly around: readonly { readonly window: ForkWindow; readonly region: readonly number[] }[]
}

/**
 * Lets incomplete batches go ahead where waiting would not help, or not in time:
 *
 * - a fork around the batch has no credit left, and nothing between it and its joins moves: what would complete the
 *   batch waits for the credit, and the credit for the batch;
 * - somebody waits for the answer to a request that is in the batch, and nothing on the way to it moves.
 *
 * A batch with a time of its own waits for that. It is looked at when something has come to rest, once per turn of the
 * event loop: what comes in the same turn makes one batch.
 */
export class Relief {
  readonly #parts: ReliefParts
  readonly #places: readonly Place[]
  #look: NodeJS.Immediate | undefined

  constructor(plan: Plan, parts: ReliefParts) {
    this.#parts = parts
    const after = reachable(plan, (number) => at(plan.nodes, number).outputs.map((edge) => at(plan.edges, edge).to))
    const before = reachable(plan, (number) => at(plan.nodes, number).inputs.map((edge) => at(plan.edges, edge).from))
    this.#places = plan.order.flatMap((number) => {
      const batch = parts.batches.get(number)
      if (batch === undefined) return []
      const around = [...parts.windows].flatMap(([fork, window]) => {
        const joins = plan.regions.forks.get(fork)?.joins ?? []
        const behind = after(fork)
        const region = [...behind].filter((node) => joins.some((join) => node === join || after(node).has(join)))
        return region.includes(number) ? [{ window, region }] : []
      })
      return [{ node: number, batch, upstream: [...before(number)], around }]
    })
    const watched = new Set(
      this.#places.flatMap(({ node, upstream, around }) => [
        node,
        ...upstream,
        ...around.flatMap(({ region }) => region),
      ]),
    )
    const rested = (): void => this.#rested()
    for (const number of watched) at(parts.nodes, number).movement.onRest = rested
    for (const { around } of this.#places) for (const { window } of around) window.onStarved = rested
  }

  /**
   * Lets batches go ahead that are due, in order, up to the first that begins at once: what it lets go may complete the
   * others. One that has to wait for a worker could wait for those behind it. Tells whether there was any.
   */
  help(): boolean {
    let helped = false
    for (const place of this.#places) {
      if (!this.#isWanted(place) || !this.#isAlone(place)) continue
      const { movement, bursts } = at(this.#parts.nodes, place.node)
      const begins = movement.active < bursts.most
      place.batch.hurry()
      helped = true
      if (begins) break
    }
    return helped
  }

  /** The run is over. */
  end(): void {
    clearImmediate(this.#look)
  }

  #rested(): void {
    if (this.#look !== undefined || !this.#places.some((place) => this.#isWanted(place))) return
    this.#look = setImmediate(() => {
      this.#look = undefined
      this.help()
    })
  }

  /** Whether anybody would be helped. */
  #isWanted({ batch, around }: Place): boolean {
    return batch.waits && (batch.holdsRequest || around.some(({ window }) => window.crowd > 0))
  }

  /** Whether nothing can be expected that would complete the batch. */
  #isAlone({ batch, upstream, around }: Place): boolean {
    if (batch.holdsRequest && upstream.every((node) => this.#isSource(node) || this.#rests(node))) return true
    return around.some(({ window, region }) => window.crowd > 0 && region.every((node) => this.#rests(node)))
  }

  /** Whether a node brings items of its own: when the next one comes, only the world knows. */
  #isSource(number: number): boolean {
    return at(this.#parts.nodes, number).plan.kind === 'source'
  }

  #rests(number: number): boolean {
    const { state, movement, isCalm } = at(this.#parts.nodes, number)
    return state === 'ended' || (movement.isBarren && isCalm)
  }
}

/** Tells for a node which others are reached by `next` from it; asked once per node. */
function reachable(_plan: Plan, next: (number: number) => readonly number[]): (number: number) => ReadonlySet<number> {
  const known = new Map<number, ReadonlySet<number>>()
  return (number) => {
    const found = known.get(number) ?? new Set(next(number))
    if (!known.has(number)) for (const node of found) for (const other of next(node)) (found as Set<number>).add(other)
    known.set(number, found)
    return found
  }
}
