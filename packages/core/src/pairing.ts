import { at } from './arrays.js'
import { blocksOf } from './blocks.js'
import { type Dominators, NONE } from './dominators.js'
import type { Incidence, RegionGraph } from './regions.js'

/** Inputs of a join by position that are connected to each other in another way than by the join. */
export interface Tie {
  /** The nearest node that dominates them all, or -1. */
  readonly fork: number
  /** Their places among the inputs of the join. */
  readonly inputs: readonly number[]
}

/** How the joins of a graph pair their inputs. */
export interface Pairing {
  /** By lineage: the fork of each such join. */
  readonly forkOf: ReadonlyMap<number, number>
  /** By position. */
  readonly positional: ReadonlySet<number>
  /** Joins by position only because they ask for it, with what connects their inputs. */
  readonly tied: ReadonlyMap<number, readonly Tie[]>
  /** Not at all. */
  readonly uneven: readonly number[]
}

export interface Pairable {
  readonly graph: RegionGraph
  readonly incidence: Incidence
  /** Nodes that join two or more inputs, in topological order. */
  readonly joins: readonly number[]
  readonly dominators: Dominators
}

/**
 * Decides for every join whether it pairs by lineage (something dominates all its inputs), by position (no two inputs
 * are connected once the join is taken out, directions ignored; or the join asks for it), or not at all.
 *
 * Whether inputs are connected is read from the blocks of the graph, found once for all joins. If a way leads from one
 * input to another past the join, a simple one does, and the two edges into the join close it to a simple cycle: they
 * are in one block. The other way round, two edges of one block are on a simple cycle; it goes through the join by these
 * two edges and not again, so that the rest of it connects the inputs.
 */
export function pairingOf({ graph, incidence, joins, dominators }: Pairable): Pairing {
  const forkOf = new Map<number, number>()
  const positional = new Set<number>()
  const tied = new Map<number, readonly Tie[]>()
  const uneven: number[] = []
  let blocks: readonly number[] | undefined
  for (const join of joins) {
    const asked = at(graph.nodes, join).byPosition === true
    const fork = dominators.of(join)
    if (fork !== NONE && !asked) {
      forkOf.set(join, fork)
      continue
    }
    blocks ??= blocksOf(graph, incidence)
    const sides = new Map<number, number[]>()
    at(incidence.ins, join).forEach((edge, input) => {
      const block = at(blocks ?? [], edge)
      const side = sides.get(block)
      if (side === undefined) sides.set(block, [input])
      else side.push(input)
    })
    const connected = [...sides.values()].filter((inputs) => inputs.length > 1)
    if (connected.length > 0 && !asked) uneven.push(join)
    else positional.add(join)
    if (connected.length > 0 && asked)
      tied.set(
        join,
        connected.map((inputs) => tieOf(join, inputs)),
      )
  }
  return { forkOf, positional, tied, uneven }

  function tieOf(join: number, inputs: readonly number[]): Tie {
    const from = inputs.map((input) => at(graph.edges, at(at(incidence.ins, join), input)).from)
    return { fork: from.reduce((a, b) => dominators.common(a, b)), inputs }
  }
}
