import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Context } from '@pipelines/core'
import type { GraphOptions } from '@pipelines/http'
import type { GraphDocument } from '@pipelines/plumber'
import { afterEach, beforeEach, expect } from 'vitest'
import { aborted } from '../support/blackbox.js'
import { JSON_TYPE } from './client.js'
import type { Served } from './serving.js'

/** Clients that do what no library for clients would do, and what they are let loose on. */

/** A connection that is written to by hand. */
export class Wire {
  /** Settles with all that came, when the connection has ended, in whatever way. */
  readonly closed: Promise<string>
  readonly #socket: Socket
  readonly #watchers = new Set<() => void>()
  #text = ''

  /** Made by {@link dial}. */
  constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#text += text
      for (const look of this.#watchers) look()
    })
    socket.on('error', () => {}) // a reset is what the bad ones are after
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve(this.#text)
        for (const look of this.#watchers) look()
      })
    })
  }

  /** What has come so far. */
  get text(): string {
    return this.#text
  }

  /** By which the other end knows it. */
  get port(): number | undefined {
    return this.#socket.localPort
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Writes; gives whether there is room for more. */
  send(text: string | Uint8Array): boolean {
    return this.#socket.destroyed || this.#socket.write(text)
  }

  /** Settles when as much as that has come, or no more will. */
  until(isEnough: (text: string) => boolean): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isEnough(this.#text) && !this.#socket.destroyed) return
        this.#watchers.delete(look)
        resolve(this.#text)
      }
      this.#watchers.add(look)
      look()
    })
  }

  /** Takes nothing of what comes from now on. */
  stopReading(): this {
    this.#socket.pause()
    return this
  }

  /** Says that it sends no more. */
  end(): void {
    this.#socket.end()
  }

  /** Is gone, in the middle of whatever it is. */
  leave(): Promise<string> {
    this.#socket.resetAndDestroy()
    return this.closed
  }
}

/** Connects to a server. */
export function dial(url: string): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(new Wire(socket))
    })
  })
}

/** So many connections at once. */
export function dialAll(url: string, count: number): Promise<readonly Wire[]> {
  return Promise.all(Array.from({ length: count }, () => dial(url)))
}

/** What the head of a request says. */
export interface Head {
  /** @defaultValue `'/'` */
  readonly path?: string
  /** @defaultValue `application/json` */
  readonly type?: string
  /** Lines of their own. */
  readonly headers?: readonly string[]
}

/** The head of a request; without a length in `headers`, it has none. */
export function head({ path = '/', type = JSON_TYPE, headers = [] }: Head = {}): string {
  return [`POST ${path} HTTP/1.1`, 'host: localhost', `content-type: ${type}`, ...headers, '', ''].join('\r\n')
}

/** A whole request. */
export function post(value: unknown, { headers = [], ...rest }: Head = {}): string {
  const body = JSON.stringify(value)
  return head({ ...rest, headers: [`content-length: ${Buffer.byteLength(body)}`, ...headers] }) + body
}

/** The head of a request whose body comes in chunks, and one of those. */
export const chunkedHead = (request: Head = {}): string =>
  head({ ...request, headers: ['transfer-encoding: chunked', ...(request.headers ?? [])] })
export const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`

/** The statuses of the answers in a text, in order. */
export const statusesOf = (text: string): readonly number[] =>
  [...text.matchAll(/(?<=^|\n|\d|[\]}"])HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

/** The body of the only answer in a text. */
export function bodyOf(text: string): string {
  const [first = '', body = ''] = text.split(/\r\n\r\n(.*)/s)
  if (!/^transfer-encoding: chunked$/im.test(first)) return body
  return body.replaceAll(/(?:^|\r\n)[\da-f]+\r\n/g, '').replace(/\r\n$/, '')
}

/**
 * A graph that does what it is told: a value comes out again; `'stuck'` waits until it is cancelled, `{ count, size }`
 * makes so many texts. Behind it is a fork with a join, so that there are frames and queues in which things may be left.
 */
export function obedient(options: Partial<GraphOptions> = {}): GraphOptions {
  const work = (value: unknown, { signal }: Context): unknown => {
    if (value === 'stuck') return aborted(signal)
    return isOrder(value) ? texts(value) : value
  }
  const document = {
    nodes: {
      in: { coro: 'std.inlet' },
      work: { coro: 'work', properties: { workers: 1_000, queueSize: 1_000, ordered: false } },
      left: { coro: 'same', properties: { queueSize: 8 } },
      right: { coro: 'later', properties: { workers: 16, ordered: false } },
      join: { coro: 'first', properties: { workers: 16, ordered: false } },
    },
    graph: { in: ['work'], work: ['left', 'right'], left: ['join'], right: ['join'] },
  } satisfies GraphDocument
  const same = (value: unknown): unknown => value
  const first = ([value]: readonly unknown[]): unknown => value
  return { graph: document, coroMap: { work, same, later: async (value: unknown) => value, first }, ...options }
}

/** An order for texts. */
export interface Order {
  readonly count: number
  readonly size: number
}

const isOrder = (value: unknown): value is Order => typeof value === 'object' && value !== null && 'count' in value

function* texts({ count, size }: Order): Generator<string> {
  for (let made = 0; made < count; made++) yield 'x'.repeat(size)
}

/** An answer with more than fits into the buffers between two processes. */
export const ENDLESS: Order = { count: 1_000_000, size: 50_000 }

/** Asks one thing after the other, as long as nobody says stop, and expects to be answered each time. */
export function honest({ client }: Served, path = '/'): () => Promise<readonly number[]> {
  let stopped = false
  const times: number[] = []
  const asking = (async () => {
    for (let n = 0; !stopped; n++) {
      const before = performance.now()
      const { status, text } = await client.post(n, { path })
      times.push(performance.now() - before)
      expect([status, text]).toEqual([200, String(n)])
    }
  })()
  asking.catch(() => {}) // whoever stops it is told
  return async () => {
    stopped = true
    await asking
    expect(times.length).toBeGreaterThan(0)
    return times
  }
}

/** Waits until so many requests are in progress. */
export async function untilInFlight(served: Served, count: number): Promise<void> {
  await expect.poll(async () => (await served.facts()).inFlight, { interval: 5, timeout: 10_000 }).toBe(count)
}

/** The other ends of connections: what servers of this process hold. */
export interface ServerSide {
  readonly server: Server
  readonly socket: Socket
}

/** Gives what shows the server's side of a connection by which a request has come, in every test of this file. */
export function serverSides(): (wire: Wire) => ServerSide {
  const sides = new Map<number | undefined, ServerSide>()
  const note = (message: unknown): void => {
    const { server, socket } = message as ServerSide // as Node documents that channel
    sides.set(socket.remotePort, { server, socket })
  }
  beforeEach(() => subscribe('http.server.request.start', note))
  afterEach(() => {
    unsubscribe('http.server.request.start', note)
    sides.clear()
  })
  return ({ port }) => {
    const side = sides.get(port)
    if (side === undefined) throw new Error('No request has come by that connection.')
    return side
  }
}
