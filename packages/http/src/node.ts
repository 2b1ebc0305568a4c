import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline as connect } from 'node:stream/promises'
import type { Logger } from '@pipelines/core'
import { type Endpoint, type Exchange, JSON_TYPE, type Reply } from './exchange.js'
import { toHttpError } from './http-error.js'
import { RequestBytes } from './request-bytes.js'

/** What a framework on top of `node:http` knows of a request. */
export interface NodeFacts {
  readonly raw: unknown
  readonly id: string
  readonly logger?: Logger | undefined
  readonly parsed?: { readonly value: unknown } | undefined
}

const ID = /^[\w.:/+=@-]{1,128}$/
/** Bytes that a stream makes ahead of its socket. */
const AHEAD = 16_384
/** Milliseconds that a client gets to take an answer which came before all of its body had. */
const LINGER_MS = 5_000

/** The id that a request brings, if that is fit for logs; else a new one. */
export function requestId(given: string | undefined): string {
  return given !== undefined && ID.test(given) ? given : crypto.randomUUID()
}

/** An exchange of `node:http`, and of what stands on it. */
export class NodeExchange implements Exchange {
  readonly raw: unknown
  readonly id: string
  readonly logger: Logger | undefined
  readonly parsed: { readonly value: unknown } | undefined
  readonly #request: IncomingMessage
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse, { raw, id, logger, parsed }: NodeFacts) {
    this.raw = raw
    this.id = id
    this.logger = logger
    this.parsed = parsed
    this.#request = request
    this.#response = response
  }

  get address(): string | undefined {
    return this.#request.socket.remoteAddress
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  bytes(): AsyncIterable<Uint8Array> {
    return new RequestBytes(this.#request)
  }

  onGone(tell: () => void): () => void {
    const response = this.#response
    const left = (): void => {
      if (!response.writableEnded) tell()
    }
    const { socket, httpVersionMajor } = this.#request
    if (response.destroyed || socket.destroyed) left()
    if (httpVersionMajor < 2) return onceLeft(socket, left)
    response.on('close', left)
    return () => response.off('close', left)
  }

  drop(): void {
    this.#response.destroy()
  }
}

/** Pieces of an answer as a stream, which makes a few ahead and no more. */
function streamOf(body: AsyncIterable<string>): Readable {
  return Readable.from(body, { objectMode: false, highWaterMark: AHEAD })
}

/** Bytes of text that a connection takes without anybody reading it, more or less. */
const SMALL = 65_536

/** Sends a reply; settles when it is sent, or its client has left. */
export async function send(response: ServerResponse, reply: Reply): Promise<void> {
  const { status, headers, body } = reply
  if (response.destroyed) {
    if (typeof body !== 'string') await body.return()
    return
  }
  const sent = piecesOf(response, reply)
  const isText = typeof sent === 'string'
  response.writeHead(status, isText ? { ...headers, 'content-length': Buffer.byteLength(sent) } : headers)
  if (isText) response.end(sent)
  else await connect(sent, response).catch(() => {}) // told by `onGone`
}

/** What a reply is sent as: its text, or a stream. Whether it is read is watched once all of it is there. */
export function piecesOf(response: ServerResponse, { body, readerTimeoutMs }: Reply): string | Readable {
  const watch = (): void => {
    if (readerTimeoutMs !== undefined) watchReader(response, readerTimeoutMs)
  }
  if (typeof body !== 'string') return streamOf(telling(body, watch))
  if (body.length > SMALL) watch()
  return body
}

/** Who waits for the end of a connection: one listener for all of them, since there may be many requests in a row. */
const leaving = new WeakMap<Socket, (() => void)[]>()

/**
 * Calls `tell` when a connection has closed. Not when a response has: those that wait for their turn behind another one
 * on the same connection never hear of that.
 */
function onceLeft(socket: Socket, tell: () => void): () => void {
  let tells = leaving.get(socket)
  if (tells === undefined) {
    const all: (() => void)[] = []
    tells = all
    leaving.set(socket, all)
    socket.once('close', () => {
      for (const each of all.splice(0)) each()
    })
  }
  const waiting = tells
  waiting.push(tell)
  return () => {
    const place = waiting.indexOf(tell)
    if (place !== -1) waiting.splice(place, 1)
  }
}

/**
 * After an error was answered while the body is still coming: what comes of it is thrown away for a while, because closing
 * a connection with bytes unread may throw away the answer; a client that goes on after that is cut off.
 */
export function leaveBody(request: IncomingMessage): void {
  const { socket } = request
  if (request.complete || request.destroyed || !(socket instanceof Socket)) return
  request.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  const unlisten = onceLeft(socket, () => clearTimeout(timer))
  request.once('end', () => {
    clearTimeout(timer)
    unlisten()
  })
}

/** Ends a connection whose client does not take what was made for it. Call when all of it was handed over. */
function watchReader(response: ServerResponse, readerTimeoutMs: number): void {
  if (response.socket instanceof Socket) response.setTimeout(readerTimeoutMs, () => response.destroy())
}

/** The same pieces; tells when there are no more. */
function telling(body: Exclude<Reply['body'], string>, onDone: () => void): AsyncIterableIterator<string, void, void> {
  return {
    async next() {
      const step = await body.next()
      if (step.done === true) onDone()
      return step
    },
    return: () => body.return(),
    throw: (error) => body.throw(error),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Ends what is left of the connections of a server that closes, such as those that have never asked for anything. */
export function cutOffAfter(server: Server, ms: number): void {
  const timer = setTimeout(() => server.closeAllConnections(), ms)
  server.once('close', () => clearTimeout(timer))
}

/** A listener for `node:http`'s `createServer`. */
export function nodeHandler(endpoint: Endpoint): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const id = requestId(request.headers['x-request-id']?.toString())
    endpoint(new NodeExchange(request, response, { raw: request, id }))
      .catch((error) => {
        leaveBody(request)
        return errorReply(error)
      })
      .then((reply) => send(response, reply))
      .catch(() => response.destroy()) // headers that cannot be sent
  }
}

/** An error as an answer in JSON. */
export function errorReply(error: unknown): Reply {
  const told = toHttpError(error)
  const headers = { 'content-type': JSON_TYPE, ...told.headers }
  return { status: told.statusCode, headers, body: JSON.stringify(told) }
}
