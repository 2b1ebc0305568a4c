import type { Coro, CoroDefinition, NodeProperties } from '@pipelines/core'

/** The name of a coroutine in the coroMap; in code, also the coroutine itself. */
export type CoroRef = string | Coro | CoroDefinition

/** Where a node sends to: a name, or a name with the port that the edge starts from and the capacity of its queue. */
export type Successor =
  | string
  | {
      readonly to: string
      /** @defaultValue `'out'` */
      readonly port?: string
      /** @defaultValue the `queueSize` of the node at its end */
      readonly queueSize?: number
    }

/** The properties of a node as people write them. `aggregate_inputs` is the spelling of older graphs. */
export interface PropertiesDocument extends Partial<NodeProperties> {
  readonly aggregate_inputs?: boolean
}

/** A node as people write it. */
export interface NodeDocument {
  readonly coro: CoroRef
  /** Given to the coroutine as `ctx.args`, literally: nothing in it is interpreted. */
  readonly args?: Readonly<Record<string, unknown>>
  readonly properties?: PropertiesDocument
  readonly description?: string
}

/** A graph as people write it, in JSON or in code. */
export interface GraphDocument {
  readonly $schema?: string
  /** Version of the format. */
  readonly version?: 1
  readonly name?: string
  readonly description?: string
  readonly nodes: Readonly<Record<string, NodeDocument>>
  /** For each node, where it sends to; `null`, an empty list or no entry for a leaf. */
  readonly graph: Readonly<Record<string, readonly Successor[] | null>>
}

/** A node with every default filled in. */
export interface GraphNode {
  readonly coro: CoroRef
  readonly args: Readonly<Record<string, unknown>>
  readonly properties: NodeProperties
  readonly description?: string
}

/** An edge with every default filled in. */
export interface GraphEdge {
  readonly to: string
  readonly port: string
  readonly queueSize: number
}

/**
 * A graph with every default filled in: valid, deeply frozen, and JSON but for functions at `coro` and for values that
 * `args` hold by reference. Its objects have no prototype. The order of the keys of `graph`, and then of each list, is
 * the order of tuples at joins.
 */
export interface Graph {
  readonly version: 1
  readonly name?: string
  readonly description?: string
  readonly nodes: Readonly<Record<string, GraphNode>>
  /** Has an entry for every node. */
  readonly graph: Readonly<Record<string, readonly GraphEdge[]>>
}
