import type { Pipeline } from '@pipelines/plumber'
import { endpointOf } from './endpoint-of.js'
import type { Endpoint, Exchange, Reply } from './exchange.js'
import { errorReply, requestId } from './node.js'
import type { ServingOptions } from './served-graph.js'

/**
 * Answers web-standard requests, wherever these come from: Hono, Deno, Bun, edge runtimes and `node:http` by an adapter.
 * That its client has left is told by the request's own signal, or by the cancellation of the answer's body.
 *
 * @param target a standing pipeline, or an endpoint such as `service.graphs.enrich.run()`
 * @example
 * const handle = fetchHandler(pipeline, { reply: 'ndjson' })
 * const response = await handle(new Request('http://localhost/', { method: 'POST', headers, body }))
 */
export function fetchHandler(
  target: Pipeline | Endpoint,
  options?: ServingOptions,
): (request: Request) => Promise<Response> {
  const endpoint = endpointOf(target, options)
  return async (request) => {
    const client = new Client()
    const exchange = webExchange(request, client)
    try {
      const reply = await endpoint(exchange)
      const { body } = reply
      // One that is never asked for its body does not cancel it either.
      if (typeof body !== 'string') client.onTaken(exchange.onGone(() => void body.return()))
      return responseOf(reply, client)
    } catch (error) {
      return responseOf(errorReply(error), client)
    }
  }
}

/** Whoever has sent a request, as far as it takes its answer. */
class Client {
  readonly #tells = new Set<() => void>()
  /** Ends what is left of the answer. */
  drop: () => void = () => {}
  #onTaken: () => void = () => {}

  /** Calls `tell` when all of the answer was taken, or nobody wants more of it. */
  onTaken(tell: () => void): void {
    this.#onTaken = tell
  }

  /** The answer is over. */
  taken(): void {
    this.#onTaken()
  }

  onGone(tell: () => void): () => void {
    this.#tells.add(tell)
    return () => this.#tells.delete(tell)
  }

  left(): void {
    for (const tell of this.#tells) tell()
  }
}

function webExchange(request: Request, client: Client): Exchange {
  return {
    raw: request,
    id: requestId(request.headers.get('x-request-id') ?? undefined),
    header: (name) => request.headers.get(name) ?? undefined,
    bytes: () => bytesOf(request.body),
    onGone(tell) {
      const { signal } = request
      if (signal.aborted) tell()
      signal.addEventListener('abort', tell, { once: true })
      const unlisten = client.onGone(tell)
      return () => {
        signal.removeEventListener('abort', tell)
        unlisten()
      }
    },
    drop: () => client.drop(),
  }
}

async function* bytesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array, void, void> {
  if (body === null) return
  const reader = body.getReader()
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value
  } finally {
    // Not awaited: some streams cancel only after bytes that never come.
    reader.cancel().catch(() => {})
  }
}

function responseOf({ status, headers, body }: Reply, client: Client): Response {
  return new Response(typeof body === 'string' ? body : streamOf(body, client), {
    status,
    headers: { ...headers }, // some servers write into what they are given
  })
}

/** Pulled by whoever sends it, so nothing is made that cannot be sent. */
function streamOf(body: Exclude<Reply['body'], string>, client: Client): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        client.drop = () => {
          client.taken()
          controller.error(new Error('The answer was not read.'))
          void body.return()
        }
      },
      async pull(controller) {
        const step = await body.next()
        if (step.done !== true) controller.enqueue(encoder.encode(step.value))
        else {
          client.taken()
          controller.close()
        }
      },
      async cancel() {
        client.taken()
        client.left() // before: a piece that is being made ends only when its work does
        await body.return()
      },
    },
    { highWaterMark: 0 },
  )
}
