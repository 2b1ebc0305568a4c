import { type Coro, DROP, Network, type Plan, type RegionGraph, type RunReport } from '@pipelines/core'
import { expect } from 'vitest'
import { expectBalancedBooks } from '../support/books.js'
import { items, planOf, range, type Spec } from '../support/plans.js'
import { expectedOutputs, type ModelNode, parseGraph } from './model.js'

/** How the nodes of a shape behave. */
export interface ShapeOptions {
  readonly queueSize?: number
  readonly workers?: number
  readonly filter?: boolean
  readonly count?: number
}

/** A node of a random network. */
export interface Behaviour {
  readonly body: 'map' | 'filter' | 'expand'
  readonly workers: number
  readonly ordered: boolean
  readonly queueSize: number
  /** Microtasks, and turns of the event loop, that a call takes; it also depends on the value. */
  readonly delay: 'none' | 'microtasks' | 'turns'
}

/** A reproducible scramble of numbers. */
export function mix(...parts: readonly number[]): number {
  let hash = 17
  for (const part of parts) hash = Math.imul(hash ^ part, 0x9e3779b1) ^ (hash >>> 15)
  return Math.abs(hash) % 1_000_003
}

const flat = (value: number | readonly number[]): number[] => (typeof value === 'number' ? [value] : [...value])

function outputsOf(node: number, body: Behaviour['body'], value: number | readonly number[]): number[] {
  const seed = mix(node, ...flat(value))
  if (body === 'map') return [seed]
  if (body === 'filter') return seed % 3 === 0 ? [] : [seed]
  return range(seed % 4).map((n) => mix(seed, n))
}

function coroOf(node: number, { body, delay }: Behaviour): Coro {
  const answer = (outputs: number[]): unknown => {
    if (outputs.length === 0) return DROP
    return outputs.length === 1 ? outputs[0] : outputs.values()
  }
  const at = (value: number | readonly number[]): unknown => answer(outputsOf(node, body, value))
  if (delay === 'none') return at as Coro
  const late = async (value: number | readonly number[]): Promise<unknown> => {
    for (let rest = mix(node, ...flat(value), 5) % 6; rest > 0; rest--)
      await (delay === 'turns' ? new Promise((resolve) => setImmediate(resolve)) : undefined)
    return at(value)
  }
  return late as Coro
}

/** Runs a graph with these behaviours, and compares every leaf with the model; `undefined` if it would take too long. */
export async function runGraph(
  shape: RegionGraph,
  behaviours: readonly Behaviour[],
  options: { readonly count: number; readonly adapt?: (plan: Plan) => Plan },
): Promise<RunReport | undefined> {
  // A tuple is in the order of the predecessors.
  const graph = { ...shape, edges: shape.edges.toSorted((a, b) => a.from - b.from) }
  const isSource = (node: number): boolean => graph.edges.every(({ to }) => to !== node)
  const behaviour = (node: number): Behaviour => behaviours[node] ?? plain
  const values = (node: number): number[] => range(options.count).map((n) => mix(node, n))
  const models = graph.nodes.map(
    ({ joins }, node): ModelNode => ({
      joins,
      ...(isSource(node) && { items: values(node) }),
      call: (value) => outputsOf(node, behaviour(node).body, value),
    }),
  )
  const expected = expectedOutputs(graph, models)
  if (expected === undefined) return undefined
  const spec: Spec = Object.fromEntries(
    graph.nodes.map(({ joins }, node) => {
      const { workers, ordered, queueSize } = behaviour(node)
      const to = graph.edges.filter(({ from }) => from === node).map((edge) => `n${edge.to}`)
      const props = { workers, ordered, queueSize, aggregateInputs: joins, onError: 'skip' as const }
      return [`n${node}`, { coro: isSource(node) ? items(...values(node)) : coroOf(node, behaviour(node)), props, to }]
    }),
  )
  const plan = planOf(spec)
  const given = graph.nodes.map((): unknown[] => [])
  const network = new Network(options.adapt?.(plan) ?? plan, {
    deadlineMs: 5_000,
    onOutput: ({ node, value }) => void given[Number(node.slice(1))]?.push(value),
  })
  network.start()
  const report = await network.settled
  expect([report.outcome, report.error?.message]).toEqual(['completed', undefined])
  expectBalancedBooks(report, [])
  const ordered = behaviours.every((one) => one.ordered) && !hasMerge(graph)
  for (const node of graph.order.filter((one) => graph.edges.every(({ from }) => from !== one))) {
    const wanted = [...(expected[node] ?? [])]
    const found = given[node] as number[]
    if (ordered) expect(found, `outputs of n${node}`).toEqual(wanted)
    else expect(found.toSorted(), `outputs of n${node}`).toEqual(wanted.toSorted())
  }
  return report
}

const plain: Behaviour = { body: 'map', workers: 1, ordered: true, queueSize: 64, delay: 'none' }

const hasMerge = ({ nodes, edges }: RegionGraph): boolean =>
  nodes.some(({ joins }, node) => !joins && edges.filter(({ to }) => to === node).length > 1)

/** Runs a shape in the notation of {@link parseGraph}. */
export async function runShape(text: string, options: ShapeOptions): Promise<void> {
  const { graph } = parseGraph(text)
  const { queueSize = 64, workers = 1, filter = false, count = 100 } = options
  const behaviours = graph.nodes.map(
    ({ joins }, node): Behaviour => ({
      body: filter && !joins && node % 2 === 1 ? 'filter' : 'map',
      workers,
      ordered: true,
      queueSize,
      delay: workers > 1 ? 'microtasks' : 'none',
    }),
  )
  expect(await runGraph(graph, behaviours, { count })).toBeDefined()
}
