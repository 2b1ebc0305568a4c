import { expect, test } from 'vitest'
import { InFlightQueue } from '../../packages/core/src/in-flight-queue.js'
import { Movement } from '../../packages/core/src/movement.js'
import { OwnPlace } from '../../packages/core/src/own-place.js'

/** So many producers who share an edge with four places. */
function producers(count: number): OwnPlace[] {
  const edge = new InFlightQueue(8, 4)
  const movement = new Movement({ waiting: 0, rested: () => {} }, () => false)
  return Array.from({ length: count }, () => new OwnPlace(edge, movement))
}

test('one that is alone takes all that are free, as far as it wants them', () => {
  const [only] = producers(1)
  expect([only?.take(), only?.takeMore(3), only?.takeMore(9)]).toEqual([true, 3, 4])
})

test('one of several leaves one for each that has none', () => {
  const [first, second, third] = producers(3)
  expect([first?.take(), first?.takeMore(9, 2)]).toEqual([true, 2])
  expect([second?.take(), third?.take()]).toEqual([true, true])
})

test('what is not needed is there for others', async () => {
  const [first, second] = producers(2)
  first?.take()
  first?.takeMore(9)
  expect(second?.take()).toBe(false)
  first?.giveBack(2)
  await second?.taken()
  expect([first?.held, second?.held]).toEqual([2, 1])
})

test('those that are held when nothing more is made are given back', () => {
  const [first, second] = producers(2)
  first?.take()
  first?.takeMore(9)
  first?.close()
  expect([second?.take(), second?.takeMore(9), first?.takeMore(9)]).toEqual([true, 4, 0])
})
