import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { NAMES } from './frameworks.js'
import { having, line } from './graphs.js'
import { logged } from './logged.js'
import { alone, eventually, serving } from './serving.js'

const serve = serving()
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** Gives what a call sees. */
const facts = line({ facts: (_: unknown, { env, meta }: Context) => ({ ...env, meta }) })

describe.each(NAMES)('a call for a request, %s', (framework) => {
  test.each([
    ['shared', undefined],
    ['shared', 'ndjson'],
    ['perRequest', undefined],
  ] as const)('runs in the async context of its own request (%s, %s)', async (mode, reply) => {
    const storage = new AsyncLocalStorage<string>()
    const [arrived, open] = [gate(), gate()]
    const who = async (name: string) => {
      const before = storage.getStore()
      if (name === 'a') arrived.open()
      await (name === 'a' ? open.opened : undefined)
      return [before, storage.getStore()]
    }
    const graph = line({ who: having({ workers: 2 }, who) }, { mode })
    const { client } = await serve(
      framework,
      alone(graph, reply === undefined ? {} : { reply }, {
        enter: (headers, next) => storage.run(String(headers['x-who']), next),
      }),
    )
    const first = client.post('a', { headers: { 'x-who': 'Ann' } })
    await arrived.opened
    const second = client.post('b', { headers: { 'x-who': 'Bob' } })
    open.open()
    const [ann, bob] = [await first, await second]
    expect([ann.text, bob.text]).toEqual([
      expect.stringContaining('["Ann","Ann"]'),
      expect.stringContaining('["Bob","Bob"]'),
    ])
  })

  test('one behind the other on the same worker too', async () => {
    const storage = new AsyncLocalStorage<string>()
    const [arrived, open] = [gate(), gate()]
    const who = async (name: string) => {
      arrived.open()
      await open.opened
      return [name, storage.getStore()]
    }
    const { client, facts: look } = await serve(
      framework,
      alone(
        line({ who: having({ workers: 1 }, who) }),
        {},
        { enter: ({ host: _, ...headers }, next) => storage.run(String(headers['x-who']), next) },
      ),
    )
    const first = client.post('a', { headers: { 'x-who': 'a' } })
    await arrived.opened
    const others = ['b', 'c', 'd'].map((name) => client.post(name, { headers: { 'x-who': name } }))
    await eventually(() => look().then(({ inFlight }) => inFlight)).toBe(4)
    open.open()
    const answers = await Promise.all([first, ...others])
    expect(answers.map(({ json }) => json)).toEqual(['a', 'b', 'c', 'd'].map((name) => [name, name]))
  })

  test('sees the id that the request brings, if that is fit for logs', async () => {
    if (framework === 'fastify') return // there it is Fastify's own: see fastify.test.ts
    const { client } = await serve(framework, alone(facts))
    const idOf = async (headers: Readonly<Record<string, string>>) =>
      Reflect.get(Object((await client.post(1, { headers })).json).request, 'id')
    expect(await idOf({ 'x-request-id': 'a-1.b:2/c+3=@' })).toBe('a-1.b:2/c+3=@')
    for (const unfit of ['a b', 'a"b', 'a\tb', 'x'.repeat(129), ''])
      expect(await idOf({ 'x-request-id': unfit })).toMatch(UUID)
    expect(await idOf({})).not.toBe(await idOf({}))
  })

  test('sees the trace context that comes with the request, if it is well formed', async () => {
    const { client } = await serve(framework, alone(facts))
    const traceOf = async (traceparent: string) =>
      Reflect.get(Object((await client.post(1, { headers: { traceparent } })).json).request, 'traceparent')
    expect(await traceOf(TRACE)).toBe(TRACE)
    for (const odd of [
      '',
      'x',
      TRACE.toUpperCase(),
      `ff${TRACE.slice(2)}`,
      `${TRACE}-00`,
      TRACE.replace(/4b.*36/, '0'.repeat(32)),
    ])
      expect(await traceOf(odd)).toBeUndefined()
  })

  test('sees what the handler says of the request, over what the graph says', async () => {
    const context = async ({ headers }: { readonly headers: Headers | Readonly<Record<string, string>> }) => ({
      env: { user: headers instanceof Headers ? headers.get('x-user') : headers['x-user'], b: 2 },
      meta: { from: 'http' },
    })
    const { client } = await serve(framework, alone({ ...facts, env: { a: 1, b: 1 } }, { context }))
    const { json } = await client.post(1, { headers: { 'x-user': 'ann' } })
    expect(json).toMatchObject({ a: 1, b: 2, user: 'ann', meta: { from: 'http' }, request: { id: expect.any(String) } })
  })

  test('of a pipeline of its own sees the same', async () => {
    const context = () => ({ env: { user: 'ann' } })
    const graph = { ...facts, env: { a: 1 }, mode: 'perRequest' } as const
    const { client } = await serve(framework, alone(graph, { context }))
    expect((await client.post(1, { headers: { traceparent: TRACE } })).json).toMatchObject({
      a: 1,
      user: 'ann',
      request: { id: expect.any(String), traceparent: TRACE },
    })
  })

  test('of each line sees the one request', async () => {
    const ids = line({ id: (_: unknown, { env }: Context) => Reflect.get(Object(env['request']), 'id') })
    const { client } = await serve(framework, alone(ids, { reply: 'array' }))
    const found = (await client.lines([1, 2, 3])).json as unknown[]
    expect([found.length, new Set(found).size]).toEqual([3, 1])
  })

  test.each(['shared', 'perRequest'] as const)('logs where the request does (%s)', async (mode) => {
    const { logger, entries } = logged()
    const tell = (n: number, { log }: Context): number => {
      log.info({ n }, 'Told')
      return n
    }
    const { client } = await serve(framework, alone(line({ tell }, { mode }), {}, { logger }))
    await client.post(7)
    const told = entries.filter(({ message }) => message === 'Told')
    expect(told).toMatchObject([{ level: 'info', fields: { n: 7 } }])
    if (framework === 'fastify') expect(told[0]?.fields['reqId']).toMatch(/^req-/)
  })
})
