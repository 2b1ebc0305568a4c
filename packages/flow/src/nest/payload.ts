import { PipelineError, quote, show } from '@pipelines/core'

/** Where the bytes of a payload are: all that a copy of it has, in another thread. */
export interface PayloadParts {
  readonly parts: ReadonlyMap<string, SharedArrayBuffer>
}

/**
 * Large pieces of data that travel as one item: bytes by name, in memory that threads share. A copy of a payload, as it is
 * made for a thread, has the same bytes and copies none of them. Processes share no memory: nothing of this goes there.
 *
 * Where everything runs in the program itself it gains nothing, for items are handed over without copies anyway.
 *
 * @example
 * payload.save('frame', bytes)
 * const frame = Payload.of(received).load('frame') // in a thread
 */
export class Payload implements PayloadParts {
  readonly parts: Map<string, SharedArrayBuffer> = new Map()

  /** What has arrived as a copy, which is an object without methods, as a payload again. */
  static of({ parts }: PayloadParts): Payload {
    if (!(parts instanceof Map))
      throw new PipelineError('OPTION_INVALID', { option: 'parts', what: `must be a Map, got ${show(parts)}` })
    const payload = new Payload()
    for (const [key, buffer] of parts) payload.parts.set(key, buffer)
    return payload
  }

  /** Keeps bytes under a name: copies them once, unless they are in shared memory already. */
  save(key: string, bytes: ArrayBufferView | ArrayBufferLike): this {
    const view = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes)
    const { buffer } = view
    this.parts.set(key, isWholeAndShared(view) ? (buffer as SharedArrayBuffer) : shared(view)) // as just checked
    return this
  }

  /** The bytes under a name, not a copy of them. Throws `PLB_OPTION_INVALID` where there are none. */
  load(key: string): Uint8Array {
    const buffer = this.parts.get(key)
    if (buffer !== undefined) return new Uint8Array(buffer)
    throw new PipelineError('OPTION_INVALID', {
      option: 'key',
      what: `names ${quote(key)}, which is not in the payload`,
    })
  }

  has(key: string): boolean {
    return this.parts.has(key)
  }

  /** Whether there was something under that name. */
  erase(key: string): boolean {
    return this.parts.delete(key)
  }

  clear(): void {
    this.parts.clear()
  }

  /** Another payload with the same bytes: what is saved and erased there concerns nobody here. */
  fork(): Payload {
    return Payload.of(this)
  }
}

const isWholeAndShared = ({ buffer, byteLength }: Uint8Array): boolean =>
  buffer instanceof SharedArrayBuffer && byteLength === buffer.byteLength

function shared(view: Uint8Array): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(view.byteLength)
  new Uint8Array(buffer).set(view)
  return buffer
}
