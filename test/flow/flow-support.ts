import type { Blueprint, Flow } from '@pipelines/flow'
import { type Input, Plumber } from '@pipelines/plumber'

/** Helpers of the tests of flows. */

export const double = (n: number): number => n * 2
export const negate = (n: number): number => -n
export const isLarge = (n: number): boolean => n > 2

/** Everything that an iterable gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const item of items) values.push(item)
  return values
}

/** The first items; then the loop is left. */
export async function first<T>(count: number, items: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const item of items) if (values.push(item) === count) break
  return values
}

/** A Plumber for a blueprint. */
export function plumberOf({ graph, ...options }: Blueprint): Plumber {
  return new Plumber(graph, options)
}

/** What a Plumber makes of a flow. */
export function byPlumber(flow: Flow<unknown>, input?: Input): Promise<unknown[]> {
  return plumberOf(flow.toBlueprint()).collect(input)
}

/** What a Plumber makes of a flow whose graph was JSON text in between. */
export function byText(flow: Flow<unknown>, input?: Input): Promise<unknown[]> {
  const { graph, ...options } = flow.toBlueprint()
  return new Plumber(JSON.stringify(graph), options).collect(input)
}

/** The nodes of a flow, by name. */
export function nodesOf(flow: Flow<unknown>): Blueprint['graph']['nodes'] {
  return flow.toBlueprint().graph.nodes
}

/** The names of the nodes of a flow. */
export function namesOf(flow: Flow<unknown>): string[] {
  return Object.keys(nodesOf(flow))
}

/** Values that do not end, can be read again, and what is known of their readers. */
export class Endless implements Iterable<number> {
  /** How many have been read, by all. */
  read = 0
  /** How many readers have begun. */
  begun = 0
  /** How many times readers were told that nobody wants more. */
  returned = 0;

  [Symbol.iterator](): Iterator<number> {
    this.begun++
    let next = 0
    return {
      next: () => {
        this.read++
        return { done: false, value: next++ }
      },
      return: () => {
        this.returned++
        return { done: true, value: undefined }
      },
    }
  }
}
