import { OUT, PipelineError, type Plan, quote, type Sample, show, type TapSettings } from '@pipelines/core'
import { refuseTypos } from './run-options.js'

/** An edge by the names of its ends. */
export interface EdgeName {
  readonly from: string
  readonly to: string
  /** @defaultValue `'out'` */
  readonly port?: string
}

export type TapListener = (sample: Sample) => void

/** A tap that was asked for: the node whose outputs it sees, and how. Throws `PLB_OPTION_INVALID`. */
export function tapOf(
  target: unknown,
  rest: readonly unknown[],
  { plan, numberOf }: { readonly plan: Plan; readonly numberOf: (node: string) => number },
): { readonly node: number; readonly settings: TapSettings } {
  const [options, listener] = rest.length > 1 ? rest : [{}, rest[0]]
  if (typeof listener !== 'function') throw invalid('listener', `must be a function, got ${show(listener)}`)
  const settings = { ...optionsOf(options), listener: listener as TapListener }
  if (typeof target === 'string') return { node: numberOf(target), settings: { ...settings, target: {} } }
  if (!isEdgeName(target))
    throw invalid('target', `must be the name of a node, or an edge such as { from, to }, got ${show(target)}`)
  const { from, to, port = OUT } = target
  const node = numberOf(from)
  const end = numberOf(to)
  const { outputs = [] } = plan.nodes[node] ?? {}
  if (!outputs.some((edge) => plan.edges[edge]?.to === end && plan.edges[edge]?.port === port))
    throw invalid('target', `names an edge from ${quote(from)} (${port}) to ${quote(to)}, which is not in the graph`)
  return { node, settings: { ...settings, target: { port, to } } }
}

function optionsOf(options: unknown): { readonly perSecond?: number } {
  if (typeof options !== 'object' || options === null)
    throw invalid('options', `must be an object, got ${show(options)}`)
  refuseTypos(options, ['perSecond'])
  const { perSecond } = options as { readonly perSecond?: unknown }
  if (perSecond === undefined) return {}
  if (typeof perSecond !== 'number' || !(perSecond > 0))
    throw invalid('perSecond', `must be a number above 0, or Infinity, got ${show(perSecond)}`)
  return { perSecond }
}

function isEdgeName(value: unknown): value is EdgeName {
  if (typeof value !== 'object' || value === null || !('from' in value) || !('to' in value)) return false
  const port = 'port' in value ? value.port : undefined
  return (
    typeof value.from === 'string' && typeof value.to === 'string' && (port === undefined || typeof port === 'string')
  )
}

const invalid = (option: string, what: string): PipelineError => new PipelineError('OPTION_INVALID', { option, what })
