import { randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { range } from '../support/blackbox.js'
import { chunk, chunkedHead, dial, dialAll, head, honest, obedient, post, statusesOf } from './bad-clients.js'
import { NDJSON } from './client.js'
import { NAMES } from './frameworks.js'
import { alone, type Served, serving } from './serving.js'

/*
 * Bytes that are too many, that never end, or that are no request. Whoever sends them gets an answer or loses the
 * connection; everybody else is answered, and nothing is left.
 */

const serve = serving()
const LIMIT = 1_000
/** Hono's own server holds a timer for half a second where a body was not read to its end. */
const LISTENING = NAMES.filter((name) => name !== 'fetch on Hono')

describe.each(LISTENING)('bodies, %s,', (framework) => {
  const open = (handler: object = {}) =>
    serve(framework, alone(obedient(), { bodyLimit: LIMIT, bodyTimeoutMs: 10_000, ...handler }))

  /** Sends a request over a connection of its own; gives the statuses of what comes back, until that has ended. */
  async function statusOf({ url }: Served, ...texts: readonly string[]): Promise<readonly number[]> {
    const wire = await dial(url)
    for (const text of texts) wire.send(text)
    const isAnswered = (text: string): boolean => statusesOf(text).some((status) => status !== 100)
    const statuses = statusesOf(await wire.until(isAnswered))
    await wire.leave()
    return statuses
  }

  /** A text that is so many bytes of JSON. */
  const ofBytes = (bytes: number): string => 'x'.repeat(bytes - 2)

  test('as long as they may be are answered, one byte more is 413', async () => {
    const served = await open()
    const [fits, over] = [ofBytes(LIMIT), ofBytes(LIMIT + 1)]
    expect(await statusOf(served, post(fits))).toEqual([200])
    expect(await statusOf(served, post(over))).toEqual([413])
    expect(await statusOf(served, chunkedHead(), chunk(JSON.stringify(fits)), '0\r\n\r\n')).toEqual([200])
    expect(await statusOf(served, chunkedHead(), chunk(JSON.stringify(over)), '0\r\n\r\n')).toEqual([413])
  })

  test('of lines: one that is as long as it may be is answered, one byte more is 413', async () => {
    const served = await open({ reply: 'array' })
    const lines = { type: NDJSON }
    const [fits, over] = [ofBytes(LIMIT), ofBytes(LIMIT + 1)].map((text) => `${JSON.stringify(text)}\n`) as [
      string,
      string,
    ]
    expect(await statusOf(served, chunkedHead(lines), chunk(fits + fits), '0\r\n\r\n')).toEqual([200])
    expect(await statusOf(served, chunkedHead(lines), chunk(fits + over))).toEqual([413])
  })

  test('that are said to be longer than allowed are refused before they come', async () => {
    const served = await open()
    expect(await statusOf(served, head({ headers: [`content-length: ${LIMIT + 1}`] }))).toEqual([413])
    expect(await statusOf(served, head({ headers: ['content-length: 999999999999999'] }))).toEqual([413])
  })

  // The adapter of these tests between node:http and fetch keeps a connection whose body is not read.
  const floods = framework === 'fetch on node:http' ? 1 : 10

  test('in chunks without end are cut, however many there are of them', async () => {
    const served = await open()
    const stop = honest(served)
    const wires = await dialAll(served.url, floods)
    for (const wire of wires) wire.send(chunkedHead())
    const flood = chunk(' '.repeat(10_000))
    await Promise.all(
      wires.map(async (wire) => {
        for (let sent = 0; !wire.isClosed && statusesOf(wire.text).length === 0; sent++) {
          expect(sent).toBeLessThan(100_000)
          if (!wire.send(flood) || sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        await wire.leave()
      }),
    )
    await stop()
    expect((await served.facts()).requests.completed).toBeGreaterThan(0)
  })

  test('of one line without end are 413, and one that says which', async () => {
    const served = await open({ reply: 'array' })
    const wire = await dial(served.url)
    wire.send(chunkedHead({ type: NDJSON }) + chunk('1\n2\n'))
    wire.send(chunk('3'.repeat(LIMIT + 1)))
    const text = await wire.until((got) => got.includes('}'))
    expect(statusesOf(text)).toEqual([413])
    expect(text).toContain('PLB_HTTP_BODY_TOO_LARGE')
    await wire.leave()
  })

  test('of lines without end end with the time of the request', async () => {
    const served = await open({ reply: 'array', timeoutMs: 100 })
    const wire = await dial(served.url)
    wire.send(chunkedHead({ type: NDJSON }))
    while (statusesOf(wire.text).length === 0 && !wire.isClosed) {
      wire.send(chunk('1\n'.repeat(10)))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(statusesOf(wire.text)).toEqual([504])
    await wire.leave()
  })

  test('that come byte by byte and then no more are 408', async () => {
    const served = await open({ bodyTimeoutMs: 150 })
    const wires = await dialAll(served.url, 40)
    for (const wire of wires) wire.send(chunkedHead({ type: NDJSON }) + chunk('"') + chunk('s') + chunk('l'))
    const stop = honest(served)
    const texts = await Promise.all(wires.map((wire) => wire.until((got) => got.includes('}'))))
    expect(new Set(texts.flatMap(statusesOf))).toEqual(new Set([408]))
    await stop()
    await Promise.all(wires.map((wire) => wire.leave()))
  })
})

/** Requests that are none, and what the server says to them. */
const MALFORMED: readonly (readonly [what: string, text: string, statuses: readonly number[]])[] = [
  ['garbage behind a request', `${post(1)}\u0000\u0001garbage\r\n\r\n`, [200, 400]],
  ['garbage in its place', 'GARBAGE\r\n\r\n', [400]],
  ['two lengths', head({ headers: ['content-length: 1', 'content-length: 2'] }), [400]],
  ['a length and chunks', `${chunkedHead({ headers: ['content-length: 1'] })}0\r\n\r\n`, [400]],
  ['a length that is none', head({ headers: ['content-length: 1e3'] }), [400]],
  ['a chunk without a size', `${chunkedHead()}z\r\n1\r\n`, [400]],
  ['a head without end', `${head().slice(0, -2)}${'x: y\r\n'.repeat(10_000)}`, [431]],
  ['two hosts', post(1, { headers: ['host: other'] }), [200]],
]

describe.each(LISTENING)('what is no request, %s:', (framework) => {
  test.each(MALFORMED)('%s', async (_, text, statuses) => {
    const served = await serve(framework, alone(obedient()))
    const wire = await dial(served.url)
    wire.send(text)
    const got = statusesOf(await wire.until((all) => statusesOf(all).length >= statuses.length))
    for (const status of got) expect(statuses).toContain(status)
    await wire.leave()
    expect((await served.client.post('after')).json).toBe('after')
  })

  test('random bytes after valid requests', async () => {
    const served = await serve(framework, alone(obedient()))
    const stop = honest(served)
    for (const seed of range(60)) await spoil(served, seed + 1)
    await stop()
  })

  test('headers that come twice change nothing', async () => {
    const served = await serve(framework, alone(obedient(), { timeoutHeader: 'x-timeout-ms' }))
    const twice = [
      'content-type: text/plain',
      'x-request-id: a',
      'x-request-id: b',
      `traceparent: 00-${'1'.repeat(32)}`,
    ]
    expect(await answerTo(served, post(7, { headers: [...twice, 'traceparent: 00'] }))).toEqual([200])
    expect(await answerTo(served, post(7, { headers: ['x-timeout-ms: 50', 'x-timeout-ms: 60'] }))).toEqual([400])
  })
})

/** A few valid requests of which one byte, or some, are others. */
async function spoil({ url }: Served, seed: number): Promise<void> {
  const random = randomOf(seed)
  const bytes = Buffer.from(post('fine') + chunkedHead({ type: NDJSON }) + chunk('1\n') + post([1]))
  for (let flips = random.integer(1, 6); flips > 0; flips--)
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255)
  const wire = await dial(url)
  wire.send(bytes)
  wire.end()
  await wire.until((text) => text.length > 0)
  await wire.leave()
}

async function answerTo({ url }: Served, text: string): Promise<readonly number[]> {
  const wire = await dial(url)
  wire.send(text)
  const statuses = statusesOf(await wire.until((all) => statusesOf(all).length > 0))
  await wire.leave()
  return statuses
}
