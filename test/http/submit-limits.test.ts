import { DROP } from '@pipelines/core'
import { PipelineService, type SubmitLimits, type SubmitOptions } from '@pipelines/http'
import { describe, expect, test } from 'vitest'
import { endless } from '../support/blackbox.js'
import { nested } from '../support/hostile.js'
import { dial, post } from './bad-clients.js'
import { recordsOf } from './client.js'
import { SUBMIT } from './frameworks.js'
import { type Served, serving } from './serving.js'

/*
 * Graphs of strangers who mean ill: what they may not have is refused, what does too much is cut, and nobody else waits.
 */

const serve = serving()

/** Of every kind that does not end by itself. */
const coroMap = {
  three: () => [1, 2, 3],
  same: (value: unknown) => value,
  drop: () => DROP,
  nothing: () => undefined,
  *numbers(): Generator<number> {
    for (let n = 0; ; n++) yield n
  },
  *expand(value: unknown): Generator<unknown> {
    for (;;) yield value
  },
  async *trickle(): AsyncGenerator<number> {
    for (let n = 0; ; n++) {
      await new Promise((resolve) => setImmediate(resolve))
      yield n
    }
  },
  deaf: () => new Promise(() => {}),
}

interface Node {
  readonly coro: string
  readonly args?: object
  readonly properties?: object
}

const documentOf = (nodes: Readonly<Record<string, Node | string>>, graph: object): object => ({
  nodes: Object.fromEntries(
    Object.entries(nodes).map(([name, node]) => [name, typeof node === 'string' ? { coro: node } : node]),
  ),
  graph,
})

const submitting = (limits: Partial<SubmitLimits> = {}, submit: Partial<SubmitOptions> = {}) => ({
  graphs: {},
  handlers: {},
  submit: { coroMap, limits, authorize: clientOf, ...submit },
})

/** A client is who it says it is. */
const clientOf = ({ headers }: { readonly headers: Readonly<Record<string, string | undefined>> }): string =>
  headers['x-client'] ?? 'anybody'

const send = ({ client }: Served, document: unknown, name = 'anybody') =>
  client.post(document, { path: SUBMIT, headers: { 'x-client': name } })

async function runsOf({ client }: Served): Promise<unknown> {
  const { json } = await client.get('/-/stats')
  return (json as { readonly submissions: unknown }).submissions // what that route gives
}
const NONE = { inFlight: 0, clients: 0 }

interface Refusal {
  readonly issues?: readonly { readonly code: string; readonly pointer: string }[]
}

