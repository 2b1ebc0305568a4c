import { Child, whileWanted } from './child.js'
import { type Ends, type FfmpegArgs, ffmpegWords } from './ffmpeg-options.js'
import { framesOf } from './frames.js'

/** Starts ffmpeg. */
export async function startFfmpeg(ends: Ends, args: FfmpegArgs): Promise<Child> {
  const { binary = 'ffmpeg', verbose } = args
  return Child.start(binary, ffmpegWords(ends, args), {
    stdin: typeof ends.input === 'string' ? 'ignore' : 'pipe',
    stdout: typeof ends.output === 'string' ? 'ignore' : 'pipe',
    verbose,
  })
}

/** Makes a file of a file; gives the name of the one that was made, when it is complete. */
export async function convert(ends: Ends, args: FfmpegArgs, signal: AbortSignal): Promise<unknown> {
  const child = await startFfmpeg(ends, args)
  try {
    return await whileWanted(child, signal, () => child.finished().then(() => ends.output))
  } finally {
    await child.end()
  }
}

/** The frames of a file. */
export async function* framesOfFile(
  ends: Ends,
  args: FfmpegArgs,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  if (typeof ends.output === 'string') return
  const child = await startFfmpeg(ends, args)
  const leave = child.obey(signal)
  try {
    yield* framesOf(child.output, ends.output)
    await child.finished()
  } catch (error) {
    throw signal.aborted ? signal.reason : await rather(child, error)
  } finally {
    leave()
    await child.end()
  }
}

/** Where the frames of a program are not right: what it says itself, if it has failed; else that. */
export function rather(child: Child, error: unknown): Promise<unknown> {
  return child.finished().then(
    () => error,
    (failure: unknown) => failure,
  )
}
