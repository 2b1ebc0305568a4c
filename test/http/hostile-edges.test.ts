import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fetchHandler, type HandlerOptions, nodeHandler, PipelineService, type ServedGraph } from '@pipelines/http'
import { gate } from '@pipelines/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { bodyOf, chunk, chunkedHead, dial, dialAll, ENDLESS, head, obedient, post, statusesOf } from './bad-clients.js'
import { JSON_TYPE, NDJSON } from './client.js'
import { line } from './graphs.js'

/*
 * Moments between those of a framework: before a handler runs, after an answer is there; and errors that would like to say
 * more than they should.
 */

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A started graph. */
async function graphOf(options = obedient()): Promise<ServedGraph> {
  const service = new PipelineService({ graphs: { g: options } })
  await service.start()
  open.push(() => service.close())
  return service.graphs.g
}

/** A server with these limits. */
async function listen(listener: RequestListener, limits: object = {}): Promise<{ url: string; server: Server }> {
  const server = createServer(limits, listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  open.unshift(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server } // it listens by TCP
}

const serve = async (options?: HandlerOptions, graph = obedient()): Promise<{ url: string; graph: ServedGraph }> => {
  const served = await graphOf(graph)
  const { url } = await listen(nodeHandler(served.run(options)))
  return { url, graph: served }
}

describe('a client that has left', () => {
  test('before the handler runs is noticed when it does', async () => {
    const graph = await graphOf()
    const handler = nodeHandler(graph.run({ reply: 'ndjson', input: () => 'stuck' }))
    const gone = gate()
    const { url } = await listen((request, response) => {
      request.socket.once('close', gone.open)
      void gone.opened.then(() => handler(request, response))
    })
    const wire = await dial(url)
    wire.send(post(1))
    await new Promise((resolve) => setImmediate(resolve))
    await wire.leave()
    await gone.opened
    await expect.poll(() => [graph.inFlight, graph.counts.left]).toEqual([0, 1])
  })

  test('while somebody is asked who it is does not begin a run', async () => {
    const asked = gate()
    const answered = gate()
    const authorize = async (): Promise<boolean> => {
      asked.open()
      await answered.opened
      return true
    }
    const service = new PipelineService({ submit: { coroMap: { one: () => 1 }, authorize } })
    await service.start()
    open.push(() => service.close())
    const { url } = await listen(nodeHandler(service.routes.submit()))
    const wire = await dial(url)
    wire.send(post({ nodes: { a: { coro: 'one' } }, graph: {} }))
    await asked.opened
    await wire.leave()
    answered.open()
    await expect.poll(() => service.submissions?.inFlight).toBe(0)
  })

  test('with a web response that nobody touched is noticed by the signal of its request', async () => {
    const graph = await graphOf()
    const handle = fetchHandler(graph.run({ reply: 'ndjson', readerTimeoutMs: 60_000 }))
    const client = new AbortController()
    const headers = { 'content-type': JSON_TYPE }
    const { status } = await handle(
      new Request('http://localhost/', {
        method: 'POST',
        headers,
        body: JSON.stringify(ENDLESS),
        signal: client.signal,
      }),
    )
    expect(status).toBe(200)
    client.abort()
    await expect.poll(() => graph.inFlight).toBe(0)
  })
})

describe('an error of a coroutine', () => {
  const wild = {
    'content-length': '5',
    'content-type': 'text/html',
    'content-encoding': 'gzip',
    'transfer-encoding': 'chunked',
    connection: 'upgrade',
    'set-cookie': 'a=b',
    'retry-after': '7',
  }

  test('cannot say how its answer is sent', async () => {
    const fail = (): never => {
      throw Object.assign(new Error('upstream said no'), { statusCode: 404, headers: wild })
    }
    const { url } = await serve({}, line({ fail }))
    const wire = await dial(url)
    wire.send(post(1, { headers: ['connection: close'] }))
    const text = await wire.closed
    const [top = ''] = text.toLowerCase().split('\r\n\r\n')
    expect(top).toContain(`content-type: ${JSON_TYPE}`)
    expect(top).toContain('retry-after: 7')
    expect(top).not.toMatch(/content-length: 5\r|text\/html|gzip|upgrade|set-cookie/)
    expect(JSON.parse(bodyOf(text))).toMatchObject({ statusCode: 404, message: 'upstream said no' })
  })
})

describe('a client that goes on sending', () => {
  test('after it was refused still gets its answer', async () => {
    const { url } = await serve({ bodyLimit: 1_000 })
    const wires = await dialAll(url, 20)
    const flood = chunk(' '.repeat(1_024))
    for (const wire of wires) wire.send(chunkedHead())
    for (let sent = 0; sent < 100; sent++) {
      for (const wire of wires) wire.send(flood)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const texts = await Promise.all(wires.map((wire) => wire.until((text) => text.includes('}'))))
    expect(texts.map(statusesOf)).toEqual(wires.map(() => [413]))
    await Promise.all(wires.map((wire) => wire.leave()))
  })

  test('nothing but blank lines is not waited for longer than one that sends nothing', async () => {
    const { url, graph } = await serve({ bodyTimeoutMs: 100 })
    const wire = await dial(url)
    wire.send(chunkedHead({ type: NDJSON }))
    while (statusesOf(wire.text).length === 0 && !wire.isClosed) {
      wire.send(chunk('\n \r\n'))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(statusesOf(wire.text)).toEqual([408])
    expect(graph.inFlight).toBe(0)
    await wire.leave()
  })
})

describe('a head that does not end', () => {
  test('is ended by the limits of the server, and no graph hears of it', async () => {
    const graph = await graphOf()
    const limits = { headersTimeout: 150, requestTimeout: 300, connectionsCheckingInterval: 50 }
    const { url } = await listen(nodeHandler(graph.run()), limits)
    const wires = await dialAll(url, 100)
    for (const [n, wire] of wires.entries()) wire.send(head().slice(0, n % 2 === 0 ? -2 : 10))
    const texts = await Promise.all(wires.map((wire) => wire.closed))
    expect(texts.map(statusesOf)).toEqual(wires.map(() => [408]))
    expect(graph.counts).toEqual({ completed: 0, failed: 0, refused: 0, left: 0 })
  })
})
