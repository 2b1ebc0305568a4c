import { type Issue, issue, PipelineError, type RunReport, show } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import type { Blueprint } from '../blueprint.js'
import { type ItemsOptions, plumberFor } from '../flow-run.js'
import { chainIssues } from './chain-issues.js'
import { constantsIssues } from './constants-issues.js'
import { type Entry, entriesOf, isObject } from './entry.js'
import { inOwnNode, type Line, lineIssues, linesOf } from './lines.js'
import { listOptionIssues, optionIssues } from './option-issues.js'
import { inList } from './pointers.js'
import { schemaIssues } from './schema-issues.js'
import type { Parallelism, TaskTuple } from './task.js'
import type { TaskFunction } from './task-types.js'
import { blueprintOf } from './tasks-blueprint.js'

/** How a list of tasks is built and run. */
export interface TasksOptions extends ItemsOptions {
  /**
   * Where tasks run that do not say it. Threads and processes load functions again: theirs are exports of modules that
   * `portable` knows.
   *
   * @defaultValue `'coroutine'`: in this program
   */
  readonly parallelism?: Parallelism | undefined
  /** Whether the schemas of neighbours are compared, and constants checked against theirs. @defaultValue `true` */
  readonly typeCheck?: boolean | undefined
}

/** What a run of tasks gives: a report, but nothing where there are no tasks. */
export type ReportOf<F extends readonly TaskFunction[]> = F extends readonly []
  ? undefined
  : number extends F['length']
    ? RunReport | undefined
    : RunReport

/** Tasks, one behind the other: a description, which may run as often as wanted. */
export class TaskList<Report extends RunReport | undefined = RunReport | undefined> {
  readonly #entries: readonly Entry[]
  readonly #options: TasksOptions
  /** What can be said of the tasks by themselves. */
  readonly #own: readonly Issue[]

  /** Made by {@link tasks}. */
  constructor(list: readonly unknown[], options: TasksOptions) {
    this.#entries = Array.isArray(list) ? entriesOf(list) : []
    this.#options = options
    this.#own = [...listIssues(list), ...listOptionIssues({ ...options }), ...this.#entries.flatMap(this.#issuesOf)]
  }

  /** All that is wrong with it, at once; pointers lead into the list. Empty if it can run. */
  issues(): readonly Issue[] {
    if (this.#entries.some(({ run }) => run === undefined) || this.#entries.length === 0) return this.#own
    const { graph, ...found } = this.#blueprint()
    const { limits } = this.#options
    const issues = Plumber.check(graph, { ...found, ...(limits && { limits }) })
    return [...this.#own, ...lineIssues(this.#lines), ...issues.map((one) => this.#inList(one))]
  }

  /** The graph, and the coroutines that it names. Throws `PLB_GRAPH_INVALID` with every issue in `details.issues`. */
  toBlueprint(): Blueprint {
    const issues = this.issues()
    if (issues.length > 0) throw new PipelineError('GRAPH_INVALID', { issues })
    return this.#blueprint()
  }

  /**
   * Runs the tasks until the last one has ended. Without tasks nothing is done.
   *
   * @param options over those of the list
   * @returns the report; rejects with a `PipelineError` that carries it as `report` unless the outcome is `completed`
   */
  async execute(options: ItemsOptions = {}): Promise<Report> {
    const { parallelism: _, typeCheck: __, ...own } = this.#options
    const blueprint = this.toBlueprint()
    if (this.#entries.length === 0) return undefined as Report // where there are none
    const { plumber, run } = await plumberFor(blueprint, { ...own, ...options })
    return (await plumber.run(undefined, run)) as Report // where there are some
  }

  readonly #issuesOf = (entry: Entry): readonly Issue[] => {
    const own = [...optionIssues(entry), ...chainIssues(entry)]
    if (this.#options.typeCheck === false) return own
    return [...own, ...schemaIssues(entry, this.#entries[entry.place - 1]), ...constantsIssues(entry)]
  }

  get #lines(): readonly Line[] {
    return linesOf(this.#entries, this.#options.parallelism)
  }

  #blueprint(): Blueprint {
    const { parallelism, executors } = this.#options
    return { ...blueprintOf(this.#lines, parallelism), ...(executors && { executors }) }
  }

  /** An issue of the graph, as one of the list. */
  #inList(found: Issue): Issue {
    const pointer = inList(inOwnNode(found.pointer, this.#lines), this.#entries)
    const entry = this.#entries.find(({ place }) => pointer === `/${place}/run`)
    if (found.code !== 'PLB_CORO_NOT_PORTABLE' || entry === undefined) return { ...found, pointer }
    return issue('CORO_NOT_PORTABLE', pointer, {
      node: entry.name,
      executor: String(entry.given.parallelism ?? this.#options.parallelism),
      what: 'its function exists only in this program, not in a module',
      hint: "Export it from a module and tell where that is: portable(work, new URL('./work.js', import.meta.url)).",
    })
  }
}

/** Lists, and tasks, that are none. */
function listIssues(list: unknown): readonly Issue[] {
  if (!Array.isArray(list))
    return [issue('OPTION_INVALID', '', { option: 'tasks', what: `must be a list, got ${show(list)}` })]
  return list.flatMap((task: unknown, place) => {
    if (isObject(task)) return []
    const what = `must be objects with "run", got ${show(task)} as task ${place + 1}`
    return [issue('OPTION_INVALID', `/${place}`, { option: 'tasks', what })]
  })
}

/**
 * Puts tasks together: the first gives items, each of the others takes those of the one before it. Nothing runs yet, and
 * nothing is thrown.
 *
 * @see pipeline-lib, from which the idea and the rules are taken.
 *
 * @example
 * const list = tasks([{ run: load, constants: { files }, packetsInFlight: 2 }, { run: report }])
 * console.log(list.issues())
 */
export function tasks<F extends readonly TaskFunction[]>(
  list: readonly [...TaskTuple<F>],
  options: TasksOptions = {},
): TaskList<ReportOf<F>> {
  return new TaskList(list, options)
}

/**
 * Runs tasks, one behind the other, until the last one has ended.
 *
 * @returns the report, or nothing if there are no tasks; rejects with a `PipelineError`: `PLB_GRAPH_INVALID` with all issues
 * before anything starts, or what ended the run, with its `report`; the `cause` of `PLB_NODE_FAILED` is what the task threw
 *
 * @example
 * await execute([{ run: load, constants: { files } }, { run: resize, workers: 2, packetsInFlight: 4 }, { run: save }])
 */
export async function execute<F extends readonly TaskFunction[]>(
  list: readonly [...TaskTuple<F>],
  options: TasksOptions = {},
): Promise<ReportOf<F>> {
  return new TaskList<ReportOf<F>>(list, options).execute()
}
