import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, defineCoro } from '@pipelines/core'

interface Customer {
  readonly id: number
  readonly name: string
}

interface Order {
  readonly customer: number
  readonly item: string
  readonly price: number
}

// Two tables in memory stand for a service and a database that are asked.
const CUSTOMERS = new Map(['Ann', 'Ben', 'Cleo', 'Dora'].map((name, place) => [place + 1, { id: place + 1, name }]))
const ORDERS: readonly Order[] = [
  { customer: 1, item: 'tea', price: 3 },
  { customer: 1, item: 'jam', price: 5 },
  { customer: 3, item: 'bread', price: 4 },
]

export const customer = defineCoro({
  input: { type: 'integer', minimum: 1 },
  async run(id: number, { signal }: Context): Promise<Customer> {
    await sleep(2, undefined, { signal })
    const found = CUSTOMERS.get(id)
    if (found === undefined) throw Object.assign(new Error(`There is no customer ${id}.`), { statusCode: 404 })
    return found
  },
})

/** For each of several customers their orders, by one query. */
export async function orders(ids: readonly number[], { signal, log }: Context): Promise<Order[][]> {
  await sleep(2, undefined, { signal })
  log.info({ customers: ids.length }, 'asked for orders')
  return ids.map((id) => ORDERS.filter(({ customer }) => customer === id))
}

export const page = ([customer, orders]: [Customer, Order[]]) => ({
  ...customer,
  orders: orders.map(({ item }) => item),
  total: orders.reduce((sum, { price }) => sum + price, 0),
})
