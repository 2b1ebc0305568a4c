import { Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { describe, expect, test } from 'vitest'
import { folderWith } from '../support/folder.js'
import { given } from './ready.js'

const files = {
  'b.csv': '',
  'a.csv': '',
  'B.csv': '',
  'deep/c.csv': '',
  'deep/d.txt': '',
  '.hidden.csv': '',
  'z.csv': '',
}

/** What is found in a folder of these files, `cwd` being that folder. */
const found = (args: object) => given('glob', { cwd: folderWith(files).path, absolute: false, ...args })

describe('std.glob', () => {
  test.each([
    ['*.csv', ['B.csv', 'a.csv', 'b.csv', 'z.csv']],
    ['**/*.{csv,txt}', ['B.csv', 'a.csv', 'b.csv', 'deep/c.csv', 'deep/d.txt', 'z.csv']],
    [
      ['deep/*', 'a*'],
      ['a.csv', 'deep/c.csv', 'deep/d.txt'],
    ],
    ['deep', []],
    ['none*', []],
  ])('finds what fits %j, in the order of characters', async (pattern, paths) => {
    expect(await found({ pattern })).toEqual(paths)
  })

  test('leaves out what it is told to', async () => {
    expect(await found({ pattern: '**/*.csv', ignore: ['deep/**', 'B*'] })).toEqual(['a.csv', 'b.csv', 'z.csv'])
  })

  test('finds folders, too, if it is told to', async () => {
    expect(await found({ pattern: '*', ignore: '*.csv', onlyFiles: false })).toEqual(['deep/'])
  })

  test('gives whole paths where it begins at another folder, so that they can be read', async () => {
    const folder = folderWith(files)
    expect(await given('glob', { pattern: 'a.csv', cwd: folder.path })).toEqual([folder.of('a.csv')])
  })

  test('gives paths as the pattern has them where it begins at the folder of the program', async () => {
    expect(await given('glob', { pattern: 'packages/std/packag*.json' })).toEqual(['packages/std/package.json'])
    const [path] = await given('glob', { pattern: 'packages/std/packag*.json', absolute: true })
    expect(path).toBe(`${process.cwd()}/packages/std/package.json`)
  })

  test('takes no inputs, and no empty pattern', () => {
    const document = (args: object) => ({
      nodes: { in: { coro: 'std.inlet' }, glob: { coro: 'std.glob', args } },
      graph: { in: ['glob'] },
    })
    const issues = Plumber.check(document({ pattern: '', cwd: 5 }), { coroMap: std })
    expect(issues.map(({ pointer }) => pointer)).toEqual(
      expect.arrayContaining(['/nodes/glob/args/cwd', '/nodes/glob/args/pattern']),
    )
    expect(Plumber.check(document({ pattern: '*' }), { coroMap: std })).toMatchObject([{ code: 'PLB_CORO_TYPE' }])
  })
})
