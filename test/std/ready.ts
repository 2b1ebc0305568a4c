import { isPipelineError } from '@pipelines/core'
import { Plumber, type PropertiesDocument } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { reportOf } from '../support/blackbox.js'
import { expectSound } from '../support/virtual-time.js'

/** Helpers of the tests of ready coroutines. */

type Args = Readonly<Record<string, unknown>>

/** A node of a line: a ready coroutine with its args, and the properties of the node. */
export type ReadyNode = readonly [coro: string, args?: Args | undefined, properties?: PropertiesDocument | undefined]

/** A Plumber of nodes in one line, each named after its coroutine. */
export function lineOf(nodes: readonly ReadyNode[], options: Readonly<Record<string, unknown>> = {}): Plumber {
  const names = nodes.map(([coro]) => coro)
  const written = nodes.map(([coro, args = {}, properties = {}]) => [coro, { coro: `std.${coro}`, args, properties }])
  const graph = names.map((name, place) => [name, names.slice(place + 1, place + 2)])
  const document = { nodes: Object.fromEntries(written), graph: Object.fromEntries(graph) }
  return new Plumber(document, { coroMap: std, ...options })
}

/** What a line gives. The books of the run are checked, also where it fails. */
export async function valuesOf(plumber: Plumber, input?: Iterable<unknown>): Promise<readonly unknown[]> {
  const values: unknown[] = []
  const inlets = plumber.order.filter((name) => plumber.nodes[name]?.coro === 'std.inlet')
  try {
    expectSound(await plumber.run(input, { onOutput: ({ value }) => void values.push(value) }), inlets)
  } catch (error) {
    if (isPipelineError(error) && 'report' in error) expectSound(reportOf(error), inlets)
    throw error
  }
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
