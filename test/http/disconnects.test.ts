import { getEventListeners } from 'node:events'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { aborted } from '../support/blackbox.js'
import { dial, post } from './bad-clients.js'
import { NDJSON, upload } from './client.js'
import { NAMES } from './frameworks.js'
import { double, having, held, line } from './graphs.js'
import { logged } from './logged.js'
import { alone, eventually, type Served, serving } from './serving.js'

const serve = serving()
const REPLIES = ['value', 'array', 'ndjson', 'sse'] as const

/** A coroutine that waits until it is told to stop, for all values but 0. */
function waiting() {
  const signals: AbortSignal[] = []
  const calls = gate()
  const coro = async (n: number, { signal }: { readonly signal: AbortSignal }) => {
    if (n === 0) return n
    signals.push(signal)
    calls.open()
    return aborted(signal)
  }
  return { signals, called: calls.opened, wait: having({ workers: 8 }, coro) }
}

const leftOf = ({ facts }: Served) => facts().then(({ requests }) => requests.left)

describe.each(NAMES)('a client that leaves, %s', (framework) => {
  test.each(REPLIES)('takes its own work with it, and nobody else’s (%s)', async (reply) => {
    const { signals, called, wait } = waiting()
    const { logger, entries } = logged()
    const served = await serve(framework, alone(line({ wait }), { reply }, { logger }))
    await served.client.leaving({ body: '1' }, called)
    await eventually(() => leftOf(served)).toBe(1)
    await served.quiet()
    expect(signals.map((signal) => [signal.aborted, getEventListeners(signal, 'abort').length])).toEqual([[true, 0]])
    expect(signals[0]?.reason).toMatchObject({ code: 'PLB_RUN_CANCELLED' })
    expect((await served.client.post(0)).status).toBe(200)
    const told = entries.filter(({ message }) => message?.startsWith('The client left'))
    expect(told).toMatchObject([{ level: 'info', fields: { graph: 'g', requestId: expect.any(String) } }])
    expect(entries.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([])
  })

  test('after the first record is noticed too', async () => {
    const { called, wait, signals } = waiting()
    const served = await serve(framework, alone(line({ wait }), { reply: 'ndjson' }))
    const body = upload('0\n1\n')
    const stream = await served.client.open({ type: NDJSON, body })
    expect(await stream.next()).toBe('{"node":"wait","value":0}')
    await called
    stream.leave()
    await eventually(() => leftOf(served)).toBe(1)
    await served.quiet()
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
  })

  test('in the middle of its body is noticed too', async () => {
    const served = await serve(framework, alone(line({ double }), { reply: 'ndjson' }))
    const body = upload('1\n2')
    const stream = await served.client.open({ type: NDJSON, body })
    await stream.next()
    stream.leave()
    await served.quiet()
    expect((await served.facts()).requests).toMatchObject({ completed: 0, failed: 0, left: 1 })
  })

  test('frees what waits in queues, and leaves what others have there', async () => {
    const open = gate()
    const seen: number[] = []
    const slow = async (n: number) => {
      seen.push(n)
      await open.opened
      return n
    }
    const served = await serve(framework, alone(line({ slow: having({ workers: 1 }, slow) })))
    const depth = () => served.facts().then(({ snapshot }) => snapshot?.edges[0]?.depth)
    const first = served.client.post(1)
    await eventually(depth).toBe(0)
    await eventually(() => seen.length).toBe(1)
    const queued = gate()
    const leaving = served.client.leaving({ body: '2' }, queued.opened)
    await eventually(depth).toBe(1)
    const third = served.client.post(3)
    await eventually(depth).toBe(2)
    queued.open()
    await leaving
    await eventually(depth).toBe(1)
    open.open()
    expect([(await first).json, (await third).json, seen]).toEqual([1, 3, [1, 3]])
  })

  test.each(REPLIES)('does not matter where the work is to be finished (%s)', async (reply) => {
    const [called, open] = [gate(), gate()]
    const done: number[] = []
    const work = async (n: number, { signal }: { readonly signal: AbortSignal }) => {
      called.open()
      await open.opened
      if (!signal.aborted) done.push(n)
      return n
    }
    const served = await serve(framework, alone(line({ work }), { reply, onDisconnect: 'finish' }))
    await served.client.leaving({ body: '7' }, called.opened)
    await served.client.get('/-/health')
    expect((await served.facts()).inFlight).toBe(1)
    open.open()
    await served.quiet()
    expect([done, await leftOf(served)]).toEqual([[7], 1])
  })

  test('ends a generator that makes its answer', async () => {
    const ended = gate()
    async function* endless(_: unknown): AsyncGenerator<number> {
      try {
        for (let n = 0; ; n++) yield await Promise.resolve(n)
      } finally {
        ended.open()
      }
    }
    const served = await serve(framework, alone(line({ endless }), { reply: 'ndjson' }))
    const stream = await served.client.open({ body: '1' })
    expect(await stream.next()).toBe('{"node":"endless","value":0}')
    stream.leave()
    await ended.opened
    await eventually(() => leftOf(served)).toBe(1)
  })

  test('is also one that only says that it sends no more, since node:http then closes', async () => {
    const { called, signals, wait } = waiting()
    const served = await serve(framework, alone(line({ wait })))
    const wire = await dial(served.url)
    wire.send(post(1))
    await called
    wire.end()
    expect(await wire.closed).toBe('')
    await eventually(() => leftOf(served)).toBe(1)
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
  })

  test('may be one of many', async () => {
    const open = gate()
    const { signals, wait } = waiting()
    const graph = line({ wait, held: having({ workers: 100 }, held(open)) })
    const served = await serve(framework, alone(graph))
    const staying = Array.from({ length: 20 }, () => served.client.post(0))
    const going = gate()
    const leaving = Array.from({ length: 8 }, () => served.client.leaving({ body: '1' }, going.opened))
    await eventually(() => signals.length).toBe(8)
    going.open()
    await Promise.all(leaving)
    await eventually(() => leftOf(served)).toBe(8)
    open.open()
    expect((await Promise.all(staying)).map(({ json }) => json)).toEqual(Array(20).fill(0))
  })
})
