import { isPipelineError } from '@pipelines/core'
import { execute, type TaskList, tasks } from '@pipelines/flow/tasks'
import { expect, test } from 'vitest'
import { failureOf, range, reportOf } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { folderWith } from '../../support/folder.js'
import * as work from './fixtures/tasks-failing.mjs'
import { isAlive } from './strategies.js'
import { BESIDE, giving, keeping, STRATEGIES, sharedPlaces, taken } from './tasks-support.js'

const on = sharedPlaces(work, new URL('./fixtures/tasks-failing.mjs', import.meta.url))

/** What the tasks fail with; their books are in order all the same. */
async function failure(list: TaskList) {
  const error = await failureOf(() => list.execute())
  expectBalancedBooks(reportOf(error), [])
  expect(reportOf(error).outcome).toBe('failed')
  return error
}

const endless = { run: work.endless, packetsInFlight: 2 }
/** A task that goes on when its first item is still in work behind it. */
const failing = (folder: string) => ({ run: work.failsWhenReady, constants: { folder }, packetsInFlight: 2 })
const end = { run: taken, name: 'end', parallelism: 'coroutine' } as const

test.each(STRATEGIES)(
  'L-T08 L-01 a source that fails after one item: its own error comes to the caller (%s)',
  async (place) => {
    const { values, task } = keeping<number>()
    const { cause } = await failure(tasks([{ run: work.failsAfterOne }, task], on(place)))
    expect(cause).toBeInstanceOf(RangeError)
    expect(cause).toMatchObject({ message: 'after one' })
    expect([[], [1]]).toContainEqual(values)
  },
)

test.each(STRATEGIES)('L-T09 a task in the middle that fails before any output (%s)', async (place) => {
  const { cause } = await failure(tasks([endless, { run: work.failsAtOnce }, { run: work.same }, end], on(place)))
  expect(cause).toBeInstanceOf(TypeError)
  expect(cause).toMatchObject({ message: 'before any' })
})

test.each(STRATEGIES)(
  'L-T09 a task next to the sink, and the sink, that fail before any output (%s)',
  async (place) => {
    for (const list of [
      tasks([endless, { run: work.failsAtOnce }, end], on(place)),
      tasks([endless, { run: work.failsAtTheEnd }], on(place)),
    ])
      expect((await failure(list)).cause).toMatchObject({ name: 'TypeError', message: 'before any' })
  },
)

test.each(STRATEGIES)('L-T10 L-17 the error does not wait for tasks that sleep on both sides (%s)', async (place) => {
  const constants = { folder: folderWith().path }
  const list = tasks(
    [endless, { run: work.thenAsleep }, failing(constants.folder), { run: work.asleep, constants }],
    on(place),
  )
  expect((await failure(list)).cause).toMatchObject({ name: 'RangeError', message: 'the first error' })
})

test.each(STRATEGIES)(
  'L-16 L-28 the error names the task; the cause is what it threw, with its own cause (%s)',
  async (place) => {
    const error = await failure(tasks([endless, { run: work.failsInItsOwnWay }, end], on(place)))
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'failsInItsOwnWay' } })
    expect(error.message).toContain('"failsInItsOwnWay"')
    expect(error.cause).toMatchObject({ name: 'Unreadable', message: 'line 7 is unreadable', line: 7 })
    expect(error.cause).toMatchObject({
      stack: expect.stringContaining('tasks-failing.mjs'),
      cause: expect.any(SyntaxError),
    })
  },
)

test.each(STRATEGIES)('L-17 L-28 the first error wins; what follows from it is not told (%s)', async (place) => {
  const constants = { folder: folderWith().path }
  const error = await failure(
    tasks([endless, failing(constants.folder), { run: work.failsWhenTold, constants }], on(place)),
  )
  expect(error).toMatchObject({ details: { node: 'failsWhenReady' }, cause: { message: 'the first error' } })
})

test.each(STRATEGIES)(
  'L-T15 one of two workers fails while the other goes on with an endless source (%s)',
  async (place) => {
    const pair = { run: work.secondFails, workers: 2, packetsInFlight: 2 }
    const { cause } = await failure(tasks([endless, pair, end], on(place)))
    expect(cause).toMatchObject({ name: 'RangeError', message: 'the second worker' })
  },
)

test.each(BESIDE)(
  'L-18 a worker that exits with a code fails the run, and the error tells the code (%s)',
  async (place) => {
    const { cause } = await failure(tasks([endless, { run: work.exits, constants: { code: 3 } }, end], on(place)))
    expect(cause).toMatchObject({
      code: 'PLB_WORKER_DIED',
      details: { node: 'exits', how: 'ended with the exit code 3' },
    })
  },
)

