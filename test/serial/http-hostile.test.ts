import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { imbalances } from '@pipelines/core'
import { nodeHandler, PipelineService, type ServedGraph } from '@pipelines/http'
import { expect, test } from 'vitest'
import { dial, head, type Order, obedient, post, statusesOf, type Wire } from '../http/bad-clients.js'
import { range } from '../support/blackbox.js'

/*
 * Many bad clients for a long time, and what honest ones notice of them: SOAK=1 has ten thousand that leave, a thousand
 * that do not read, and five hundred that never finish what they say.
 */
const SOAK = process.env.SOAK !== undefined
const LEAVING = SOAK ? 10_000 : 1_000
const NOT_READING = SOAK ? 1_000 : 50
const SLOW = SOAK ? 500 : 50
const MB = 2 ** 20

interface Attacked {
  readonly url: string
  readonly server: Server
  readonly graphs: { readonly shared: ServedGraph; readonly own: ServedGraph }
  close(): Promise<void>
}

/** A server with short patience: one graph for all requests at `/`, and one of which each request has its own at `/own`. */
async function attacked(): Promise<Attacked> {
  const options = { readerTimeoutMs: 500, bodyTimeoutMs: 1_000 }
  const service = new PipelineService({
    graphs: { shared: obedient(options), own: obedient({ mode: 'perRequest', reply: 'ndjson', ...options }) },
  })
  await service.start()
  const { shared, own } = service.graphs
  const [handleShared, handleOwn] = [nodeHandler(shared.run()), nodeHandler(own.run())]
  const limits = { headersTimeout: 1_000, requestTimeout: 2_000, connectionsCheckingInterval: 200 }
  const server = createServer(limits, (request, response) => {
    if (request.url === '/own') handleOwn(request, response)
    else handleShared(request, response)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    await service.close()
    server.closeAllConnections()
    await closed
  }
  const { port } = server.address() as AddressInfo // it listens by TCP
  return { url: `http://127.0.0.1:${port}`, server, graphs: { shared, own }, close }
}

/** The end of an answer, with a length or in chunks. */
const COMPLETE = /\r\n0\r\n\r\n$|\r\n\r\n\d+$/

/** Milliseconds that each of so many requests took, one after the other, over a connection that is kept. */
async function timesOf({ url }: Attacked, isOver: (asked: number) => boolean): Promise<readonly number[]> {
  const wire = await dial(url)
  const times: number[] = []
  let known = 0
  for (let n = 0; !isOver(n); n++) {
    const before = performance.now()
    wire.send(post(n))
    await wire.until((text) => text.length > known && COMPLETE.test(text.slice(-40)))
    known = wire.text.length
    times.push(performance.now() - before)
  }
  const statuses = statusesOf(await wire.leave())
  expect(statuses).toEqual(times.map(() => 200))
  return times
}

const percentile = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN

/** Heap and buffers, when nothing is left that could be collected. */
async function memory(): Promise<number> {
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve))
  if (globalThis.gc === undefined) throw new Error('Run this with --expose-gc: npx vitest run --project serial')
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / MB
}

/** Does something with so many clients, at most 50 of which are there at once. */
async function crowd(count: number, act: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < count) await act(next++)
  }
  await Promise.all(range(50).map(one))
}

/** Leaves, each at another moment. */
async function leaves({ url }: Attacked, n: number): Promise<void> {
  const wire = await dial(url)
  const moments = [
    'POST / HT',
    head().slice(0, -2),
    `${head({ headers: ['content-length: 9'] })}"ha`,
    post('stuck'),
    post(n),
  ]
  wire.send(moments[n % moments.length] ?? '')
  if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
  await wire.leave()
}

/** Asks for more than fits, takes nothing, and stays until it is cut off. */
async function doesNotRead({ url }: Attacked): Promise<Wire> {
  const wire = (await dial(url)).stopReading()
  const order: Order = { count: 1_000, size: 100_000 }
  wire.send(post(order, { path: '/own' }))
  return wire
}

/** Says a little and then nothing, in the head or in the body. */
async function saysLittle({ url }: Attacked, n: number): Promise<Wire> {
  const wire = await dial(url)
  wire.send(n % 2 === 0 ? head().slice(0, -4) : `${head({ headers: ['content-length: 9'] })}"`)
  return wire
}

const minutes = { timeout: SOAK ? 1_200_000 : 120_000 }

async function expectNothingLeft(service: Attacked, before: number): Promise<void> {
  const { shared, own } = service.graphs
  await expect.poll(() => [shared.inFlight, own.inFlight], { timeout: 20_000 }).toEqual([0, 0])
  await expect
    .poll(() => new Promise((resolve) => service.server.getConnections((_, count) => resolve(count))), {
      timeout: 20_000,
    })
    .toBe(0)
  const grown = (await memory()) - before
  await service.close()
  expect(imbalances(await shared.pipeline.settled)).toEqual([])
  expect(grown, 'MB more than before').toBeLessThan(16)
}

test(`${LEAVING} clients leave, and nothing of them stays`, minutes, async () => {
  const service = await attacked()
  await crowd(200, (n) => leaves(service, n))
  const before = await memory()
  await crowd(LEAVING, (n) => leaves(service, n))
  await expectNothingLeft(service, before)
})

test(`${NOT_READING} clients do not read, and what they hold is bounded, and given back`, minutes, async () => {
  const service = await attacked()
  await timesOf(service, (n) => n === 100)
  const before = await memory()
  const wires: Wire[] = []
  await crowd(NOT_READING, async () => wires.push(await doesNotRead(service)))
  const held = (await memory()) - before
  // Of each: a few pieces on their way through the graph, and what its connection has been given.
  expect(held / NOT_READING, 'MB for each').toBeLessThan(2)
  // What they have been sent and did not take is theirs, and in this process too.
  await Promise.all(wires.splice(0).map((wire) => wire.leave()))
  await expectNothingLeft(service, before)
})

test(`${SLOW} clients never finish, and are cut off by themselves`, minutes, async () => {
  const service = await attacked()
  await timesOf(service, (n) => n === 100)
  const before = await memory()
  const wires = await Promise.all(range(SLOW).map((n) => saysLittle(service, n)))
  const statuses = (await Promise.all(wires.map((wire) => wire.closed))).flatMap(statusesOf)
  expect(new Set(statuses)).toEqual(new Set([408]))
  await expectNothingLeft(service, before)
})

test('honest clients hardly notice those who hold connections and say nothing', minutes, async () => {
  const service = await attacked()
  const asked = SOAK ? 5_000 : 1_000
  await timesOf(service, (n) => n === asked)
  const quiet = percentile(await timesOf(service, (n) => n === asked), 0.99)
  const before = await memory()
  const wires = await Promise.all(range(SLOW).map((n) => saysLittle(service, n)))
  const readers = await Promise.all(range(SOAK ? 100 : 10).map(() => doesNotRead(service)))
  const loud = percentile(await timesOf(service, (n) => n === asked), 0.99)
  await Promise.all([...wires, ...readers].map((wire) => wire.leave()))
  // Half a millisecond is what a machine with two processors takes from anybody at any time. Of a few requests, a
  // percentile says nothing.
  if (SOAK) expect(loud, `ms, against ${quiet}`).toBeLessThan(2 * quiet + 0.5)
  expect(loud).toBeGreaterThan(0)
  await expectNothingLeft(service, before)
})
