import { OUT, PipelineError, type Plan, quote, type Sample, show, type TapSettings } from '@pipelines/core'
import { suggester } from './graph/names.js'
import { refuseTypos } from './options.js'

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
  const [options = {}, listener] = rest.length > 1 ? rest : [{}, rest[0]]
  if (typeof listener !== 'function') throw invalid('listener', `must be a function, got ${show(listener)}`)
  const settings = { ...optionsOf(options), listener: listener as TapListener }
  if (typeof target === 'string') return { node: numberOf(target), settings: { ...settings, target: {} } }
  if (!isEdgeName(target))
    throw invalid('target', `must be the name of a node, or an edge such as { from, to }, got ${show(target)}`)
  refuseTypos(target, ['from', 'to', 'port'])
  const { from, to, port = OUT } = target
  const node = numberOf(from)
  const end = numberOf(to)
  const ports = (plan.nodes[node]?.outputs ?? []).flatMap((edge) => {
    const output = plan.edges[edge]
    return output?.to === end ? [output.port] : []
  })
  if (!ports.includes(port))
    throw new PipelineError('OPTION_INVALID', {
      option: 'target',
      what: `names an edge from ${quote(from)} (${port}) to ${quote(to)}, which is not in the graph`,
      suggestion: suggester(ports)(port),
      hint: ports.length === 0 ? undefined : `From there to there lead ${ports.map(quote).join(', ')}.`,
    })
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
