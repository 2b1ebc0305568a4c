import { threadId } from 'node:worker_threads'
import { execute, portable, tasks } from '@pipelines/flow/tasks'
import { processes, threads } from '@pipelines/workers'
import { expect, test } from 'vitest'
import { failureOf, range } from '../support/blackbox.js'
import * as work from './fixtures/tasks-work.mjs'

portable(work, new URL('./fixtures/tasks-work.mjs', import.meta.url))

const here = `${process.pid}/${threadId}`
const STRATEGIES = [
  { parallelism: 'thread', start: threads },
  { parallelism: 'process', start: processes },
] as const

/** A last task that keeps what it takes, in this program. */
function keeping<T>() {
  const values: T[] = []
  const run = async (inputs: AsyncIterable<T>): Promise<void> => {
    for await (const value of inputs) values.push(value)
  }
  return { values, task: { run, parallelism: 'coroutine' } as const }
}

const numbers = (count: number) => ({ run: work.numbers, constants: { count }, parallelism: 'coroutine' }) as const

test.each(STRATEGIES)('tasks run elsewhere, but for those that say it ($parallelism)', async (place) => {
  await using executor = place.start()
  const { values, task } = keeping<{ n: number; where: string }>()
  const [first, scaled] = [
    { run: work.numbers, constants: { count: 3 } },
    { run: work.scaled, constants: { by: 10 } },
  ]
  const list = tasks([first, scaled, { run: work.whereabouts }, task], {
    parallelism: place.parallelism,
    executors: [executor],
  })
  await list.execute()
  expect(values.map(({ n }) => n)).toEqual([0, 10, 20])
  for (const { where } of values) expect(where).not.toBe(here)
})

test('a task may run elsewhere by itself', async () => {
  await using executor = threads()
  const { values, task } = keeping<{ n: number; where: string }>()
  await execute([numbers(2), { run: work.whereabouts, parallelism: 'thread' }, task], { executors: [executor] })
  expect(values.map(({ where }) => where === here)).toEqual([false, false])
})

test('of constants, what is shared memory is shared with threads', async () => {
  await using executor = threads()
  const sums = new Int32Array(new SharedArrayBuffer(8))
  const summed = { run: work.summed, constants: { sums }, workers: 2, parallelism: 'thread' } as const
  await execute([{ ...numbers(101), packetsInFlight: 10 }, summed], { executors: [executor] })
  expect((sums[0] ?? 0) + (sums[1] ?? 0)).toBe(5050)
})

test('a single task runs where it is told to', async () => {
  await using executor = threads()
  const told = new Int32Array(new SharedArrayBuffer(4))
  await execute([{ run: work.alone, constants: { told } }], { parallelism: 'thread', executors: [executor] })
  expect(told[0]).toBeGreaterThan(0)
  expect(told[0]).not.toBe(threadId)
})

test.each(STRATEGIES)('what a task throws elsewhere is of its own type ($parallelism)', async (place) => {
  await using executor = place.start()
  const checked = { run: work.checked, constants: { limit: 3 }, parallelism: place.parallelism }
  const error = await failureOf(() => execute([numbers(5), checked], { executors: [executor] }))
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'checked' } })
  expect(error.cause).toBeInstanceOf(RangeError)
  expect(error.cause).toMatchObject({ message: '4 is too much', stack: expect.stringContaining('tasks-work.mjs') })
})

test.each(STRATEGIES)('a worker that leaves as if all were well is a failure ($parallelism)', async (place) => {
  await using executor = place.start()
  const leaving = { run: work.leaving, parallelism: place.parallelism }
  const list = tasks([numbers(5), leaving, keeping<number>().task], { executors: [executor] })
  const { cause } = await failureOf(() => list.execute())
  expect(cause).toMatchObject({
    code: 'PLB_WORKER_DIED',
    details: { node: 'leaving', how: 'ended with the exit code 0' },
  })
})

test('with one packet in flight nothing is made ahead of a task on a thread', async () => {
  await using executor = threads()
  let [made, taken, most] = [0, 0, 0]
  const making = function* () {
    for (const n of range(20)) {
      made++
      most = Math.max(most, made - taken)
      yield n
    }
  }
  const taking = async (inputs: AsyncIterable<number>) => {
    for await (const _ of inputs) taken++
  }
  const scaled = { run: work.scaled, constants: { by: 1 }, parallelism: 'thread' } as const
  await execute([{ run: making }, scaled, { run: taking }], { executors: [executor] })
  expect(most).toBe(1)
})

test('items of tasks elsewhere are checked against their schemas here', async () => {
  await using executor = threads()
  const output = { type: 'integer', maximum: 5 }
  const scaled = { run: work.scaled, constants: { by: 2 }, output, parallelism: 'thread' } as const
  const list = tasks([numbers(5), scaled, keeping<number>().task], { executors: [executor], validate: true })
  const error = await failureOf(() => list.execute())
  expect(error.message).toContain('must be an integer ≤ 5, got 6')
})
