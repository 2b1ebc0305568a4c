import type { Random } from '@pipelines/testkit'
import type { WildNode } from './wild-graph.js'

/** Gives some nodes of a wild graph batches, several attempts, lanes, and bounds of what is in flight. */
export function withWildCalls(nodes: readonly WildNode[], random: Random): WildNode[] {
  const share = random.pick([0, 0.2, 0.5])
  const inFlight = random.pick([0, 0, 0.4])
  return nodes.map((node) => {
    const bound = random.chance(inFlight) && { packetsInFlight: random.integer(1, 3) }
    const bounded = having(node, { ...bound })
    return random.chance(share) && isCalledPerItem(node) ? drawCalls(bounded, random) : bounded
  })
}

const isCalledPerItem = ({ inputs, style }: WildNode): boolean => inputs.length > 0 && style !== 'stream'

function drawCalls(node: WildNode, random: Random): WildNode {
  const retry = random.chance(0.3) && { attempts: random.integer(2, 3), minDelayMs: 0 as const }
  if (random.chance(0.7)) return batched(having(node, { ...(retry && { retry }) }), random)
  const lanes = random.chance(0.5) && { partitionBy: 'lane' as const }
  // What a generator yields before it fails has left, unless it is atomic.
  const atomic = GENERATORS.has(node.style) && (retry || random.chance(0.2)) && { emit: 'atomic' as const }
  return having(node, { ...(retry && { retry }), ...lanes, ...atomic })
}

const GENERATORS: ReadonlySet<string> = new Set(['generator', 'asyncGenerator', 'promisedGenerator'])

/** A batch has one result or none for each of its members, all by the port `out`. */
function batched(node: WildNode, random: Random): WildNode {
  const work = node.work === 'expand' ? 'filter' : node.work === 'switch' ? 'map' : node.work
  const style = GENERATORS.has(node.style) ? random.pick(['plain', 'late'] as const) : node.style
  return { ...having(node, { batch: { size: random.integer(1, 7) } }), work, style }
}

const having = (node: WildNode, more: Partial<WildNode['properties']>): WildNode => ({
  ...node,
  properties: { ...node.properties, ...more },
})
