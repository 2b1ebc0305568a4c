import { type EdgeSnapshot, type NodeSnapshot, PipelineError, quote, type Snapshot } from '@pipelines/core'
import { fillOf } from './fill.js'

/** Below this, a count divided by the time need not be finite. */
const SHORTEST_SECONDS = 1e-6

const NODE_COUNTS = [
  'received',
  'completed',
  'failed',
  'unprocessed',
  'emitted',
  'dropped',
  'retried',
  'late',
  'busyMs',
] as const satisfies readonly (keyof NodeSnapshot)[]
const EDGE_COUNTS = ['entered', 'left', 'unprocessed', 'waits'] as const satisfies readonly (keyof EdgeSnapshot)[]

/** What a node did between two snapshots. The counts are those of the report, per second. */
export interface NodeRates {
  readonly receivedPerSecond: number
  readonly completedPerSecond: number
  readonly failedPerSecond: number
  readonly unprocessedPerSecond: number
  readonly emittedPerSecond: number
  readonly droppedPerSecond: number
  readonly retriedPerSecond: number
  readonly latePerSecond: number
  /**
   * How many workers were busy on average, waiting for others included. A burst of calls counts when it ends, so that long
   * ones show up late, and then all at once.
   */
  readonly busyWorkers: number
  /** Items in calls at the later snapshot. */
  readonly inProgress: number
}

/** What an edge carried between two snapshots, and how it was at the later one. */
export interface EdgeRates {
  readonly from: string
  readonly port: string
  readonly to: string
  /** Packets that its consumer took, per second. */
  readonly perSecond: number
  /** How often its producer had to wait for room, per second. */
  readonly waitsPerSecond: number
  /** How much of its capacity was in use, from 0 to 1. */
  readonly fill: number
  readonly oldestMs: number
}

/** What happened between two snapshots. */
export interface Rates {
  /** The time between them. Where it is less than a microsecond, every rate is 0. */
  readonly seconds: number
  readonly nodes: Readonly<Record<string, NodeRates>>
  /** In the order of the snapshots. */
  readonly edges: readonly EdgeRates[]
}

/**
 * What happened between two snapshots of one pipeline. No number is negative, and all are finite.
 *
 * @throws `PLB_OPTION_INVALID` where the snapshots are of different graphs, or where time or a count went down: then they
 * are of different runs, or the wrong way round
 */
export function rates(before: Snapshot, after: Snapshot): Rates {
  const pairs = paired(before, after)
  const seconds = (after.durationMs - before.durationMs) / 1000
  const perSecond = (count: number): number => (seconds < SHORTEST_SECONDS ? 0 : count / seconds)
  return {
    seconds,
    nodes: Object.fromEntries(pairs.nodes.map(([name, ...pair]) => [name, nodeRates(...pair, perSecond)])),
    edges: pairs.edges.map((pair) => edgeRates(...pair, perSecond)),
  }
}

type PerSecond = (count: number) => number

function nodeRates(before: NodeSnapshot, after: NodeSnapshot, perSecond: PerSecond): NodeRates {
  const rate = (count: (typeof NODE_COUNTS)[number]): number => perSecond(after[count] - before[count])
  return {
    receivedPerSecond: rate('received'),
    completedPerSecond: rate('completed'),
    failedPerSecond: rate('failed'),
    unprocessedPerSecond: rate('unprocessed'),
    emittedPerSecond: rate('emitted'),
    droppedPerSecond: rate('dropped'),
    retriedPerSecond: rate('retried'),
    latePerSecond: rate('late'),
    busyWorkers: rate('busyMs') / 1000,
    inProgress: after.inProgress,
  }
}

function edgeRates(before: EdgeSnapshot, after: EdgeSnapshot, perSecond: PerSecond): EdgeRates {
  const { from, port, to, oldestMs } = after
  return {
    from,
    port,
    to,
    perSecond: perSecond(after.left - before.left),
    waitsPerSecond: perSecond(after.waits - before.waits),
    fill: fillOf(after),
    oldestMs,
  }
}

interface Pairs {
  readonly nodes: readonly (readonly [name: string, before: NodeSnapshot, after: NodeSnapshot])[]
  readonly edges: readonly (readonly [before: EdgeSnapshot, after: EdgeSnapshot])[]
}

/** Each node and each edge of one snapshot beside itself in the other. */
function paired(before: Snapshot, after: Snapshot): Pairs {
  const earlier = new Map(Object.entries(before.nodes))
  const nodes = Object.entries(after.nodes).map(([name, node]) => {
    const same = earlier.get(name) ?? otherGraph(`node ${quote(name)} is in one of them only`)
    earlier.delete(name)
    return [name, same, node] as const
  })
  for (const name of earlier.keys()) otherGraph(`node ${quote(name)} is in one of them only`)
  const edges = after.edges.map((edge, place) => {
    const same = before.edges[place]
    return [same !== undefined && nameOf(same) === nameOf(edge) ? same : moved(edge), edge] as const
  })
  for (const edge of before.edges.slice(edges.length)) moved(edge)
  refuseLess('time', before.durationMs, after.durationMs)
  for (const [name, ...pair] of nodes) refuseFewer(`node ${quote(name)}`, NODE_COUNTS, pair)
  for (const pair of edges) refuseFewer(nameOf(pair[1]), EDGE_COUNTS, pair)
  return { nodes, edges }
}

const nameOf = ({ from, port, to }: EdgeSnapshot): string =>
  `the edge from ${quote(from)} (port ${quote(port)}) to ${quote(to)}`

function otherGraph(what: string): never {
  throw invalid(`is of another graph than "before": ${what}`)
}

const moved = (edge: EdgeSnapshot): never => otherGraph(`${nameOf(edge)} is not in the same place of both`)

function refuseFewer<C extends string>(
  what: string,
  counts: readonly C[],
  [before, after]: readonly [Readonly<Record<C, number>>, Readonly<Record<C, number>>],
): void {
  for (const count of counts) refuseLess(`"${count}" of ${what}`, before[count], after[count])
}

function refuseLess(what: string, before: number, after: number): void {
  if (after < before) throw invalid(`is no later state of the run of "before": ${what} went down`)
}

const invalid = (what: string): PipelineError =>
  new PipelineError('OPTION_INVALID', {
    option: 'after',
    what,
    hint: 'Give two snapshots of one pipeline, the earlier one first.',
  })
