import { type ErrorDetails, type Executor, inline, reasonOf, show } from '@pipelines/core'
import { type CoroMap, Coros } from './coro-map.js'
import { type Limits, resolveLimits } from './graph/limits.js'

/** What a graph is built with. */
export interface BuildOptions {
  /** Where coroutines are found. */
  readonly coroMap?: CoroMap | undefined
  /** Executors beside the inline one, found by their names. */
  readonly executors?: readonly Executor[] | undefined
  readonly limits?: Partial<Limits> | undefined
  /**
   * Whether the `input` and `output` schemas of coroutines are checked per item.
   *
   * @defaultValue `false`
   */
  readonly validate?: boolean | undefined
}

/** The options with every default filled in, and what was wrong with those that were given. */
export interface ResolvedBuild {
  readonly coros: Coros
  /** Whether a coroMap was given at all. */
  readonly mapped: boolean
  /** By name. */
  readonly executors: ReadonlyMap<string, Executor>
  readonly limits: Limits
  readonly validate: boolean
  readonly problems: readonly ErrorDetails<'OPTION_INVALID'>[]
}

/** Reads options that may come from untyped code; a wrong one is a problem and keeps its default. Never throws. */
export function resolveBuild(given: unknown): ResolvedBuild {
  const problems: ErrorDetails<'OPTION_INVALID'>[] = []
  const read = <T>(option: string, use: (value: unknown) => T): T => {
    try {
      return use(isObject(given) ? Reflect.get(given, option) : undefined)
    } catch (error) {
      problems.push({ option, what: `cannot be read: ${reasonOf(error)}` })
      return use(undefined)
    }
  }
  if (!isObject(given)) problems.push({ option: 'options', what: `must be an object, got ${show(given)}` })
  const resolved = read('limits', resolveLimits)
  const executors = read('executors', executorsOf)
  const coros = read('coroMap', (value) => new Coros(value))
  problems.push(...resolved.problems, ...executors.problems)
  if (coros.problem !== undefined) problems.push({ option: 'coroMap', what: coros.problem })
  return {
    coros,
    mapped: coros.given,
    executors: executors.byName,
    limits: resolved.limits,
    validate: read('validate', (value) => value === true),
    problems,
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

interface Executors {
  readonly byName: ReadonlyMap<string, Executor>
  readonly problems: readonly ErrorDetails<'OPTION_INVALID'>[]
}

function executorsOf(given: unknown): Executors {
  const byName = new Map<string, Executor>([[inline.name, inline]])
  const problems: ErrorDetails<'OPTION_INVALID'>[] = []
  if (given === undefined) return { byName, problems }
  const list: readonly unknown[] = Array.isArray(given) ? given : [undefined]
  for (const value of list) {
    const executor = executorOf(value)
    if (executor === undefined)
      problems.push({ option: 'executors', what: 'must be a list of executors', hint: 'For example [threads()].' })
    else byName.set(executor.name, executor.value)
  }
  return { byName, problems }
}

/** The executor and its name, which is read only once. */
function executorOf(value: unknown): { readonly name: string; readonly value: Executor } | undefined {
  if (!isObject(value) || !('name' in value) || !('open' in value)) return undefined
  const { name, open } = value
  return typeof name === 'string' && typeof open === 'function' ? { name, value: value as Executor } : undefined
}
