import { Readable } from 'node:stream'
import { gate } from '@pipelines/testkit'
import { describe, expect, test, vi } from 'vitest'
import { dial, post } from './bad-clients.js'
import { NDJSON } from './client.js'
import { NAMES } from './frameworks.js'
import { having, line } from './graphs.js'
import { alone, eventually, serving } from './serving.js'

const serve = serving()
const PIECE = 'x'.repeat(64 * 1024)
/** Far more than the buffers of two sockets hold. */
const PIECES = 240

/** What a counter says when it has stood still for a while. */
async function atRest(read: () => number): Promise<number> {
  for (let [last, still] = [-1, 0]; still < 8; still = read() === last ? still + 1 : 0) {
    last = read()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return read()
}

/** Lines, and how many of them were read by whoever sends them. */
function lines(total: number) {
  const state = { read: 0, body: Readable.from([]) }
  function* made(): Generator<string> {
    for (; state.read < total; state.read++) yield `"${PIECE}"\n`
  }
  state.body = Readable.from(made(), { objectMode: false, highWaterMark: 1 })
  return state
}

/** A coroutine that waits at a gate, and how many of its calls there are at once. */
function counted(open: { readonly opened: Promise<void> }) {
  const state = { inside: 0, most: 0, done: 0, coro: having({ workers: 100 }, call) }
  async function call(value: string): Promise<number> {
    state.most = Math.max(state.most, ++state.inside)
    await open.opened
    state.inside--
    state.done++
    return value.length
  }
  return state
}

describe.each(NAMES)('a client that sends faster than the graph works, %s', (framework) => {
  test('waits: so many lines are inside, and no more are read', async () => {
    const open = gate()
    const work = counted(open)
    const { client } = await serve(framework, alone(line({ work: work.coro }), { reply: 'ndjson', itemsInFlight: 4 }))
    const sent = lines(PIECES)
    const answer = client.open({ type: NDJSON, body: sent.body })
    await eventually(() => work.inside).toBe(4)
    expect(await atRest(() => sent.read)).toBeLessThan(PIECES * 0.8)
    expect(work.most).toBe(4)
    open.open()
    const records = await (await answer).rest()
    expect([records.length, work.done, work.most]).toEqual([PIECES + 1, PIECES, 4])
  })

  test('waits for a pipeline of its own too', async () => {
    const open = gate()
    const work = counted(open)
    const graph = line(
      { work: { ...(work.coro as object), properties: { workers: 2, queueSize: 2 } } },
      { mode: 'perRequest' },
    )
    const { client } = await serve(framework, alone(graph, { reply: 'ndjson' }))
    const sent = lines(PIECES)
    const answer = client.open({ type: NDJSON, body: sent.body })
    await eventually(() => work.inside).toBe(2)
    expect(await atRest(() => sent.read)).toBeLessThan(PIECES * 0.8)
    open.open()
    expect([(await (await answer).rest()).length, work.most]).toEqual([PIECES + 1, 2])
  })
})

describe.each(NAMES)('a client that does not read, %s', (framework) => {
  /** Makes its answer for as long as somebody takes it. */
  function making() {
    const state = { made: 0, ended: gate(), coro: make }
    function* make(): Generator<string> {
      try {
        for (; state.made < PIECES; state.made++) yield PIECE
      } finally {
        state.ended.open()
      }
    }
    return state
  }

  test.each(['shared', 'perRequest'] as const)('makes the graph wait, and gets all in the end (%s)', async (mode) => {
    const answer = making()
    const { client } = await serve(framework, alone(line({ make: answer.coro }, { mode }), { reply: 'ndjson' }))
    const stream = await client.open({ body: '1' })
    expect(await atRest(() => answer.made)).toBeLessThan(PIECES * 0.8)
    expect(await stream.rest()).toHaveLength(PIECES + 1)
  })

  test.each(['ndjson', 'sse'] as const)('is dropped after a while (%s)', async (reply) => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => {}) // by Hono's server
    const answer = making()
    const served = await serve(framework, alone(line({ make: answer.coro }), { reply, readerTimeoutMs: 60 }))
    const wire = await dial(served.url)
    wire.send(post(1))
    wire.stopReading()
    await answer.ended.opened
    await served.quiet()
    expect(answer.made).toBeLessThan(PIECES)
    const { completed } = (await served.facts()).requests
    expect(completed).toBe(0)
    await wire.leave()
    told.mockRestore()
  })
})
