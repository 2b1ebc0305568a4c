import { LANE, type RandomNode } from './graph-model.js'
import type { Random } from './random.js'

/** How often a node has something; of each, most graphs have a little, some have much and some have none. */
interface Shares {
  readonly batches: number
  readonly attempts: number
  readonly lanes: number
  readonly inFlight: number
}

/** Gives nodes batches, several attempts, lanes and bounds of what is in flight; some graphs stay as they are. */
export function withCalls(nodes: readonly RandomNode[], random: Random): RandomNode[] {
  const shares: Shares = {
    batches: random.pick([0, 0.2, 0.6]),
    attempts: random.pick([0, 0, 0.3]),
    lanes: random.pick([0, 0, 0.3]),
    inFlight: random.pick([0, 0, 0.3, 0.8]),
  }
  return nodes.map((node) => drawCalls(node, random, shares))
}

function drawCalls(node: RandomNode, random: Random, shares: Shares): RandomNode {
  const inFlight = random.chance(shares.inFlight) && { packetsInFlight: random.integer(1, 3) }
  if (node.inputs.length === 0) return having(node, { ...inFlight })
  const retry = random.chance(shares.attempts) && {
    attempts: random.integer(2, 4),
    minDelayMs: random.integer(0, 10),
    jitter: random.pick(['full', 'none'] as const),
  }
  const tries = { ...inFlight, ...(retry && { retry }) }
  if (random.chance(shares.batches)) return batched(node, random, tries)
  const lanes = random.chance(shares.lanes) && { partitionBy: LANE as typeof LANE }
  const atomic = !PLAIN.has(node.style) && random.chance(retry ? 0.5 : 0.1) && { emit: 'atomic' as const }
  return having(node, { ...tries, ...lanes, ...atomic })
}

/** Styles whose calls give no generator. */
const PLAIN: ReadonlySet<string> = new Set(['plain'])

/** A batch has one result or none for each of its members. */
function batched(node: RandomNode, random: Random, tries: Settings): RandomNode {
  const { work } = node
  const maxWaitMs = random.chance(0.15) && { maxWaitMs: random.integer(0, 30) }
  const batch = { size: random.integer(1, 7), returns: 'each' as const, ...maxWaitMs }
  return { ...having(node, { ...tries, batch }), work: work === 'flatMap' ? 'filter' : work, style: 'plain' }
}

type Settings = Partial<RandomNode['properties']>

const having = (node: RandomNode, more: Settings): RandomNode => ({
  ...node,
  properties: { ...node.properties, ...more },
})
