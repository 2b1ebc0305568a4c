import type { Coro, CoroDefinition } from '@pipelines/core'
import type { GraphDocument, NodeDocument } from './graph/document.js'

type AnyCoro = ((...args: never) => unknown) | CoroDefinition
/** Coroutines that can only be known by asking at run time: resolvers, Maps, modules. */
type Opaque =
  | ((...args: never) => unknown)
  | ReadonlyMap<string, unknown>
  | { readonly url: string; find(ref: string): unknown }

/**
 * The names that a coroMap offers, with dots for groups; any `string` where they cannot be listed. Looks four levels
 * deep: a module may contain itself.
 */
export type CoroNames<M> = M extends readonly (infer Part)[] ? NamesOf<Part> : NamesOf<M>
type NamesOf<M> = M extends Opaque ? string : NamesIn<M, [0, 0, 0]>
type NamesIn<M, Depth extends readonly unknown[]> = {
  [K in keyof M & string]: M[K] extends AnyCoro
    ? K
    : M[K] extends readonly unknown[]
      ? never
      : M[K] extends ReadonlyMap<string, unknown>
        ? `${K}.${string}`
        : M[K] extends object
          ? Depth extends readonly [unknown, ...infer Rest]
            ? `${K}.${NamesIn<M[K], Rest>}`
            : `${K}.${string}`
          : never
}[keyof M & string]

/** A node whose coroutine is in the coroMap, ready-made, or in the document itself. */
export interface TypedNode<Ref extends string> extends Omit<NodeDocument, 'coro'> {
  readonly coro: Ref | 'std.inlet' | Coro | CoroDefinition
}

/** A successor that is one of the nodes. */
export type TypedSuccessor<Name extends string> =
  | Name
  | { readonly to: Name; readonly port?: string; readonly queueSize?: number }

/** A document whose names are checked by the compiler. */
export interface TypedGraph<Name extends string, Ref extends string> extends Omit<GraphDocument, 'nodes' | 'graph'> {
  readonly nodes: { readonly [N in Name]: TypedNode<Ref> }
  readonly graph: { readonly [N in NoInfer<Name>]?: readonly TypedSuccessor<NoInfer<Name>>[] | null }
}

/**
 * Gives the document back, unchanged; the compiler refuses names of coroutines that are not in the coroMap and names of
 * successors that are not nodes.
 *
 * @example
 * const graph = defineGraph(coros, { nodes: { a: { coro: 'read' }, b: { coro: 'text.upper' } }, graph: { a: ['b'] } })
 */
export function defineGraph<const Map, Name extends string>(
  _coroMap: Map,
  document: TypedGraph<Name, CoroNames<Map>>,
): TypedGraph<Name, CoroNames<Map>> {
  return document
}
