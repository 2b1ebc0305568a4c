import { expect, test } from 'vitest'
import { isName, own, pointer, segmentsOf } from '../../../packages/plumber/src/graph/names.js'

test.each(['a', '_', 'A.b:c/d-e_9', 'toString', 'a'.repeat(128)])('%s is a name', (name) => {
  expect(isName(name)).toBe(true)
})

test.each(['', '1a', '-a', 'a b', 'ä', 'a\n', '__proto__', 'constructor', 'prototype', 'a'.repeat(129), 'a"'])(
  '%j is not a name',
  (name) => {
    expect(isName(name)).toBe(false)
  },
)

test('pointers escape what RFC 6901 reserves, and back', () => {
  expect(pointer('nodes', 'a/b~c', 0)).toBe('/nodes/a~1b~0c/0')
  expect(segmentsOf('/nodes/a~1b~0c/~01')).toEqual(['nodes', 'a/b~c', '~1'])
  expect([pointer(), segmentsOf('')]).toEqual(['', []])
})

test('only own keys are read', () => {
  expect(own({}, 'toString')).toBeUndefined()
  expect(own({ toString: 1 }, 'toString')).toBe(1)
})
