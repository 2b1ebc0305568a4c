import type { RequestListener } from 'node:http'
import { afterAll, describe, expect, test } from 'vitest'
import { listen } from '../../bench/src/http/listening.js'
import { billOf, orderOf } from '../../bench/src/http/order.js'
import { cpuNs, type Served } from '../../bench/src/http/served.js'
import { SERVERS, type ServerName } from '../../bench/src/http/servers.js'
import { runLoad } from '../../bench/src/load.js'
import type { Load, Scale } from '../../bench/src/workload.js'
import { requests } from '../../bench/src/workloads/w11-http.js'

const quick: Scale = { size: 'quick', rounds: 1 }
const loads = requests.parts.filter((part) => part.kind === 'load')

// The server of Hono puts its own in their place.
const { Request: plainRequest, Response: plainResponse } = globalThis
afterAll(() => {
  Object.assign(globalThis, { Request: plainRequest, Response: plainResponse })
})

describe('everybody answers all requests as he should in', () => {
  test.each(loads)('$title', async (load) => {
    const { rows } = await runLoad(load, quick, serveHere)
    expect(rows.map(({ name }) => name)).toEqual(load.contestants.map(({ name }) => name))
    for (const { figures } of rows) expect(figures.requestsPerSecond).toBeGreaterThan(0)
  })
})

describe('a load', () => {
  test('has as many samples as rounds, and no verdict on amounts for a quick look', async () => {
    const { rows, verdicts, title } = await runLoad(load(['/a', '/b']), { size: 'quick', rounds: 3 }, serving(right))
    expect(rows.map(({ samples }) => samples?.length)).toEqual([3, 3])
    expect(rows.map(({ figures }) => figures.ofOurs)[0]).toBe(1)
    expect(verdicts).toEqual([])
    expect(title).toBe('a load; 50 connections, 60 requests')
  })

  test('warms up, asks each route in turn, and judges where amounts mean something', async () => {
    const asked: string[] = []
    const noting: RequestListener = (request, response) => {
      if (asked.at(-1) !== request.url) asked.push(String(request.url))
      right(request, response)
    }
    const { verdicts } = await runLoad(load(['/a', '/b']), { size: 'short', rounds: 1 }, serving(noting))
    // The first two are the look at the answers; the rounds are ab, ba and ba.
    expect(asked.slice(-5).join('')).toBe('/a/b/a/b/a')
    expect(verdicts.map(({ target }) => target)).toEqual(['/a ≥ 0.5 × as fast as /b'])
  })

  test.each([
    ['another total', answering({ order: 'order 0', total: 1 }), 'instead of {"order":"order 0"'],
    ['no bill', answering([]), 'instead of {"order":"order 0"'],
    ['another status', answering({}, 500), ': 500 application/json'],
    ['a text that nobody reads', answering({}, 200, 'text/plain'), ': 200 text/plain'],
  ])('ends at %s', async (_what, listener, message) => {
    await expect(runLoad(load(['/a']), quick, serving(listener))).rejects.toThrow(message)
  })

  test.each([
    ['another text', answering({ order: 'late' }), '0 errors, 0 of another status, 1 of another text'],
    ['another status', answering(billOf(orderOf(8)), 503), '0 errors, 1 of another status, 0 of another text'],
  ])('ends at one answer of %s among many', async (_what, wrong, message) => {
    let answers = 0
    // 9 are looked at before; then comes the volley.
    const once: RequestListener = (request, response) => (++answers === 20 ? wrong : right)(request, response)
    await expect(runLoad(load(['/a']), quick, serving(once))).rejects.toThrow(message)
  })

  test('closes its server, also after a wrong answer', async () => {
    const closed: string[] = []
    const serve = async (name: ServerName): Promise<Served> => {
      const served = await serving(answering({}))()
      return { ...served, close: () => served.close().finally(() => closed.push(name)) }
    }
    await expect(runLoad(load(['/a']), quick, serve)).rejects.toThrow('instead of')
    expect(closed).toEqual(['node'])
  })
})

async function serveHere(name: ServerName): Promise<Served> {
  return { ...(await SERVERS[name]()), cpuNs: async () => cpuNs() }
}

function serving(listener: RequestListener): () => Promise<Served> {
  return async () => ({ ...(await listen(listener)), cpuNs: async () => cpuNs() })
}

const right: RequestListener = async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const bill = billOf(JSON.parse(Buffer.concat(chunks).toString()))
  response.setHeader('content-type', 'application/json').end(JSON.stringify(bill))
}

function answering(answer: unknown, status = 200, type = 'application/json'): RequestListener {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(answer))
  }
}

function load(paths: readonly string[]): Load {
  return {
    kind: 'load',
    title: 'a load',
    server: 'node',
    requests: { full: 1_000, short: 100, quick: 60 },
    contestants: paths.map((path) => ({ name: path, ours: path === '/a', path })),
    targets: [{ kind: 'speed', ours: '/a', of: ['/b'], atLeast: 0.5 }],
  }
}
