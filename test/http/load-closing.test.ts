import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { imbalances } from '@pipelines/core'
import { type GraphOptions, type HandlerOptions, nodeHandler, PipelineService } from '@pipelines/http'
import { pipelines } from '@pipelines/http/express'
import fastifyPipelines from '@pipelines/http/fastify'
import type { Pipeline } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import express from 'express'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { range } from '../support/blackbox.js'
import {
  bodyOf,
  chunk,
  chunkedHead,
  dial,
  dialAll,
  head,
  obedient,
  post,
  statusesOf,
  type Wire,
} from './bad-clients.js'
import { NDJSON } from './client.js'
import { held, line } from './graphs.js'

/*
 * A service that closes while much is in progress: whoever is inside is answered, nobody else is let in, and all is over by
 * the deadline, whatever clients do.
 */

/** A service as its framework closes it. */
interface Closing {
  readonly url: string
  readonly pipeline: Pipeline
  close(deadlineMs: number): Promise<void>
}

type Open = (graph: GraphOptions, handler?: HandlerOptions, deadlineMs?: number) => Promise<Closing>

const FRAMEWORKS: Readonly<Record<string, Open>> = {
  fastify: async (graph, handler, closeDeadlineMs = 5_000) => {
    const app = fastify()
    await app.register(fastifyPipelines, { graphs: { g: graph }, closeDeadlineMs })
    const served = app.pipelines['g']
    if (served === undefined) throw new Error('There is no graph.')
    app.post('/', served.handler(handler))
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    return { url, pipeline: served.pipeline, close: () => app.close() }
  },
  express: async (graph, handler) => {
    const service = pipelines({ graphs: { g: graph } })
    await service.start()
    const app = express()
    app.post('/', service.graphs.g.handler(handler))
    app.use(asJson)
    const server = createServer(app)
    service.attach(server)
    return {
      url: await listening(server),
      pipeline: service.graphs.g.pipeline,
      close: (deadlineMs) => service.close({ deadlineMs }),
    }
  },
  'node:http': async (graph, handler) => {
    const service = new PipelineService({ graphs: { g: graph } })
    await service.start()
    const server = createServer(nodeHandler(service.graphs.g.run(handler)))
    const url = await listening(server)
    const close = async (deadlineMs: number): Promise<void> => {
      const closed = new Promise((resolve) => server.close(resolve))
      await service.close({ deadlineMs })
      server.closeAllConnections()
      await closed
    }
    return { url, pipeline: service.graphs.g.pipeline, close }
  },
}

const asJson: express.ErrorRequestHandler = (error, _request, response, _next) => {
  response.status(error.status).json(error)
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens by TCP
}

const ONCE = { headers: ['connection: close'] }

/** Waits until so many calls are in progress. */
async function untilBusy({ pipeline }: Closing, node: string, calls: number): Promise<void> {
  await expect.poll(() => pipeline.snapshot().nodes[node]?.inProgress, { interval: 5, timeout: 5_000 }).toBe(calls)
}

/** That everything is over, and accounted for. */
async function expectOver({ pipeline }: Closing): Promise<void> {
  const report = await pipeline.settled
  expect(imbalances(report)).toEqual([])
  expect(pipeline.snapshot().edges.map(({ depth }) => depth)).toEqual(pipeline.snapshot().edges.map(() => 0))
}

