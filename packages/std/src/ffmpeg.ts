import { type Context, type CoroDefinition, DROP, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema } from './args.js'
import { type Ends, FFMPEG_ARGS, type FfmpegArgs, type MediaEnd } from './ffmpeg-options.js'
import { convert, framesOfFile } from './ffmpeg-run.js'
import { FrameSession } from './frame-session.js'
import { frameOf } from './frames.js'
import { onlyWorker } from './only-worker.js'
import { conflict, isSource } from './role.js'

type State = FrameSession | undefined

/** Reads and writes videos and pictures by the program ffmpeg. */
export const ffmpeg: CoroDefinition<unknown, State> = defineCoro({
  args: argsSchema(
    'Runs ffmpeg: makes files of files, frames of files, a file of frames, or frames of frames. An exit code other than 0 is an error.',
    FFMPEG_ARGS,
  ),
  setup(ctx: Context): State | Promise<State> {
    const args = argsOf<FfmpegArgs>(ctx)
    const { input, output } = args
    if (input === undefined || typeof input === 'string') return undefined
    onlyWorker(ctx, 'takes frames one after the other')
    return FrameSession.start({ input, output: required(ctx, output) }, args)
  },
  run(input: unknown, ctx: Context<State>) {
    const args = argsOf<FfmpegArgs>(ctx)
    const { state, signal } = ctx
    const alone = isSource(input)
    if (state === undefined)
      return fromFile(alone ? endsAlone(ctx, args) : endsOf(input, ctx, args), { args, signal, alone })
    if (alone) throw conflict(ctx, 'takes frames, and has no inputs', 'Give "input" a file, or the node inputs.')
    return typeof args.input === 'object' ? state.exchange(frameOf(input, args.input), signal) : DROP
  },
  async *flush(ctx: Context<State>) {
    const { state, signal } = ctx
    if (state === undefined) return
    yield* state.finish(signal)
    const { output } = argsOf<FfmpegArgs>(ctx)
    if (typeof output === 'string') yield output
  },
  teardown: ({ state }: Context<State>) => state?.end(),
})

interface Call {
  readonly args: FfmpegArgs
  readonly signal: AbortSignal
  readonly alone: boolean
}

function fromFile(ends: Ends, { args, signal, alone }: Call): unknown {
  if (typeof ends.output !== 'string') return framesOfFile(ends, args, signal)
  const made = convert(ends, args, signal)
  return alone ? made.then((file) => [file]) : made
}

/** What a node without inputs reads and writes. */
function endsAlone(ctx: Context<State>, { input, output }: FfmpegArgs): Ends {
  if (input === undefined) throw conflict(ctx, 'has no inputs, and no arg "input"', 'Give "input" a file.')
  return { input, output: required(ctx, output) }
}

/** What an item says, as the name of a file or as `{ input, output }`. */
function endsOf(item: unknown, ctx: Context<State>, args: FfmpegArgs): Ends {
  if (args.input !== undefined)
    throw conflict(ctx, 'has inputs, and a file as "input" besides', 'Leave "input" out: each input is a file.')
  if (typeof args.output === 'string')
    throw conflict(ctx, 'would make the same file of each of its inputs', 'Let them be { input, output }.')
  const { input, output = args.output } = typeof item === 'string' ? { input: item } : (Object(item) as Partial<Ends>)
  if (typeof input !== 'string' || input === '')
    throw new TypeError('An item for ffmpeg is the name of a file, or has one as "input".')
  return { input, output: required(ctx, output) }
}

function required(ctx: Context, output: MediaEnd | undefined): MediaEnd {
  if (output !== undefined) return output
  throw conflict(ctx, 'does not know what to make', 'Give "output" a file or the size of frames.')
}
