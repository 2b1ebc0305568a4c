import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Turns } from '../../packages/core/src/turns.js'
import { range } from '../support/plans.js'
import { settlesSoon } from '../support/turns.js'

test('the first turn is now, and needs no waiting', () => {
  const turns = new Turns()
  expect([turns.isNext(0), turns.come(0), turns.isNext(1)]).toEqual([true, undefined, false])
})

test('a turn comes when the one before is over', async () => {
  const turns = new Turns()
  const second = turns.come(1)
  expect(await settlesSoon(second ?? Promise.resolve())).toBe(false)
  turns.pass(0)
  await second
  expect([turns.isNext(1), turns.come(1)]).toEqual([true, undefined])
})

test('turns come in order, in whatever order they are asked for', async () => {
  const check = async (asked: readonly number[]): Promise<void> => {
    const turns = new Turns()
    const order: number[] = []
    const take = async (turn: number): Promise<void> => {
      await turns.come(turn)
      order.push(turn)
      turns.pass(turn)
    }
    await Promise.all(asked.map(take))
    expect(order).toEqual(range(asked.length))
  }
  const asked = fc
    .integer({ min: 1, max: 12 })
    .chain((count) => fc.shuffledSubarray(range(count), { minLength: count }))
  await fc.assert(fc.asyncProperty(asked, check))
})

test('whoever waits is let go when turns no longer matter, and nobody waits afterwards', async () => {
  const turns = new Turns()
  const waiting = [turns.come(3), turns.come(1)]
  turns.clear()
  await Promise.all(waiting)
  expect(turns.come(7)).toBe(undefined)
})
