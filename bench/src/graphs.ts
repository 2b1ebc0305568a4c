import type { RunReport } from '@pipelines/core'
import { type GraphDocument, Plumber } from '@pipelines/plumber'
import { double, increment, numbers } from './numbers.js'

export interface ChainOptions {
  readonly items: number
  readonly queueSize?: number
  readonly step?: (value: number) => unknown
  readonly workers?: number
  readonly ordered?: boolean
}

/** A graph that can be run again and again; every run gives the sum that its sink came to. */
export type Runnable = () => Promise<{ readonly sum: number; readonly report: RunReport }>

/** Source → step → sink. */
export function chain({
  items,
  queueSize = 64,
  step = increment,
  workers = 1,
  ordered = true,
}: ChainOptions): Runnable {
  const document = {
    nodes: {
      source: { coro: 'source' },
      step: { coro: 'step', properties: { queueSize, workers, ordered } },
      sink: { coro: 'sink', properties: { queueSize } },
    },
    graph: { source: ['step'], step: ['sink'] },
  }
  return summing(document, items, { step })
}

/** Source → two branches → join. */
export function diamond(items: number): Runnable {
  const document = {
    nodes: { source: { coro: 'source' }, left: { coro: 'left' }, right: { coro: 'right' }, sink: { coro: 'join' } },
    graph: { source: ['left', 'right'], left: ['sink'], right: ['sink'] },
  }
  return summing(document, items, { left: increment, right: double })
}

/** `onlySum` as a contestant: the report is the business of others. */
export function onlySum(run: Runnable): () => Promise<number> {
  return async () => (await run()).sum
}

function summing(document: GraphDocument, items: number, steps: Record<string, (value: number) => unknown>): Runnable {
  let sum = 0
  const coroMap = {
    ...steps,
    source: () => numbers(items),
    sink: (value: number): void => {
      sum += value
    },
    join: ([left, right]: [number, number]): void => {
      sum += left + right
    },
  }
  const plumber = new Plumber(document, { coroMap })
  return async () => {
    sum = 0
    // Measured as it is without fusion, so that rows stay comparable when there is some.
    const report = await plumber.run(undefined, { fuse: false })
    return { sum, report }
  }
}
