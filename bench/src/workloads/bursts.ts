import { countTasks, PQueue } from '../engine-queue.js'
import { chain, type Runnable } from '../graphs.js'
import { incrementAsync, numbers, sumOfIncremented } from '../numbers.js'
import { count, type Row, type Scale, type Workload } from '../workload.js'

const WORKERS = 16

/** How many items p-queue moves per task: the engine schedules bursts with it, and not items. Nothing is timed here. */
export const bursts: Workload = {
  name: 'bursts',
  measure: async ({ quick }: Scale) => {
    const items = quick ? 20_000 : 100_000
    const pooled = { items, step: incrementAsync, workers: WORKERS }
    const rows = [
      await graphRow('sync-chain, capacity 64', items, chain({ items })),
      await graphRow('sync-chain, capacity 1024', items, chain({ items, queueSize: 1_024 })),
      await graphRow('async-chain, ordered', items, chain(pooled)),
      await graphRow('async-chain, unordered', items, chain({ ...pooled, ordered: false })),
      await aloneRow(items),
    ]
    return [
      {
        title: `bursts: calls of coroutines per p-queue task, ${items.toLocaleString('en-US')} numbers`,
        columns: [
          { key: 'calls', head: 'calls', show: count },
          { key: 'tasks', head: 'p-queue tasks', show: count },
          { key: 'callsPerTask', head: 'calls/task', show: (value) => value.toFixed(1) },
        ],
        rows,
      },
    ]
  },
}

/** Counts calls by what the nodes received; the source, whose one call makes all items, counts for nothing. */
async function graphRow(name: string, items: number, run: Runnable): Promise<Row> {
  const { tasks, result } = await countTasks(run)
  if (result.sum !== sumOfIncremented(items)) throw new Error(`bursts: "${name}" came to ${result.sum}`)
  const calls = Object.values(result.report.nodes).reduce((sum, { received }) => sum + received, 0)
  return row(name, calls, tasks)
}

async function aloneRow(items: number): Promise<Row> {
  const { tasks } = await countTasks(async () => {
    const queue = new PQueue({ concurrency: WORKERS })
    for (const value of numbers(items)) void queue.add(() => incrementAsync(value))
    await queue.onIdle()
  })
  return row('p-queue, one task per item', items, tasks)
}

function row(name: string, calls: number, tasks: number): Row {
  if (tasks === 0) throw new Error(`bursts: "${name}" gave p-queue no task, so the count is of the wrong class`)
  return { name, calls, tasks, callsPerTask: calls / tasks }
}
