import { everySchedule, type Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'

/** Two workers with two steps each; gives the steps in the order in which they were taken. */
async function twoByTwo(scheduler: Scheduler): Promise<string> {
  const taken: string[] = []
  const worker = async (name: string) => {
    for (const step of [1, 2]) {
      await scheduler.step(`${name}${step}`)
      taken.push(`${name}${step}`)
    }
  }
  await scheduler.drive(Promise.all([worker('a'), worker('b')]))
  expect(taken).toEqual(scheduler.order)
  return taken.join(' ')
}

test('every interleaving of two times two steps is tried, each once', async () => {
  const seen: string[] = []
  const searched = await everySchedule(async (scheduler) => void seen.push(await twoByTwo(scheduler)))
  expect(searched).toEqual({ schedules: 6, complete: true })
  expect(seen.toSorted()).toEqual([
    'a1 a2 b1 b2',
    'a1 b1 a2 b2',
    'a1 b1 b2 a2',
    'b1 a1 a2 b2',
    'b1 a1 b2 a2',
    'b1 b2 a1 a2',
  ])
})

test('work without a choice has one schedule', async () => {
  const searched = await everySchedule(async (scheduler) => {
    await scheduler.drive((async () => scheduler.step('only'))())
  })
  expect(searched).toEqual({ schedules: 1, complete: true })
})

test('the search stops at the bound, and says that it is not complete', async () => {
  expect(await everySchedule(twoByTwo, { most: 5 })).toEqual({ schedules: 5, complete: false })
  expect(await everySchedule(twoByTwo, { most: 6 })).toEqual({ schedules: 6, complete: true })
})

test('late wake-ups are one more choice where they are asked for', async () => {
  const orders = new Set<string>()
  const play = async (scheduler: Scheduler) => {
    const order: string[] = []
    const restore = scheduler.install()
    for (const name of ['a', 'b']) queueMicrotask(() => void order.push(name))
    await scheduler.drive(Promise.resolve())
    restore()
    orders.add(order.join(' '))
  }
  expect((await everySchedule(play)).schedules).toBe(1)
  expect((await everySchedule(play, { wakeUps: 1 })).schedules).toBe(4)
  expect([...orders]).toEqual(['a b', 'b a'])
})

describe('a schedule that fails', () => {
  const wrong = new Error('b was first')
  const play = async (scheduler: Scheduler) => {
    if ((await twoByTwo(scheduler)).startsWith('b1 a1')) throw wrong
  }

  test('is named, with what happened and how to have it again', async () => {
    const failure: Error = await everySchedule(play).then(
      () => expect.unreachable(),
      (error) => error,
    )
    expect(failure.cause).toBe(wrong)
    expect(failure.message).toBe(
      [
        'With schedule [1, 0, 0]: b was first',
        'Replay it with schedule: [1, 0, 0].',
        'What went on, in this order: b1, a1, a2, b2.',
      ].join('\n'),
    )
  })

  test('fails again when it is replayed, and others do not', async () => {
    await expect(everySchedule(play, { schedule: [1, 0, 0] })).rejects.toThrow('b was first')
    expect(await everySchedule(play, { schedule: [1, 1, 0] })).toEqual({ schedules: 1, complete: false })
  })
})

test('a schedule that does not fit the work is refused', async () => {
  await expect(everySchedule(twoByTwo, { schedule: [0, 7] })).rejects.toThrow('decision 1 is 7, but there are 2 ways')
})

test('work that is not the same in every run is found out', async () => {
  let runs = 0
  const play = async (scheduler: Scheduler) => {
    const names = runs++ === 0 ? ['a', 'b'] : ['a', 'b', 'c']
    await scheduler.drive(Promise.all(names.map((name) => scheduler.step(name))))
  }
  await expect(everySchedule(play)).rejects.toThrow('The work is not the same in every run')
})
