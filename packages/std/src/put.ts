import type { Writable } from 'node:stream'

const ENDS = ['drain', 'close', 'error'] as const

/** Writes a piece; a promise where the next one has to wait. It settles, too, when nobody takes any more. */
export function put(stream: Writable, piece: string | Uint8Array): undefined | Promise<void> {
  if (isOver(stream) || stream.write(piece) || isOver(stream)) return undefined
  return new Promise((resolve) => {
    const go = (): void => {
      for (const end of ENDS) stream.off(end, go)
      resolve()
    }
    for (const end of ENDS) stream.on(end, go)
  })
}

/** Writes pieces, no faster than they are taken, and ends the stream. Never rejects: who reads gets the error. */
export async function feed(stream: Writable, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const piece of pieces) {
      await put(stream, piece)
      if (isOver(stream)) return
    }
    stream.end()
  } catch (error) {
    stream.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

const isOver = (stream: Writable): boolean => stream.destroyed || stream.writableEnded || stream.errored !== null
