import { Network, type Plan, type RunReport } from '@pipelines/core'
import { type Scheduler, StalledError } from '@pipelines/testkit'
import { ForkWindow } from '../../packages/core/src/frames.js'
import type { Diagram } from './diagram.js'
import { DiagramCoros } from './diagram-coros.js'
import { planOf } from './plans.js'

/** How many frames forks may have open: all of them, or by node. Absent: as many as the engine itself allows. */
export type Windows = number | Readonly<Record<string, number>> | undefined

export interface PlayOptions {
  readonly windows?: Windows
  /** How many calls begin between two looks at what the joins hold: a look costs as much as a call. @defaultValue 1 */
  readonly lookEvery?: number
}

/** What a run of a diagram has shown. */
export interface Played {
  /** By leaf, as they were handed over. */
  readonly outputs: ReadonlyMap<string, readonly string[]>
  readonly report: RunReport
  /** How many outputs a call of this node for this value gave, where that was for the schedule to pick. */
  readonly chosen: (node: string, value: string) => number | undefined
  /** By join: most packets that it was seen to hold at once. */
  readonly stored: ReadonlyMap<string, number>
  /** By join: how many frames its fork may have open. */
  readonly windowOf: ReadonlyMap<string, number>
  /** Those that opened a frame. */
  readonly windows: readonly ForkWindow[]
}

/**
 * Runs a diagram on the engine, in the order that the scheduler decides.
 *
 * @throws (rejects) a StalledError where nothing can go on; nothing of the run is left then
 */
export async function play(diagram: Diagram, scheduler: Scheduler, options: PlayOptions = {}): Promise<Played> {
  const { windows, lookEvery = 1 } = options
  const coros = new DiagramCoros(diagram, scheduler)
  const plan = withWindows(planOf(coros.spec), windows)
  const outputs = new Map<string, string[]>()
  const network = new Network(plan, {
    onOutput: ({ node, value }) => {
      const list = outputs.get(node)
      if (list === undefined) outputs.set(node, [String(value)])
      else list.push(String(value))
    },
  })
  const store = new StoreWatch(diagram, network)
  let calls = 0
  coros.onCall = () => {
    if (calls++ % lookEvery === 0) store.look()
  }
  const opened = openedWindows()
  try {
    network.start()
    await scheduler.drive(network.settled)
    const report = await network.settled
    return {
      outputs,
      report,
      chosen: coros.chosen,
      stored: store.most,
      windowOf: windowOf(plan),
      windows: opened.windows,
    }
  } catch (error) {
    if (error instanceof StalledError) error.message += `; ${waitsOf(network)}`
    void network.doomsday(error)
    await scheduler.releaseAll()
    await network.settled
    throw error
  } finally {
    opened.restore()
  }
}

/** Gives the forks of the plan windows of these sizes: the fewest frames that the engine itself would allow are 32. */
function withWindows(plan: Plan, windows: Windows): Plan {
  if (windows === undefined) return plan
  const sizeOf = (node: number): number | undefined =>
    typeof windows === 'number' ? windows : windows[plan.nodes[node]?.name ?? '']
  const forks = [...plan.regions.forks].map(
    ([node, fork]) => [node, { ...fork, window: sizeOf(node) ?? fork.window }] as const,
  )
  return { ...plan, regions: { ...plan.regions, forks: new Map(forks) } }
}

/** Lists the windows that open a frame; lighter than a spy that keeps every call of many thousands of runs. */
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

function windowOf({ nodes, regions }: Plan): Map<string, number> {
  const windows = [...regions.forks.values()].flatMap(({ joins, window }) =>
    joins.map((join) => [nodes[join]?.name ?? '', window] as const),
  )
  return new Map(windows)
}

/** Sees what the joins hold: what they received, and neither have worked off nor have in a call. */
class StoreWatch {
  /** By join: most packets at once. */
  readonly most: Map<string, number>
  readonly #network: Network

  constructor({ nodes }: Diagram, network: Network) {
    this.most = new Map(nodes.filter(({ joins }) => joins).map(({ name }) => [name, 0]))
    this.#network = network
  }

  look(): void {
    const { nodes } = this.#network.snapshot()
    for (const [name, most] of this.most) {
      const { received = 0, completed = 0, failed = 0, unprocessed = 0, inProgress = 0 } = nodes[name] ?? {}
      this.most.set(name, Math.max(most, received - completed - failed - unprocessed - inProgress))
    }
  }
}

/** What waits in the edges of a run that is stuck. */
function waitsOf(network: Network): string {
  const full = network.snapshot().edges.filter(({ depth }) => depth > 0)
  return full.map(({ from, to, depth, capacity }) => `${from} to ${to} ${depth} of ${capacity}`).join(', ')
}
