import { chunk, dial, head, statusesOf, type Wire } from './bad-clients.js'

/** A request of which the body is sent by and by, whatever is answered meanwhile. */
export interface Slow {
  /** One piece of the body. */
  send(text: string): void
  /** What came so far, as soon as it has that in it, or the connection has closed. */
  until(found: string): Promise<string>
  /** The status of the answer, as soon as it has come as far as `found`. */
  statusAt(found: string): Promise<number | undefined>
  /** Sends the end of the body, and closes. Some servers wait for that end for a while after they have answered. */
  finish(): Promise<void>
}

/** Begins a request with a body in chunks. */
export async function slowly(url: string, type: string, path = '/'): Promise<Slow> {
  const wire = await dial(url)
  wire.send(head({ type, path, headers: ['transfer-encoding: chunked'] }))
  return slow(wire, (text) => chunk(text), chunk(''))
}

/** Begins a request with a body of which the length is said before. */
export async function announced(url: string, type: string, length: number): Promise<Slow> {
  const wire = await dial(url)
  wire.send(head({ type, headers: [`content-length: ${length}`] }))
  return slow(wire, (text) => text, '0'.repeat(length))
}

function slow(wire: Wire, piece: (text: string) => string, last: string): Slow {
  const until = (found: string): Promise<string> => wire.until((text) => text.includes(found))
  return {
    send: (text) => void wire.send(piece(text)),
    until,
    statusAt: async (found) => statusesOf(await until(found))[0],
    async finish() {
      wire.send(last)
      wire.end()
      await wire.closed
    },
  }
}
