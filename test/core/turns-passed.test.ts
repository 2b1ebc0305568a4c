import { expect, test } from 'vitest'
import { Turns } from '../../packages/core/src/turns.js'

/*
 * A turn may be passed by whoever gives its item up, and again by whoever had it all the time.
 */

test('a turn that is over may be passed again: the next one is not', async () => {
  const turns = new Turns()
  turns.pass(0)
  turns.pass(0)
  expect(turns.isNext(1)).toBe(true)
  let entered = false
  turns.whenNext(2, () => {
    entered = true
  })
  turns.pass(0)
  await undefined
  expect(entered).toBe(false)
  turns.pass(1)
  expect(entered).toBe(true)
})

test('a turn that is passed twice before it comes is one turn', () => {
  const turns = new Turns()
  turns.pass(1)
  turns.pass(1)
  turns.pass(0)
  expect(turns.isNext(2)).toBe(true)
})
