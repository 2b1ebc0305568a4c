import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { aborted } from '../support/blackbox.js'
import { NDJSON, recordsOf, upload } from './client.js'
import { NAMES } from './frameworks.js'
import { count, double, having, line } from './graphs.js'
import { alone, serving } from './serving.js'

const serve = serving()
const own = { mode: 'perRequest' } as const
const sum = (ns: readonly number[]): number => ns.reduce((a, b) => a + b, 0)

describe.each(NAMES)('a pipeline for each request, %s', (framework) => {
  test('answers with a value', async () => {
    const { client } = await serve(framework, alone(line({ double }, own)))
    expect((await client.post(21)).json).toBe(42)
    expect((await client.post(1)).json).toBe(2)
  })

  test('may put the lines of a body together', async () => {
    const graph = line({ sum: having({ batch: { size: 2, returns: 'one' } }, sum) }, own)
    const { client } = await serve(framework, alone(graph, { reply: 'ndjson' }))
    const answer = await client.lines([1, 2, 3, 4, 5])
    expect(recordsOf(answer)).toEqual(
      [3, 7, 5].map((value) => ({ node: 'sum', value })).concat({ end: { outputs: 3 } } as never),
    )
  })

  test('takes the elements of an array as a stream', async () => {
    const graph = line({ sum: having({ batch: { size: 10, returns: 'one' } }, sum) }, own)
    const { client } = await serve(framework, alone(graph, { body: 'array' }))
    expect((await client.post([1, 2, 3])).json).toBe(6)
  })

  test('may be of a graph without an inlet, whatever the body is', async () => {
    const document = {
      nodes: { three: { coro: () => [1, 2, 3] }, double: { coro: double } },
      graph: { three: ['double'] },
    }
    const { client } = await serve(framework, alone({ graph: document, ...own }, { reply: 'array' }))
    expect((await client.get('/')).json).toEqual([2, 4, 6])
    expect((await client.post({ any: 'thing' })).json).toEqual([2, 4, 6])
  })

  test('may be of a graph with several inlets, of which one is fed', async () => {
    const nodes = {
      a: { coro: 'std.inlet' },
      b: { coro: 'std.inlet' },
      out: { coro: double, properties: { aggregateInputs: false } },
    }
    const graph = { graph: { nodes, graph: { a: ['out'], b: ['out'] } }, inlet: 'b', ...own }
    const { client } = await serve(framework, alone(graph))
    expect((await client.post(4)).json).toBe(8)
  })

  test('answers a line before the next one is sent', async () => {
    const { client } = await serve(framework, alone(line({ double }, own), { reply: 'ndjson' }))
    const body = upload('1\n')
    const stream = await client.open({ type: NDJSON, body })
    expect(await stream.next()).toBe('{"node":"double","value":2}')
    body.end('2\n')
    expect(await stream.rest()).toEqual(['{"node":"double","value":4}', '{"end":{"outputs":2}}'])
  })

  test('shares nothing with another one', async () => {
    const [open, inside] = [gate(), gate()]
    const late = async (n: number) => {
      if (n === 1) inside.open()
      await (n === 1 ? open.opened : undefined)
      return n
    }
    const { client } = await serve(framework, alone(line({ late: having({ workers: 1 }, late) }, own)))
    const first = client.post(1)
    await inside.opened
    expect((await client.post(2)).json).toBe(2)
    open.open()
    expect((await first).json).toBe(1)
  })

  test.each([
    [422, { statusCode: 422 }, 'Below zero.'],
    [500, {}, 'The request could not be answered.'],
  ])('that fails is answered by a status (%i), and the next one is not', async (status, facts, message) => {
    const picky = (n: number): number => {
      if (n < 0) throw Object.assign(new Error('Below zero.'), facts)
      return n
    }
    const { client } = await serve(framework, alone(line({ picky }, own)))
    const bad = await client.post(-1)
    expect([bad.status, bad.json]).toEqual([status, expect.objectContaining({ code: 'PLB_NODE_FAILED', message })])
    expect((await client.post(1)).json).toBe(1)
  })

  test('of which a line is no JSON is answered by a status', async () => {
    const { client } = await serve(framework, alone(line({ double }, own), { reply: 'array' }))
    const { status, json } = await client.send({ type: NDJSON, body: '1\n{\n' })
    expect([status, json]).toEqual([400, expect.objectContaining({ code: 'PLB_HTTP_BODY_INVALID' })])
  })

  test.each([0, 2])('that gives %i outputs is none that gives a value', async (outputs) => {
    const { client } = await serve(framework, alone(line({ count }, own)))
    const { status, json } = await client.post(outputs)
    expect([status, json]).toEqual([500, expect.objectContaining({ code: 'PLB_RUN_CARDINALITY' })])
  })

  test('ends with its client', async () => {
    const called = gate()
    const signals: AbortSignal[] = []
    const wait = async (_: unknown, { signal }: { readonly signal: AbortSignal }) => {
      signals.push(signal)
      called.open()
      return aborted(signal)
    }
    const { client, facts, quiet } = await serve(framework, alone(line({ wait }, own)))
    await client.leaving({ body: '1' }, called.opened)
    await quiet()
    expect([signals.map((signal) => signal.aborted), (await facts()).requests.left]).toEqual([[true], 1])
  })

  test('is not there in the statistics', async () => {
    const { client, facts } = await serve(framework, alone(line({ double }, own)))
    await client.post(1)
    expect(await facts()).toEqual({
      mode: 'perRequest',
      inFlight: 0,
      maxInFlight: 1024,
      requests: { completed: 1, failed: 0, refused: 0, left: 0 },
    })
  })
})
