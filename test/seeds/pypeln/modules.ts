import { setInterval, setTimeout } from 'node:timers'
import { portable } from '@pipelines/flow'
import * as pl from '@pipelines/flow/pypeln'
import { beforeEach } from 'vitest'

/** A module, with its name for titles. */
type Named = readonly [name: string, module: pl.PypelnModule]

/** Those that work in the program itself. */
export const HERE: readonly Named[] = [
  ['sync', pl.sync],
  ['task', pl.task],
]

/** Those that work beside it. */
export const BESIDE: readonly Named[] = [
  ['thread', pl.thread],
  ['process', pl.process],
]

export const MODULES: readonly Named[] = [...HERE, ...BESIDE]

/** The modules where several elements are worked on at once. */
export const CONCURRENT: readonly Named[] = MODULES.slice(1)

/**
 * Lets the functions of a fixture run on the threads and in the processes that all flows of the program share: so no file
 * starts its own. Those that wait for the next test have a timer each, so timers are not looked at after each test.
 */
export function sharedWorkers(functions: Readonly<Record<string, unknown>>, url: URL): void {
  portable(functions, url)
  beforeEach(() => {
    Object.assign(globalThis, { setTimeout, setInterval })
  })
}

/** Everything that is given one by one. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const item of items) values.push(item)
  return values
}

/** Numbers, the least first. */
export const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)

/** The same values, each a little later. */
export async function* late<T>(values: Iterable<T>): AsyncGenerator<T, void, void> {
  for (const value of values) yield value
}
