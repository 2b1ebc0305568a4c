import { type CoroOrigin, type NodeBinding, PipelineError, type PlanNode, SILENT } from '@pipelines/core'
import { type Copy, cloneablePart } from './cloneable.js'
import type { ResolvedOptions } from './options.js'

/** All that a worker needs to know of a node to work for it. */
export interface Session {
  /** Tells it from others in the same worker. */
  readonly id: number
  readonly node: string
  readonly kind: PlanNode['kind']
  readonly coro: CoroOrigin
  /** Coroutines that belong into `args`. */
  readonly references: readonly { readonly arg: string; readonly place?: number; readonly coro: CoroOrigin }[]
  readonly args: Readonly<Record<string, unknown>>
  readonly env: Readonly<Record<string, unknown>>
  readonly worker: { readonly index: number; readonly count: number }
  /** Names the run. */
  readonly run: string
  /** Whether anybody reads what is logged. */
  readonly logs: boolean
  /** Whether large buffers in results are moved: see `WorkerOptions.transfer`. */
  readonly moves: boolean
  /** Whether a call gives a list with one result for each of its items. */
  readonly each: boolean
  /** Whether nothing may be made before it is asked for. */
  readonly inStep: boolean
}

/** What a worker is told of a node. */
export function sessionOf(binding: NodeBinding, { transfer }: ResolvedOptions, copy: Copy): Session {
  const { node, kind, origin, references = [], args, run, properties } = binding
  const named = new Set(references.map(({ arg }) => arg))
  const data = Object.entries(args).filter(([arg]) => !named.has(arg))
  const others = references.map(({ arg, place, origin: coro }) => ({
    arg,
    ...(place !== undefined && { place }),
    coro: known(node, coro),
  }))
  return {
    ...{ node, kind, references: others },
    coro: known(node, origin),
    args: Object.fromEntries(data),
    id: 0,
    env: cloneablePart(run.env, copy) as Session['env'],
    worker: { index: 0, count: properties.workers },
    run: run.run,
    logs: run.logger !== SILENT,
    moves: transfer,
    each: properties.batch?.returns === 'each',
    inStep: properties.packetsInFlight !== undefined,
  }
}

/** As the check of the graph has made sure. */
function known(node: string, origin: CoroOrigin | undefined): CoroOrigin {
  if (origin !== undefined) return origin
  throw new PipelineError('INTERNAL', { what: `the coroutine of node "${node}" has no origin` })
}
