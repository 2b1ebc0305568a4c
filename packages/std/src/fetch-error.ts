import { reasonOf } from '@pipelines/core/coro'
import { type FetchRequest, shortUrl } from './fetch-request.js'

/** Characters of an answer that are kept of an error. */
const TOLD = 1024

/** An answer whose status is no success. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
  readonly status: number
  readonly url: string
  /** How the answer begins. */
  readonly body: string
  /** What the answer says under `retry-after`. */
  readonly retryAfter: string | undefined

  constructor(request: FetchRequest, { status, statusText, headers, url }: Response, body: string) {
    const told = body.trim().slice(0, 200)
    super(
      `${nameOf(request)} answered ${status}${statusText === '' ? '' : ` ${statusText}`}${told === '' ? '.' : `: ${told}`}`,
    )
    this.status = status
    this.url = url === '' ? shortUrl(request.url) : shortUrl(new URL(url))
    this.body = body
    this.retryAfter = headers.get('retry-after') ?? undefined
  }

  /** Reads how the answer begins, and lets go of the rest. */
  static async of(request: FetchRequest, response: Response): Promise<FetchError> {
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const piece of response.body ?? []) {
      pieces.push(piece)
      size += piece.length
      if (size >= TOLD) break
    }
    return new FetchError(request, response, Buffer.concat(pieces).subarray(0, TOLD).toString('utf8'))
  }
}

/** A request in messages. */
export const nameOf = ({ method, url }: FetchRequest): string => `${method} ${shortUrl(url)}`

/** What to throw where no answer came. What `fetch` itself says is "fetch failed", and the reason is behind it. */
export function notFetched(request: FetchRequest, error: unknown): Error {
  const reason: unknown = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = reason instanceof Error && 'code' in reason ? reason.code : undefined
  return Object.assign(new Error(`${nameOf(request)} failed: ${reasonOf(reason) || String(code)}.`, { cause: error }), {
    code,
  })
}
