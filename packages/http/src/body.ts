import { PipelineError } from '@pipelines/core'
import { parse } from 'secure-json-parse'
import type { Exchange } from './exchange.js'
import { lines } from './lines.js'
import { Patience } from './patience.js'

/** What a request brings: one value, or several that come one after the other. */
export type Body = { readonly value: unknown } | { readonly items: AsyncGenerator<Item, void, void> }

/** One of several values, and which one it is, from 1. */
export interface Item {
  readonly value: unknown
  readonly place: number
}

export interface BodyOptions {
  readonly body: 'auto' | 'value' | 'array' | 'ndjson'
  /** Most bytes of it, or of one line. */
  readonly bodyLimit: number
  readonly bodyTimeoutMs: number
}

/** Who has a say while a body is read. */
export interface BodyHooks {
  /** Throws if a value does not fit. */
  readonly check: (value: unknown, place?: number) => void
  /** Calls `cancel` when nobody wants the rest of it. */
  readonly onCancel: (cancel: (reason: unknown) => void) => () => void
}

/** Whether a body is said to be JSON. */
export const isJson = (exchange: Exchange): boolean => JSON_TYPES.test(typeOf(exchange))

const JSON_TYPES = /^application\/(?:json|[\w.!#$&^+-]+\+json)$/
const LINE_TYPES = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines|jsonlines)$/

/** The content types of which a body is taken line by line. */
export const NDJSON_TYPES: readonly string[] = ['application/x-ndjson', 'application/ndjson', 'application/jsonl']

/**
 * What a body holds; a promise where that has to come first. Of several values none is read before it is asked for.
 * Throws, or rejects with, what is wrong with it.
 */
export function readBody(exchange: Exchange, options: BodyOptions, hooks: BodyHooks): Body | Promise<Body> {
  const { parsed } = exchange
  if (parsed !== undefined) {
    if (options.body === 'ndjson') refuseType(exchange, options.body)
    return bodyWith(parsed.value, options, hooks)
  }
  refuseEncoding(exchange)
  if (isLines(exchange, options.body)) return { items: items(exchange.bytes(), options, hooks) }
  return readWhole(exchange, options, hooks)
}

async function readWhole(exchange: Exchange, options: BodyOptions, hooks: BodyHooks): Promise<Body> {
  const { bodyLimit } = options
  if (Number(exchange.header('content-length') ?? 0) > bodyLimit)
    throw new PipelineError('HTTP_BODY_TOO_LARGE', { limit: bodyLimit })
  return bodyWith(parsed(await whole(exchange.bytes(), options, hooks)), options, hooks)
}

function bodyWith(value: unknown, { body }: BodyOptions, { check }: BodyHooks): Body {
  if (body === 'array') return { items: elements(value, check) }
  check(value)
  return { value }
}

function refuseEncoding(exchange: Exchange): void {
  const encoding = exchange.header('content-encoding')
  if (encoding === undefined || encoding === 'identity') return
  throw new PipelineError('HTTP_MEDIA_TYPE', { header: 'content-encoding', found: encoding, allowed: ['identity'] })
}

function isLines(exchange: Exchange, body: BodyOptions['body']): boolean {
  const type = typeOf(exchange)
  if (LINE_TYPES.test(type) && (body === 'auto' || body === 'ndjson')) return true
  if (JSON_TYPES.test(type) && body !== 'ndjson') return false
  return refuseType(exchange, body)
}

const ALLOWED = {
  auto: ['application/json', 'application/x-ndjson'],
  value: ['application/json'],
  array: ['application/json'],
  ndjson: ['application/x-ndjson'],
}

function refuseType(exchange: Exchange, body: BodyOptions['body']): never {
  const found = exchange.header('content-type')
  throw new PipelineError('HTTP_MEDIA_TYPE', { header: 'content-type', found, allowed: ALLOWED[body] })
}

function typeOf(exchange: Exchange): string {
  return exchange.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

async function* elements(list: unknown, check: BodyHooks['check']): AsyncGenerator<Item, void, void> {
  if (!Array.isArray(list)) throw new PipelineError('HTTP_BODY_INVALID', { what: 'is no array' })
  for (const [index, value] of list.entries()) {
    check(value, index + 1)
    yield { value, place: index + 1 }
  }
}

async function* items(
  bytes: AsyncIterable<Uint8Array>,
  { bodyLimit, bodyTimeoutMs }: BodyOptions,
  { check, onCancel }: BodyHooks,
): AsyncGenerator<Item, void, void> {
  const patience = patienceOf(bodyTimeoutMs)
  const unlisten = onCancel((reason) => patience.abort(reason))
  try {
    for await (const { text, line } of lines(bytes, { limit: bodyLimit, patience })) {
      const value = parsed(text, line)
      check(value, line)
      yield { value, place: line }
    }
  } finally {
    unlisten()
  }
}

function patienceOf(timeoutMs: number): Patience {
  return new Patience(timeoutMs, () => new PipelineError('HTTP_BODY_TIMEOUT', { timeoutMs }))
}

/** All bytes of a body as text; no more than allowed are kept. */
async function whole(
  bytes: AsyncIterable<Uint8Array>,
  { bodyLimit, bodyTimeoutMs }: BodyOptions,
  { onCancel }: BodyHooks,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const patience = patienceOf(bodyTimeoutMs)
  const unlisten = onCancel((reason) => patience.abort(reason))
  const iterator = bytes[Symbol.asyncIterator]()
  let left = bodyLimit
  patience.begin()
  try {
    for (;;) {
      const step = await patience.wait(iterator.next())
      if (step.done === true) return Buffer.concat(pieces)
      left -= step.value.length
      if (left < 0) throw new PipelineError('HTTP_BODY_TOO_LARGE', { limit: bodyLimit })
      pieces.push(step.value)
    }
  } finally {
    patience.end()
    unlisten()
    // Not awaited: one that is still waiting for bytes would make this wait too.
    iterator.return?.()?.then(undefined, () => {})
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function parsed(bytes: Uint8Array, line?: number): unknown {
  if (bytes.length === 0) throw new PipelineError('HTTP_BODY_INVALID', { what: 'is empty', line })
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (cause) {
    throw new PipelineError('HTTP_BODY_INVALID', { what: 'is not UTF-8', line }, cause)
  }
  try {
    return parse(text)
  } catch (cause) {
    throw new PipelineError('HTTP_BODY_INVALID', { what: 'is not JSON, or names what it must not', line }, cause)
  }
}
