import { Plumber, type Successor } from '@pipelines/plumber'
import { type BuildOptions, build } from '../../packages/plumber/src/build.js'
import { type Stage, same, unfused } from './blackbox.js'

/** Helpers of the tests of nodes that are called with several items at once. */

/** What a batch or a window is called with. */
export type Members = readonly never[]

/** Gives back what it gets, or what is made of it; and notes what it got. */
export function noting(result: (members: Members) => unknown = same): {
  readonly calls: unknown[][]
  readonly coro: (members: Members) => unknown
} {
  const calls: unknown[][] = []
  const coro = (members: Members): unknown => {
    calls.push([...members])
    return result(members)
  }
  return { calls, coro }
}

/** A node with batches of so many, or with that `batch`; `more` are other properties. */
export const batched = (batch: number | object, coro: Stage, more: object = {}): Stage =>
  unfused(coro, { batch: typeof batch === 'number' ? { size: batch } : batch, ...more })

export const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

type Written = ConstructorParameters<typeof Plumber>[0]

/** A Plumber whose forks may have so many frames open: all of them, or by name; the others, as many as usual. */
export function windowed(
  windows: number | Readonly<Record<string, number>>,
  nodes: Readonly<Record<string, Stage>>,
  graph: Readonly<Record<string, readonly Successor[] | null>>,
  options: BuildOptions = {},
): Plumber {
  const written = Object.entries(nodes).map(([name, stage]) => [name, asNode(stage)] as const)
  return narrowed(windows, { nodes: Object.fromEntries(written), graph } as Written, options)
}

/** As above, of a document with its coroutines in place. */
function narrowed(
  windows: number | Readonly<Record<string, number>>,
  document: Written,
  options: BuildOptions,
): Plumber {
  const built = build(document, options)
  if (built.plan === undefined) return new Plumber(document, {}, built)
  const { plan } = built
  const sizeOf = (node: number): number | undefined =>
    typeof windows === 'number' ? windows : windows[plan.nodes[node]?.name ?? '']
  const forks = new Map(
    [...plan.regions.forks].map(([node, fork]) => [node, { ...fork, window: sizeOf(node) ?? fork.window }] as const),
  )
  return new Plumber(document, {}, { ...built, plan: { ...plan, regions: { ...plan.regions, forks } } })
}

const asNode = (stage: Stage): object => (typeof stage === 'object' && 'coro' in stage ? stage : { coro: stage })
