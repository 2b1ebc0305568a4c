import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Tasks } from '../../packages/workers/src/worker/tasks.js'

/** Tasks about so many items, in one message. */
function tasksOf(count: number): Tasks {
  const tasks = new Tasks()
  const places = Array.from({ length: count }, (_, place) => place)
  tasks.addCalls({
    type: 'calls',
    values: places.map((place) => `v${place}`),
    indexes: places.map((place) => 10 + place),
  })
  return tasks
}

/** Takes the next one; whether it is to be made. */
function takes(tasks: Tasks): boolean | undefined {
  if (tasks.take() === undefined) return undefined
  const { skips } = tasks
  tasks.number++
  return !skips
}

const all = (tasks: Tasks): boolean[] => {
  const made: boolean[] = []
  for (let one = takes(tasks); one !== undefined; one = takes(tasks)) made.push(one)
  return made
}

describe('tasks', () => {
  test('keep their order where there is always another one', () => {
    const tasks = new Tasks()
    const taken: unknown[] = []
    for (let n = 0; n < 500; n++) {
      tasks.addCalls({ type: 'calls', values: [n, n + 0.5], indexes: [n, n] })
      for (let count = n % 3; count > 0; count--) {
        const task = tasks.take()
        if (task?.what === 'item') taken.push(task.value)
      }
    }
    for (let task = tasks.take(); task !== undefined; task = tasks.take())
      if (task.what === 'item') taken.push(task.value)
    expect(taken).toEqual(Array.from({ length: 1000 }, (_, place) => place / 2))
  })

  test('are taken in their order, with what is their own', () => {
    const tasks = new Tasks()
    tasks.addCalls({ type: 'calls', values: ['a', 'b', 'c'], indexes: [5, 6, 7], particulars: [[1, { attempt: 2 }]] })
    tasks.add({ type: 'call', what: 'flush' })
    const items = [tasks.take(), tasks.take(), tasks.take()]
    expect(items).toMatchObject([
      { value: 'a', index: 5, particulars: undefined },
      { value: 'b', index: 6, particulars: { attempt: 2 } },
      { value: 'c', index: 7, particulars: undefined },
    ])
    expect([tasks.take(), tasks.take()]).toEqual([{ type: 'call', what: 'flush' }, undefined])
  })

  test('that nobody wants are skipped: one, by its number', () => {
    const tasks = tasksOf(4)
    tasks.abort(2, false)
    expect(all(tasks)).toEqual([true, true, false, true])
  })

  test('that nobody wants are skipped: all that have come, and none that comes later', () => {
    const tasks = tasksOf(3)
    tasks.take()
    tasks.abort(undefined, true)
    tasks.number++
    expect(all(tasks)).toEqual([false, false])
    tasks.add({ type: 'call', what: 'flush' })
    expect(takes(tasks)).toBe(true)
  })

  test('are skipped by their numbers also in later messages', () => {
    const tasks = tasksOf(2)
    expect(all(tasks)).toEqual([true, true])
    tasks.abort(3, false)
    tasks.addCalls({ type: 'calls', values: ['x', 'y'], indexes: [0, 1] })
    expect(all(tasks)).toEqual([true, false])
  })

  test('are skipped exactly where that was said before they began', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(25)), (count, numbers) => {
        const tasks = tasksOf(count)
        for (const number of numbers) if (number > 0) tasks.abort(number, false)
        const wanted = Array.from({ length: count }, (_, number) => number === 0 || !numbers.includes(number))
        expect(all(tasks)).toEqual(wanted)
      }),
    )
  })
})
