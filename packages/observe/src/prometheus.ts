import type { EdgeSnapshot, NodeSnapshot, RunState, Snapshot } from '@pipelines/core'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Observed } from './observed.js'

export { Registry }

/** A registry of prom-client, for either text format. */
export type AnyRegistry = Registry | Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

interface Metric {
  readonly type: 'counter' | 'gauge'
  readonly name: string
  readonly help: string
  /** Beside `graph`. */
  readonly labelNames: readonly string[]
  /** Its values for one pipeline. */
  readonly samplesOf: (snapshot: Snapshot) => readonly Sample[]
}

/** All states of a run; the type sees to it that none is missing. */
const RUN_STATES: Readonly<Record<RunState, true>> = {
  idle: true,
  starting: true,
  running: true,
  draining: true,
  doomed: true,
  settled: true,
}

const METRICS: readonly Metric[] = [
  {
    type: 'gauge',
    name: 'pipelines_run_state',
    help: '1 for the state that the run is in, 0 for all others.',
    labelNames: ['state'],
    samplesOf: ({ state: now }) => Object.keys(RUN_STATES).map((state) => [{ state }, state === now ? 1 : 0]),
  },
  ofNode('counter', 'received_total', 'Items taken from the input edges.', (node) => node.received),
  ofNode('counter', 'completed_total', 'Items worked off without error.', (node) => node.completed),
  ofNode('counter', 'failed_total', 'Items that failed after the last attempt.', (node) => node.failed),
  ofNode('counter', 'unprocessed_total', 'Items left over when the run ended.', (node) => node.unprocessed),
  ofNode('counter', 'emitted_total', 'Outputs accepted, once and not per successor.', (node) => node.emitted),
  ofNode('counter', 'dropped_total', 'Calls that gave no output.', (node) => node.dropped),
  ofNode('counter', 'retried_total', 'Extra attempts.', (node) => node.retried),
  ofNode('counter', 'late_total', 'Results that came too late.', (node) => node.late),
  ofNode('counter', 'busy_seconds_total', 'Time of its bursts, waiting included.', (node) => node.busyMs / 1000),
  ofNode('gauge', 'in_progress', 'Items in calls.', (node) => node.inProgress),
  ofEdge('counter', 'entered_total', 'Packets that the edge accepted.', (edge) => edge.entered),
  ofEdge('counter', 'left_total', 'Packets that the consumer took.', (edge) => edge.left),
  ofEdge('counter', 'unprocessed_total', 'Packets that were never taken.', (edge) => edge.unprocessed),
  ofEdge('counter', 'waits_total', 'How often the producer had to wait for room.', (edge) => edge.waits),
  ofEdge('gauge', 'depth', 'Packets in the edge.', (edge) => edge.depth),
  ofEdge('gauge', 'capacity', 'The most packets it may hold.', (edge) => edge.capacity),
  ofEdge('gauge', 'oldest_seconds', 'How long the oldest packet has been in it.', (edge) => edge.oldestMs / 1000),
]

/**
 * Adds metrics to a registry. Whenever it is scraped, they are read from one snapshot of each of `pipelines()`, under the
 * name that it has there: from a `Map`, or from `Object.entries` of an object.
 *
 * What is no longer among them is no longer shown; a pipeline that has ended keeps its last values for as long as it is. A
 * new one under an old name begins at zero, which Prometheus takes for a restart. What `pipelines` throws, the scrape
 * rejects with. May be called once per registry.
 *
 * @returns a function that takes the metrics out of the registry
 * @throws the registry's own error where one of the names is taken
 */
export function collectPipelines(
  registry: AnyRegistry,
  pipelines: () => Iterable<readonly [name: string, pipeline: Pick<Observed, 'snapshot'>]>,
): () => void {
  const look = oncePerTurn(() =>
    [...new Map(pipelines())].map(([name, pipeline]) => [name, pipeline.snapshot()] as const),
  )
  for (const metric of METRICS) register(registry, metric, look)
  return () => {
    for (const { name } of METRICS) registry.removeSingleMetric(name)
  }
}

type Look = () => readonly (readonly [graph: string, snapshot: Snapshot])[]

function register(registry: AnyRegistry, { type, name, help, labelNames, samplesOf }: Metric, look: Look): void {
  const settings = { name, help, labelNames: ['graph', ...labelNames], registers: [registry] }
  const samples = (): readonly Sample[] =>
    look().flatMap(([graph, snapshot]) =>
      samplesOf(snapshot).map(([labels, value]) => [{ graph, ...labels }, value] as const),
    )
  // A collector lives in the registry, which is all that keeps it.
  if (type === 'counter')
    new Counter({
      ...settings,
      collect() {
        this.reset()
        for (const [labels, value] of samples()) this.inc(labels, value)
      },
    })
  else
    new Gauge({
      ...settings,
      collect() {
        this.reset()
        for (const [labels, value] of samples()) this.set(labels, value)
      },
    })
}

/** All metrics of a scrape are collected on one stack: they see the same snapshots, which are taken once. */
function oncePerTurn<T>(look: () => T): () => T {
  let seen: { readonly value: T } | undefined
  return () => {
    if (seen === undefined) {
      seen = { value: look() }
      queueMicrotask(() => {
        seen = undefined
      })
    }
    return seen.value
  }
}

function ofNode(type: Metric['type'], name: string, help: string, value: (node: NodeSnapshot) => number): Metric {
  return {
    type,
    name: `pipelines_node_${name}`,
    help,
    labelNames: ['node'],
    samplesOf: ({ nodes }) => Object.entries(nodes).map(([name, node]) => [{ node: name }, value(node)]),
  }
}

function ofEdge(type: Metric['type'], name: string, help: string, value: (edge: EdgeSnapshot) => number): Metric {
  return {
    type,
    name: `pipelines_edge_${name}`,
    help,
    labelNames: ['from', 'port', 'to'],
    samplesOf: ({ edges }) => edges.map((edge) => [{ from: edge.from, port: edge.port, to: edge.to }, value(edge)]),
  }
}
