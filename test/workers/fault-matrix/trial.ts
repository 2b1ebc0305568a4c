import type { Logger, RunReport } from '@pipelines/core'
import { moduleCoros, type Pipeline, Plumber, type PropertiesDocument, type RunOptions } from '@pipelines/plumber'
import { gate, type Random } from '@pipelines/testkit'
import { type ProcessOptions, processes, type ThreadOptions, threads, type WorkerExecutor } from '@pipelines/workers'
import { itemsOf, resultsOf, type Value } from '../../e2e/fault-matrix/calls.js'
import {
  type Column,
  changed,
  isSource,
  type MatrixGraph,
  type MatrixNode,
  wiringOf,
} from '../../e2e/fault-matrix/graphs.js'
import { Model, type ModelCall } from '../../e2e/fault-matrix/model.js'

/** What the workers are. */
export type Kind = 'thread' | 'process'

/** Which call goes wrong, and how: `does` is a name in `strikes.mjs`. */
export interface Strike {
  readonly at: 'call' | 'setup'
  readonly does: string
  /** The item that the call is for, and in how many attempts it goes wrong. */
  readonly text: string
  readonly attempts: number
  /** A file that is there afterwards. */
  readonly leaves?: string
}

/** A graph in which one node has a call that goes wrong. */
export interface Stricken {
  readonly graph: MatrixGraph
  readonly victim: ModelCall
  readonly strike: Strike
  /** What the graph gives with the strike, and without. */
  readonly model: Model
  readonly unharmed: Model
}

/** How a run ended, and what its leaves gave. */
export interface Seen {
  readonly report: RunReport
  readonly outputs: Map<string, Value[]>
}

/** Most calls of a node of which one goes wrong: until then a worker is sent them one by one. */
const FEW = 16
/** Items of a source. */
const ITEMS = 12
/** Milliseconds that calls get to obey. */
export const GRACE_MS = 5_000
/** Memory of a worker: enough for Node itself, and soon used up. */
const MEMORY_MB = 24
const COROS = new URL('./coros.mjs', import.meta.url)
/** Workers of a node that works elsewhere, and the share of such nodes. */
const MOST_WORKERS = 2
const AWAY = 0.15

const SOURCE_STYLES = ['generator', 'asyncGenerator', 'list', 'put'] as const

/** An executor for the matrix: little memory, so that it is soon used up, and little patience. */
export function executorOf(kind: Kind, options: ThreadOptions & ProcessOptions = {}): WorkerExecutor {
  return kind === 'thread'
    ? threads({ stuckMs: 50, resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB }, ...options })
    : processes({ stuckMs: 50, execArgv: [`--max-old-space-size=${MEMORY_MB}`], ...options })
}

/** A graph whose nodes have their places, and a call in it. */
export interface Placed {
  readonly graph: MatrixGraph
  readonly victim: ModelCall
}

/** Draws a graph, who works where in it, and which call is to go wrong. `others` is the share of other nodes that are away. */
export function stationed(draw: Column['draw'], kind: Kind, random: Random, { others = AWAY } = {}): Placed {
  for (;;) {
    const graph = changed(draw(random), (node) => (isSource(node) ? fewer(node, random) : undefined))
    const { calls } = new Model(graph)
    const few = calls.filter(({ node }) => calls.filter((call) => call.node.name === node.name).length <= FEW)
    if (few.length === 0) continue
    const victim = random.pick(few)
    const isAway = ({ name }: MatrixNode): boolean => name === victim.node.name || random.chance(others)
    return { graph: changed(graph, (node) => (isAway(node) ? away(node, kind) : undefined)), victim }
  }
}

const fewer = ({ items }: MatrixNode, random: Random): Partial<MatrixNode> => ({
  items: Math.min(ITEMS, items),
  style: random.pick(SOURCE_STYLES),
})

