import { Payload } from '@pipelines/flow/nest'
import { expect, test } from 'vitest'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

test('a payload gives back what was saved under a name', () => {
  const payload = new Payload().save('a', bytes(1, 2)).save('b', bytes(0, 3, 0).subarray(1, 2))
  expect([[...payload.load('a')], [...payload.load('b')]]).toEqual([[1, 2], [3]])
  expect([payload.has('a'), payload.has('c')]).toEqual([true, false])
  expect(() => payload.load('c')).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
})

test('what is saved is copied once, and not at all where it is shared already', () => {
  const own = bytes(1)
  const shared = new Uint8Array(new SharedArrayBuffer(1))
  const payload = new Payload().save('own', own).save('shared', shared)
  own[0] = shared[0] = 9
  expect([payload.load('own')[0], payload.load('shared')[0]]).toEqual([1, 9])
})

test('a fork has the same bytes, and names of its own', () => {
  const payload = new Payload().save('a', bytes(1))
  const fork = payload.fork().save('b', bytes(2))
  fork.load('a')[0] = 7
  expect(payload.load('a')[0]).toBe(7)
  expect(payload.has('b')).toBe(false)
  expect(payload.erase('a')).toBe(true)
  expect(fork.has('a')).toBe(true)
  fork.clear()
  expect(fork.has('b')).toBe(false)
})

test('a copy of a payload is one again, with the same bytes', () => {
  const payload = new Payload().save('a', bytes(1))
  const copy = structuredClone({ parts: payload.parts })
  Payload.of(copy).load('a')[0] = 5
  expect(payload.load('a')[0]).toBe(5)
  expect(() => Payload.of({ parts: {} } as never)).toThrow('parts')
})
