/**
 * What threads and processes do in W7, W8 and W9: coroutines for us, tasks for the pools. They load the built file.
 */

import { writeFile } from 'node:fs/promises'

/** An item of W9. */
export interface Item {
  readonly id: number
  readonly name: string
  readonly value: number
}

/** Turns of the loop in {@link burn}: about 10 ms on the machine of the tables. */
const TURNS = 9_000_000

/** So much arithmetic, however long it takes: a loop that looks at the clock would do less beside others. */
export function burn(seed: number): number {
  let state = seed | 0
  for (let turn = 0; turn < TURNS; turn++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
  return state
}

export function increment({ id, name, value }: Item): Item {
  return { id, name, value: value + 1 }
}

/** For pools that are given several items at a time. */
export function incrementAll(items: readonly Item[]): Item[] {
  return items.map(increment)
}

/** Writes two numbers into a large array, and passes on the same one. */
export function touch(array: Float64Array): Float64Array {
  array[0] = (array[0] ?? Number.NaN) + 1
  array[array.length - 1] = array[0]
  return array
}

/** A stage of W13. */
export function plusOne(value: number): number {
  return value + 1
}

/** Constants of the tasks of W13. */
export interface Counted {
  readonly items: number
  /** The file where the last task leaves its sum, wherever it runs. */
  readonly file: string
}

/** The first task of W13. */
export function* countUp({ items }: Counted): Generator<number, void, void> {
  for (let value = 0; value < items; value++) yield value
}

/** The middle one, where generators call each other. */
export function* addOneAtOnce(values: Iterable<number>): Generator<number, void, void> {
  for (const value of values) yield value + 1
}

/** The middle one and the last one, where items come one by one. */
export async function* addOne(values: AsyncIterable<number>): AsyncGenerator<number, void, void> {
  for await (const value of values) yield value + 1
}

export async function addUp(values: AsyncIterable<number>, { file }: Counted): Promise<void> {
  let total = 0
  for await (const value of values) total += value
  await writeFile(file, String(total))
}
