import type { CoroDefinition, CoroOrigin, NodeProperties, Plan, PlanEdge, PlanNode, Regions } from '@pipelines/core'
import type { ResolvedArgs } from '../args.js'
import type { Graph } from './document.js'
import { windowOf } from './groups.js'
import { holders } from './holders.js'
import type { Limits } from './limits.js'
import { workersOf } from './normalize.js'

/** A node's code and what it is given, ready to run. */
export interface Ready extends ResolvedArgs {
  /** Absent for an inlet. */
  readonly coro: CoroDefinition | undefined
  readonly origin?: CoroOrigin | undefined
  readonly executor: PlanNode['executor']
  /** What gives the keys of its items, where it partitions them. */
  readonly partitionBy: PlanNode['partitionBy'] | undefined
}

/** Everything that a plan is made of. */
export interface Parts {
  readonly graph: Graph
  /** By node. */
  readonly ready: ReadonlyMap<string, Ready>
  /** Of this graph: nodes numbered as in `nodes`, edges as in `graph`. */
  readonly regions: Regions
  /** Node numbers in topological order. */
  readonly order: readonly number[]
  readonly limits: Limits
}

/**
 * Makes the plan of a valid graph. Nodes are numbered in the order of `nodes`; edges in the order of `graph`, by key and
 * then by place in the list: that is the order of tuples.
 */
export function compile({ graph, ready, regions, order, limits }: Parts): Plan {
  const names = Object.keys(graph.nodes)
  const numbers = new Map(names.map((name, number) => [name, number]))
  const edges: PlanEdge[] = Object.entries(graph.graph).flatMap(([from, list]) =>
    list.map(({ to, port, queueSize }) => ({
      from: known(numbers, from),
      to: known(numbers, to),
      port,
      capacity: queueSize,
    })),
  )
  const inputs: number[][] = names.map(() => [])
  const outputs: number[][] = names.map(() => [])
  edges.forEach(({ from, to }, edge) => {
    inputs[to]?.push(edge)
    outputs[from]?.push(edge)
  })
  const nodes = Object.entries(graph.nodes).map(([name, { properties }], number): PlanNode => {
    const { coro, args, origin, references, executor, partitionBy } = known(ready, name)
    const into = inputs[number] ?? []
    return {
      name,
      kind: kindOf(coro, into.length),
      ...(coro === undefined ? {} : { coro }),
      args,
      properties: settled(properties, limits),
      ...(partitionBy === undefined ? {} : { partitionBy }),
      executor,
      origin,
      references,
      inputs: into,
      outputs: outputs[number] ?? [],
    }
  })
  const holds = holders({ nodes, edges, order })
  return {
    name: graph.name,
    nodes: nodes.map((node, number) => ({ ...node, holds: holds[number] })),
    edges,
    order,
    regions,
  }
}

/** What a coroutine without a `kind` is, depends on its place. */
export function kindOf(coro: CoroDefinition | undefined, inputs: number): PlanNode['kind'] {
  if (coro === undefined) return 'inlet'
  return coro.kind ?? (inputs === 0 ? 'source' : 'map')
}

/** What the engine goes by: it knows windows, and no other way to say them. */
function settled(properties: NodeProperties, limits: Limits): NodeProperties {
  const window = windowOf(properties)
  return { ...properties, workers: workersOf(properties, limits.workers), ...(window && { window }) }
}

/** The entry that the checks have made sure of. */
function known<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key)
  if (value === undefined) throw new RangeError(`nothing is known of ${String(key)}`)
  return value
}
