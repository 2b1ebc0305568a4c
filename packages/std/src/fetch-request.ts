import { show } from '@pipelines/core/coro'
import { jsonOf } from './ndjson.js'

/** A request to be sent. */
export interface FetchRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: string | Uint8Array | undefined
}

/** What a request is made of, before anything is filled in. */
export interface RequestParts {
  readonly url?: unknown
  readonly method?: unknown
  readonly headers?: unknown
  readonly body?: unknown
}

/** The parts that an item says: a URL as a text or object, or `{ url, method, headers, body }`. */
export function partsOfItem(item: unknown): RequestParts {
  if (typeof item === 'string' || item instanceof URL) return { url: item }
  if (typeof item === 'object' && item !== null && 'url' in item) return item
  throw new TypeError(`What is to be fetched is a URL, or has one as "url", and is not ${show(item)}.`)
}

/** The request that the parts make; those that come first are asked first. */
export function requestOf(parts: RequestParts, others: RequestParts): FetchRequest {
  const body = parts.body ?? others.body
  const isPlain = body === undefined || typeof body === 'string' || body instanceof Uint8Array
  const headers = new Headers(headersOf(others.headers))
  for (const [name, value] of new Headers(headersOf(parts.headers))) headers.set(name, value)
  if (!isPlain && !headers.has('content-type')) headers.set('content-type', 'application/json')
  return {
    url: urlOf(parts.url ?? others.url),
    method: String(parts.method ?? others.method ?? (body === undefined ? 'GET' : 'POST')).toUpperCase(),
    headers,
    body: isPlain ? body : jsonOf(body),
  }
}

/** A URL for messages: a password or a token in it is nobody's business. */
export const shortUrl = ({ origin, pathname }: URL): string => `${origin}${pathname}`

function urlOf(value: unknown): URL {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : value
  if (!(url instanceof URL)) throw new TypeError(`${show(value)} is no URL.`)
  if (url.protocol === 'http:' || url.protocol === 'https:') return url
  throw new TypeError(`A URL with "${url.protocol}" is not fetched; "http:" and "https:" are.`)
}

function headersOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (value instanceof Headers) return Object.fromEntries(value)
  if (typeof value === 'object' && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, String(of)]))
  throw new TypeError(`Headers are an object of texts, not ${show(value)}.`)
}
