import { type GraphDocument, Plumber } from '@pipelines/plumber'
import { increment } from './numbers.js'

/** The nodes behind the inlet; each adds one. */
export const STEPS: readonly string[] = ['one', 'two', 'three', 'four']

const DOCUMENT: GraphDocument = {
  nodes: { inlet: { coro: 'std.inlet' }, ...Object.fromEntries(STEPS.map((name) => [name, { coro: 'step' }])) },
  graph: { inlet: ['one'], one: ['two'], two: ['three'], three: ['four'] },
}

export function newPlumber(): Plumber {
  return new Plumber(DOCUMENT, { coroMap: { step: increment } })
}

/** Makes a pipeline for one item, and waits until it is over. */
export async function oneItem(plumber: Plumber, item: number): Promise<number> {
  let result = Number.NaN
  const pipeline = plumber.createPipeline({
    onOutput: ({ value }) => {
      result = Number(value)
    },
  })
  await pipeline.put(item)
  pipeline.end()
  await pipeline.settled
  return result
}
