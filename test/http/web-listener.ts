import type { IncomingMessage, RequestListener } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Answers `node:http` by a web-standard handler, no faster than its clients send and read. */
export function webListener(handle: (request: Request) => Promise<Response>): RequestListener {
  return (incoming, outgoing) => {
    const gone = new AbortController()
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) gone.abort()
    })
    const answer = async (): Promise<void> => {
      const { status, headers, body } = await handle(requestOf(incoming, gone.signal))
      outgoing.writeHead(status, Object.fromEntries(headers))
      if (body === null) outgoing.end()
      // The types of Node and those of the web know the same stream by two names.
      else await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), outgoing)
    }
    answer().catch(() => outgoing.destroy())
  }
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', url = '/', headers } = incoming
  const pairs = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)])
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const init = { method, headers: pairs, signal, ...(hasBody && { body: bodyOf(incoming), duplex: 'half' as const }) }
  return new Request(`http://${headers.host ?? 'localhost'}${url}`, init)
}

/** Read piece by piece. To cancel it leaves the connection open, since an answer is still to be sent by it. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const pieces = incoming.iterator({ destroyOnReturn: false })
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const step = await pieces.next()
        if (step.done === true) controller.close()
        else controller.enqueue(step.value)
      },
    },
    { highWaterMark: 0 },
  )
}
