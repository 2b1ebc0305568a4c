import { ERROR_CODES } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { type Page, readPages } from './markdown.js'

const pages = readPages()
const page = pages.find(({ path }) => path === 'docs/errors.md')

/** The entries of the page: a heading with the code, then text. */
function entriesOf({ text }: Page): ReadonlyMap<string, string> {
  const parts = text.split(/^### /m).slice(1)
  return new Map(parts.map((part) => [/^`(\w+)`/.exec(part)?.[1] ?? part, part.split(/^## /m)[0] ?? '']))
}

describe('docs/errors.md', () => {
  const entries = entriesOf(page ?? { path: '', text: '', blocks: [] })

  test('has every code, in the order of the catalogue, and no other', () => {
    expect([...entries.keys()]).toEqual(ERROR_CODES)
  })

  test.each([...entries])('says of %s when it comes and what to do', (_code, text) => {
    expect(text).toMatch(/^\*\*When\.\*\* \S/m)
    expect(text).toMatch(/^\*\*What to do\.\*\* \S/m)
  })
})

test('no page names a code that does not exist', () => {
  const known: ReadonlySet<string> = new Set(ERROR_CODES)
  const phantoms = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\bPLB_[A-Z]+(?:_[A-Z]+)*\b(?![_<…])/g)]
      .filter(([code]) => !known.has(code))
      .map(([code]) => `${path}: ${code}`),
  )
  expect(phantoms).toEqual([])
})
