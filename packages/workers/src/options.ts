import type { ResourceLimits } from 'node:worker_threads'
import { PipelineError, show } from '@pipelines/core'

/** What threads and processes have in common. */
export interface WorkerOptions {
  /**
   * The name that a node's `executor` uses: executors of several names may have different options.
   *
   * @defaultValue `'thread'` and `'process'`
   */
  readonly name?: string
  /**
   * Whose workers are used again when a node has ended: `'executor'`, by any node, with all modules that are loaded in
   * them; or `'node'`, only by a node of the same name.
   *
   * @defaultValue `'executor'`
   */
  readonly share?: 'executor' | 'node'
  /**
   * Milliseconds that a worker nobody uses is kept for the next node; 0 ends it at once. Waiting workers do not keep the
   * program alive.
   *
   * @defaultValue 60000
   */
  readonly idleMs?: number
  /**
   * Milliseconds that a worker gets to show that it is not stuck, when an attempt in it has run out of time: in a busy
   * loop it does not, and is ended. One that does show it has `graceMs` of the run, like any other.
   *
   * @defaultValue 250
   */
  readonly stuckMs?: number
  /** Command line options of Node for the workers. @defaultValue those of this program */
  readonly execArgv?: readonly string[]
  /** Environment variables of the workers. @defaultValue those of this program */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface ThreadOptions extends WorkerOptions {
  /** Limits of memory and stack; see Node's `resourceLimits`. A thread that has used up its memory ends. */
  readonly resourceLimits?: Readonly<ResourceLimits>
  /**
   * Whether coroutines keep nothing of what they are given and give: then large `ArrayBuffer`s move, where otherwise
   * they are copied. Without it they move only where the graph shows that nobody else holds them: between two nodes on
   * threads, one behind the other, on their way to the second. What has moved is empty for whoever looks at it later: for
   * taps, and in the report of a run that ended while a worker had it.
   *
   * @defaultValue `false`
   */
  readonly transfer?: boolean
}

export interface ProcessOptions extends WorkerOptions {}

/** All options, filled in. */
export interface ResolvedOptions extends Required<Omit<WorkerOptions, 'execArgv' | 'env'>> {
  readonly execArgv: readonly string[] | undefined
  readonly env: Readonly<Record<string, string | undefined>> | undefined
  readonly resourceLimits: Readonly<ResourceLimits> | undefined
  readonly transfer: boolean
}

/** The longest time that a timer can be set to. */
const LONGEST_MS = 2 ** 31 - 1

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isMs = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= LONGEST_MS
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string')

const RULES: Readonly<Record<keyof ThreadOptions, readonly [allows: (value: unknown) => boolean, what: string]>> = {
  name: [isText, 'a text'],
  share: [(value) => value === 'executor' || value === 'node', '"executor" or "node"'],
  idleMs: [isMs, `milliseconds, at most ${LONGEST_MS}`],
  stuckMs: [isMs, `milliseconds, at most ${LONGEST_MS}`],
  execArgv: [isTexts, 'a list of texts'],
  env: [isObject, 'an object of texts'],
  resourceLimits: [isObject, 'an object'],
  transfer: [(value) => typeof value === 'boolean', 'true or false'],
}
const ONLY_THREADS: ReadonlySet<string> = new Set(['resourceLimits', 'transfer'])

/** Throws `PLB_OPTION_INVALID` where an option is wrong. */
export function resolveOptions(given: ThreadOptions, kind: 'thread' | 'process'): ResolvedOptions {
  for (const [option, value] of Object.entries(given)) {
    const rule = Object.hasOwn(RULES, option) ? RULES[option as keyof ThreadOptions] : undefined
    if (rule === undefined || (kind === 'process' && ONLY_THREADS.has(option)))
      throw new PipelineError('OPTION_INVALID', {
        option,
        what: `is no option of ${kind === 'thread' ? 'threads()' : 'processes()'}`,
      })
    if (value !== undefined && !rule[0](value))
      throw new PipelineError('OPTION_INVALID', { option, what: `must be ${rule[1]}, got ${show(value)}` })
  }
  const { name = kind, share = 'executor', idleMs = 60_000, stuckMs = 250, transfer = false } = given
  const { execArgv, env, resourceLimits } = given
  return { name, share, idleMs, stuckMs, transfer, execArgv, env, resourceLimits }
}
