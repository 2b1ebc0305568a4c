import { spawnSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ffmpegWords } from '../../packages/std/src/ffmpeg-options.js'
import { FrameSession } from '../../packages/std/src/frame-session.js'
import { failureOf, range, until } from '../support/blackbox.js'
import { fakeFfmpeg } from '../support/fake-ffmpeg.js'
import { type Folder, folderWith } from '../support/folder.js'
import { expectGone, pidIn } from './programs.js'
import { given, lineOf, through, valuesOf } from './ready.js'

/** Large enough that a pipe holds few of them. */
const SHAPE = { width: 160, height: 100, channels: 3 }
const SMALL = { width: 2, height: 1, channels: 1 }
const frame = (colour: number, { width, height, channels } = SHAPE) => Buffer.alloc(width * height * channels, colour)
/** The colours of frames, each of which has one. Comparing large Buffers as lists takes far longer. */
function coloursOf(frames: readonly unknown[], shape = SHAPE): number[] {
  return frames.map((one) => {
    const colour = Buffer.isBuffer(one) ? one[0] : undefined
    if (colour !== undefined && frame(colour, shape).equals(one as Buffer)) return colour
    throw new Error('This is no frame of one colour.')
  })
}
const film = (...colours: readonly number[]) => colours.map((colour) => `${colour}\n`).join('')

/** The args of a node with the program that stands in for ffmpeg. */
const faking = (folder: Folder, args: object) => ({ binary: fakeFfmpeg(folder), ...args })

async function fromAsync<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of iterable) values.push(value)
  return values
}

/** A folder in which the program notes its number. */
function noting(files: Readonly<Record<string, string>> = {}): Folder {
  const folder = folderWith(files)
  vi.stubEnv('FAKE_PID', folder.of('pid'))
  onTestFinished(() => void vi.unstubAllEnvs())
  return folder
}

describe('the words for ffmpeg', () => {
  test('have size and pixels of raw frames, the width first', () => {
    const output = { width: 2, height: 1, channels: 1 }
    expect(ffmpegWords({ input: SHAPE, output }, { inputOpts: '-r  25', outputOpts: ['-vf', 'scale=2:1'] })).toEqual([
      ...['-hide_banner', '-y', '-loglevel', 'error'],
      ...['-f', 'rawvideo', '-s', '160x100', '-pix_fmt', 'rgb24', '-r', '25', '-i', 'pipe:0'],
      ...['-f', 'rawvideo', '-s', '2x1', '-pix_fmt', 'gray', '-vf', 'scale=2:1', 'pipe:1'],
    ])
  })

  test('leave out what is given already', () => {
    const args = { inputOpts: '-f rawvideo -video_size 1x1 -pixel_format rgba', globalOpts: '-n -v quiet' }
    expect(ffmpegWords({ input: { ...SMALL, channels: 4 }, output: '-a.mp4' }, args)).toEqual(
      '-hide_banner -n -v quiet -f rawvideo -video_size 1x1 -pixel_format rgba -i pipe:0 ./-a.mp4'.split(' '),
    )
  })

  test('are not guessed for pixels of other sizes', () => {
    const ends = { input: 'a', output: { ...SMALL, channels: 2 } }
    expect(() => ffmpegWords(ends, {})).toThrow('Pixels of 2 bytes may be many things. Say which by "-pix_fmt"')
    expect(ffmpegWords(ends, { outputOpts: '-pix_fmt ya8' })).toContain('ya8')
  })

  test('change no list of the args', () => {
    const inputOpts: string[] = []
    ffmpegWords({ input: SMALL, output: SMALL }, { inputOpts })
    expect(inputOpts).toEqual([])
  })
})

