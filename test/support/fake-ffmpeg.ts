import { chmodSync, writeFileSync } from 'node:fs'
import type { Folder } from './folder.js'

/**
 * Stands in for ffmpeg: it takes the same words, and reads and writes pipes one after the other, waiting as ffmpeg does.
 * A picture is of one colour, a number; a film is a file with a number in each line. More options, of the input:
 *
 * - `-delay n`: it holds n pictures back, as codecs do.
 * - `-fail n`: after n pictures it fails with exit code 7.
 * - `-hang n`: after n pictures it does nothing any more.
 *
 * Of the output: `-frames:v n`: it ends after n pictures; `-cut n`: it writes n bytes less of the last picture.
 */
const SCRIPT = `#!${process.execPath}
const fs = require('fs')
const words = process.argv.slice(2)
const at = words.indexOf('-i')
const [input, output] = [words[at + 1], words.at(-1)]
const [before, after] = [words.slice(0, at), words.slice(at + 2, -1)]
const option = (of, name) => (of.includes(name) ? of[of.lastIndexOf(name) + 1] : undefined)
const number = (of, name, absent) => Number(option(of, name) ?? absent)
const bytesOf = (of) => option(of, '-s').split('x').reduce((a, b) => a * b, { gray: 1, rgb24: 3, rgba: 4 }[option(of, '-pix_fmt')])
const note = process.env.FAKE_PID
if (note) {
  fs.writeFileSync(note + '.new', String(process.pid))
  fs.renameSync(note + '.new', note)
}

function fail(code, text) {
  fs.writeSync(2, text + '\\n')
  process.exit(code)
}

function* fromPipe(size) {
  for (;;) {
    const frame = Buffer.alloc(size)
    for (let filled = 0; filled < size; ) {
      const read = fs.readSync(0, frame, filled, size - filled)
      if (read === 0) return filled > 0 ? fail(5, 'a frame that is cut off') : undefined
      filled += read
    }
    yield frame[0]
  }
}

function* fromFile() {
  if (!fs.existsSync(input)) fail(1, input + ': No such file or directory')
  for (const line of fs.readFileSync(input, 'utf8').split('\\n')) if (line !== '') yield Number(line)
}

function write(frame, size) {
  for (let done = 0; done < size; ) done += fs.writeSync(1, frame, done, size - done)
}

const film = []
let given = 0
function give(colour) {
  if (given === number(after, '-frames:v', Infinity)) return
  given++
  if (output !== 'pipe:1') return void film.push(colour)
  const size = bytesOf(after)
  write(Buffer.alloc(size, colour), size - (option(after, '-cut') ? 1 : 0))
}

const held = []
let taken = 0
for (const colour of input === 'pipe:0' ? fromPipe(bytesOf(before)) : fromFile()) {
  if (taken === number(before, '-fail', Infinity)) fail(7, 'Conversion failed!')
  if (taken === number(before, '-hang', Infinity)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  taken++
  held.push(colour)
  if (held.length > number(before, '-delay', 0)) give(held.shift())
  if (given === number(after, '-frames:v', Infinity)) break
}
for (const colour of held) give(colour)
if (output !== 'pipe:1') fs.writeFileSync(output, film.map((colour) => colour + '\\n').join(''))
`

/** Puts the program into a folder; gives its path. */
export function fakeFfmpeg(folder: Folder): string {
  const path = folder.of('fake-ffmpeg')
  writeFileSync(path, SCRIPT)
  chmodSync(path, 0o755)
  return path
}
