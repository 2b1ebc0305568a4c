import type { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { range } from '../support/blackbox.js'
import { dial, dialAll, ENDLESS, honest, type Order, obedient, post, serverSides } from './bad-clients.js'
import { alone, type Served, serving } from './serving.js'

/*
 * Clients that do not read what they have asked for. What is made for them is bounded, and over after a while.
 */

const serve = serving()
const sideOf = serverSides()
const COUNT = 10
/** Behind which a node server stands: what is not read shows at its socket. */
const LISTENING = ['fastify', 'express', 'node:http'] as const

describe.each(LISTENING)('clients that do not read, %s:', (framework) => {
  /** A graph for streams of which each request has a pipeline of its own, and one for who is honest. */
  const open = (reply: 'array' | 'ndjson' | 'sse', mode: 'shared' | 'perRequest' = 'perRequest') =>
    serve(framework, {
      graphs: { g: obedient({ mode }), other: obedient() },
      handlers: { '/': { graph: 'g', reply, readerTimeoutMs: 200, heartbeatMs: 50 }, '/honest': { graph: 'other' } },
    })

  /** Asks and takes nothing. */
  async function ask({ url }: Served, order: Order) {
    const wire = (await dial(url)).stopReading()
    wire.send(post(order))
    return wire
  }

  /** Waits until so many requests are over, however they ended. */
  async function untilOver(served: Served, count: number): Promise<void> {
    const over = async (): Promise<number> => {
      const { inFlight, requests } = await served.facts()
      return inFlight === 0 ? requests.left + requests.failed + requests.completed : 0
    }
    await expect.poll(over, { interval: 10, timeout: 10_000 }).toBe(count)
  }

  test.each(['ndjson', 'sse'] as const)('many of them are given up, and nobody else waits (%s)', async (reply) => {
    const served = await open(reply)
    const stop = honest(served, '/honest')
    const wires = await Promise.all(range(COUNT).map(() => ask(served, ENDLESS)))
    await untilOver(served, COUNT)
    await stop()
    expect((await served.facts()).requests).toMatchObject({ completed: 0, refused: 0 })
    for (const wire of wires) expect(sideOf(wire).socket.destroyed).toBe(true)
    await Promise.all(wires.map((wire) => wire.leave()))
  })

  test('one who shares a graph with others holds them up only as long as it is waited for', async () => {
    const served = await open('ndjson', 'shared')
    const wire = await ask(served, ENDLESS)
    await expect.poll(() => served.pipeline().snapshot().nodes['work']?.emitted).toBeGreaterThan(64)
    expect((await served.client.post(7)).status).toBe(200)
    await untilOver(served, 2)
    await wire.leave()
  })

  test.each([
    ['of one large piece', { count: 1, size: 20_000_000 }],
    ['of many pieces', { count: 2_000, size: 10_000 }],
  ])('an answer %s is thrown away with the connection', async (_, order) => {
    for (const reply of ['array', 'ndjson'] as const) {
      const served = await open(reply)
      const wire = await ask(served, order)
      await untilOver(served, 1)
      await expect.poll(() => sideOf(wire).socket.destroyed, { timeout: 5_000 }).toBe(true)
      await wire.leave()
    }
  })

  test('who reads in time gets everything', async () => {
    const served = await open('ndjson')
    const wire = await dial(served.url)
    wire.send(post({ count: 300, size: 10_000 }))
    const text = await wire.until((got) => got.includes('{"end":{"outputs":300}}'))
    expect(text.length).toBeGreaterThan(3_000_000)
    await wire.leave()
  })
})

describe.each(LISTENING)('connections, %s,', (framework) => {
  /** How many listeners there are of each kind. */
  const listeners = (emitter: EventEmitter): unknown =>
    emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)])

  test.each(['value', 'ndjson'] as const)(
    'gather no listeners, however many requests they carry (%s)',
    async (reply) => {
      const served = await serve(framework, alone(obedient(), { reply }))
      const wire = await dial(served.url)
      const seen = new Set<string>()
      for (const n of range(40)) {
        wire.send(post(n))
        await wire.until(
          (text) => text.split('HTTP/1.1 200').length === n + 2 && /(?:\r\n\r\n\d+|\r\n0\r\n\r\n)$/.test(text),
        )
        await served.quiet()
        const { server, socket } = sideOf(wire)
        if (n > 0) seen.add(JSON.stringify([listeners(server), listeners(socket)]))
      }
      expect(seen.size).toBe(1)
      await wire.leave()
    },
  )

  test('with many requests at once warn of nothing', async () => {
    const warnings: unknown[] = []
    const note = (warning: unknown): void => void warnings.push(warning)
    process.on('warning', note)
    const served = await serve(framework, alone(obedient()))
    const [wire] = await dialAll(served.url, 1)
    wire?.send(
      range(40)
        .map((n) => post(n))
        .join(''),
    )
    await wire?.until((text) => text.split('HTTP/1.1 200').length === 41)
    await wire?.leave()
    process.off('warning', note)
    expect(warnings).toEqual([])
  })
})
