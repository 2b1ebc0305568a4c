import { TextDecoder } from 'node:util'

/**
 * Bytes of any encoding as UTF-8. Throws where there is no encoding of that name, or a byte does not fit it.
 *
 * @param encoding a name that `TextDecoder` knows, such as `latin1` or `utf-16le`; UTF-8 goes through as it is
 */
export async function* asUtf8(
  bytes: AsyncIterable<Buffer>,
  encoding: string,
  where: string,
): AsyncGenerator<Buffer, void, void> {
  const decoder = decoderOf(encoding)
  if (decoder.encoding === 'utf-8') {
    yield* bytes
    return
  }
  try {
    for await (const chunk of bytes) yield Buffer.from(decoder.decode(chunk, { stream: true }))
    yield Buffer.from(decoder.decode())
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new Error(`${where} is not in the encoding "${encoding}".`, { cause: error })
  }
}

/** A strict decoder. */
export function decoderOf(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true })
  } catch (error) {
    throw new Error(`There is no encoding "${encoding}". Use a name such as "utf-8", "latin1" or "utf-16le".`, {
      cause: error,
    })
  }
}
