import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { aborted } from '../support/blackbox.js'
import { type Client, recordsOf } from './client.js'
import { NAMES } from './frameworks.js'
import { double, having, held, line } from './graphs.js'
import { alone, eventually, serving } from './serving.js'

const serve = serving()

/** Never gives an answer, unless it is told to stop. */
const never = (_: unknown, { signal }: { readonly signal: AbortSignal }) => aborted(signal)
const timeoutHeader = 'x-timeout-ms'

/** What is said of a request that was at `never`: on a busy machine, not of each one, since some do not get there in time. */
const AT_NEVER = {
  code: 'PLB_RUN_DEADLINE',
  error: 'Gateway Timeout',
  message: 'There was no answer in time. It was at "never".',
}
const asked = async (client: Client, headers = {}) => (await client.post(1, { headers })).json

describe.each(NAMES)('the time of a request, %s', (framework) => {
  test('that is up is told, with the node at which it was', async () => {
    const { client } = await serve(framework, alone(line({ quick: double, never }), { timeoutMs: 30 }))
    await eventually(() => asked(client)).toEqual({ statusCode: 504, ...AT_NEVER })
  })

  test('of one node that is up is told, with its name', async () => {
    const graph = line({ slow: having({ timeoutMs: 20 }, never) })
    const { client } = await serve(framework, alone(graph))
    const { status, json } = await client.post(1)
    const message = 'There was no answer in time. It was at "slow".'
    expect([status, json]).toEqual([504, expect.objectContaining({ code: 'PLB_NODE_TIMEOUT', message })])
  })

  test('is told to its calls, and to no other request', async () => {
    const open = gate()
    const signals = new Map<number, AbortSignal>()
    const late = async (n: number, { signal }: { readonly signal: AbortSignal }) => {
      signals.set(n, signal)
      return n === 1 ? aborted(signal) : open.opened.then(() => n)
    }
    const graphs = { g: line({ late: having({ workers: 2 }, late) }) }
    const handlers = { '/short': { graph: 'g', timeoutMs: 300 }, '/long': { graph: 'g' } }
    const { client } = await serve(framework, { graphs, handlers })
    const other = client.post(2, { path: '/long' })
    expect((await client.post(1, { path: '/short' })).status).toBe(504)
    expect([signals.get(1)?.aborted, signals.get(2)?.aborted]).toEqual([true, false])
    open.open()
    expect((await other).json).toBe(2)
  })

  test('is counted from its arrival: a body that comes late has less', async () => {
    const { client } = await serve(framework, alone(line({ never }), { timeoutMs: 40, input: () => waited(60) }))
    const { status, json } = await client.post(1)
    expect([status, json]).toEqual([504, expect.objectContaining({ code: 'PLB_RUN_DEADLINE' })])
  })

  test('that is up after the first record is the last one', async () => {
    async function* late(_: unknown, context: { readonly signal: AbortSignal }): AsyncGenerator<number> {
      yield 1
      await never(_, context)
    }
    const { client } = await serve(framework, alone(line({ late }), { reply: 'ndjson', timeoutMs: 300 }))
    const answer = await client.post(1)
    expect(recordsOf(answer)).toMatchObject([
      { value: 1 },
      { error: { statusCode: 504, code: 'PLB_RUN_DEADLINE', message: expect.stringContaining('"late"') } },
    ])
  })

  test('of a pipeline of its own names the node too', async () => {
    const graph = line({ quick: double, never }, { mode: 'perRequest', graceMs: 50 })
    const { client } = await serve(framework, alone(graph, { timeoutMs: 40 }))
    await eventually(() => asked(client)).toMatchObject(AT_NEVER)
  })

  test('may be asked for by a header', async () => {
    const { client } = await serve(framework, alone(line({ never }), { timeoutHeader: 'X-Timeout-Ms' }))
    await eventually(() => asked(client, { [timeoutHeader]: '30' })).toMatchObject(AT_NEVER)
  })

  test('that is asked for is at most what is allowed', async () => {
    const { client } = await serve(framework, alone(line({ never }), { timeoutHeader, timeoutMs: 30 }))
    await eventually(() => asked(client, { [timeoutHeader]: '600000' })).toMatchObject(AT_NEVER)
  })

  test.each(['0', '-1', '1.5', 'soon', '1e3', '99999999999', 'Infinity', ''])(
    'that is asked for as "%s" is refused before anything is done',
    async (text) => {
      const { client, pipeline } = await serve(framework, alone(line({ double }), { timeoutHeader }))
      const { status, json } = await client.post(1, { headers: { [timeoutHeader]: text } })
      expect([status, json]).toEqual([400, expect.objectContaining({ code: 'PLB_HTTP_HEADER' })])
      expect(pipeline().snapshot().nodes['in']?.received).toBe(0)
    },
  )

  test('is no matter to those who are in time', async () => {
    const open = gate()
    const graph = line({ held: held(open) })
    const { client } = await serve(framework, alone(graph, { timeoutHeader, timeoutMs: 20_000 }))
    const answer = client.post(1, { headers: { [timeoutHeader]: '10000' } })
    open.open()
    expect((await answer).json).toBe(1)
  })
})

const waited = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
