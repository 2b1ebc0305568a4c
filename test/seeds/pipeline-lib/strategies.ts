import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Executor } from '@pipelines/core'
import { type GraphDocument, moduleCoros, Plumber, type PlumberOptions } from '@pipelines/plumber'
import { processes, type ThreadOptions, threads } from '@pipelines/workers'

/** Where the stages of a chain run. */
export type Strategy = 'inline' | 'thread' | 'process'

export const STRATEGIES: readonly Strategy[] = ['inline', 'thread', 'process']

/** Those whose stages run beside the caller. */
export const WORKERS: readonly Strategy[] = ['thread', 'process']

/** A stage: the name of its coroutine, its constants and the properties of its node. */
export interface Stage {
  readonly coro: string
  readonly args?: Readonly<Record<string, unknown>>
  readonly [property: string]: unknown
}

export interface ChainOptions extends Omit<PlumberOptions, 'coroMap' | 'executors'> {
  /** Coroutines that exist only here, for stages whose `executor` is `inline`. */
  readonly here?: Readonly<Record<string, unknown>>
  /** Threads and processes that several chains use, one after the other. @defaultValue its own */
  readonly places?: Places
}

/** Threads and processes, which end when the scope that uses them is left. */
export interface Places extends AsyncDisposable {
  readonly executors: readonly Executor[]
}

/** Threads, with options if need be, and processes. */
export function placesOf(threadOptions?: ThreadOptions): Places {
  const executors = [threads(threadOptions), processes()]
  const close = async (): Promise<void> => {
    for (const executor of executors) await executor.close()
  }
  return { executors, [Symbol.asyncDispose]: close }
}

/** A chain of stages, and an end of its threads and processes when the scope that uses it is left. */
export interface Chain extends AsyncDisposable {
  readonly plumber: Plumber
}

/** Makes chains out of the coroutines of one module: every stage runs by the strategy, unless it says where. */
export function chainsOf(
  module: URL,
): (strategy: Strategy, stages: Readonly<Record<string, Stage>>, options?: ChainOptions) => Promise<Chain> {
  return async (strategy, stages, { here = {}, places = placesOf(), ...options } = {}) => {
    const coroMap = [here, moduleCoros(module)]
    const { executors } = places
    const plumber = await Plumber.create(documentOf(strategy, stages), { ...options, coroMap, executors })
    return { plumber, [Symbol.asyncDispose]: () => places[Symbol.asyncDispose]() }
  }
}

/** The graph of a chain. */
export function documentOf(strategy: Strategy, stages: Readonly<Record<string, Stage>>): GraphDocument {
  const names = Object.keys(stages)
  return {
    nodes: Object.fromEntries(
      Object.entries(stages).map(([name, { coro, args, ...properties }]) => {
        const executor = coro === 'std.inlet' ? {} : { executor: strategy }
        return [name, { coro, ...(args && { args }), properties: { ...executor, ...properties } }]
      }),
    ),
    graph: Object.fromEntries(names.map((name, at) => [name, names.slice(at + 1, at + 2)])),
  }
}

/** A folder of files that stages in different places see, gone when the scope that uses it is left. */
export async function sharedFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'pipelines-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The sum of some numbers. */
export const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

/** The sum of the whole numbers from 0 up to, not including, `end`. */
export const sumTo = (end: number): number => (end * (end - 1)) / 2

/** Whether there is a process of that number. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
