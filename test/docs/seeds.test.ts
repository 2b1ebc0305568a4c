import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SEED_IDS } from '../seeds/ids.js'
import { repositoryRoot } from '../support/repository.js'
import { readPages } from './markdown.js'

/** A line of the table: an id, and where it is shown. */
interface Row {
  readonly id: string
  readonly where: readonly Place[]
}

/** A test file, with the title of a test in it where that does not carry the id; or the reason why there is none. */
type Place = { readonly path: string; readonly title: string | undefined } | { readonly reason: string }

const page = readPages().find(({ path }) => path === 'docs/seeds.md')
const rows = rowsOf(page?.text ?? '')

function rowsOf(text: string): Row[] {
  return [...text.matchAll(/^\| ([A-Z]-\w+) \| [^|]+ \| (.*) \|$/gm)].map(([, id = '', where = '']) => ({
    id,
    where: where.split(' · ').map(placeOf),
  }))
}

function placeOf(text: string): Place {
  const [, path, title] = /^`(test\/[^`]+)`(?:: "(.+)")?$/.exec(text) ?? []
  return path === undefined ? { reason: text } : { path, title }
}

/** What is wrong with the places of a row. */
function faultsOf({ id, where }: Row, textOf: (path: string) => string | undefined): string[] {
  const faults = where.flatMap((place) => {
    if ('reason' in place) return []
    const text = textOf(place.path)
    if (text === undefined) return [`${id}: ${place.path} does not exist`]
    if (place.title === undefined) return titled(text, id) ? [] : [`${id}: is in no title of ${place.path}`]
    return text.includes(place.title) ? [] : [`${id}: "${place.title}" is no title in ${place.path}`]
  })
  const isSaid = where.some((place) => !('reason' in place) || place.reason.length >= 20)
  return isSaid ? faults : [...faults, `${id}: neither a test nor a reason`]
}

/** Whether the code of a test file has an id: in a comment it is no title. */
const titled = (text: string, id: string): boolean =>
  new RegExp(`(?<![\\w-])${id}(?!\\w)`).test(text.replace(/\/\/.*|^\s*\/?\*.*/gm, ''))

/** Ids that are not in exactly one row, and rows of ids that there are not. */
function miscounted(ids: readonly string[], found: readonly Row[]): string[] {
  const known = new Set(ids)
  const counts = new Map(ids.map((id) => [id, 0]))
  for (const { id } of found) counts.set(id, (counts.get(id) ?? 0) + 1)
  return [...counts].filter(([id, count]) => count !== 1 || !known.has(id)).map(([id, count]) => `${id}: ${count} rows`)
}

function read(path: string): string | undefined {
  const url = new URL(path, repositoryRoot)
  return existsSync(url) ? readFileSync(url, 'utf8') : undefined
}

describe('docs/seeds.md', () => {
  test('has one row for each id of the seeds', () => {
    expect(miscounted(SEED_IDS, rows)).toEqual([])
  })

  test('says of each where it is tested, and that is so, or why it is not', () => {
    expect(rows.flatMap((row) => faultsOf(row, read))).toEqual([])
  })
})

describe('each check can fail:', () => {
  const faults = (where: string): string[] =>
    rowsOf(`| B-T01 | windows | ${where} |`).flatMap((row) =>
      faultsOf(row, (path) => (path === 'test/a.ts' ? `test('B-T01 windows slide')` : undefined)),
    )

  test('rows', () => {
    const found = rowsOf('| B-01 | a | b |\n| B-01 | a | b |\n| B-03 | a | b |')
    expect(miscounted(['B-01', 'B-02'], found)).toEqual(['B-01: 2 rows', 'B-02: 0 rows', 'B-03: 1 rows'])
  })

  test('files and titles', () => {
    expect(faults('`test/a.ts` · `test/a.ts`: "windows slide" · and more')).toEqual([])
    expect(faults('`test/b.ts`')).toEqual(['B-T01: test/b.ts does not exist'])
    expect(faults('`test/a.ts`: "windows stay"')).toEqual(['B-T01: "windows stay" is no title in test/a.ts'])
    expect(rowsOf('| B-T0 | a | `test/a.ts` |').flatMap((row) => faultsOf(row, () => `'B-T01' // B-T0`))).toEqual([
      'B-T0: is in no title of test/a.ts',
    ])
  })

  test('reasons', () => {
    expect(faults('There is nothing like that here.')).toEqual([])
    expect(faults('—')).toEqual(['B-T01: neither a test nor a reason'])
  })
})
