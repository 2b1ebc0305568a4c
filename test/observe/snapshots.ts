import { Counters, type EdgeSnapshot, type NodeSnapshot, type Snapshot } from '@pipelines/core'

/** A node that did nothing but what is said. */
export function node(counts: Partial<NodeSnapshot> = {}): NodeSnapshot {
  return { ...new Counters(), state: 'running', inProgress: 0, ...counts }
}

/** An edge, as `a → b`, that carried nothing but what is said. */
export function edge(ends: string, counts: Partial<EdgeSnapshot> = {}): EdgeSnapshot {
  const [from = '', to = ''] = ends.split(' → ')
  const nothing = { entered: 0, left: 0, unprocessed: 0, waits: 0, depth: 0, capacity: 64, oldestMs: 0 }
  return { from, port: 'out', to, ...nothing, ...counts }
}

/** A snapshot of a run; its nodes are those that are given, and those that the edges name. */
export function snapshot(parts: Partial<Snapshot> = {}): Snapshot {
  const edges = parts.edges ?? []
  const named = edges.flatMap(({ from, to }) => [from, to]).map((name) => [name, node()])
  return { state: 'running', durationMs: 0, ...parts, edges, nodes: { ...Object.fromEntries(named), ...parts.nodes } }
}