describe('std.ffmpeg makes', () => {
  test('a file of a file, whose name it gives', async () => {
    const folder = folderWith({ 'a.film': film(1, 2) })
    const output = folder.of('b.film')
    expect(await given('ffmpeg', faking(folder, { input: folder.of('a.film'), output }))).toEqual([output])
    expect(folder.text('b.film')).toBe(film(1, 2))
  })

  test('frames of a file, each in a Buffer of its own', async () => {
    const folder = folderWith({ 'a.film': film(...range(20)) })
    const frames = await given('ffmpeg', faking(folder, { input: folder.of('a.film'), output: SHAPE }))
    expect(coloursOf(frames)).toEqual(range(20))
  })

  test('a file of frames, whose name it gives when the file is complete', async () => {
    const folder = folderWith()
    const output = folder.of('a.film')
    const frames = range(20).map((colour) => frame(colour))
    expect(await through('ffmpeg', frames, faking(folder, { input: SHAPE, output }))).toEqual([output])
    expect(folder.text('a.film')).toBe(film(...range(20)))
  })

  test.each([0, 1, 30])('frames of frames, also where it holds %i back', async (delay) => {
    const folder = folderWith()
    const args = faking(folder, { input: SHAPE, inputOpts: `-delay ${delay}`, output: { ...SHAPE, width: 80 } })
    const frames = range(20).map((colour) => frame(colour))
    expect(coloursOf(await through('ffmpeg', frames, args), { ...SHAPE, width: 80 })).toEqual(range(20))
  })

  test('frames of many small frames', async () => {
    const frames = range(1000).map((n) => frame(n % 256, SMALL))
    const made = await through('ffmpeg', frames, faking(folderWith(), { input: SMALL, output: SMALL }))
    expect(coloursOf(made, SMALL)).toEqual(range(1000).map((n) => n % 256))
  })

  test('a file, or frames, of each file that is an input', async () => {
    const folder = folderWith({ 'a.film': film(1), 'b.film': film(2, 3) })
    const [a, b, c] = [folder.of('a.film'), folder.of('b.film'), folder.of('c.film')]
    const frames = await through('ffmpeg', [a, { input: b }], faking(folder, { output: SMALL }))
    expect(coloursOf(frames, SMALL)).toEqual([1, 2, 3])
    expect(await through('ffmpeg', [{ input: b, output: c }], faking(folder, {}))).toEqual([c])
    expect(folder.text('c.film')).toBe(film(2, 3))
  })

  test('an empty film where there are no frames', async () => {
    const folder = folderWith()
    const output = folder.of('a.film')
    expect(await through('ffmpeg', [], faking(folder, { input: SHAPE, output }))).toEqual([output])
    expect(folder.text('a.film')).toBe('')
  })

  test('as much as it is told to, and takes further frames as well', async () => {
    const frames = range(30).map((colour) => frame(colour))
    const args = faking(folderWith(), { input: SHAPE, output: SHAPE, outputOpts: '-frames:v 3' })
    expect(coloursOf(await through('ffmpeg', frames, args))).toEqual([0, 1, 2])
  })
})

test('std.ffmpeg reads and writes no faster than the nodes behind it take frames', async () => {
  const folder = folderWith()
  let sent = 0
  let taken = 0
  const frames = (function* () {
    for (; sent < 300; sent++) yield frame(sent % 256)
  })()
  const plumber = lineOf([
    ['inlet'],
    ['ffmpeg', faking(folder, { input: SHAPE, output: SHAPE }), { queueSize: 1 }],
    ['pass', {}, { queueSize: 1 }],
  ])
  let ahead = 0
  for await (const _ of plumber.stream(frames)) {
    if (++taken === 5) await until(() => sent > 5)
    ahead = Math.max(ahead, sent - taken)
  }
  expect([taken, sent]).toEqual([300, 300])
  expect(ahead).toBeLessThan(100) // what the pipes hold, and the queues
})

describe('std.ffmpeg fails', () => {
  const causeOf = async (work: () => Promise<unknown>): Promise<unknown> => (await failureOf(work)).cause
  const failed = { code: 7, message: expect.stringMatching(/ended with exit code 7: Conversion failed!$/) }

  test.each(['a.film', SHAPE])('with the exit code and what it said, making %j of a file', async (made) => {
    const folder = folderWith({ 'in.film': film(1, 2, 3) })
    const output = typeof made === 'string' ? folder.of(made) : made
    const args = faking(folder, { input: folder.of('in.film'), inputOpts: '-fail 2', output })
    expect(await causeOf(() => given('ffmpeg', args))).toMatchObject(failed)
  })

  test.each(['a.film', SHAPE])(
    'with the same while it takes frames, making %j, though more would come',
    async (made) => {
      const folder = folderWith()
      const output = typeof made === 'string' ? folder.of(made) : made
      const endless = (function* () {
        for (;;) yield frame(1)
      })()
      const args = faking(folder, { input: SHAPE, inputOpts: '-fail 2', output })
      expect(await causeOf(() => through('ffmpeg', endless, args))).toMatchObject(failed)
    },
  )

  test('where a file is not there, and where ffmpeg is not', async () => {
    const folder = folderWith()
    const args = { input: folder.of('none'), output: folder.of('b') }
    expect(await causeOf(() => given('ffmpeg', faking(folder, args)))).toMatchObject({
      code: 1,
      message: expect.stringContaining('No such file or directory'),
    })
    expect(await causeOf(() => given('ffmpeg', { ...args, binary: 'no-such-ffmpeg' }))).toMatchObject({
      message: '"no-such-ffmpeg" was not found. Install it, or give its path.',
    })
  })

  test('where its last frame is not whole', async () => {
    const folder = folderWith({ 'a.film': film(1) })
    const args = faking(folder, { input: folder.of('a.film'), output: SMALL, outputOpts: '-cut 1' })
    expect(await causeOf(() => given('ffmpeg', args))).toMatchObject({
      message: 'The last frame has 1 bytes of 2. Is its size right?',
    })
  })

  test('for an item that is no frame of that size', async () => {
    const args = faking(folderWith(), { input: SMALL, output: SMALL })
    const message = 'A frame of 2 x 1 with 1 bytes per pixel is a Buffer of 2 bytes, not a Buffer of 3.'
    expect(await causeOf(() => through('ffmpeg', [Buffer.alloc(3)], args))).toMatchObject({ message })
    expect(await causeOf(() => through('ffmpeg', ['x'], args))).toMatchObject({
      message: expect.stringMatching(/not "x"\.$/),
    })
  })

  test('where the args and the place of the node do not go together', async () => {
    const conflict = { code: 'PLB_OPTION_CONFLICT' }
    expect(await causeOf(() => given('ffmpeg', {}))).toMatchObject(conflict)
    expect(await causeOf(() => given('ffmpeg', { input: 'a' }))).toMatchObject(conflict)
    expect(await causeOf(() => through('ffmpeg', ['a'], { input: 'a', output: SMALL }))).toMatchObject(conflict)
    expect(await causeOf(() => through('ffmpeg', ['a'], { output: 'b' }))).toMatchObject(conflict)
    expect(await causeOf(() => through('ffmpeg', ['a'], {}))).toMatchObject(conflict)
    expect(await causeOf(() => through('ffmpeg', [], { input: SMALL }))).toMatchObject(conflict)
    const frames = faking(folderWith(), { input: SMALL, output: SMALL })
    expect(await causeOf(() => given('ffmpeg', frames))).toMatchObject(conflict)
    expect(await causeOf(() => through('ffmpeg', [], frames, { workers: 2 }))).toMatchObject(conflict)
  })
})

