import { describe, expect, test } from 'vitest'
import { failureOf, nodeOf, reportOf } from '../support/blackbox.js'
import { folderWith } from '../support/folder.js'
import { given, lineOf, through, valuesOf } from './ready.js'

const many = Array.from({ length: 20_000 }, (_, n) => `line ${n}`)

describe('std.read as a source', () => {
  test.each([
    ['a.txt', 'one\r\ntwo', ['one', 'two']],
    ['a.ndjson', '{"a":1}\n\n[2]\nnull', [{ a: 1 }, [2], null]],
    ['a.JSONL', '1\n', [1]],
    ['a.csv', 'a,b\n1,"x\ny"\n', [{ a: '1', b: 'x\ny' }]],
    ['a.tsv', 'a\tb\n1\t2,3\n', [{ a: '1', b: '2,3' }]],
    ['none', 'x\n', ['x']],
  ])('reads %s as its name tells', async (name, text, items) => {
    expect(await given('read', { path: folderWith({ [name]: text }).of(name) })).toEqual(items)
  })

  test.each([
    ['lines', ['{"a":1}']],
    ['ndjson', [{ a: 1 }]],
    ['text', ['{"a":1}\n']],
    ['bytes', [Buffer.from('{"a":1}\n')]],
  ])('reads as %s if it is told to', async (format, items) => {
    expect(await given('read', { path: folderWith({ 'a.csv': '{"a":1}\n' }).of('a.csv'), format })).toEqual(items)
  })

  test('reads a file that is larger than a piece, in order', async () => {
    const path = folderWith({ large: many.join('\n') }).of('large')
    expect(await given('read', { path })).toEqual(many)
  })

  test('keeps the ends of lines if it is told to: joined, they are the file', async () => {
    const text = 'one\r\n\ntwo\nthree'
    const items = await given('read', { path: folderWith({ a: text }).of('a'), keepNewlines: true })
    expect(items.join('')).toBe(text)
  })

  test.each(['lines', 'text'])('reads another encoding as %s', async (format) => {
    const path = folderWith({ a: Buffer.from('\xE4\xF6', 'latin1') }).of('a')
    expect(await given('read', { path, format, encoding: 'latin1' })).toEqual(['äö'])
  })

  test('gives nothing of an empty file', async () => {
    expect(await given('read', { path: folderWith({ a: '' }).of('a') })).toEqual([])
  })

  test('reads no further than is wanted, and closes the file', async () => {
    const path = folderWith({ large: many.join('\n') }).of('large')
    expect(
      await valuesOf(
        lineOf([
          ['read', { path }],
          ['take', { count: 2 }],
        ]),
      ),
    ).toEqual(['line 0', 'line 1'])
  })
})

describe('std.read with inputs', () => {
  test('reads the file that each of them names, also as a URL', async () => {
    const folder = folderWith({ a: '1\n2\n', b: '3\n' })
    const items = [folder.of('a'), new URL(`file://${folder.of('b')}`), `file://${folder.of('a')}`]
    expect(await through('read', items)).toEqual(['1', '2', '3', '1', '2'])
  })

  test.each(['text', 'bytes'])('gives one item for each file as %s', async (format) => {
    const folder = folderWith({ a: '1\n2\n', b: '' })
    const items = await through('read', [folder.of('a'), folder.of('b')], { format })
    expect(items.map(String)).toEqual(['1\n2\n', ''])
  })

  test('reads what std.glob finds', async () => {
    const folder = folderWith({ 'b.txt': 'b\n', 'a.txt': 'a\n', 'c.md': 'c\n' })
    const plumber = lineOf([['glob', { pattern: '*.txt', cwd: folder.path }], ['read']])
    expect(await valuesOf(plumber)).toEqual(['a', 'b'])
  })

  test('fails for an input that is no path, and goes on if it may', async () => {
    const folder = folderWith({ a: '1\n' })
    expect(await through('read', [5, '', folder.of('none'), folder.of('a')], {}, { onError: 'skip' })).toEqual(['1'])
    const { message } = await failureOf(() => through('read', [5]))
    expect(message).toContain('A path is expected, not 5.')
  })
})

describe('std.read fails', () => {
  const reasonOf = async (text: string | Uint8Array, args: object) => {
    const path = folderWith({ 'a.x': text }).of('a.x')
    const { cause } = await failureOf(() => given('read', { path, ...args }))
    return String(cause instanceof Error ? cause.message : cause).replace(path, 'PATH')
  }

  test('with the path and line of what is no JSON', async () => {
    const reason = await reasonOf('{"a":1}\n\n{"a":}\n', { format: 'ndjson' })
    expect(reason).toMatch(/^"PATH", line 3, is no JSON: Unexpected token/)
  })

  test('with the path and line of a line that is too long', async () => {
    const reason = await reasonOf('ok\n12345\n', { maxLineBytes: 4 })
    expect(reason).toBe('"PATH", line 2, is longer than 4 bytes.')
  })

  test.each(['lines', 'text'])('where bytes are not in the encoding, as %s', async (format) => {
    expect(await reasonOf(Buffer.from([0xff]), { format })).toMatch(/^"PATH"/)
  })

  test('where there is no such encoding', async () => {
    expect(await reasonOf('a', { encoding: 'klingon' })).toMatch(/^There is no encoding "klingon"/)
  })

  test('where there is no such file', async () => {
    const { cause } = await failureOf(() => given('read', { path: folderWith().of('none') }))
    expect(cause).toMatchObject({ code: 'ENOENT' })
  })

  test('with neither a path nor inputs, or with both', async () => {
    expect(await failureOf(() => given('read', {}))).toMatchObject({ cause: { code: 'PLB_OPTION_CONFLICT' } })
    const both = through('read', ['a'], { path: 'a' })
    await expect(both).rejects.toMatchObject({ cause: { code: 'PLB_OPTION_CONFLICT' } })
  })

  test('behind what came before, without having read the rest', async () => {
    const path = folderWith({ 'a.ndjson': `1\nx\n${'1\n'.repeat(100_000)}` }).of('a.ndjson')
    const error = await failureOf(() => given('read', { path }))
    expect(nodeOf(reportOf(error), 'read').emitted).toBe(1)
  })
})
