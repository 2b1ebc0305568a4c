import * as timers from 'node:timers'
import type { Executor } from '@pipelines/core'
import { type Parallelism, portable, type TasksOptions } from '@pipelines/flow/tasks'
import { processes, threads } from '@pipelines/workers'
import { afterAll, beforeEach } from 'vitest'

/** Where tasks may run. */
export const STRATEGIES: readonly Parallelism[] = ['coroutine', 'thread', 'process']

/** Where they run beside the caller. */
export const BESIDE: readonly Parallelism[] = ['thread', 'process']

/** With `SOAK=1` tests send as many items as the seed did, wherever they go. */
export const isSoak = process.env['SOAK'] !== undefined

/**
 * Lets the functions of a fixture run in threads and processes, which the tests of a file share: they end after the last
 * one. Those that wait for the next test have a timer each, so timers are not looked at after each test.
 */
export function sharedExecutors(functions: object, url: URL): readonly Executor[] {
  portable(functions, url)
  const { setTimeout, setInterval } = timers
  beforeEach(() => {
    Object.assign(globalThis, { setTimeout, setInterval })
  })
  const executors = [threads(), processes()]
  afterAll(async () => {
    for (const executor of executors) await executor.close()
  })
  return executors
}

/** The same, as options of tasks that run in one of these places. */
export function sharedPlaces(functions: object, url: URL): (parallelism: Parallelism) => TasksOptions {
  const executors = sharedExecutors(functions, url)
  return (parallelism) => ({ parallelism, executors })
}

/** A last task in this program, and what it has taken. */
export function keeping<T>() {
  const values: T[] = []
  const run = async (inputs: AsyncIterable<T>): Promise<void> => {
    for await (const value of inputs) values.push(value)
  }
  return { values, task: { run, name: 'end', parallelism: 'coroutine' } as const }
}

/** A first task in this program that gives these. */
export const giving = <T>(values: Iterable<T>) =>
  ({ run: () => values, name: 'begin', parallelism: 'coroutine' }) as const

/** Takes whatever comes. */
export async function taken(inputs: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of inputs);
}