describe('no ffmpeg is left', () => {
  test('to listen to the signal when a frame is taken, and at the end', async () => {
    const { signal } = new AbortController()
    const session = await FrameSession.start({ input: SMALL, output: SMALL }, { binary: fakeFfmpeg(folderWith()) })
    const frames = [...(await fromAsync(session.exchange(frame(1, SMALL), signal)))]
    frames.push(...(await fromAsync(session.finish(signal))))
    await session.end()
    expect(coloursOf(frames, SMALL)).toEqual([1])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('when nobody wants more frames', async () => {
    const folder = noting({ 'a.film': film(...range(200)) })
    const ffmpeg = ['ffmpeg', faking(folder, { input: folder.of('a.film'), output: SHAPE })] as const
    expect(coloursOf(await valuesOf(lineOf([ffmpeg, ['take', { count: 2 }]])))).toEqual([0, 1])
    expectGone(await pidIn(folder))
  })

  test.each(['out.film', SHAPE])('at doomsday, while it takes frames and makes %j', async (made) => {
    const folder = noting()
    const output = typeof made === 'string' ? folder.of(made) : made
    const args = faking(folder, { input: SHAPE, inputOpts: '-hang 1', output })
    const pipeline = lineOf([['inlet'], ['ffmpeg', args]]).createPipeline()
    await pipeline.put(frame(1))
    const pid = await pidIn(folder)
    for (const colour of range(20)) void pipeline.put(frame(colour)).catch(() => {})
    expect((await pipeline.doomsday('enough')).abandoned).toEqual([])
    expectGone(pid)
  })

  test.each(['out.film', SHAPE])('at doomsday, while it makes %j of a file', async (made) => {
    const folder = noting({ 'a.film': film(1, 2) })
    const output = typeof made === 'string' ? folder.of(made) : made
    const args = faking(folder, { input: folder.of('a.film'), inputOpts: '-hang 1', output })
    const pipeline = lineOf([['ffmpeg', args]]).createPipeline()
    const pid = await pidIn(folder)
    expect((await pipeline.doomsday('enough')).abandoned).toEqual([])
    expectGone(pid)
  })

  test('where another node fails while frames are under way', async () => {
    const folder = noting()
    const ffmpeg = ['ffmpeg', faking(folder, { input: SHAPE, output: SHAPE })] as const
    const frames = range(50).map((colour) => frame(colour))
    await failureOf(() => valuesOf(lineOf([['inlet'], ffmpeg, ['flatMap', { fn: () => 5 }]]), frames))
    expectGone(await pidIn(folder))
  })

  test('where its end does not come after the last frame', async () => {
    const folder = noting()
    const args = faking(folder, { input: SHAPE, inputOpts: '-hang 1', output: SHAPE })
    const pipeline = lineOf([['inlet'], ['ffmpeg', args]]).createPipeline()
    await pipeline.put(frame(1))
    await pipeline.put(frame(2))
    pipeline.end()
    const pid = await pidIn(folder)
    expect((await pipeline.doomsday('enough')).abandoned).toEqual([])
    expectGone(pid)
  })
})

const isThere = spawnSync('ffmpeg', ['-version']).status === 0

describe.runIf(isThere)('the real ffmpeg (left out where it is not installed)', () => {
  test('makes a film of frames, and the same frames of that', async () => {
    const folder = folderWith()
    const shape = { width: 16, height: 8, channels: 3 }
    const frames = range(5).map((n) => frame(n * 40, shape))
    const output = folder.of('a.mkv')
    await through('ffmpeg', frames, { input: shape, output, outputOpts: '-c:v ffv1 -pix_fmt gbrp' })
    expect(coloursOf(await given('ffmpeg', { input: output, output: shape }), shape)).toEqual([0, 40, 80, 120, 160])
  })
})
