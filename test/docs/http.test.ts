import { ERROR_CODES } from '@pipelines/core'
import { toHttpError } from '@pipelines/http'
import { expect, test } from 'vitest'
import { HANDLER_RULES, resolveHandler } from '../../packages/http/src/options.js'
import { resolveSubmitLimits } from '../../packages/http/src/submit-limits.js'
import { readPages } from './markdown.js'

const text = readPages().find(({ path }) => path === 'docs/guide/http.md')?.text ?? ''

/** The cells of the rows of a table, by the name in the first cell of its head. */
function rowsOf(head: string): string[][] {
  const [, table = ''] = text.split(`\n| ${head} `)
  const rows = table.split('\n\n', 1)[0]?.split('\n').slice(2) ?? []
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const spans = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)

/** The status that an error with a code is answered with, whatever else it is. */
function statusOf(code: string): number {
  const error = Object.assign(new Error('x'), { [Symbol.for('@pipelines/error')]: true, code, details: {} })
  return toHttpError(error).statusCode
}

test('the guide to HTTP has every option of a handler, with its default', () => {
  const rows = rowsOf('option').map(([option, , value]) => [spans(option)[0], spans(value)[0]])
  const defaults: Readonly<Record<string, unknown>> = { ...resolveHandler() }
  const shown = (value: unknown) => (typeof value === 'string' ? `'${value}'` : value?.toString())
  expect(rows).toEqual(Object.keys(HANDLER_RULES).map((name) => [name, shown(defaults[name])]))
})

test('it has every limit of graphs that clients send, with its default', () => {
  const rows = rowsOf('of `limits`').map(([name, , value]) => [spans(name)[0], Number(spans(value)[0])])
  expect(rows).toEqual(Object.entries(resolveSubmitLimits()))
})

test('it has the status of every code that has one, and no other', () => {
  const listed = rowsOf('status').flatMap(([status, codes]) =>
    spans(codes).map((code) => [code, Number(status)] as const),
  )
  expect(listed.map(([code]) => [code, statusOf(code)])).toEqual(listed)
  const codes = new Set(listed.map(([code]) => code))
  expect(ERROR_CODES.filter((code) => statusOf(code) !== 500 && !codes.has(code))).toEqual([])
  expect(ERROR_CODES.filter((code) => code.startsWith('PLB_HTTP_') && !codes.has(code))).toEqual([])
})

test('docs/errors.md has the same statuses', () => {
  const page = readPages().find(({ path }) => path === 'docs/errors.md')?.text ?? ''
  const named = [...page.matchAll(/^### `(PLB_HTTP_\w+)`\n\n\*\*When\.\*\* (\d{3})\. /gm)]
  expect(named.length).toBeGreaterThan(10)
  expect(named.map(([, code = '']) => [code, statusOf(code)])).toEqual(
    named.map(([, code, status]) => [code, Number(status)]),
  )
})
