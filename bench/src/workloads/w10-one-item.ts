import { Readable, Transform, Writable } from 'node:stream'
import { pipeline as connectStreams } from 'node:stream/promises'
import { map, Subject } from 'rxjs'
import { inChild } from '../child.js'
import { count, type Figures } from '../figures.js'
import { increment, numbers, sumAfter } from '../numbers.js'
import { newPlumber, oneItem, STEPS } from '../one-item.js'
import { flowedChain, graphaiChain } from '../peers/graphs.js'
import type { Size, Workload } from '../workload.js'

const OURS = 'Pipelines, createPipeline'
const ROUNDS: Readonly<Record<Size, number>> = { full: 10_000, short: 2_000, quick: 100 }
const plumber = newPlumber()

/** What a pipeline per request would cost, and what it would leave behind. */
export const oneItemEach: Workload = {
  name: 'W10',
  parts: [
    {
      kind: 'race',
      title: 'W10: make a chain of 5 nodes, one item, tear it down',
      items: { full: 2_000, short: 1_000, quick: 20 },
      figure: 'usPerRound',
      checksum: (rounds) => sumAfter(STEPS.length, rounds),
      contestants: [
        { name: OURS, ours: true, bounds: true, run: (rounds) => repeat(rounds, (item) => oneItem(plumber, item)) },
        {
          name: 'Pipelines, new Plumber too',
          ours: true,
          bounds: true,
          run: (rounds) => repeat(rounds, (item) => oneItem(newPlumber(), item)),
        },
        { name: 'GraphAI', bounds: true, run: (rounds) => repeat(rounds, graphaiChain) },
        { name: 'flowed', bounds: true, run: (rounds) => repeat(rounds, flowedChain) },
        { name: 'Node streams', bounds: true, run: (rounds) => repeat(rounds, streams) },
        { name: 'RxJS map', bounds: false, run: (rounds) => repeat(rounds, rx) },
      ],
      targets: [{ kind: 'figure', ours: OURS, figure: 'usPerRound', atMost: 60 }],
    },
    {
      kind: 'probe',
      title: (size) => `W10: what they leave behind; ${count(ROUNDS[size])} rounds`,
      columns: ['heapBytesPerRound', 'moreHandles'],
      rows: [{ name: OURS, ours: true, measure: left }],
      targets: [
        // The smallest object has 16 bytes.
        { kind: 'figure', ours: OURS, figure: 'heapBytesPerRound', atMost: 16 },
        { kind: 'figure', ours: OURS, figure: 'moreHandles', atMost: 0 },
      ],
    },
  ],
}

function left(size: Size): Promise<Figures> {
  return inChild('./children/growth.js', [String(ROUNDS[size])])
}

async function repeat(rounds: number, round: (item: number) => number | Promise<number>): Promise<number> {
  let sum = 0
  for (const item of numbers(rounds)) {
    const result = await round(item)
    sum += result
  }
  return sum
}

async function streams(item: number): Promise<number> {
  let result = Number.NaN
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
  await connectStreams([Readable.from([item]), ...steps, last])
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
