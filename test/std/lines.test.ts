import { describe, expect, test } from 'vitest'
import { type LinesOptions, lineBlocks } from '../../packages/std/src/lines.js'
import { asUtf8 } from '../../packages/std/src/utf8.js'

const options: LinesOptions = { where: 'It', maxLineBytes: 100 }

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield Buffer.from(bytes.subarray(start, start + size))
}

/** The lines of bytes that come in pieces of a size. */
async function linesOf(given: string | Uint8Array, size = 1000, more: Partial<LinesOptions> = {}) {
  const lines: string[] = []
  for await (const block of lineBlocks(pieces(Buffer.from(given), size), { ...options, ...more })) {
    expect(block.first).toBe(lines.length + 1)
    lines.push(...block.lines)
  }
  return lines
}

describe('lines', () => {
  const text = 'äöü\r\n\n€ and 😀\nlast'

  test.each([1, 2, 3, 4, 5, 7, 1000])('are the same if they come in pieces of %i bytes', async (size) => {
    expect(await linesOf(text, size)).toEqual(['äöü', '', '€ and 😀', 'last'])
    expect(await linesOf(text, size, { keepNewlines: true })).toEqual(['äöü\r\n', '\n', '€ and 😀\n', 'last'])
  })

  test.each([
    ['', []],
    ['\n', ['']],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\r\n', ['a']],
    ['a\n\n', ['a', '']],
    ['\r\n\r\n', ['', '']],
    ['a\rb\n', ['a\rb']],
  ])('of %j are %j', async (given, lines) => {
    expect(await linesOf(given)).toEqual(lines)
    expect(await linesOf(given, 1)).toEqual(lines)
  })

  test.each([1, 2, 1000])('begin behind a byte order mark, which comes in pieces of %i', async (size) => {
    expect(await linesOf('\uFEFFa\n\uFEFFb\n', size)).toEqual(['a', '\uFEFFb'])
  })

  test.each([1, 4, 1000])('may have so many bytes, and not one more, in pieces of %i', async (size) => {
    const fits = 'ok\nééé\r\nééé'
    expect(await linesOf(fits, size, { maxLineBytes: 6 })).toEqual(['ok', 'ééé', 'ééé'])
    await expect(linesOf(`ok\néééa\nb`, size, { maxLineBytes: 6 })).rejects.toThrow(
      'It, line 2, is longer than 6 bytes.',
    )
  })

  test('are not gathered beyond what is allowed where no end comes', async () => {
    let given = 0
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        given++
        yield Buffer.alloc(10, 'x')
      }
    }
    const reading = (async () => {
      for await (const _ of lineBlocks(endless(), options)) expect.unreachable()
    })()
    await expect(reading).rejects.toThrow('It, line 1, is longer than 100 bytes.')
    expect(given).toBe(11)
  })

  test.each([1, 1000])('that are no UTF-8 are an error with their number, in pieces of %i', async (size) => {
    const bytes = Buffer.from('good\ngood\nb\xE4d\ngood\n', 'latin1')
    await expect(linesOf(bytes, size)).rejects.toThrow('It, line 3, is no UTF-8. Say in which "encoding" it is.')
  })

  test('end with an error where a character is cut off', async () => {
    await expect(linesOf(Buffer.from('ok\n€').subarray(0, -1))).rejects.toThrow('It, line 2, is no UTF-8.')
  })
})

describe('other encodings', () => {
  const decoded = async (bytes: Uint8Array, encoding: string, size = 1) => {
    const parts: Buffer[] = []
    for await (const part of asUtf8(pieces(bytes, size), encoding, '"x"')) parts.push(part)
    return Buffer.concat(parts).toString()
  }

  test('become UTF-8 piece by piece', async () => {
    expect(await decoded(Buffer.from('\uFEFFaé😀', 'utf16le'), 'utf-16le')).toBe('aé😀')
    expect(await decoded(Buffer.from('aé', 'latin1'), 'latin1')).toBe('aé')
  })

  test('that nobody knows are an error with what to do', async () => {
    await expect(decoded(Buffer.from('a'), 'klingon')).rejects.toThrow(/There is no encoding "klingon". Use a name/)
  })

  test('are an error where a byte does not fit', async () => {
    await expect(decoded(Buffer.from([0x61, 0x00, 0x61]), 'utf-16le')).rejects.toThrow(
      '"x" is not in the encoding "utf-16le".',
    )
  })
})
