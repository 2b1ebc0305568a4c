import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ring } from '../../packages/core/src/ring.js'

type Op = { readonly push: number } | 'shift' | { readonly remove: number } | { readonly some: number }
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ push: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.constant<Op>('shift') },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ some: fc.nat(9) }) },
)

test('a ring behaves as an array that is pushed and shifted', () => {
  const check = (ops: readonly Op[]): void => {
    const ring = new Ring<number>()
    let model: number[] = []
    for (const one of ops) {
      if (one === 'shift') expect(ring.shift()).toBe(model.shift())
      else if ('push' in one) ring.push(model[model.push(one.push) - 1] ?? 0)
      else if ('some' in one) expect(ring.some((value) => value === one.some)).toBe(model.includes(one.some))
      else {
        ring.remove((value) => value === one.remove)
        model = model.filter((value) => value !== one.remove)
      }
      expect(ring.size).toBe(model.length)
    }
    expect(model.map(() => ring.shift())).toEqual(model)
  }
  fc.assert(fc.property(fc.array(op, { maxLength: 200 }), check), { numRuns: 500 })
})

test('an empty ring gives undefined', () => {
  const ring = new Ring<number>()
  expect([ring.shift(), ring.size, ring.some(() => true)]).toEqual([undefined, 0, false])
})

test('a ring grows while it wraps around, and keeps the order', () => {
  const ring = new Ring<number>()
  for (let n = 0; n < 6; n++) ring.push(n)
  for (let n = 0; n < 5; n++) ring.shift()
  for (let n = 6; n < 100; n++) ring.push(n)
  expect(Array.from({ length: ring.size }, () => ring.shift())).toEqual(Array.from({ length: 95 }, (_, n) => n + 5))
})

test('a ring lets go of what was taken from it', () => {
  const ring = new Ring<object>()
  ring.push({})
  ring.shift()
  expect(ring.some(() => true)).toBe(false)
})

test('removing asks about every value once, in order', () => {
  const ring = new Ring<number>()
  for (const n of [1, 2, 3, 4]) ring.push(n)
  const asked: number[] = []
  ring.remove((n) => asked.push(n) % 2 === 0)
  expect([asked, ring.shift(), ring.shift(), ring.size]).toEqual([[1, 2, 3, 4], 1, 3, 0])
})
