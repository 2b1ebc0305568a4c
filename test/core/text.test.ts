import { cut, quote, reasonOf, show } from '@pipelines/core'
import { expect, test } from 'vitest'

const unreadable = new Proxy(Object.create(null), {
  get() {
    throw new Error('no')
  },
  getPrototypeOf() {
    throw new Error('no')
  },
})

test('a text is cut only when it is too long, and the cut says how much is missing', () => {
  expect(cut('12345', 5)).toBe('12345')
  expect(cut('123456', 5)).toBe('12345… (1 more characters)')
})

test('a quoted name is escaped and at most about 80 characters long', () => {
  expect(quote('a "b"\n')).toBe('"a \\"b\\"\\n"')
  expect(quote('x'.repeat(81))).toBe(`"${'x'.repeat(80)}… (1 more characters)"`)
})

test.each([
  ['an error', new Error('It broke.'), 'It broke'],
  ['an error without a message', new TypeError(), 'TypeError'],
  ['a string', 'It broke.', 'It broke'],
  ['undefined', undefined, 'undefined'],
  ['null', null, 'null'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['an array', [1, 2], 'an array of 2'],
  ['an object without a prototype', Object.create(null), '[object Object]'],
  ['an error whose message is no text', Object.assign(new Error('x'), { message: 7 }), 'a value that cannot be shown'],
  ['a value that throws when looked at', unreadable, 'a value that cannot be shown'],
])('the reason of %s is told in words', (_, thrown, words) => {
  expect(reasonOf(thrown)).toBe(words)
})

test('an error whose message is a getter that throws has a reason all the same', () => {
  const error = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no')
    },
  })
  expect(reasonOf(error)).toBe('a value that cannot be shown')
})

test('a message of a million characters is cut', () => {
  expect(reasonOf(new Error('x'.repeat(1e6))).length).toBeLessThan(600)
  expect(show('x'.repeat(1e6)).length).toBeLessThan(120)
  expect(show(Symbol('x'.repeat(1e6))).length).toBeLessThan(120)
})

test.each([
  ['a named function', function work() {}, 'the function "work"'],
  ['a nameless function', (() => () => {})(), 'a function'],
  ['a date', new Date(0), '[object Date]'],
  ['a number', -0.5, '-0.5'],
  ['an unreadable value', unreadable, 'a value that cannot be shown'],
])('%s is shown in a few characters', (_, value, words) => {
  expect(show(value)).toBe(words)
})