function away(node: MatrixNode, kind: Kind): Partial<MatrixNode> {
  const { workers = 1 } = node.properties
  const fewWorkers = isSource(node) ? {} : { workers: Math.min(MOST_WORKERS, workers) }
  return { properties: { ...node.properties, ...fewWorkers, executor: kind } }
}

/** The graph with more settings at the node that is struck. */
export function strickenBy(
  { graph, victim }: Placed,
  strike: Pick<Strike, 'at' | 'does' | 'attempts'> & Partial<Strike>,
  { fails, ...properties }: PropertiesDocument & { readonly fails: boolean },
): Stricken {
  const { text } = victim.member
  const isStruck = (node: MatrixNode): boolean => node.name === victim.node.name
  const settled = changed(graph, (node) =>
    isStruck(node)
      ? {
          properties: { ...node.properties, ...properties },
          // Only what gives nothing until it ends may be tried again.
          ...(properties.retry !== undefined && { style: 'plain' }),
          ...(strike.at === 'setup' && { watched: true }),
        }
      : undefined,
  )
  const fate = (node: MatrixNode, member: { readonly text: string }) =>
    isStruck(node) && member.text === text
      ? { attempts: strike.attempts + (fails ? 0 : 1), fails }
      : { attempts: 1, fails: false }
  const model = new Model(settled, { fate })
  return { graph: settled, victim, strike: { ...strike, text }, model, unharmed: new Model(settled) }
}

/** Starts a run. */
export async function start(stricken: Stricken, executors: readonly WorkerExecutor[], options: RunOptions = {}) {
  const outputs = new Map<string, Value[]>()
  const struck = gate()
  const plumber = await Plumber.create(documentOf(stricken), { coroMap: moduleCoros(COROS), executors })
  const pipeline = plumber.createPipeline({
    graceMs: GRACE_MS,
    ledger: true,
    logger: telling((message) => message === 'strikes' && struck.open()),
    onOutput: ({ node, value }) => void outputs.set(node, [...(outputs.get(node) ?? []), value as Value]),
    ...options,
  })
  return { pipeline, struck: struck.opened, settled: (): Promise<Seen> => settledIn(pipeline, outputs) }
}

/** Runs a graph to its end. */
export async function run(
  stricken: Stricken,
  executors: readonly WorkerExecutor[],
  options: RunOptions = {},
): Promise<Seen> {
  return (await start(stricken, executors, options)).settled()
}

/** Nothing may hang: far longer than any of these runs takes, and far shorter than a test may. */
const ENDLESS_MS = 15_000

/** Waits for the end. */
async function settledIn(pipeline: Pipeline, outputs: Seen['outputs']): Promise<Seen> {
  let timer: NodeJS.Timeout | undefined
  const hangs = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new Error(`The run hangs: ${JSON.stringify(pipeline.snapshot())}`))
    timer = setTimeout(fail, ENDLESS_MS)
  })
  try {
    return { report: await Promise.race([pipeline.settled, hangs]), outputs }
  } finally {
    clearTimeout(timer)
    void pipeline.doomsday('the test is over')
  }
}

function documentOf({ graph, victim, strike, model, unharmed }: Stricken) {
  const nodes = graph.nodes.map((node) => {
    const { name, style, watched, properties } = node
    if (isSource(node)) return [name, { coro: `source.${style}`, args: { items: itemsOf(node) }, properties }] as const
    const calls = [...model.calls, ...unharmed.calls].filter((call) => call.node.name === name)
    const args = {
      joins: node.join !== undefined,
      results: Object.fromEntries(calls.map(({ member }) => [member.text, resultsOf(node, member)])),
      ...(name === victim.node.name && { strike: { ...strike } }),
    }
    return [name, { coro: `${watched ? 'watched' : 'bare'}.${style}`, args, properties }] as const
  })
  return { nodes: Object.fromEntries(nodes), graph: wiringOf(graph) }
}

const quiet = (): void => {}

function telling(told: (message: string | undefined) => unknown): Logger {
  return { debug: quiet, warn: quiet, error: quiet, info: (_, message) => void told(message) }
}
