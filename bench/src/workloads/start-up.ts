import { Readable, Transform, Writable } from 'node:stream'
import { pipeline as connectStreams } from 'node:stream/promises'
import { type GraphDocument, type Pipeline, Plumber } from '@pipelines/plumber'
import { map, Subject } from 'rxjs'
import { increment, sumOfIncremented } from '../numbers.js'
import { type Column, raceTable, type Scale, type Workload } from '../workload.js'

const STEPS = ['one', 'two', 'three', 'four']
const DOCUMENT: GraphDocument = {
  nodes: { inlet: { coro: 'std.inlet' }, ...Object.fromEntries(STEPS.map((name) => [name, { coro: 'step' }])) },
  graph: { inlet: ['one'], one: ['two'], two: ['three'], three: ['four'] },
}

/** Five nodes, one item, the end: what a pipeline per request would cost. */
export const startUp: Workload = {
  name: 'start-up',
  measure: async ({ quick, rounds }: Scale) => {
    const items = quick ? 200 : 2_000
    const plumber = newPlumber()
    const table = await raceTable({
      title: `start-up: a chain of 5 nodes, one item, settled; ${items.toLocaleString('en-US')} times`,
      items,
      rounds,
      // Four times +1 on 0, 1, 2 …
      checksum: sumOfIncremented(items) + 3 * items,
      ours: 'Pipelines, createPipeline',
      reference: 'Node streams, 5 of them',
      contestants: [
        { name: 'Pipelines, createPipeline', run: () => repeat(items, (value) => oneItem(plumber, value)) },
        { name: 'Pipelines, new Plumber too', run: () => repeat(items, (value) => oneItem(newPlumber(), value)) },
        { name: 'Node streams, 5 of them', run: () => repeat(items, streams) },
        { name: 'RxJS, 4 × map', run: () => repeat(items, rx) },
      ],
    })
    return [{ ...table, columns: table.columns.map(inMicroseconds) }]
  },
}

async function repeat(items: number, round: (value: number) => number | Promise<number>): Promise<number> {
  let sum = 0
  for (let i = 0; i < items; i++) sum += await round(i)
  return sum
}

function newPlumber(): Plumber {
  return new Plumber(DOCUMENT, { coroMap: { step: increment } })
}

async function oneItem(plumber: Plumber, item: number): Promise<number> {
  let result = Number.NaN
  const pipeline: Pipeline = plumber.createPipeline({
    onOutput: ({ value }) => {
      result = Number(value)
    },
  })
  await pipeline.put(item)
  pipeline.end()
  await pipeline.settled
  return result
}

async function streams(item: number): Promise<number> {
  let result = Number.NaN
  const source = Readable.from([item])
  const steps = STEPS.slice(1).map(
    () =>
      new Transform({
        objectMode: true,
        transform: (value, _encoding, callback) => callback(null, increment(value)),
      }),
  )
  const last = new Writable({
    objectMode: true,
    write(value, _encoding, callback) {
      result = increment(value)
      callback()
    },
  })
  await connectStreams([source, ...steps, last])
  return result
}

function rx(item: number): number {
  const inlet = new Subject<number>()
  let result = Number.NaN
  inlet.pipe(map(increment), map(increment), map(increment), map(increment)).subscribe((value) => {
    result = value
  })
  inlet.next(item)
  inlet.complete()
  return result
}

function inMicroseconds(column: Column): Column {
  if (column.key !== 'nsPerItem') return column
  return { ...column, head: 'µs/round', show: (ns) => (ns / 1_000).toFixed(1) }
}
