import { connect, from, map, zip } from 'rxjs'
import { diamond as graph, onlySum } from '../graphs.js'
import { double, increment, numbers, triple } from '../numbers.js'
import { flowedDiamond, graphaiDiamond, type OneRun } from '../peers/graphs.js'
import type { Workload } from '../workload.js'

const FUSED = 'Pipelines'
const UNFUSED = 'Pipelines, fuse: false'
const RX = 'RxJS connect + zip'
const ASYNC = 'Promise.all of async functions'
const GRAPHAI = 'GraphAI, one run per item'
const FLOWED = 'flowed, one run per item'

/** These two take tens of microseconds per item. */
const SMALL_SHARE = 1 / 150

/** What it costs to bring together what belongs together. */
export const diamond: Workload = {
  name: 'W5',
  parts: [
    {
      kind: 'race',
      title: 'W5: source → +1, ×2 and ×3 → join',
      items: { full: 300_000, short: 100_000, quick: 600 },
      figure: 'nsPerItem',
      // i + 1 + 2i + 3i
      checksum: (items) => 3 * items * (items - 1) + items,
      contestants: [
        { name: FUSED, ours: true, bounds: true, run: onlySum(graph({})) },
        { name: UNFUSED, ours: true, bounds: true, run: onlySum(graph({ fuse: false })) },
        { name: RX, bounds: false, run: rx },
        { name: ASYNC, bounds: true, run: (items) => promiseAll(items, async1, async2, async3) },
        {
          name: 'Promise.all of sync functions',
          bounds: true,
          run: (items) => promiseAll(items, increment, double, triple),
        },
        { name: GRAPHAI, bounds: true, share: SMALL_SHARE, run: (items) => oneByOne(items, graphaiDiamond) },
        { name: FLOWED, bounds: true, share: SMALL_SHARE, run: (items) => oneByOne(items, flowedDiamond) },
      ],
      targets: [
        { kind: 'time', ours: UNFUSED, of: [RX], atMost: 2 },
        { kind: 'speed', ours: FUSED, of: [RX], atLeast: 1 },
        { kind: 'speed', ours: UNFUSED, of: [ASYNC], atLeast: 1 },
        { kind: 'speed', ours: FUSED, of: [ASYNC], atLeast: 1 },
        { kind: 'speed', ours: UNFUSED, of: [GRAPHAI], atLeast: 10 },
        { kind: 'speed', ours: UNFUSED, of: [FLOWED], atLeast: 10 },
      ],
    },
  ],
}

type Branch = (value: number) => number | Promise<number>

const async1 = async (value: number): Promise<number> => increment(value)
const async2 = async (value: number): Promise<number> => double(value)
const async3 = async (value: number): Promise<number> => triple(value)

async function promiseAll(items: number, ...[first, second, third]: [Branch, Branch, Branch]): Promise<number> {
  let sum = 0
  for (const value of numbers(items)) {
    const [one, two, three] = await Promise.all([first(value), second(value), third(value)])
    sum += one + two + three
  }
  return sum
}

/** rxjs.dev, `connect`. With `share`, a source that is sync is over before the second branch subscribes. */
function rx(items: number): number {
  let sum = 0
  from(numbers(items))
    .pipe(connect((shared) => zip(shared.pipe(map(increment)), shared.pipe(map(double)), shared.pipe(map(triple)))))
    .subscribe(([one, two, three]) => {
      sum += one + two + three
    })
  return sum
}

async function oneByOne(items: number, run: OneRun): Promise<number> {
  let sum = 0
  for (const value of numbers(items)) {
    const result = await run(value)
    sum += result
  }
  return sum
}
