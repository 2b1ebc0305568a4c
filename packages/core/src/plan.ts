import type { Context } from './context.js'
import type { CoroDefinition, CoroKind } from './coro.js'
import type { NodeProperties } from './defaults.js'
import type { CoroOrigin, CoroReference, Executor } from './executor.js'
import type { Regions } from './regions.js'

/**
 * A graph ready to run: integers and arrays, functions bound. The engine knows nothing else; it looks up no name while
 * items flow. Nodes and edges are numbered by their place in `nodes` and `edges`.
 */
export interface Plan {
  readonly name: string | undefined
  readonly nodes: readonly PlanNode[]
  readonly edges: readonly PlanEdge[]
  /** Node numbers in topological order. */
  readonly order: readonly number[]
  /** How joins pair what they receive: see `analyseRegions`. */
  readonly regions: Regions
}

export interface PlanNode {
  readonly name: string
  /** `inlet`: a source that `put` and `run(input)` feed. */
  readonly kind: CoroKind | 'inlet'
  /** Absent for an inlet. */
  readonly coro?: CoroDefinition
  readonly args: Readonly<Record<string, unknown>>
  /** Workers are resolved to at least 1, and a number of `stateful` to a `window`. */
  readonly properties: NodeProperties
  /** What the `partitionBy` of the properties names: gives the key of an item. Answers at once. */
  readonly partitionBy?: (value: unknown, context: Context) => unknown
  readonly executor: Executor
  /** Where the coroutine comes from, if it comes from a module. */
  readonly origin?: CoroOrigin | undefined
  /** The coroutines that `args` name. */
  readonly references?: readonly CoroReference[] | undefined
  /**
   * Who else may hold what the node takes: `nobody`, as it was copied for this node alone; or `maker`, only who has made
   * it, if he keeps what he has handed on. Absent where other nodes hold it too, or need it again.
   */
  readonly holds?: 'nobody' | 'maker' | undefined
  /** Numbers of the input edges, in tuple order. */
  readonly inputs: readonly number[]
  /** Numbers of the output edges, in the order of the graph. */
  readonly outputs: readonly number[]
}

export interface PlanEdge {
  readonly from: number
  readonly to: number
  readonly port: string
  /** The most packets it may hold. */
  readonly capacity: number
}

/** Whether what a node gives is an output of the pipeline: nothing leads on from it, but for what failed in it. */
export function isLeaf(
  node: Pick<PlanNode, 'outputs' | 'properties'>,
  edges: readonly Pick<PlanEdge, 'port'>[],
): boolean {
  const { outputs, properties } = node
  return outputs.every((edge) => routes(properties) && edges[edge]?.port === ERROR)
}

/** Whether items that fail may leave by port `error`. */
export function routes({ onError, onTimeout }: Pick<NodeProperties, 'onError' | 'onTimeout'>): boolean {
  return onError === 'route' || onTimeout === 'route'
}

/** Whether what a node gives by port `out` goes to one of several successors each time, and not to all of them. */
export function isShared(
  { outputs, properties }: Pick<PlanNode, 'outputs' | 'properties'>,
  edges: readonly Pick<PlanEdge, 'port'>[],
): boolean {
  return properties.fanOut === 'share' && outputs.filter((edge) => edges[edge]?.port === OUT).length > 1
}

/** The port that returned and yielded values leave by. */
export const OUT = 'out'
/** The port that items leave by which failed, under `onError: "route"`. */
export const ERROR = 'error'
