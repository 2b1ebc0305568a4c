import { type Context, type CoroDefinition, defineCoro, reasonOf } from '@pipelines/core/coro'
import { argsOf, argsSchema, countArg } from './args.js'
import { collectBytes } from './collect-bytes.js'
import { FetchError, nameOf, notFetched } from './fetch-error.js'
import { type FetchRequest, partsOfItem, requestOf } from './fetch-request.js'
import { jsonOf } from './ndjson.js'
import { conflict, isSource } from './role.js'

interface FetchArgs {
  readonly url?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly as?: 'json' | 'text' | 'bytes' | 'response-meta'
  readonly maxBytes?: number
  readonly timeoutMs?: number
  readonly redirect?: 'follow' | 'manual' | 'error'
  readonly okOnly?: boolean
  readonly body?: 'json'
}

const MAX_BYTES = 10 * 1024 * 1024
const TIMEOUT_MS = 30_000

/** Fetches by HTTP. */
const fetching: CoroDefinition<unknown> = defineCoro({
  args: argsSchema(
    'Fetches what each item says, or, where the node has no inputs, one URL; gives the body of the answer.',
    {
      url: { type: 'string', minLength: 1, description: 'The URL, of a node without inputs or with `body`.' },
      method: { type: 'string', minLength: 1, description: 'The method: `GET`, and `POST` where there is a body.' },
      headers: { type: 'object', additionalProperties: { type: 'string' }, description: 'Headers of every request.' },
      as: {
        type: 'string',
        enum: ['json', 'text', 'bytes', 'response-meta'],
        default: 'json',
        description:
          'What becomes of the answer; `response-meta` is `{ url, status, statusText, headers, redirected }`.',
      },
      maxBytes: { ...countArg(1, 'Most bytes of a body, unpacked; a larger one is an error.'), default: MAX_BYTES },
      timeoutMs: { ...countArg(1, 'Milliseconds until the whole answer has to be there.'), default: TIMEOUT_MS },
      redirect: {
        type: 'string',
        enum: ['follow', 'manual', 'error'],
        default: 'follow',
        description: 'Whether it follows to another URL, gives that answer itself, or fails.',
      },
      okOnly: {
        type: 'boolean',
        default: true,
        description:
          'Whether a status other than 2xx is an error, which has `status`, `retryAfter` and how the `body` begins.',
      },
      body: { type: 'string', enum: ['json'], description: 'Each item is sent to `url`, as JSON.' },
    },
  ),
  run(input: unknown, ctx: Context) {
    const args = argsOf<FetchArgs>(ctx)
    const alone = isSource(input)
    const answer = answerTo(requestFor(input, alone, ctx), args, ctx.signal)
    return alone ? answer.then((value) => [value]) : answer
  },
})

export { fetching as fetch }

function requestFor(input: unknown, alone: boolean, ctx: Context): FetchRequest {
  const { url, method, headers, body } = argsOf<FetchArgs>(ctx)
  const isTarget = alone || body !== undefined
  if (isTarget && url === undefined) throw conflict(ctx, 'has nothing to fetch', 'Add the arg "url".')
  if (!isTarget && url !== undefined)
    throw conflict(
      ctx,
      'has inputs, which are to be fetched, and the arg "url" besides',
      'Leave it out, or set "body".',
    )
  if (alone) return requestOf({ url }, { method, headers })
  if (body === undefined) return requestOf(partsOfItem(input), { method, headers })
  return requestOf({ url, headers, body: jsonOf(input) }, { method, headers: { 'content-type': 'application/json' } })
}

/** Sends a request, and reads the answer. */
async function answerTo(request: FetchRequest, args: FetchArgs, signal: AbortSignal): Promise<unknown> {
  const { timeoutMs = TIMEOUT_MS } = args
  const stop = new AbortController()
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    stop.abort()
  }, timeoutMs)
  const abort = (): void => stop.abort(signal.reason)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await send(request, args, stop.signal)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (isLate) throw new DOMException(`${nameOf(request)} did not answer within ${timeoutMs} ms.`, 'TimeoutError')
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

async function send(request: FetchRequest, args: FetchArgs, signal: AbortSignal): Promise<unknown> {
  const { redirect = 'follow', okOnly = true, as = 'json', maxBytes = MAX_BYTES } = args
  const { url, method, headers, body = null } = request
  const response = await globalThis
    .fetch(url, { method, headers, body, redirect, signal })
    .catch((error: unknown) => Promise.reject(notFetched(request, error)))
  const isMoved = redirect === 'manual' && response.status >= 300 && response.status < 400
  if (okOnly && !response.ok && !isMoved) throw await FetchError.of(request, response)
  if (as === 'response-meta') return metaOf(response)
  const bytes = await bodyOf(request, response, maxBytes)
  if (as === 'bytes') return bytes
  const text = new TextDecoder().decode(bytes)
  return as === 'text' ? text : parsed(request, text)
}

async function metaOf(response: Response): Promise<unknown> {
  await response.body?.cancel()
  const { url, status, statusText, headers, redirected } = response
  return { url, status, statusText, headers: Object.fromEntries(headers), redirected }
}

async function bodyOf(request: FetchRequest, response: Response, most: number): Promise<Buffer> {
  const tooLarge = (): Error => new Error(`${nameOf(request)} answered with more than ${most} bytes.`)
  const { body } = response
  if (body === null) return Buffer.alloc(0)
  if (Number(response.headers.get('content-length') ?? 0) > most) {
    await body.cancel()
    throw tooLarge()
  }
  try {
    return await collectBytes(body, most, tooLarge)
  } catch (error) {
    // Of an answer that breaks off, `fetch` says "terminated".
    throw error instanceof TypeError ? notFetched(request, error) : error
  }
}

function parsed(request: FetchRequest, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${nameOf(request)} answered with no JSON: ${reasonOf(error)}. Take it as "text".`, {
      cause: error,
    })
  }
}
