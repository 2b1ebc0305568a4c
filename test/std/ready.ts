import { imbalances } from '@pipelines/core'
import { Plumber, type PropertiesDocument } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { expect } from 'vitest'
import { expectBalancedBooks } from '../support/books.js'

/** Helpers of the tests of ready coroutines. */

type Args = Readonly<Record<string, unknown>>

/** A node of a line: a ready coroutine with its args, and the properties of the node. */
export type ReadyNode = readonly [coro: string, args?: Args, properties?: PropertiesDocument]

/** A Plumber of nodes in one line, each named after its coroutine. */
export function lineOf(nodes: readonly ReadyNode[], options: Readonly<Record<string, unknown>> = {}): Plumber {
  const names = nodes.map(([coro]) => coro)
  const written = nodes.map(([coro, args = {}, properties = {}]) => [coro, { coro: `std.${coro}`, args, properties }])
  const graph = names.map((name, place) => [name, names.slice(place + 1, place + 2)])
  const document = { nodes: Object.fromEntries(written), graph: Object.fromEntries(graph) }
  return new Plumber(document, { coroMap: std, ...options })
}

/** What a line gives; the books of the run are checked. */
export async function valuesOf(plumber: Plumber, input?: Iterable<unknown>): Promise<readonly unknown[]> {
  const values: unknown[] = []
  const report = await plumber.run(input, { onOutput: ({ value }) => void values.push(value) })
  expectBalancedBooks(report)
  expect(imbalances(report)).toEqual([])
  return values
}

/** What one ready coroutine gives for items. */
export const through = (
  coro: string,
  items: Iterable<unknown>,
  args?: Args,
  properties?: PropertiesDocument,
): Promise<readonly unknown[]> => valuesOf(lineOf([['inlet'], [coro, args, properties]]), items)

/** What a ready source gives. */
export const given = (coro: string, args: Args): Promise<readonly unknown[]> => valuesOf(lineOf([[coro, args]]))
