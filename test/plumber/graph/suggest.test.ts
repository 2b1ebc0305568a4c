import fc from 'fast-check'
import { expect, test } from 'vitest'
import { suggester } from '../../../packages/plumber/src/graph/suggest.js'

const suggest = (text: string, ...names: string[]): string | undefined => suggester(names)(text)

test.each([
  ['lod', 'load', 'one letter is missing'],
  ['revesre', 'reverse', 'two letters are swapped'],
  ['queue_size', 'queueSize', 'of another style'],
  ['WORKERS', 'workers', 'of another case'],
  ['reverse', 'strings.reverse', 'the group is missing'],
  ['aggregateInput', 'aggregateInputs', 'the end is missing'],
])('%s means %s: %s', (text, name) => {
  expect(suggest(text, 'other', name, 'third')).toBe(name)
})

test.each([
  ['a', 'b'],
  ['ab', 'cd'],
  ['timeoutMs', 'queueSize'],
  ['', 'a'],
  ['x'.repeat(300), 'x'.repeat(299)],
])('%s does not mean %s', (text, name) => {
  expect(suggest(text, name)).toBeUndefined()
})

test('the nearest name wins, then the earlier one', () => {
  expect(suggest('reverse', 'revers', 'reverse_', 'reversed')).toBe('reverse_')
  expect(suggest('reversx', 'reversa', 'reversb')).toBe('reversa')
})

/** Edits of a small word by the textbook table. */
function edits(a: string, b: string): number {
  const at = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j
    const same = a[i - 1] === b[j - 1] ? 0 : 1
    const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity
    return Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same, swap)
  }
  return at(a.length, b.length)
}

test('what is suggested is near, and what is near is suggested', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 7 })
  fc.assert(
    fc.property(word, word, (a, b) => {
      const near = a === b || edits(a, b) <= Math.min(3, Math.floor(Math.max(a.length, b.length) * 0.4))
      expect(suggest(a, b)).toBe(near ? b : undefined)
    }),
  )
})

test('ten thousand long names that are made to be slow do not hold anybody up', () => {
  const names = Array.from({ length: 10_000 }, (_, n) => 'ab'.repeat(60) + n)
  const find = suggester(names)
  const start = performance.now()
  for (let n = 0; n < 100; n++) find(`${'ba'.repeat(60)}zz${n}`)
  expect(performance.now() - start).toBeLessThan(5000)
})