test.each(BESIDE)('L-19 a clean exit inside a task is a failure too (%s)', async (place) => {
  const { cause } = await failure(tasks([endless, { run: work.exits, constants: { code: 0 } }, end], on(place)))
  expect(cause).toMatchObject({ code: 'PLB_WORKER_DIED', details: { how: 'ended with the exit code 0' } })
})

test.each(BESIDE)('L-T17 a source that exits with 0 without having finished is a failure (%s)', async (place) => {
  const { cause } = await failure(tasks([{ run: work.exitsAfterThree }, end], on(place)))
  expect(cause).toMatchObject({ code: 'PLB_WORKER_DIED', details: { node: 'exitsAfterThree' } })
})

test('L-T16 L-18 one of two processes is killed, and the run fails', async () => {
  const pids = new Set<number>()
  const killing = async (inputs: AsyncIterable<number>) => {
    for await (const pid of inputs) if (pids.size < 2 && pids.add(pid).size === 2) process.kill(pid, 'SIGKILL')
  }
  const pair = { run: work.processNumbers, workers: 2, packetsInFlight: 2, parallelism: 'process' } as const
  const { cause } = await failure(
    tasks([{ ...endless, parallelism: 'coroutine' }, pair, { run: killing }], {
      ...on('process'),
      parallelism: 'coroutine',
    }),
  )
  expect(cause).toMatchObject({
    code: 'PLB_WORKER_DIED',
    details: { node: 'processNumbers', how: 'was killed by SIGKILL' },
  })
  expect([...pids].filter(isAlive)).toHaveLength(1)
})

test.each(STRATEGIES)('L-20 on a failure a task may finish what it is doing (%s)', async (place) => {
  const folder = folderWith()
  const constants = { folder: folder.path }
  const error = await failure(
    tasks([endless, failing(constants.folder), { run: work.finishing, constants }], on(place)),
  )
  expect(reportOf(error).abandoned).toEqual([])
  expect(folder.names()).toContain('finished')
})

test.each(STRATEGIES)(
  'L-20 on a failure a task that does not stop in time is left or ended, and named (%s)',
  async (place) => {
    const folder = folderWith()
    const constants = { folder: folder.path }
    const list = tasks([endless, failing(constants.folder), { run: work.deaf, constants }], {
      ...on(place),
      graceMs: 20,
    })
    const error = await failure(list)
    expect(error.cause).toMatchObject({ message: 'the first error' })
    expect(reportOf(error).abandoned).toEqual(['deaf'])
    expect(isAlive(Number(folder.text('pid')))).toBe(place !== 'process')
  },
)

// Also of tasks in this program, where pipeline-lib refuses such a limit (L-12).
test.each(STRATEGIES)(
  'L-T11 L-21 L-12 work that takes longer than nothing may move fails the run (%s)',
  async (place) => {
    const error = await failure(tasks([giving([1]), { run: work.working }, end], { ...on(place), inactivityMs: 10 }))
    expect(error).toMatchObject({ code: 'PLB_RUN_STALLED', details: { inactivityMs: 10 }, report: { abandoned: [] } })
  },
)

test('L-T12 L-21 many short steps may take longer together than nothing may move', async () => {
  const { values, task } = keeping<number>()
  const steps = BESIDE.map((parallelism) => ({ run: work.stepping, parallelism }))
  await tasks([giving(range(110)), ...steps, task], { ...on('coroutine'), inactivityMs: 1000 }).execute()
  expect(values).toEqual(range(110))
})

test('L-27 every error is of one class, and has a code and the report', async () => {
  const errors = await Promise.all([
    failureOf(() => execute([giving([1]), { run: work.failsAtTheEnd }])),
    failureOf(() => execute([giving([1]), { run: work.working }, end], { inactivityMs: 1 })),
    failureOf(() => execute([giving([1]), end], { signal: AbortSignal.abort() })),
    failureOf(() => execute([giving([1]), { ...end, workers: 0 }])),
  ])
  expect(errors.map(isPipelineError)).toEqual([true, true, true, true])
  const codes = ['PLB_NODE_FAILED', 'PLB_RUN_STALLED', 'PLB_RUN_DOOMED', 'PLB_GRAPH_INVALID']
  expect(errors.map(({ code }) => code)).toEqual(codes)
  expect(errors.map(({ report }) => report?.outcome)).toEqual(['failed', 'failed', 'doomed', undefined])
})