describe('a graph that is sent may not', () => {
  const two = (properties: object, edge: unknown = 'b'): object =>
    documentOf({ a: 'three', b: { coro: 'same', properties } }, { a: [edge] })
  const rows: readonly (readonly [what: string, document: object, issue: string])[] = [
    ['name what only looks like a coroutine', documentOf({ a: 'constructor' }, {}), 'CORO_NOT_FOUND /nodes/a/coro'],
    ['name what all objects have', documentOf({ a: 'toString' }, {}), 'CORO_NOT_FOUND /nodes/a/coro'],
    ['name a property of a function', documentOf({ a: 'same.name' }, {}), 'CORO_NOT_FOUND /nodes/a/coro'],
    ['name a function of a function', documentOf({ a: 'same.call' }, {}), 'CORO_NOT_FOUND /nodes/a/coro'],
    ['have many workers', two({ workers: 17 }), 'GRAPH_LIMIT /nodes/b/properties/workers'],
    ['have a long queue', two({ queueSize: 257 }), 'GRAPH_LIMIT /nodes/b/properties/queueSize'],
    ['have a long edge', two({}, { to: 'b', queueSize: 257 }), 'GRAPH_LIMIT /graph/a/0/queueSize'],
    ['have a large batch', two({ batch: { size: 257 } }), 'GRAPH_LIMIT /nodes/b/properties/batch'],
    ['have a large window', two({ window: { size: 257 } }), 'GRAPH_LIMIT /nodes/b/properties/window'],
    ['keep much state', two({ stateful: 257 }), 'GRAPH_LIMIT /nodes/b/properties/stateful'],
    ['hold outputs', two({ emit: 'atomic' }), 'GRAPH_SCHEMA /nodes/b/properties/emit'],
    ['run on threads', two({ executor: 'thread' }), '/nodes/b/properties/executor'],
    ['run in processes', two({ executor: 'process' }), '/nodes/b/properties/executor'],
    [
      'have long args',
      documentOf(
        {
          a: { coro: 'three', args: { text: 'x'.repeat(40_000) } },
          b: { coro: 'three', args: { text: 'x'.repeat(40_000) } },
        },
        {},
      ),
      'GRAPH_LIMIT /nodes',
    ],
    ['have deep args', documentOf({ a: { coro: 'three', args: { deep: nested(40) } } }, {}), 'GRAPH_LIMIT'],
    [
      'have many nodes',
      documentOf(Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`n${n}`, 'three'])), {}),
      'GRAPH_LIMIT /nodes',
    ],
    ['have a circle', documentOf({ a: 'same', b: 'same' }, { a: ['b'], b: ['a'] }), 'GRAPH_CYCLE'],
  ]

  test.each(rows)('%s', async (_, document, issue) => {
    const served = await serve('node:http', submitting())
    const { status, json } = await send(served, document)
    const found = ((json as Refusal).issues ?? []).map(({ code, pointer }) => `${code.slice('PLB_'.length)} ${pointer}`)
    expect([status, found.find((one) => one.includes(issue))]).toEqual([400, expect.stringContaining(issue)])
    expect(await runsOf(served)).toEqual(NONE)
  })

  test.each(['fastify', 'express', 'node:http'] as const)('be longer than allowed (%s)', async (framework) => {
    const served = await serve(framework, submitting({ bytes: 1_000 }))
    const document = documentOf({ in: 'std.inlet' }, {})
    const { status } = await send(served, { document, input: ['x'.repeat(1_000)] })
    expect(status).toBe(413)
  })

  test.each(['fastify', 'express', 'node:http'] as const)(
    'come as plain text, as forms of other sites could (%s)',
    async (framework) => {
      const served = await serve(framework, submitting())
      const body = JSON.stringify(documentOf({ a: 'three' }, {}))
      const { status } = await served.client.send({ path: SUBMIT, type: 'text/plain', body })
      expect(status).toBe(415)
    },
  )

  test('name what it must not', async () => {
    const served = await serve('node:http', submitting())
    for (const body of [
      '{"nodes":{"__proto__":{"coro":"three"}},"graph":{}}',
      '{"__proto__":{"x":1}}',
      '[',
      '',
      '\u0000',
    ])
      expect((await served.client.send({ path: SUBMIT, body })).status).toBe(400)
    expect(Reflect.get({}, 'x')).toBeUndefined()
  })

  test.each([null, 1, 'text', [], true, {}, { document: null }, { document: 1 }, { document: {}, input: 1 }])(
    'be %j',
    async (sent) => {
      const served = await serve('node:http', submitting())
      expect((await send(served, sent)).status).toBe(400)
    },
  )

  test('bring an input that fits nowhere', async () => {
    const served = await serve('node:http', submitting())
    const inlet = documentOf({ in: 'std.inlet' }, {})
    for (const sent of [
      { document: inlet, input: 'text' },
      { document: inlet, input: { other: [1] } },
      { document: inlet },
      { document: documentOf({ a: 'three' }, {}), input: [1] },
    ])
      expect((await send(served, sent)).status).toBe(400)
  })
})

