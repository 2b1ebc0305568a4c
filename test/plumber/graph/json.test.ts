import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findJsonError } from '../../../packages/plumber/src/graph/json.js'

test.each([
  ['', 0],
  ['{"a": tru}', 6],
  ['{"a": 1,}', 8],
  ['[1 2]', 3],
  ['{a: 1}', 1],
  ["{'a': 1}", 1],
  ['{"a" 1}', 5],
  ['{"a": 1', 7],
  ['[1]]', 3],
  ['["a\nb"]', 1],
  ['["\\x"]', 1],
  ['[01]', 2],
  ['[1.]', 2],
  ['"open', 0],
  ['{]', 1],
  ['[}', 1],
  ['[,]', 1],
  ['nul', 0],
])('the error in %j is at %i', (text, offset) => {
  expect(findJsonError(text)?.offset).toBe(offset)
  expect(() => JSON.parse(text)).toThrow()
})

test('lines and columns are those of an editor', () => {
  expect(findJsonError('{\n  "a": 1,\n  b: 2\n}')).toEqual({ offset: 14, line: 3, column: 3 })
})

test('what JSON.parse takes has no error, and what it refuses has one', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '1',
    '-0.5e+3',
    'null',
    ' ',
    '"\\u00e4"',
    '"',
    '\\',
    '1.',
  )
  const text = fc.oneof(
    fc.json(),
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
  )
  fc.assert(
    fc.property(text, (given) => {
      let valid = true
      try {
        JSON.parse(given)
      } catch {
        valid = false
      }
      expect(findJsonError(given) === undefined).toBe(valid)
    }),
    { numRuns: 2000 },
  )
})

test('neither depth nor length of a text matters', () => {
  expect(findJsonError('['.repeat(500_000))?.offset).toBe(500_000)
  expect(findJsonError(`["${'\\n'.repeat(500_000)}`)?.offset).toBe(1)
})
