import { type ArgSchema, countArg } from './args.js'
import type { FrameShape } from './frames.js'

type Options = string | readonly string[]

/** A file or URL, or raw frames. */
export type MediaEnd = string | FrameShape

export interface FfmpegArgs {
  readonly input?: MediaEnd
  readonly inputOpts?: Options
  readonly output?: MediaEnd
  readonly outputOpts?: Options
  readonly globalOpts?: Options
  readonly verbose?: boolean
  readonly binary?: string
}

const END = {
  anyOf: [
    { type: 'string', minLength: 1 },
    {
      type: 'object',
      properties: {
        width: countArg(1, 'Pixels of a row.'),
        height: countArg(1, 'Rows.'),
        channels: countArg(1, 'Bytes of a pixel: 1 is grey, 3 is RGB, 4 is RGBA; else give `-pix_fmt`.'),
      },
      required: ['width', 'height', 'channels'],
      additionalProperties: false,
    },
  ],
}

const options = (where: string): ArgSchema => ({
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
  default: [],
  description: `Options of ffmpeg ${where}: a list, or a text of words with blanks between them.`,
})

/** The args of `std.ffmpeg`. */
export const FFMPEG_ARGS: Readonly<Record<string, ArgSchema>> = {
  input: {
    ...END,
    description:
      'What it reads: of a node without inputs a file or URL, else the size of the frames that its inputs are. Where it is left out, each input is a file or URL, or `{ input, output }`.',
  },
  inputOpts: options('that belong to what it reads'),
  output: {
    ...END,
    description: 'What it writes: a file or URL, which becomes an item when it is complete, or frames of that size.',
  },
  outputOpts: options('that belong to what it writes'),
  globalOpts: options('that come first'),
  verbose: { type: 'boolean', default: false, description: 'Whether what ffmpeg says goes to the error output.' },
  binary: { type: 'string', minLength: 1, default: 'ffmpeg', description: 'The program.' },
}

/** What one ffmpeg is called with. */
export interface Ends {
  readonly input: MediaEnd
  readonly output: MediaEnd
}

/** The words that ffmpeg is called with. */
export function ffmpegWords({ input, output }: Ends, args: FfmpegArgs): string[] {
  const { inputOpts, outputOpts, globalOpts, verbose = false } = args
  const global = words(globalOpts)
  const answers = global.includes('-n') || global.includes('-y') ? [] : ['-y'] // nobody is there whom it could ask
  const level = global.includes('-loglevel') || global.includes('-v') ? [] : ['-loglevel', verbose ? 'info' : 'error']
  return [
    '-hide_banner',
    ...answers,
    ...level,
    ...global,
    ...endWords(input, words(inputOpts)),
    '-i',
    typeof input === 'string' ? input : 'pipe:0',
    ...endWords(output, words(outputOpts)),
    typeof output === 'string' ? named(output) : 'pipe:1',
  ]
}

const words = (options: Options = []): readonly string[] =>
  typeof options === 'string' ? options.split(/\s+/).filter((word) => word !== '') : options

const PIXELS: ReadonlyMap<number, string> = new Map([
  [1, 'gray'],
  [3, 'rgb24'],
  [4, 'rgba'],
])

/** The options of one end: those of raw frames come first, unless they are there already. */
function endWords(end: MediaEnd, given: readonly string[]): readonly string[] {
  if (typeof end === 'string') return given
  const has = (...names: readonly string[]): boolean => names.some((name) => given.includes(name))
  const pixels = PIXELS.get(end.channels)
  const isPixelFormat = has('-pix_fmt', '-pixel_format')
  if (!isPixelFormat && pixels === undefined)
    throw new Error(`Pixels of ${end.channels} bytes may be many things. Say which by "-pix_fmt" in the options.`)
  return [
    ...(has('-f') ? [] : ['-f', 'rawvideo']),
    ...(has('-s', '-video_size') ? [] : ['-s', `${end.width}x${end.height}`]),
    ...(isPixelFormat || pixels === undefined ? [] : ['-pix_fmt', pixels]),
    ...given,
  ]
}

/** A name that begins like an option is none. */
const named = (file: string): string => (file.startsWith('-') ? `./${file}` : file)
