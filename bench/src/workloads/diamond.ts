import { connect, from, map, zip } from 'rxjs'
import { diamond as graph, onlySum } from '../graphs.js'
import { double, increment, numbers, sumOfIncremented } from '../numbers.js'
import { raceTable, type Scale, type Workload } from '../workload.js'

/** Source → two branches → join of what belongs together. */
export const diamond: Workload = {
  name: 'diamond',
  measure: async ({ quick, rounds }: Scale) => {
    const items = quick ? 30_000 : 300_000
    const table = await raceTable({
      title: `diamond: source → +1 and ×2 → join, ${items.toLocaleString('en-US')} numbers`,
      items,
      rounds,
      checksum: sumOfIncremented(items) + items * (items - 1),
      ours: 'Pipelines',
      reference: 'Promise.all per item',
      contestants: [
        { name: 'Pipelines', run: onlySum(graph(items)) },
        { name: 'Promise.all per item', run: () => promiseAll(items, increment, double) },
        {
          name: 'Promise.all, async functions',
          run: () =>
            promiseAll(
              items,
              async (value) => increment(value),
              async (value) => double(value),
            ),
        },
        { name: 'RxJS connect + zip (no bounds)', run: () => rx(items) },
      ],
    })
    return [table]
  },
}

type Branch = (value: number) => number | Promise<number>

async function promiseAll(items: number, left: Branch, right: Branch): Promise<number> {
  let sum = 0
  for (const value of numbers(items)) {
    const [one, other] = await Promise.all([left(value), right(value)])
    sum += one + other
  }
  return sum
}

function rx(items: number): number {
  let sum = 0
  from(numbers(items))
    .pipe(connect((shared) => zip(shared.pipe(map(increment)), shared.pipe(map(double)))))
    .subscribe(([one, other]) => {
      sum += one + other
    })
  return sum
}
