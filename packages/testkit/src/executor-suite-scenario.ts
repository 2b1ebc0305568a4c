import type { Stage, StageGraph, StageNode } from './executor-suite-stage.js'

/** A case of the executor suite, which runs inline and in an executor. */
export interface Scenario {
  /** What has to hold, as a sentence. */
  readonly name: string
  /** Runs graphs, and gives what is of interest. */
  readonly play: (stage: Stage) => Promise<unknown>
  /** What `play` has to give. */
  readonly gives: unknown
  /** Whether the rest of the runs may differ, since it depends on time. @defaultValue `false` */
  readonly loose?: boolean
}

/** A graph of a single source. */
export function alone(work: StageNode): StageGraph {
  return { nodes: { work }, graph: {} }
}

/** A graph of nodes one behind the other; the first of them is fed by an inlet. */
export function line(nodes: Readonly<Record<string, StageNode>>): StageGraph {
  const names = ['in', ...Object.keys(nodes)]
  return {
    nodes: { in: { coro: 'std.inlet' }, ...nodes },
    graph: Object.fromEntries(names.slice(0, -1).map((name, place) => [name, names.slice(place + 1, place + 2)])),
  }
}
