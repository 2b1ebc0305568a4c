import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { io, type Socket } from 'socket.io-client'
import { expect, test, vi } from 'vitest'
import { type GraphServer, makeServer } from '../../../demos/socket-server/src/app.js'

/** A graph as the demo's client sends it: names as strings, the payload in the args, two branches that are merged. */
const graphOf = (words: readonly string[]) => ({
  nodes: {
    inp: { coro: 'strings.input', args: { words } },
    reverse: { coro: 'strings.reverse' },
    upper: { coro: 'strings.upper' },
    out: { coro: 'strings.output', properties: { aggregateInputs: false } },
  },
  graph: { inp: ['reverse', 'upper'], reverse: ['out'], upper: ['out'], out: null },
})

/** The same with a branch that takes a minute. */
const slowGraph = {
  nodes: {
    ...graphOf(['ant']).nodes,
    upper: { coro: 'strings.slowly', args: { ms: 60_000 } },
  },
  graph: graphOf([]).graph,
}

/** The demo's server, and clients of it. */
class Party implements AsyncDisposable {
  readonly #served: GraphServer
  readonly #url: string
  readonly #sockets: Socket[] = []

  constructor(served: GraphServer) {
    this.#served = served
    const { port } = served.server.address() as AddressInfo // it listens on a port
    this.#url = `http://127.0.0.1:${port}`
  }

  static async begin(): Promise<Party> {
    const served = await makeServer({ runMs: 600_000 })
    await once(served.server.listen(0, '127.0.0.1'), 'listening')
    return new Party(served)
  }

  get runs(): number | undefined {
    return this.#served.service.submissions?.inFlight
  }

  /** One who is connected, and what it was sent. */
  async join(): Promise<{ readonly socket: Socket; readonly got: unknown[] }> {
    const socket = io(this.#url, { transports: ['websocket'], reconnection: false, forceNew: true })
    const got: unknown[] = []
    socket.on('recv', (message) => got.push(message))
    this.#sockets.push(socket)
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    return { socket, got }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.close()
    await this.#served.close()
  }
}

test('P-T09 five strings from the client are ten messages back', async () => {
  await using party = await Party.begin()
  const { socket, got } = await party.join()
  expect(await socket.emitWithAck('process_msg', graphOf(['ant', 'bee', 'cow', 'doe', 'eel']))).toEqual({ ok: true })
  const texts = ['tna', 'ANT', 'eeb', 'BEE', 'woc', 'COW', 'eod', 'DOE', 'lee', 'EEL']
  expect(got).toHaveLength(10)
  expect(got).toEqual(expect.arrayContaining(texts.map((text) => ({ text, sid: socket.id }))))
})

test('P-26 every message is a run of its own, whose outputs go to the client that sent it', async () => {
  await using party = await Party.begin()
  const [ann, ben] = await Promise.all([party.join(), party.join()])
  const send = (socket: Socket, word: string) => socket.emitWithAck('process_msg', graphOf([word]))
  await Promise.all([send(ann.socket, 'tea'), send(ben.socket, 'jam')])
  await send(ann.socket, 'gin')
  const of = ({ id: sid }: Socket, ...texts: string[]) => texts.map((text) => ({ text, sid }))
  expect(new Set(ann.got)).toEqual(new Set(of(ann.socket, 'aet', 'TEA', 'nig', 'GIN')))
  expect(new Set(ben.got)).toEqual(new Set(of(ben.socket, 'maj', 'JAM')))
})

test.each([
  'output.constructor',
  'strings.constructor',
  'strings.__proto__',
  'strings.input.run',
  'constructor',
  'std.io',
])('P-26 a name reaches what is offered and nothing else: %s', async (coro) => {
  await using party = await Party.begin()
  const { socket, got } = await party.join()
  const { nodes, graph } = graphOf(['ant'])
  const answer = await socket.emitWithAck('process_msg', { nodes: { ...nodes, upper: { coro } }, graph })
  expect(answer).toMatchObject({ ok: false, error: { code: 'PLB_GRAPH_INVALID' } })
  expect(answer.error.issues).toEqual([expect.objectContaining({ pointer: '/nodes/upper/coro' })])
  expect(got).toEqual([])
})

test.each([
  ['no object', 7],
  ['nothing', null],
  [
    'a graph of too many nodes',
    {
      nodes: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`n${n}`, { coro: 'strings.input' }])),
      graph: {},
    },
  ],
  ['args that are not allowed', graphOf(['x'.repeat(1001)])],
])('P-26 %s is refused, with the reason', async (_what, document) => {
  await using party = await Party.begin()
  const { socket } = await party.join()
  const answer = await socket.emitWithAck('process_msg', document)
  expect(answer).toMatchObject({ ok: false, error: { statusCode: 400, code: 'PLB_GRAPH_INVALID' } })
})

test('P-26 a client that leaves ends its own run', async () => {
  await using party = await Party.begin()
  const [ann, ben] = await Promise.all([party.join(), party.join()])
  for (const { socket } of [ann, ben]) socket.emit('process_msg', slowGraph)
  await vi.waitFor(() => expect([...ann.got, ...ben.got]).toHaveLength(2), 20_000)
  expect(party.runs).toBe(2)
  ann.socket.close()
  await vi.waitFor(() => expect(party.runs).toBe(1), 20_000)
})

test('P-26 a client has one run at a time', async () => {
  await using party = await Party.begin()
  const { socket, got } = await party.join()
  socket.emit('process_msg', slowGraph)
  await vi.waitFor(() => expect(got).toHaveLength(1), 20_000)
  const answer = await socket.emitWithAck('process_msg', graphOf(['ant']))
  expect(answer).toMatchObject({ ok: false, error: { statusCode: 429, code: 'PLB_HTTP_TOO_MANY_RUNS' } })
})
