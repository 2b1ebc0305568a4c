import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { repositoryRoot } from '../support/repository.js'
import { ALL, argsOf, STD_PAGES, stdTable, withStdTable } from './std-table.js'

describe.each(STD_PAGES)('the table of $path', ({ path, has }) => {
  test('is the one that the schemas make', () => {
    const file = new URL(path, repositoryRoot)
    const text = readFileSync(file, 'utf8')
    const fresh = withStdTable(text, has)
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(file, fresh)
    else expect(text).toBe(fresh)
  })

  test('has a row for each arg, with a meaning', () => {
    const rows = stdTable(has).split('\n')
    for (const [name, coro] of has)
      for (const arg of [`std.${name}`, ...Object.keys(argsOf(coro).properties).map((key) => `${name}.${key}`)]) {
        const row = rows.find((line) => line.startsWith(`| \`${arg}\` |`)) ?? ''
        expect(row, arg).toMatch(/\| (?!undefined )[^| ][^|]* \|$/)
      }
  })
})

test('every ready coroutine is in one of the tables', () => {
  expect(STD_PAGES.flatMap(({ has }) => has.map(([name]) => name)).sort()).toEqual(ALL.map(([name]) => name).sort())
  expect(ALL.length).toBeGreaterThanOrEqual(20)
})

test.each(ALL)('std.%s takes the args of its schema and no others', (_, coro) => {
  expect(coro.args).toMatchObject({ type: 'object', additionalProperties: false })
  for (const ref of coro.refs ?? []) expect(Object.keys(argsOf(coro).properties)).toContain(ref)
})
