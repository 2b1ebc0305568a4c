import type { GraphOptions } from '@pipelines/http'
import { parse, price, priceLater, shape } from './order.js'

/** Inlet → parse → price → shape. */
export const BILLS: GraphOptions = graphOf({ coro: 'price' })

/** The same, with a price that must be waited for: for as many orders at once as there are connections. */
export const LATER: GraphOptions = graphOf({ coro: 'priceLater', properties: { workers: 64 } })

/** The same, where nobody waits for the order before him. */
export const UNORDERED: GraphOptions = graphOf({ coro: 'priceLater', properties: { workers: 64, ordered: false } })

function graphOf(second: { readonly coro: string; readonly properties?: object }): GraphOptions {
  return {
    graph: {
      nodes: { inlet: { coro: 'std.inlet' }, parse: { coro: 'parse' }, price: second, shape: { coro: 'shape' } },
      graph: { inlet: ['parse'], parse: ['price'], price: ['shape'] },
    },
    coroMap: { parse, price, priceLater, shape },
  }
}
