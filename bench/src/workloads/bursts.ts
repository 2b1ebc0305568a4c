import { count, type Figures } from '../figures.js'
import { chain, type GraphRun } from '../graphs.js'
import { incrementAsync, sumAfter } from '../numbers.js'
import { pQueue } from '../peers/pools.js'
import { countTasks } from '../task-count.js'
import type { ProbeRow, Size, Workload } from '../workload.js'

const WORKERS = 16
const ITEMS: Readonly<Record<Size, number>> = { full: 100_000, short: 20_000, quick: 500 }

/** How many items p-queue moves per task: the engine schedules bursts with it, and not items. Nothing is timed here. */
export const bursts: Workload = {
  name: 'bursts',
  parts: [
    {
      kind: 'probe',
      title: (size) => `bursts: calls of coroutines per p-queue task; ${count(ITEMS[size])} items`,
      columns: ['calls', 'tasks', 'callsPerTask'],
      rows: [
        graphRow('W2, fuse: false, queueSize 64', chain({ fuse: false })),
        graphRow('W2, fuse: false, queueSize 1,024', chain({ fuse: false, queueSize: 1_024 })),
        graphRow('W3, ordered', chain({ step: incrementAsync, workers: WORKERS })),
        graphRow('W3, unordered', chain({ step: incrementAsync, workers: WORKERS, ordered: false })),
        { name: 'p-queue, one task per item', measure: alone },
      ],
      targets: [],
    },
  ],
}

/** Counts calls by what the nodes received; the source, whose one call makes all items, counts for nothing. */
function graphRow(name: string, run: GraphRun): ProbeRow {
  const measure = async (size: Size): Promise<Figures> => {
    const items = ITEMS[size]
    const { tasks, result } = await countTasks(() => run(items))
    if (result.sum !== (sumAfter(1, items) | 0)) throw new Error(`bursts: "${name}" came to ${result.sum}`)
    return figures(
      Object.values(result.report.nodes).reduce((sum, { received }) => sum + received, 0),
      tasks,
    )
  }
  return { name, ours: true, measure }
}

async function alone(size: Size): Promise<Figures> {
  const items = ITEMS[size]
  const { tasks } = await countTasks(() => pQueue({ items, workers: WORKERS, step: incrementAsync }, 64))
  return figures(items, tasks)
}

function figures(calls: number, tasks: number): Figures {
  if (tasks === 0) throw new Error('bursts: p-queue got no task, so the count is of another copy of the class')
  return { calls, tasks, callsPerTask: calls / tasks }
}
