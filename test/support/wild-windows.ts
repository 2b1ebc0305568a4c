import { type CoroMap, type GraphDocument, Plumber } from '@pipelines/plumber'
import { build } from '../../packages/plumber/src/build.js'

/** A document with its coroutines in place, and what it names besides. */
export interface Playable {
  readonly document: GraphDocument
  readonly coroMap: CoroMap
}

/**
 * A Plumber each of whose forks may have so many frames open; with 0, as many as usual. People cannot set that: by
 * default a fork has so many that hardly any test would see one wait.
 */
export function plumberWith({ document, coroMap }: Playable, sizeOf: (fork: string) => number): Plumber {
  const built = build(document, { coroMap })
  if (built.plan === undefined) return new Plumber(document, { coroMap }, built)
  const { plan } = built
  const windowed = [...plan.regions.forks].map(([node, fork]) => {
    const size = sizeOf(plan.nodes[node]?.name ?? '')
    return [node, size === 0 ? fork : { ...fork, window: size }] as const
  })
  const regions = { ...plan.regions, forks: new Map(windowed) }
  return new Plumber(document, { coroMap }, { ...built, plan: { ...plan, regions } })
}
