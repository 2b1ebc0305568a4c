import { DROP } from '@pipelines/core'
import { PipelineService, type SubmitOptions } from '@pipelines/http'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { endless } from '../support/blackbox.js'
import { dial, head, post, statusesOf } from './bad-clients.js'
import { recordsOf } from './client.js'
import { NAMES, SUBMIT } from './frameworks.js'
import { type Served, serving } from './serving.js'

/*
 * Graphs that clients send: who may, what they may name, what they get, and what ends with them.
 */

const serve = serving()

const coroMap = {
  three: () => [1, 2, 3],
  double: (n: number) => n * 2,
  drop: () => DROP,
  fail: () => {
    throw Object.assign(new Error('a secret'), { code: 'E_SECRET' })
  },
}

/** Nodes in one line. */
const inLine = (...coros: readonly string[]): object => ({
  nodes: Object.fromEntries(coros.map((coro) => [coro, { coro }])),
  graph: Object.fromEntries(coros.map((coro, place) => [coro, coros.slice(place + 1, place + 2)])),
})

const submitting = (submit: Partial<SubmitOptions> = {}) => ({
  graphs: {},
  handlers: {},
  submit: { coroMap, authorize: () => true, ...submit },
})

const send = ({ client }: Served, document: unknown, headers: Readonly<Record<string, string>> = {}) =>
  client.post(document, { path: SUBMIT, headers })

/** How many runs there are, and of how many clients. */
async function runsOf({ client }: Served): Promise<unknown> {
  const { json } = await client.get('/-/stats')
  return (json as { readonly submissions: unknown }).submissions // what that route gives
}
const NONE = { inFlight: 0, clients: 0 }

