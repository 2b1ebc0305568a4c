import { show } from '@pipelines/core/coro'

/** The size of raw pictures. */
export interface FrameShape {
  readonly width: number
  readonly height: number
  /** Bytes of one pixel. */
  readonly channels: number
}

/** Bytes of one frame. */
export const frameBytes = ({ width, height, channels }: FrameShape): number => width * height * channels

/** A frame of that size. Throws where an item is none. */
export function frameOf(item: unknown, shape: FrameShape): Uint8Array {
  const bytes = frameBytes(shape)
  if (item instanceof Uint8Array && item.length === bytes) return item
  const found = item instanceof Uint8Array ? `a Buffer of ${item.length}` : show(item)
  const { width, height, channels } = shape
  throw new TypeError(
    `A frame of ${width} x ${height} with ${channels} bytes per pixel is a Buffer of ${bytes} bytes, not ${found}.`,
  )
}

/** Frames out of the bytes of a pipe. Throws where the last one is not whole. */
export async function* framesOf(
  bytes: AsyncIterable<Uint8Array>,
  shape: FrameShape,
): AsyncGenerator<Buffer, void, void> {
  const size = frameBytes(shape)
  let frame = Buffer.allocUnsafeSlow(size)
  let filled = 0
  for await (const piece of bytes) {
    for (let start = 0; start < piece.length; ) {
      const part = piece.subarray(start, start + size - filled)
      frame.set(part, filled)
      start += part.length
      filled += part.length
      if (filled < size) continue
      const whole = frame
      frame = Buffer.allocUnsafeSlow(size)
      filled = 0
      yield whole
    }
  }
  if (filled > 0) throw new Error(`The last frame has ${filled} bytes of ${size}. Is its size right?`)
}
