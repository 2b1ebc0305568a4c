import { describe, expect, test } from 'vitest'
import { failureOf } from '../support/blackbox.js'
import { folderWith } from '../support/folder.js'
import { given, lineOf, through, valuesOf } from './ready.js'

const read = (text: string, csv: object = {}, args: object = {}) =>
  given('read', { path: folderWith({ 'a.csv': text }).of('a.csv'), csv, ...args })

/** What is wrong with CSV, with PATH for its path. */
async function reasonOf(text: string, csv?: object, args?: object): Promise<string> {
  const { cause } = await failureOf(() => read(text, csv, args))
  return String(cause instanceof Error ? cause.message : cause).replace(/"[^"]*a\.csv"/, 'PATH')
}

describe('reading CSV', () => {
  test('gives objects with the names of the first line', async () => {
    expect(await read('\uFEFFa,b\r\n1,"say ""x"""\r\n\r\n2,\r\n')).toEqual([
      { a: '1', b: 'say "x"' },
      { a: '2', b: '' },
    ])
  })

  test('gives lists where there is no header', async () => {
    expect(await read('1,2\n3,4', { header: false })).toEqual([
      ['1', '2'],
      ['3', '4'],
    ])
  })

  test('takes the names that it is given, and the first line is a record then', async () => {
    expect(await read('1,2\n', { header: ['x', 'y'] })).toEqual([{ x: '1', y: '2' }])
  })

  test('takes other separators, quotes and comments', async () => {
    const csv = { delimiter: ';', quote: "'", escape: "'", comment: '#', trim: true }
    expect(await read("# none\na; b\n1; 'x''y;'\n", csv)).toEqual([{ a: '1', b: "x'y;" }])
  })

  test('gives thousands of records in order, with characters that are cut between two pieces', async () => {
    const rows = Array.from({ length: 6_000 }, (_, n) => `${n},äé€`)
    const records = await read(`n,text\n${rows.join('\n')}\n`)
    expect(records).toEqual(rows.map((_, n) => ({ n: String(n), text: 'äé€' })))
  })

  test('has columns with any name, and changes no prototype', async () => {
    const [record] = await read('__proto__,constructor\n1,2\n')
    expect(Object.entries(record as object)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype)
    expect('1' in {}).toBe(false)
  })

  test('stops when nobody wants more, and closes the file', async () => {
    const path = folderWith({ 'a.csv': `a\n${'1\n'.repeat(100_000)}` }).of('a.csv')
    expect(
      await valuesOf(
        lineOf([
          ['read', { path }],
          ['take', { count: 1 }],
        ]),
      ),
    ).toEqual([{ a: '1' }])
  })
})

describe('CSV that is wrong', () => {
  test('is an error with the path and line where the number of fields differs', async () => {
    expect(await reasonOf('a,b\n1,2\n1,2,3\n')).toBe('PATH, line 3: Invalid Record Length: columns length is 2, got 3.')
  })

  test('is an error where a quote is not closed', async () => {
    expect(await reasonOf('a,b\n1,"2\n')).toMatch(/^PATH, line \d: Quote Not Closed/)
  })

  test('is an error where a record is too long, which is not gathered', async () => {
    expect(await reasonOf(`a\n"${'x\n'.repeat(100_000)}`, {}, { maxLineBytes: 50 })).toMatch(
      /^PATH, line \d+: Max Record Size/,
    )
  })

  test('is an error where two columns have one name, since one of them would be lost', async () => {
    expect(await reasonOf('a,a\n1,2\n')).toContain('Two columns have the name "a".')
  })
})

describe('writing CSV', () => {
  /** What is written of records. */
  async function written(records: readonly unknown[], csv: object = {}, name = 'a.csv'): Promise<string> {
    const folder = folderWith()
    expect(await through('write', records, { path: folder.of(name), csv })).toEqual(records)
    return folder.text(name)
  }

  test('begins with the keys of the first object, which are the columns', async () => {
    expect(await written([{ a: 1, b: 'x,"y"' }, { b: true }])).toBe('a,b\n1,"x,""y"""\n,true\n')
  })

  test('takes the columns that it is given, in their order', async () => {
    expect(await written([{ a: 1, 'b.c': 2 }], { header: ['b.c', 'a', 'z'] })).toBe('b.c,a,z\n2,1,\n')
  })

  test('writes lists as they are, and no header unless there are names', async () => {
    expect(await written([[1, null, 'x']])).toBe('1,,x\n')
    expect(await written([[1]], { header: ['a'] })).toBe('a\n1\n')
    expect(await written([{ a: 1 }], { header: false })).toBe('1\n')
  })

  test('writes dates and objects so that they can be read', async () => {
    expect(await written([[new Date(0), { a: [1] }]])).toBe('1970-01-01T00:00:00.000Z,"{""a"":[1]}"\n')
  })

  test('takes tabs for a .tsv, and keeps formulas away from spreadsheets if it is told to', async () => {
    expect(await written([['=1+1', 'b']], { escapeFormulas: true }, 'a.tsv')).toBe("'=1+1\tb\n")
  })

  test('refuses a record with a key that is no column, since it would be lost', async () => {
    const { cause } = await failureOf(() => written([{ a: 1 }, { a: 1, c: 2 }]))
    expect(cause).toMatchObject({ message: 'The record has "c", which is none of its columns: a.' })
  })

  test('refuses what is no record', async () => {
    const { cause } = await failureOf(() => written(['text']))
    expect(cause).toMatchObject({ message: 'A record of CSV is an object or a list, not "text".' })
  })

  test('writes what is read again as it was, also a record of one empty field', async () => {
    const records = [{ a: '' }, { a: 'x\r\ny' }, { a: '"' }, { a: ' ' }]
    expect(await read(await written(records))).toEqual(records)
  })
})
