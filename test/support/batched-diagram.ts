import { type Coro, DROP, Network, type Plan } from '@pipelines/core'
import { type Scheduler, StalledError } from '@pipelines/testkit'
import { ForkWindow } from '../../packages/core/src/frames.js'
import { countsOf, type Diagram, type DiagramNode, outputsOf, textOf } from './diagram.js'
import { DiagramCoros } from './diagram-coros.js'
import type { Played } from './diagram-run.js'
import { planOf } from './plans.js'

/** What a run of a diagram with batches has shown. */
export interface PlayedBatches extends Played {
  /** How many members each batch had, in the order of the calls. */
  readonly sizes: readonly number[]
}

/**
 * Runs a diagram some of whose nodes have `batch`, in the order that the scheduler decides. Such a node gives for each
 * member what it would give for that value alone: none or one.
 *
 * @param window how many frames each fork may have open; absent: as many as the engine allows
 * @throws (rejects) a StalledError where nothing can go on; nothing of the run is left then
 */
export async function playBatches(
  diagram: Diagram,
  scheduler: Scheduler,
  window: number | undefined,
): Promise<PlayedBatches> {
  const coros = new DiagramCoros(diagram, scheduler)
  const sizes: number[] = []
  const spec = Object.fromEntries(
    diagram.nodes.map((node) => {
      const plain = coros.spec[node.name] ?? {}
      if (node.properties.batch === undefined) return [node.name, plain]
      return [node.name, { ...plain, coro: batchOf(diagram, node, { scheduler, sizes }) }]
    }),
  )
  const outputs = new Map<string, string[]>()
  const network = new Network(withWindow(planOf(spec), window), {
    onOutput: ({ node, value }) => {
      outputs.set(node, [...(outputs.get(node) ?? []), String(value)])
    },
  })
  const opened = openedWindows()
  try {
    network.start()
    await scheduler.drive(network.settled)
    const report = await network.settled
    const { windows } = opened
    return { outputs, report, chosen: coros.chosen, stored: new Map(), windowOf: new Map(), windows, sizes }
  } catch (error) {
    if (error instanceof StalledError) error.message += `; batches so far: ${sizes.join(', ') || 'none'}`
    void network.doomsday(error)
    await scheduler.releaseAll()
    await network.settled
    throw error
  } finally {
    opened.restore()
  }
}

interface Calls {
  readonly scheduler: Scheduler
  readonly sizes: number[]
}

function batchOf(diagram: Diagram, node: DiagramNode, { scheduler, sizes }: Calls): Coro {
  return (members: never, { signal }) => {
    const values = (members as readonly unknown[]).map((member) => textOf(diagram, member))
    sizes.push(values.length)
    const results = (): unknown[] => values.map((value) => resultOf(node, value))
    const released = scheduler.step(`${node.name} ${values.join(' and ')}`, signal)
    return released === undefined ? results() : released.then(results)
  }
}

function resultOf(node: DiagramNode, value: string): unknown {
  const count = countsOf(node, value)
  if (count !== 0 && count !== 1) throw new RangeError(`"${node.name}" has a batch: it gives none or one for each.`)
  return count === 0 ? DROP : outputsOf(node, value, 1)[0]
}

/** Gives all forks of the plan windows of this size. */
function withWindow(plan: Plan, window: number | undefined): Plan {
  if (window === undefined) return plan
  const forks = new Map([...plan.regions.forks].map(([node, fork]) => [node, { ...fork, window }]))
  return { ...plan, regions: { ...plan.regions, forks } }
}

/** Lists the windows that open a frame. */
function openedWindows() {
  const windows: ForkWindow[] = []
  const { start } = ForkWindow.prototype
  ForkWindow.prototype.start = function (...frame) {
    if (!windows.includes(this)) windows.push(this)
    return start.apply(this, frame)
  }
  const restore = (): void => {
    ForkWindow.prototype.start = start
  }
  return { windows, restore }
}
