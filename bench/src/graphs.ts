import type { RunReport } from '@pipelines/core'
import { type GraphDocument, Plumber } from '@pipelines/plumber'
import { double, increment, numbers, sink, taken, triple } from './numbers.js'

/** A graph that can be run again and again; every run gives the sum that its sink came to, as 32 bits. */
export type GraphRun = (items: number) => Promise<{ readonly sum: number; readonly report: RunReport }>

export interface ChainOptions {
  /** Nodes of the chain, source and sink included. */
  readonly nodes?: number
  readonly queueSize?: number
  readonly step?: (value: number) => unknown
  readonly workers?: number
  readonly ordered?: boolean
  readonly fuse?: boolean
}

/** Source → steps → sink. */
export function chain({
  nodes = 3,
  queueSize = 64,
  step = increment,
  workers = 1,
  ordered = true,
  fuse = true,
}: ChainOptions): GraphRun {
  const steps = Array.from({ length: nodes - 2 }, (_, place) => `step${place}`)
  const document = {
    nodes: {
      source: { coro: 'source' },
      ...Object.fromEntries(steps.map((name) => [name, { coro: 'step', properties: { queueSize, workers, ordered } }])),
      sink: { coro: 'sink', properties: { queueSize } },
    },
    graph: Object.fromEntries(['source', ...steps].map((name, place) => [name, [steps[place] ?? 'sink']])),
  }
  return summing(document, { step }, fuse)
}

/** Source → +1, ×2, ×3 → join. */
export function diamond({ fuse = true }: { readonly fuse?: boolean }): GraphRun {
  const branches = { increment, double, triple }
  return summing(spread(Object.keys(branches), true), branches, fuse)
}

/** Source → as many +1 as `width` → join or merge. */
export function fan({ width, join }: { readonly width: number; readonly join: boolean }): GraphRun {
  const branches = Array.from({ length: width }, (_, place) => [`branch${place}`, increment] as const)
  const document = spread(
    branches.map(([name]) => name),
    join,
  )
  return summing(document, Object.fromEntries(branches), false)
}

/** A run as a contestant: the report is the business of others. */
export function onlySum(run: GraphRun): (items: number) => Promise<number> {
  return async (items) => (await run(items)).sum
}

function spread(branches: readonly string[], join: boolean): GraphDocument {
  return {
    nodes: {
      source: { coro: 'source' },
      ...Object.fromEntries(branches.map((name) => [name, { coro: name }])),
      sink: join ? { coro: 'joined' } : { coro: 'sink', properties: { aggregateInputs: false } },
    },
    graph: { source: [...branches], ...Object.fromEntries(branches.map((name) => [name, ['sink']])) },
  }
}

function summing(document: GraphDocument, steps: Record<string, (value: number) => unknown>, fuse: boolean): GraphRun {
  let total = 0
  const coroMap = {
    ...steps,
    source: () => numbers(total),
    sink,
    joined: (values: readonly number[]): void => {
      let sum = 0
      for (const value of values) sum += value
      sink(sum)
    },
  }
  const plumber = new Plumber(document, { coroMap })
  return async (items) => {
    total = items
    const report = await plumber.run(undefined, fuse ? {} : { fuse })
    return { sum: taken(), report }
  }
}