describe.each(NAMES)('a graph that is sent, %s,', (framework) => {
  test('is run, and each output is a record', async () => {
    const served = await serve(framework, submitting())
    const answer = await send(served, inLine('three', 'double'))
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson; charset=utf-8'])
    const values = [2, 4, 6].map((value) => ({ node: 'double', value }))
    expect(recordsOf(answer)).toEqual([...values, { end: { outputs: 3 } }])
    expect(await runsOf(served)).toEqual(NONE)
  })

  test('gives events where these are asked for', async () => {
    const served = await serve(framework, submitting())
    const { headers, text } = await send(served, inLine('three'), { accept: 'text/event-stream' })
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(text).toContain('id: 3\ndata: {"node":"three","value":3}\n\nevent: end\ndata: {"outputs":3}\n\n')
  })

  test('takes the input that comes with it', async () => {
    const served = await serve(framework, submitting())
    const document = { nodes: { in: { coro: 'std.inlet' }, out: { coro: 'double' } }, graph: { in: ['out'] } }
    const one = await send(served, { document, input: [1, 2] })
    expect(recordsOf(one).slice(0, -1)).toEqual([2, 4].map((value) => ({ node: 'out', value })))
    const named = await send(served, { document, input: { in: [5] } })
    expect(recordsOf(named)[0]).toEqual({ node: 'out', value: 10 })
  })

  test('that is wrong is refused with everything that is wrong with it', async () => {
    const served = await serve(framework, submitting())
    const wrong = {
      nodes: { a: { coro: 'nobody' }, b: { coro: 'double', properties: { workers: 99, nonsense: 1 } } },
      graph: { a: ['b', 'c'] },
    }
    const { status, json } = await send(served, wrong)
    expect([status, json]).toEqual([400, expect.objectContaining({ code: 'PLB_GRAPH_INVALID' })])
    const { issues } = json as { readonly issues: readonly { readonly pointer: string }[] }
    const places = ['/graph/a/1', '/nodes/a/coro', '/nodes/b/properties/nonsense', '/nodes/b/properties/workers']
    expect(issues.map(({ pointer }) => pointer).sort()).toEqual(places)
  })

  test('of somebody who may not is refused before its body comes', async () => {
    const served = await serve(framework, submitting({ authorize: async () => false }))
    expect((await send(served, inLine('three'))).status).toBe(403)
    // Fastify reads bodies before it asks anybody, and Hono's server waits half a second for what nobody reads.
    if (framework === 'fastify' || framework === 'fetch on Hono') return
    const wire = await dial(served.url)
    wire.send(head({ path: SUBMIT, headers: ['content-length: 1000'] }))
    expect(statusesOf(await wire.until((text) => text.includes('PLB_HTTP_FORBIDDEN')))).toEqual([403])
    await wire.leave()
  })

  test('is answered with what a hook throws, if that says so, and with nothing of it otherwise', async () => {
    const refused = Object.assign(new Error('Who are you?'), { statusCode: 401 })
    const first = await serve(framework, submitting({ authorize: () => Promise.reject(refused) }))
    expect(await send(first, inLine('three'))).toMatchObject({ status: 401, json: { message: 'Who are you?' } })
    const broken = (): never => {
      throw new Error('a secret')
    }
    const second = await serve(framework, submitting({ authorize: broken }))
    const { status, text } = await send(second, inLine('three'))
    expect([status, text.includes('secret')]).toEqual([500, false])
  })

  test('that fails says so in place of an answer, or in the last record, and nothing of what happened', async () => {
    const served = await serve(framework, submitting())
    const { status, text } = await send(served, inLine('three', 'fail'))
    expect([status, text.includes('PLB_NODE_FAILED'), text.toLowerCase().includes('secret')]).toEqual([
      500,
      true,
      false,
    ])
    const both = { nodes: { s: { coro: 'three' }, f: { coro: 'failAt2' } }, graph: { s: ['f'] } }
    const failAt2 = (n: number): number => (n === 2 ? coroMap.fail() : n)
    const later = await serve(framework, submitting({ coroMap: { ...coroMap, failAt2 } }))
    const answer = await send(later, both)
    expect(answer.status).toBe(200)
    expect(recordsOf(answer).at(-1)).toMatchObject({ error: { statusCode: 500, code: 'PLB_NODE_FAILED' } })
    expect(answer.text).not.toContain('secret')
  })

  test('ends with the connection: its source hears of it', async () => {
    const numbers = endless()
    const served = await serve(framework, submitting({ coroMap: { numbers: numbers.source } }))
    const wire = await dial(served.url)
    wire.send(post(inLine('numbers'), { path: SUBMIT }))
    await wire.until((text) => text.includes('"value":100'))
    expect(await runsOf(served)).toEqual({ inFlight: 1, clients: 1 })
    await wire.leave()
    await expect.poll(() => numbers.closed).toBe(true)
    await expect.poll(() => runsOf(served)).toEqual(NONE)
  })

  test('ends with the connection also while it gives nothing', async () => {
    const reached = gate()
    const signals: AbortSignal[] = []
    const wait = (_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<never> => {
      signals.push(signal)
      reached.open()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const served = await serve(framework, submitting({ coroMap: { ...coroMap, wait } }))
    const wire = await dial(served.url)
    wire.send(post(inLine('three', 'wait'), { path: SUBMIT }))
    await reached.opened
    await wire.leave()
    await expect.poll(() => signals.map(({ aborted }) => aborted)).toEqual([true])
    await expect.poll(() => runsOf(served)).toEqual(NONE)
  })
})

describe('a service', () => {
  test('without submit has no such route, and says what to do', () => {
    expect(() => new PipelineService({}).routes.submit()).toThrow(/coroMap, authorize/)
  })

  test.each(['coroMap', 'authorize'] as const)('whose submit lacks %s is refused', (name) => {
    const submit = { ...submitting().submit, [name]: undefined } as never // what untyped code may do
    expect(() => new PipelineService({ submit })).toThrow(`submit.${name}`)
  })

  test.each([{ runs: 0 }, { outputs: -1 }, { packets: 1.5 }, { runMs: Number.NaN }, { nods: 1 }])(
    'is refused for the limits %o',
    (limits) => {
      expect(() => new PipelineService(submitting({ limits: limits as object }))).toThrow()
    },
  )
})