describe.each(Object.entries(FRAMEWORKS))('a service that closes, %s:', (_, open) => {
  test('whoever is inside gets an answer, and nobody is let in any more', async () => {
    const door = gate()
    const service = await open(line({ held: { coro: held(door), properties: { workers: 100 } } }))
    const inside = await dialAll(service.url, 50)
    for (const [n, wire] of inside.entries()) wire.send(post(n, ONCE))
    await untilBusy(service, 'held', 50)
    const late = await dialAll(service.url, 10)
    const closed = service.close(20_000)
    for (const wire of late) wire.send(post('late', ONCE))
    const refused = await Promise.all(late.map((wire) => wire.until((text) => text.includes('\r\n\r\n'))))
    for (const text of refused) expect(statusesOf(text)).not.toContain(200)
    await expect(dial(service.url)).rejects.toThrow('ECONNREFUSED')
    door.open()
    const texts = await Promise.all(inside.map((wire) => wire.closed))
    expect(texts.map(statusesOf)).toEqual(inside.map(() => [200]))
    expect(texts.map(bodyOf)).toEqual(range(50).map(String))
    await closed
    await expectOver(service)
  })

  test('in the middle of load: every request that came to the graph has its answer', async () => {
    const service = await open(obedient())
    const answers: string[] = []
    let stopped = false
    const ask = async (): Promise<void> => {
      while (!stopped) {
        const wire = await dial(service.url).catch(() => undefined)
        if (wire === undefined) return
        wire.send(post('load', ONCE))
        answers.push(await wire.closed)
      }
    }
    const load = Promise.all(range(20).map(ask))
    await expect.poll(() => answers.length, { interval: 1, timeout: 10_000 }).toBeGreaterThan(100)
    await service.close(10_000)
    stopped = true
    await load
    const { received } = (await service.pipeline.settled).nodes['work'] ?? {}
    const statuses = answers.flatMap(statusesOf)
    expect(statuses.filter((status) => status === 200)).toHaveLength(received ?? -1)
    for (const status of statuses) expect([200, 503]).toContain(status)
    for (const text of answers) if (statusesOf(text)[0] === 200) expect(text).toContain('load')
    await expectOver(service)
  })

  test('what is not done in time is answered with 503', async () => {
    const service = await open(obedient(), {}, 300)
    const wires = await dialAll(service.url, 20)
    for (const wire of wires) wire.send(post('stuck', ONCE))
    await untilBusy(service, 'work', 20)
    await service.close(300)
    const texts = await Promise.all(wires.map((wire) => wire.closed))
    expect(texts.map(statusesOf)).toEqual(wires.map(() => [503]))
    for (const text of texts) expect(text).toContain('PLB_HTTP_CLOSING')
    await expectOver(service)
  })

  test.each(['ndjson', 'sse'] as const)('a stream without end gets a last record that says so (%s)', async (reply) => {
    const slow = async function* (): AsyncGenerator<number> {
      for (let n = 0; ; n++) {
        await new Promise((resolve) => setImmediate(resolve))
        yield n
      }
    }
    const service = await open(
      line({ slow: { coro: slow, properties: { workers: 20, ordered: false } } }),
      { reply },
      500,
    )
    const wires = await dialAll(service.url, 20)
    for (const wire of wires) wire.send(post(1, ONCE))
    await Promise.all(wires.map((wire) => wire.until((text) => text.includes('"value":3'))))
    await service.close(300)
    for (const text of await Promise.all(wires.map((wire) => wire.closed)))
      expect(text).toMatch(reply === 'sse' ? /event: error\ndata: .*PLB_HTTP_CLOSING/ : /{"error":{"statusCode":503,.*/)
    await expectOver(service)
  })

  /** Clients that would keep a server from closing. */
  const CLINGING: readonly (readonly [what: string, begin: (wire: Wire) => void, handler: HandlerOptions])[] = [
    ['say nothing', () => {}, {}],
    ['have said half of what they want', (wire) => wire.send(head().slice(0, -2)), {}],
    ['have sent half a body', (wire) => wire.send(`${chunkedHead({ type: NDJSON })}${chunk('"ha')}`), {}],
    [
      'send lines and wait',
      (wire) => wire.send(`${chunkedHead({ type: NDJSON })}${chunk('1\n')}`),
      { reply: 'ndjson' },
    ],
    [
      'do not read a stream',
      (wire) => wire.stopReading().send(post({ count: 1e6, size: 50_000 })),
      { reply: 'ndjson' },
    ],
    ['do not read a value', (wire) => wire.stopReading().send(post({ count: 1, size: 2e7 })), {}],
    ['have been answered, and stay', (wire) => wire.send(post(1)), {}],
  ]

  // Who is not cut off at the deadline stays for ten seconds at least.
  const soon = { timeout: 5_000 }

  test.each(CLINGING)('clients that %s do not keep it from closing', soon, async (_, begin, handler) => {
    const service = await open(obedient(), handler, 300)
    const before = await dialAll(service.url, 5)
    for (const wire of before) begin(wire)
    const [probe] = await dialAll(service.url, 1)
    probe?.send('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await probe?.until((text) => statusesOf(text).length > 0)
    await service.close(300)
    await Promise.all([...before, ...(probe ? [probe] : [])].map((wire) => wire.leave()))
    await expectOver(service)
  })

  test('closing twice is closing once', async () => {
    const service = await open(obedient())
    await Promise.all([service.close(1_000), service.close(1_000)])
    await expectOver(service)
  })
})
