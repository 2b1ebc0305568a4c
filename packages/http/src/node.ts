import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline as connect } from 'node:stream/promises'
import type { Logger } from '@pipelines/core'
import type { Endpoint, Exchange, Reply } from './exchange.js'
import { toHttpError } from './http-error.js'

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
    return { [Symbol.asyncIterator]: () => this.#request.iterator({ destroyOnReturn: false }) }
  }

  onGone(tell: () => void): () => void {
    const response = this.#response
    const closed = (): void => {
      if (!response.writableEnded) tell()
    }
    response.on('close', closed)
    return () => response.off('close', closed)
  }

  drop(): void {
    this.#response.destroy()
  }
}

/** Pieces of an answer as a stream, which makes a few ahead and no more. */
export function streamOf(body: Exclude<Reply['body'], string>): Readable {
  return Readable.from(body, { objectMode: false, highWaterMark: AHEAD })
}

/** Sends a reply; settles when it is sent, or its client has left. */
export async function send(response: ServerResponse, { status, headers, body }: Reply): Promise<void> {
  if (response.destroyed) {
    if (typeof body !== 'string') await body.return()
    return
  }
  response.writeHead(status, headers)
  if (typeof body === 'string') response.end(body)
  else await connect(streamOf(body), response).catch(() => {}) // told by `onGone`
}

/**
 * Before an error is answered while the body is still coming: the connection is of no more use, since nobody reads the
 * rest, and a client that goes on sending is left alone after a while.
 */
export function leaveBody(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || response.headersSent) return
  response.setHeader('connection', 'close')
  const timer = setTimeout(() => request.destroy(), LINGER_MS)
  timer.unref()
  response.once('close', () => clearTimeout(timer))
}

/** A listener for `node:http`'s `createServer`. */
export function nodeHandler(endpoint: Endpoint): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const id = requestId(request.headers['x-request-id']?.toString())
    endpoint(new NodeExchange(request, response, { raw: request, id }))
      .catch((error) => {
        leaveBody(request, response)
        return errorReply(error)
      })
      .then((reply) => send(response, reply))
      .catch(() => response.destroy()) // headers that cannot be sent
  }
}

/** An error as an answer in JSON. */
export function errorReply(error: unknown): Reply {
  const told = toHttpError(error)
  const headers = { 'content-type': 'application/json; charset=utf-8', ...told.headers }
  return { status: told.statusCode, headers, body: JSON.stringify(told) }
}
