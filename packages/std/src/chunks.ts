import { open } from 'node:fs/promises'

/** Bytes that are read at once. */
const CHUNK = 65_536

/** The bytes of a file, piece by piece; nothing is read ahead. Each piece is a Buffer of its own. */
export async function* chunksOf(path: string): AsyncGenerator<Buffer, void, void> {
  const file = await open(path)
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafeSlow(CHUNK)
      const { bytesRead } = await file.read(chunk, 0, CHUNK)
      if (bytesRead === 0) return
      yield chunk.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}
