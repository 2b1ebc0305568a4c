import { expect, test } from 'vitest'
import { InFlightQueue } from '../../packages/core/src/in-flight-queue.js'
import { Movement } from '../../packages/core/src/movement.js'
import { OwnPlace } from '../../packages/core/src/own-place.js'

const movement = () => new Movement({ waiting: 0, rested: () => {} }, () => false)

test('who is alone may take all places that are free', () => {
  const place = new OwnPlace(new InFlightQueue(64, 12), movement())
  expect([place.take(), place.takeMore(64)]).toEqual([true, 12])
})

test('of several that share, each leaves the others theirs', () => {
  const places = new InFlightQueue(64, 4)
  const [one, other] = [new OwnPlace(places, movement()), new OwnPlace(places, movement())]
  expect([one.take(), one.takeMore(64, 2)]).toEqual([true, 2])
  expect([other.take(), other.takeMore(64, 2)]).toEqual([true, 2])
})

test('with as many places as there are that share, nobody has more than one', () => {
  const places = new InFlightQueue(64, 2)
  const [one, other] = [new OwnPlace(places, movement()), new OwnPlace(places, movement())]
  expect([one.take(), one.takeMore(64, 2), other.take()]).toEqual([true, 1, true])
})