describe('a graph that does not end', () => {
  const limits = { outputs: 500, packets: 20_000, runMs: 5_000 }
  const rows: readonly (readonly [what: string, document: object, what422: string])[] = [
    ['is cut by its outputs', documentOf({ a: 'numbers' }, {}), 'outputs'],
    ['is cut by its outputs where it expands', documentOf({ a: 'three', b: 'expand' }, { a: ['b'] }), 'outputs'],
    ['is cut by its packets where all is dropped', documentOf({ a: 'numbers', b: 'drop' }, { a: ['b'] }), 'packets'],
    [
      'is cut by its packets where expansions expand, and are dropped',
      documentOf({ a: 'three', b: 'expand', c: 'expand', d: 'drop' }, { a: ['b'], b: ['c'], c: ['d'] }),
      'packets',
    ],
    [
      'is cut by its packets inside a join that waits for all',
      documentOf(
        { a: 'three', b: 'expand', c: 'same', j: { coro: 'same', properties: { collect: 'all' } } },
        { a: ['b', 'c'], b: ['j'], c: ['j'] },
      ),
      'packets',
    ],
  ]

  test.each(rows)('%s', async (_, document, what) => {
    const served = await serve('node:http', submitting(limits))
    const { status, text } = await send(served, document)
    expect(status === 200 ? 422 : status).toBe(422)
    expect(text).toContain('"code":"PLB_HTTP_RUN_LIMIT"')
    expect(text).toContain(what)
    expect(await runsOf(served)).toEqual(NONE)
  })

  test.each([
    ['that is a leaf which gives nothing', documentOf({ a: 'three', b: 'deaf' }, { a: ['b'] })],
    ['whose source makes nothing of anything', documentOf({ a: { coro: 'silent' } }, {})],
  ])('is cut by its time, %s', async (_, document) => {
    const silent = function* (): Generator<undefined> {
      for (;;) yield undefined
    }
    const served = await serve('node:http', submitting({ ...limits, runMs: 300 }, { coroMap: { ...coroMap, silent } }))
    const { status, json } = await send(served, document)
    expect([status, json]).toEqual([504, expect.objectContaining({ code: 'PLB_RUN_DEADLINE' })])
    expect(await runsOf(served)).toEqual(NONE)
  })

  test('waits for a client that does not read, and is over when that takes too long', async () => {
    const numbers = endless()
    const big = function* (): Generator<string> {
      for (const _ of numbers.source()) yield 'x'.repeat(10_000)
    }
    const submit = { coroMap: { big }, readerTimeoutMs: 200 }
    const served = await serve('node:http', submitting({ outputs: 1_000_000 }, submit))
    const wire = (await dial(served.url)).stopReading()
    wire.send(post(documentOf({ a: 'big' }, {}), { path: SUBMIT }))
    await expect.poll(() => numbers.closed, { timeout: 5_000 }).toBe(true)
    expect(numbers.read).toBeLessThan(5_000)
    await expect.poll(() => runsOf(served)).toEqual(NONE)
    await wire.leave()
  })
})

describe('runs of several clients', () => {
  const forever = documentOf({ a: 'trickle' }, {})
  const limits = { outputs: 1_000_000_000, packets: 1_000_000_000 }

  /** Begins a run that does not end; gives what ends it. */
  async function begin({ url }: Served, client: string, document = forever): Promise<() => Promise<unknown>> {
    const wire = await dial(url)
    wire.send(post(document, { path: SUBMIT, headers: [`x-client: ${client}`] }))
    await wire.until((text) => text.includes('"value":'))
    return () => wire.leave()
  }

  test('are counted by client: one more is 429, and another client is answered', async () => {
    const served = await serve('node:http', submitting({ ...limits, runsPerClient: 2 }))
    const ends = [await begin(served, 'a'), await begin(served, 'a')]
    const refused = await send(served, forever, 'a')
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1'])
    expect((await send(served, documentOf({ a: 'three' }, {}), 'b')).status).toBe(200)
    await ends[0]?.()
    await expect.poll(() => runsOf(served)).toEqual({ inFlight: 1, clients: 1 })
    expect((await send(served, documentOf({ a: 'three' }, {}), 'a')).status).toBe(200)
    await ends[1]?.()
    await expect.poll(() => runsOf(served)).toEqual(NONE)
  })

  test('are counted together: one more than allowed is 503', async () => {
    const served = await serve('node:http', submitting({ ...limits, runs: 2 }))
    const ends = [await begin(served, 'a'), await begin(served, 'b')]
    const { status, json } = await send(served, forever, 'c')
    expect([status, json]).toEqual([503, expect.objectContaining({ code: 'PLB_HTTP_BUSY' })])
    await Promise.all(ends.map((end) => end()))
    await expect.poll(() => runsOf(served)).toEqual(NONE)
  })

  test('do not starve each other, also where one never pauses', async () => {
    const busy = documentOf({ a: 'numbers', b: 'drop' }, { a: ['b'] })
    const served = await serve('node:http', submitting(limits))
    const wire = await dial(served.url)
    wire.send(post(busy, { path: SUBMIT, headers: ['x-client: a'] }))
    await expect.poll(() => runsOf(served)).toEqual({ inFlight: 1, clients: 1 })
    for (let n = 0; n < 10; n++) {
      const answer = await send(served, documentOf({ a: 'three', b: 'same' }, { a: ['b'] }), 'b')
      expect(recordsOf(answer).at(-1)).toEqual({ end: { outputs: 3 } })
    }
    await wire.leave()
    await expect.poll(() => runsOf(served)).toEqual(NONE)
  })

  test('that are taken by code and not read any more do not keep the service from closing', async () => {
    const service = new PipelineService({ submit: { coroMap, authorize: () => true, limits } })
    await service.start()
    const outputs = service.submissions?.run({ document: forever as never, client: 'a' }) // a document, but not to the compiler
    await outputs?.next()
    await service.close({ deadlineMs: 200 })
    expect(service.state).toBe('closed')
    await outputs?.return()
  })
})
