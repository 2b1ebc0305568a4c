import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { JSON_TYPE, NDJSON } from './client.js'
import { NAMES } from './frameworks.js'
import { count, having, held, line } from './graphs.js'
import { alone, eventually, type Served, serving } from './serving.js'
import { announced, slowly } from './wires.js'

const serve = serving()
const OVERLOADED = {
  statusCode: 503,
  code: 'PLB_RUN_OVERLOADED',
  error: 'Service Unavailable',
  message: 'Too much is in progress. Try again later.',
}

/** Sends so many requests, and waits until they are all inside. */
async function sendAll({ client, facts }: Served, values: readonly number[]) {
  const answers = values.map((value) => client.post(value))
  await eventually(() => facts().then(({ inFlight }) => inFlight)).toBe(values.length)
  return Promise.all(answers).then((all) => all.map(({ json }) => json))
}

describe.each(NAMES)('a request too many, %s', (framework) => {
  test('is sent away, and those inside are answered', async () => {
    const open = gate()
    const served = await serve(framework, alone(line({ held: held(open) }, { maxInFlight: 2 })))
    const inside = sendAll(served, [1, 2])
    await eventually(() => served.facts().then(({ inFlight }) => inFlight)).toBe(2)
    const { status, headers, json } = await served.client.post(3)
    expect([status, headers['retry-after'], json]).toEqual([503, '1', OVERLOADED])
    open.open()
    expect(await inside).toEqual([1, 2])
    expect((await served.facts()).requests).toEqual({ completed: 2, failed: 0, refused: 1, left: 0 })
  })

  test.each([JSON_TYPE, NDJSON])('is sent away before its body (%s) has come', async (type) => {
    const open = gate()
    const served = await serve(framework, alone(line({ held: held(open) }, { maxInFlight: 1 })))
    const inside = sendAll(served, [1])
    await eventually(() => served.facts().then(({ inFlight }) => inFlight)).toBe(1)
    const slow = await announced(served.url, type, 100)
    expect(await slow.statusAt('PLB_RUN_OVERLOADED')).toBe(503)
    await slow.finish()
    open.open()
    await inside
  })

  test('is one for which there is no room behind the inlet', async () => {
    const open = gate()
    const graph = line({ held: having({ workers: 1, queueSize: 2 }, held(open)) })
    const served = await serve(framework, alone(graph))
    const inside = sendAll(served, [1, 2, 3])
    await eventually(() => served.facts().then(({ snapshot }) => snapshot?.edges[0]?.depth)).toBe(2)
    const { status, headers, json } = await served.client.post(4)
    expect([status, headers['retry-after'], json]).toEqual([503, '1', OVERLOADED])
    open.open()
    expect(await inside).toEqual([1, 2, 3])
  })

  test('is one more than there may be pipelines', async () => {
    const open = gate()
    const graph = line({ held: held(open) }, { mode: 'perRequest', maxInFlight: 1 })
    const served = await serve(framework, alone(graph))
    const inside = sendAll(served, [1])
    await eventually(() => served.facts().then(({ inFlight }) => inFlight)).toBe(1)
    expect((await served.client.post(2)).json).toEqual(OVERLOADED)
    open.open()
    expect(await inside).toEqual([1])
  })

  test('is none as soon as one of those inside is out', async () => {
    const gates = [gate(), gate()]
    const late = async (n: number) => {
      await gates[n]?.opened
      return n
    }
    const graph = line({ late: having({ workers: 2, ordered: false }, late) }, { maxInFlight: 2 })
    const served = await serve(framework, alone(graph))
    const [first, second] = [served.client.post(0), served.client.post(1)]
    await eventually(() => served.facts().then(({ inFlight }) => inFlight)).toBe(2)
    gates[0]?.open()
    await first
    expect((await served.client.post(7)).json).toBe(7)
    gates[1]?.open()
    expect((await second).json).toBe(1)
  })

  test('is no more than one, however many answers it has', async () => {
    const served = await serve(framework, alone(line({ count }, { maxInFlight: 1 }), { reply: 'ndjson' }))
    const slow = await slowly(served.url, NDJSON)
    slow.send('1\n')
    await slow.until('"value":1')
    expect((await served.client.post(1)).json).toEqual(OVERLOADED)
    slow.send('2\n3\n')
    await slow.until('"value":3')
    await slow.finish()
    await served.quiet()
    expect((await served.facts()).requests).toEqual({ completed: 1, failed: 0, refused: 1, left: 0 })
  })

  test('is no line of a body that was let in: those wait for each other', async () => {
    const later = async (n: number) => n
    const served = await serve(framework, alone(line({ later }, { maxInFlight: 1 }), { reply: 'array' }))
    const values = Array.from({ length: 30 }, (_, n) => n)
    expect((await served.client.lines(values)).json).toEqual(values)
  })
})
