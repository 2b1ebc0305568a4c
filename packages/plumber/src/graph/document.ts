import type { Batch, Coro, CoroDefinition, NodeProperties, Retry, Window } from '@pipelines/core'

// Keys may be given as undefined, which is the same as not given.

/** The name of a coroutine in the coroMap; in code, also the coroutine itself. */
export type CoroRef = string | Coro | CoroDefinition

/** Where a node sends to: a name, or a name with the port that the edge starts from and the capacity of its queue. */
export type Successor =
  | string
  | {
      readonly to: string
      /** @defaultValue `'out'` */
      readonly port?: string | undefined
      /** @defaultValue the `queueSize` of the node at its end */
      readonly queueSize?: number | undefined
    }

/** Everything but these keys may be left out. */
type Needs<T, Key extends keyof T> = Pick<T, Key> & { readonly [P in Exclude<keyof T, Key>]?: T[P] | undefined }

/** Properties that are objects of which parts have defaults. */
interface Groups {
  readonly retry: Needs<Retry, 'attempts'>
  readonly batch: Needs<Batch, 'size'>
  readonly window: Needs<Window, 'size'>
}

/** The properties of a node as people write them. `aggregate_inputs` is the spelling of older graphs. */
export type PropertiesDocument = {
  readonly [P in keyof NodeProperties]?: (P extends keyof Groups ? Groups[P] : NodeProperties[P]) | undefined
} & { readonly aggregate_inputs?: boolean | undefined }

/** A node as people write it. */
export interface NodeDocument {
  readonly coro: CoroRef
  /** Given to the coroutine as `ctx.args`, literally: nothing in it is interpreted. */
  readonly args?: Readonly<Record<string, unknown>> | undefined
  readonly properties?: PropertiesDocument | undefined
  readonly description?: string | undefined
}

/** A graph as people write it, in JSON or in code. */
export interface GraphDocument {
  readonly $schema?: string | undefined
  /** Version of the format. */
  readonly version?: 1 | undefined
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly nodes: Readonly<Record<string, NodeDocument>>
  /** For each node, where it sends to; `null`, an empty list or no entry for a leaf. */
  readonly graph: { readonly [name: string]: readonly Successor[] | null | undefined }
}

/** A node with every default filled in; a property without a default is absent where it is not set. */
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
