import { type CoroDefinition, defineCoro, ModuleCoros, type Schema } from '@pipelines/core'
import { line, single, sink, source, stage, whole } from './coros.js'

/** What a task is called as. */
export type TaskKind = 'source' | 'stage' | 'sink' | 'single' | 'line' | 'whole'

const COROS: Readonly<Record<TaskKind, CoroDefinition>> = { source, stage, sink, single, line, whole }

/** What the items of a task look like. */
export interface TaskSchemas {
  readonly input?: Schema | undefined
  readonly output?: Schema | undefined
}

/**
 * The coroutines of tasks, for a `coroMap`: `tasks.source`, `tasks.stage`, `tasks.sink`, `tasks.single`, and
 * `tasks.line` and `tasks.whole` for several that are one node. Threads and
 * processes can run them. A node may have schemas for its items besides, which a graph of JSON cannot name.
 */
export class TaskCoros extends ModuleCoros {
  readonly #nodes = new Map<string, CoroDefinition>()

  constructor() {
    super(new URL('../../dist/tasks/coros.js', import.meta.url).href, { group: 'tasks', loaded: COROS })
  }

  /** What the items of a node look like. */
  describe(node: string, kind: TaskKind, { input, output }: TaskSchemas): void {
    if (input === undefined && output === undefined) return
    const schemas = { ...(input !== undefined && { input }), ...(output !== undefined && { output }) }
    this.#nodes.set(node, defineCoro({ ...COROS[kind], ...schemas }))
  }

  override find(ref: string, node = ''): ReturnType<ModuleCoros['find']> {
    const found = super.find(ref)
    const value = this.#nodes.get(node)
    if (value === undefined || found === undefined || found instanceof Promise) return found
    return { ...found, value }
  }
}
