import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Pace } from '../../packages/workers/src/pace.js'

/** The pace of a worker that has done so many items, in messages of one. */
function after(items: number, ms = 0, bytes = 0): Pace {
  const pace = new Pace()
  for (let item = 0; item < items; item++) pace.note(1, ms, bytes)
  return pace
}

describe('the pace of a worker', () => {
  test('begins with one item at a time', () => {
    const { batch, messages } = new Pace()
    expect([batch, messages]).toEqual([1, 1])
  })

  test.each([
    [15, 1],
    [16, 2],
    [160, 11],
    [1_000_000, 256],
  ])('after %i items is as many as were earned: %i', (items, batch) => {
    const pace = new Pace()
    pace.note(items, 0, 0)
    expect(pace.batch).toBe(batch)
  })

  test('is held back by the time that items take', () => {
    expect([after(1_000, 0.25).batch, after(1_000, 1).batch, after(1_000, 50).batch]).toEqual([4, 1, 1])
  })

  test('is held back by the bytes that items hold', () => {
    expect([after(1_000, 0, 2 ** 18).batch, after(1_000, 0, 2 ** 24).batch]).toEqual([4, 1])
  })

  test('lets a second message wait where items take no time', () => {
    expect([after(100).messages, after(15).messages, after(100, 1).messages, after(100, 0, 2 ** 20).messages]).toEqual([
      2, 1, 1, 1,
    ])
  })

  test('is not changed by a message without items', () => {
    const pace = after(100)
    pace.note(0, 1_000, 2 ** 30)
    expect(pace.batch).toBe(7)
  })

  test('is always a whole number from 1 to 256, whatever was measured', () => {
    const note = fc.tuple(fc.nat(1_000), fc.double({ min: 0, max: 1e9, noNaN: true }), fc.nat())
    fc.assert(
      fc.property(fc.array(note), (notes) => {
        const pace = new Pace()
        for (const [count, ms, bytes] of notes) pace.note(count, ms, bytes)
        const { batch, messages } = pace
        expect([Number.isInteger(batch), batch >= 1, batch <= 256]).toEqual([true, true, true])
        expect([1, 2]).toContain(messages)
      }),
    )
  })
})
