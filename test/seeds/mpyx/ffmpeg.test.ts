import { spawnSync } from 'node:child_process'
import { Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { describe, expect, test } from 'vitest'
import { fakeFfmpeg } from '../../support/fake-ffmpeg.js'
import { type Folder, folderWith } from '../../support/folder.js'

const [LARGE, SMALL] = [
  { width: 64, height: 48, channels: 3 },
  { width: 32, height: 24, channels: 3 },
]

interface Program {
  /** The args that name it, none for what is on the `PATH`. */
  args(folder: Folder): Args
  /** The end of the names of films. */
  readonly ending: string
  /** Options of films that keep colours as they are. */
  readonly exact: string
  /** How the size of frames changes between the two ends. */
  readonly scale: string
}

const REAL: Program = { args: () => ({}), ending: 'mkv', exact: '-c:v ffv1 -pix_fmt gbrp', scale: '-vf scale=32:24' }
const FAKE: Program = { args: (folder) => ({ binary: fakeFfmpeg(folder) }), ending: 'film', exact: '', scale: '' }
const isThere = spawnSync('ffmpeg', ['-version']).status === 0
const PROGRAMS = [['a program that stands in for it', FAKE] as const, ...(isThere ? [['ffmpeg', REAL] as const] : [])]

type Args = Readonly<Record<string, unknown>>
type Node = readonly [coro: string, args: Args]

/** Runs nodes in one line; gives what comes out. */
function run(...nodes: readonly Node[]): Promise<unknown[]> {
  const named = nodes.map(([coro, args], place) => [`${coro}-${place}`, { coro: `std.${coro}`, args }] as const)
  const names = named.map(([name]) => name)
  const graph = names.map((name, place) => [name, names.slice(place + 1, place + 2)])
  return new Plumber({ nodes: Object.fromEntries(named), graph: Object.fromEntries(graph) }, { coroMap: std }).collect()
}

const frame = (colour: number, { width, height, channels } = LARGE) => Buffer.alloc(width * height * channels, colour)
const COLOURS = [10, 60, 110, 160, 210]

/** The colour of each frame, which has only one. */
const colours = (frames: readonly unknown[], shape = LARGE): number[] =>
  frames.map((one) => {
    const colour = Buffer.isBuffer(one) ? (one[0] ?? -1) : -1
    expect(frame(colour, shape).equals(one as Buffer)).toBe(true)
    return colour
  })

// With ffmpeg itself where it is on the PATH, and else not: nothing here can install it.
describe.each(PROGRAMS)('with %s', (_name, { args, ending, exact, scale }) => {
  /** A folder, its films, and ffmpeg in a graph. */
  function studio() {
    const folder = folderWith()
    const program = args(folder)
    const film = (name: string) => folder.of(`${name}.${ending}`)
    return { film, ffmpeg: (more: Args): Node => ['ffmpeg', { ...program, ...more }] }
  }
  type Studio = ReturnType<typeof studio>
  const made: Node = ['iter', { items: COLOURS.map((colour) => frame(colour)) }]
  const shoot = ({ ffmpeg, film }: Studio) => run(made, ffmpeg({ input: LARGE, output: film('a'), outputOpts: exact }))
  const watch = async ({ ffmpeg, film }: Studio, name: string, shape = LARGE) =>
    colours(await run(ffmpeg({ input: film(name), output: shape })), shape)

  test('M-T23 M-45 frames that are generated become a file', async () => {
    const one = studio()
    expect(await shoot(one)).toEqual([one.film('a')])
    expect(await watch(one, 'a')).toEqual(COLOURS)
  })

  test('M-T24 M-45 M-47 a file becomes frames, those become smaller, and a file again', async () => {
    const one = studio()
    const { ffmpeg, film } = one
    await shoot(one)
    const scaled = await run(
      ffmpeg({ input: film('a'), output: LARGE }),
      ffmpeg({ input: LARGE, output: SMALL, outputOpts: scale }),
      ffmpeg({ input: SMALL, output: film('b'), outputOpts: exact }),
    )
    expect(scaled).toEqual([film('b')])
    expect(await watch(one, 'b', SMALL)).toEqual(COLOURS)
  })

  test('M-T25 M-45 a file becomes another file', async () => {
    const one = studio()
    const { ffmpeg, film } = one
    await shoot(one)
    expect(await run(ffmpeg({ input: film('a'), output: film('b'), outputOpts: exact }))).toEqual([film('b')])
    expect(await watch(one, 'b')).toEqual(COLOURS)
  })

  test('M-46 an error of ffmpeg is the error of the run', async () => {
    const { ffmpeg, film } = studio()
    const failing = run(ffmpeg({ input: film('none'), output: film('b') }))
    await expect(failing).rejects.toMatchObject({ code: 'PLB_NODE_FAILED', cause: { name: 'ChildError' } })
  })
})

test('M-46 frames go in and come out each in their own time, also where ffmpeg holds some back', async () => {
  const folder = folderWith()
  const many = Array.from({ length: 60 }, (_, n) => n)
  const delayed = { binary: fakeFfmpeg(folder), input: LARGE, inputOpts: '-delay 40', output: LARGE }
  const frames = await run(['iter', { items: many.map((n) => frame(n)) }], ['ffmpeg', delayed])
  expect(colours(frames)).toEqual(many)
})
