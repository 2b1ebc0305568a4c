import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'

test('a gate holds its waiters until it is opened', async () => {
  const door = gate()
  const passed: string[] = []
  const waiters = ['a', 'b'].map(async (name) => {
    await door.opened
    passed.push(name)
  })
  await Promise.resolve()
  expect(door.isOpen).toBe(false)
  expect(passed).toEqual([])

  door.open()
  await Promise.all(waiters)
  expect(door.isOpen).toBe(true)
  expect(passed).toEqual(['a', 'b'])
})

test('an open gate lets latecomers through, and may be opened again', async () => {
  const door = gate()
  door.open()
  door.open()
  await door.opened
  expect(door.isOpen).toBe(true)
})
