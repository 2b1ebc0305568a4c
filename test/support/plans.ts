import {
  analyseRegions,
  type Coro,
  type CoroDefinition,
  type Executor,
  inline,
  Network,
  type NetworkOptions,
  NODE_PROPERTIES,
  type NodeProperties,
  OUT,
  type Output,
  type Plan,
  type PlanEdge,
  type PlanNode,
  type RunReport,
} from '@pipelines/core'
import { expectBalancedBooks } from './books.js'

/** A successor: its name, or its name with the port that leads to it. */
export type Successor = string | { readonly to: string; readonly port?: string; readonly capacity?: number }

/** A node of a plan, with only what differs from the defaults. */
export interface NodeSpec {
  /** Absent for an inlet. */
  readonly coro?: Coro | CoroDefinition
  /** @defaultValue `'source'` without predecessors, else `'map'` */
  readonly kind?: PlanNode['kind']
  readonly props?: Partial<NodeProperties>
  readonly args?: Readonly<Record<string, unknown>>
  readonly executor?: Executor
  readonly to?: readonly Successor[]
}

/** Nodes by name, in topological order. */
export type Spec = Readonly<Record<string, NodeSpec>>

/** A network at work, with what its leaves have given so far. */
export interface Run {
  readonly network: Network
  readonly outputs: readonly Output[]
  readonly values: unknown[]
  /** Number of a node by its name. */
  readonly node: (name: string) => number
  /** The report, with its books checked. */
  readonly report: () => Promise<RunReport>
}

const rows = Object.entries(NODE_PROPERTIES).map(([key, row]) => [key, row.default] as const)
// The table has exactly the keys of NodeProperties.
const defaults = Object.fromEntries(rows) as unknown as NodeProperties

/** Builds a plan as the engine wants it: numbers for names, properties complete, joins analysed. */
export function planOf(spec: Spec): Plan {
  const names = Object.keys(spec)
  const numbers = new Map(names.map((name, number) => [name, number]))
  const edges = names.flatMap((name, from) => (spec[name]?.to ?? []).map((to) => edgeOf(spec, numbers, from, to)))
  const inputs: number[][] = names.map(() => [])
  const outputs: number[][] = names.map(() => [])
  edges.forEach(({ from, to }, number) => {
    outputs[from]?.push(number)
    inputs[to]?.push(number)
  })
  const nodes = names.map((name, number) =>
    nodeOf(name, spec[name] ?? {}, { inputs: inputs[number] ?? [], outputs: outputs[number] ?? [] }),
  )
  const shapes = nodes.map(({ properties, inputs }) => ({
    joins: properties.aggregateInputs && inputs.length > 1,
    workers: properties.workers,
  }))
  const order = names.map((_, number) => number)
  return { name: undefined, nodes, order, edges, regions: analyseRegions({ nodes: shapes, edges, order }) }
}

/** Nodes in one line, in the order in which they are written. */
export function line(stages: Readonly<Record<string, NodeSpec | Coro>>): Spec {
  const names = Object.keys(stages)
  return Object.fromEntries(
    names.map((name, place) => {
      const stage = stages[name]
      const node = typeof stage === 'function' ? { coro: stage } : stage
      return [name, { ...node, to: names.slice(place + 1, place + 2) }]
    }),
  )
}

/** Makes a network and notes what its leaves give; it is not started. */
export function prepare(spec: Spec, options: NetworkOptions = {}): Run {
  const outputs: Output[] = []
  const { onOutput } = options
  const network = new Network(planOf(spec), {
    ...options,
    onOutput: (output) => {
      outputs.push(output)
      return onOutput?.(output)
    },
  })
  const inlets = Object.keys(spec).filter((name) => spec[name]?.kind === 'inlet')
  return {
    network,
    outputs,
    get values() {
      return outputs.map(({ value }) => value)
    },
    node: (name) => Object.keys(spec).indexOf(name),
    report: async () => {
      const report = await network.settled
      expectBalancedBooks(report, inlets)
      return report
    },
  }
}

/** Starts a network. */
export function start(spec: Spec, options?: NetworkOptions): Run {
  const run = prepare(spec, options)
  run.network.start()
  return run
}

/** Runs a network to its end; checks its books. */
export async function finish(spec: Spec, options?: NetworkOptions): Promise<{ report: RunReport; values: unknown[] }> {
  const run = start(spec, options)
  const report = await run.report()
  return { report, values: run.values }
}

/** A source that yields the given values. */
export function items(...values: readonly unknown[]): Coro {
  return function* () {
    yield* values
  }
}

/** The numbers from 0 up to and without `count`. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

/** Gives its input back. */
export const same: Coro = (value: unknown) => value

function edgeOf(spec: Spec, numbers: ReadonlyMap<string, number>, from: number, successor: Successor): PlanEdge {
  const { to, port = OUT, capacity } = typeof successor === 'string' ? { to: successor } : successor
  const number = numbers.get(to) ?? -1
  if (number <= from) throw new Error(`"${to}" must come after its predecessors`)
  return { from, to: number, port, capacity: capacity ?? spec[to]?.props?.queueSize ?? defaults.queueSize }
}

function nodeOf(name: string, spec: NodeSpec, edges: Pick<PlanNode, 'inputs' | 'outputs'>): PlanNode {
  const coro = typeof spec.coro === 'function' ? { run: spec.coro } : spec.coro
  return {
    name,
    kind: spec.kind ?? (edges.inputs.length === 0 ? 'source' : 'map'),
    ...(coro && { coro }),
    args: spec.args ?? {},
    properties: { ...defaults, ...spec.props },
    executor: spec.executor ?? inline,
    ...edges,
  }
}
