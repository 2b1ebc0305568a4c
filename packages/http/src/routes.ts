import { PipelineError, type Snapshot } from '@pipelines/core'
import { type Rates, rates } from '@pipelines/observe'
import { collectPipelines, Registry } from '@pipelines/observe/prometheus'
import { Counter, Gauge } from 'prom-client'
import { type Endpoint, json } from './exchange.js'
import type { ServedGraph } from './served-graph.js'
import type { PipelineService } from './service.js'

/** What a service tells of itself, and takes: each may be mounted where one likes, behind what one likes. */
export interface Routes {
  /** `GET`: the counts of every graph, and its rates since the last time. */
  stats(): Endpoint
  /** `GET`: 200 as long as the process answers at all. */
  health(): Endpoint
  /** `GET`: 200 while every graph takes requests, else 503. */
  ready(): Endpoint
  /** `GET`: all of it for Prometheus. */
  metrics(): Endpoint
  /** `POST`: runs a graph that the client sends. @throws `PLB_OPTION_INVALID` where the service has no `submit` */
  submit(): Endpoint
}

type Service = Pick<PipelineService, 'all' | 'state' | 'isReady' | 'submissions'>

// Whoever asks wants to know how it is now.
const FRESH = { 'cache-control': 'no-store' }

export function routesOf(service: Service): Routes {
  return {
    stats: () => statsOf(service),
    health: () => async () => json(200, { status: 'ok' }, FRESH),
    ready: () => async () => {
      const { isReady, state, all } = service
      const graphs = Object.fromEntries(all.map((graph) => [graph.name, graph.isReady]))
      return json(isReady ? 200 : 503, { status: isReady ? 'ready' : state, graphs }, FRESH)
    },
    metrics: () => metricsOf(service),
    submit: () => submitOf(service),
  }
}

function submitOf({ submissions }: Service): Endpoint {
  if (submissions !== undefined) return submissions.endpoint
  throw new PipelineError('OPTION_INVALID', {
    option: 'submit',
    what: 'is not set, so clients may send no graphs',
    hint: 'Give the service { submit: { coroMap, authorize } }.',
  })
}

/** Rates are between two looks; each endpoint remembers its own last one. */
function statsOf(service: Service): Endpoint {
  const before = new Map<string, Snapshot>()
  return async () => {
    const graphs = service.all.map((graph) => {
      const { name, mode, inFlight, maxInFlight, counts } = graph
      const snapshot = graph.snapshot()
      const since = snapshot && ratesSince(before.get(name), snapshot)
      if (snapshot !== undefined) before.set(name, snapshot)
      return [name, { mode, inFlight, maxInFlight, requests: { ...counts }, snapshot, rates: since }]
    })
    const { state, submissions } = service
    const body = { state, graphs: Object.fromEntries(graphs), ...(submissions && { submissions: submissions.stats() }) }
    return json(200, body, FRESH)
  }
}

function ratesSince(before: Snapshot | undefined, after: Snapshot): Rates | undefined {
  // A new pipeline in its place has run for less time than the one before.
  return before === undefined || before.durationMs > after.durationMs ? undefined : rates(before, after)
}

function metricsOf(service: Service): Endpoint {
  const registry = new Registry()
  const standing = (): readonly (readonly [string, { snapshot(): Snapshot }])[] =>
    service.all.flatMap((graph) => {
      const snapshot = graph.snapshot()
      return snapshot === undefined ? [] : [[graph.name, { snapshot: () => snapshot }] as const]
    })
  collectPipelines(registry, standing)
  collectRequests(registry, service)
  return async () => ({
    status: 200,
    headers: { 'content-type': registry.contentType, ...FRESH },
    body: await registry.metrics(),
  })
}

function collectRequests(registry: Registry, { all }: Service): void {
  const outcomes = ({ counts }: ServedGraph): [string, number][] => Object.entries(counts)
  new Counter({
    name: 'pipelines_http_requests_total',
    help: 'Requests by what became of them.',
    labelNames: ['graph', 'outcome'],
    registers: [registry],
    collect() {
      this.reset()
      for (const graph of all)
        for (const [outcome, count] of outcomes(graph)) this.inc({ graph: graph.name, outcome }, count)
    },
  })
  new Gauge({
    name: 'pipelines_http_requests_in_flight',
    help: 'Requests that have no answer yet.',
    labelNames: ['graph'],
    registers: [registry],
    collect() {
      for (const graph of all) this.set({ graph: graph.name }, graph.inFlight)
    },
  })
}
