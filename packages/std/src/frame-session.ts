import type { Child } from './child.js'
import type { Ends, FfmpegArgs } from './ffmpeg-options.js'
import { rather, startFfmpeg } from './ffmpeg-run.js'
import { framesOf } from './frames.js'

/**
 * One ffmpeg that is given frames for the whole run. What it gives is read while it is written to, because it may hold
 * several frames back, and neither side may wait for the other.
 */
export class FrameSession {
  readonly #child: Child
  readonly #frames: AsyncIterator<Buffer, void> | undefined
  /** Reads the next frame; absent where nothing is to be read, or nothing more. */
  #reading: Promise<void> | undefined
  #frame: Buffer | undefined
  #failed: { readonly error: unknown } | undefined

  private constructor(child: Child, { output }: Ends) {
    this.#child = child
    this.#frames = typeof output === 'string' ? undefined : framesOf(child.output, output)
    this.#read()
  }

  static async start(ends: Ends, args: FfmpegArgs): Promise<FrameSession> {
    return new FrameSession(await startFfmpeg(ends, args), ends)
  }

  /** Gives it a frame, and takes what it has made meanwhile. Done when it takes the next one. */
  async *exchange(frame: Uint8Array, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
    const leave = this.#child.obey(signal)
    try {
      let isTaken = false
      const taking = Promise.resolve(this.#child.put(frame)).then(() => {
        isTaken = true
      })
      while (!isTaken) {
        yield* this.#made()
        await (this.#reading === undefined ? taking : Promise.race([taking, this.#reading]))
      }
      yield* this.#made()
      // One that has ended well wants no more.
      const problem = await this.#child.problem()
      if (problem !== undefined) throw problem
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      leave()
    }
  }

  /** Tells it that there are no more frames, takes the rest, and waits for its end. */
  async *finish(signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
    const leave = this.#child.obey(signal)
    try {
      this.#child.endInput()
      for (;;) {
        yield* this.#made()
        if (this.#reading === undefined) break
        await this.#reading
      }
      await this.#check()
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      leave()
    }
  }

  /** Ends it, whatever it is at. */
  end(): Promise<void> {
    return this.#child.end()
  }

  *#made(): Generator<Buffer, void, void> {
    while (this.#frame !== undefined) {
      const frame = this.#frame
      this.#frame = undefined
      this.#read()
      yield frame
    }
  }

  /** Begins to read a frame. There is one at a time: where nobody takes it, ffmpeg has to wait. */
  #read(): void {
    this.#reading = this.#frames?.next().then(
      ({ done, value }) => {
        this.#reading = undefined
        if (done !== true) this.#frame = value
      },
      (error) => {
        this.#reading = undefined
        this.#failed = { error }
      },
    )
  }

  async #check(): Promise<void> {
    if (this.#failed !== undefined) throw await rather(this.#child, this.#failed.error)
    await this.#child.finished()
  }
}
