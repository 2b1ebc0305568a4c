/** What a client sends. */
export interface Order {
  readonly id: number
  readonly prices: readonly number[]
}

interface Taxed extends Order {
  readonly rate: number
}

interface Priced {
  readonly id: number
  readonly total: number
}

/** What it is answered with. */
export interface Bill {
  readonly order: string
  readonly total: number
}

/** The order with a number; each comes to another bill. */
export function orderOf(id: number): Order {
  return { id, prices: [100 + id, 250, 3 * id, 999] }
}

/** The first of three steps that every contestant takes: functions that cost little, so that the way to them shows. */
export function parse(body: unknown): Taxed {
  if (!isOrder(body)) throw new Error('the body is no order')
  const { id, prices } = body
  return { id, prices, rate: id % 2 === 0 ? 7 : 19 }
}

export function price({ id, prices, rate }: Taxed): Priced {
  let sum = 0
  for (const one of prices) sum += one
  return { id, total: Math.round((sum * (100 + rate)) / 100) }
}

/** The same for somebody who must be asked: it waits 2 ms. */
export async function priceLater(order: Taxed): Promise<Priced> {
  await new Promise((resolve) => setTimeout(resolve, 2))
  return price(order)
}

export function shape({ id, total }: Priced): Bill {
  return { order: `order ${id}`, total }
}

/** All three steps by hand. */
export function billOf(body: unknown): Bill {
  return shape(price(parse(body)))
}

/** The same with the step that waits. */
export async function billLater(body: unknown): Promise<Bill> {
  return shape(await priceLater(parse(body)))
}

function isOrder(body: unknown): body is Order {
  return typeof body === 'object' && body !== null && 'id' in body && 'prices' in body && Array.isArray(body.prices)
}
