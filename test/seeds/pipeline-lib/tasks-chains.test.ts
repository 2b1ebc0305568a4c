import { threadId } from 'node:worker_threads'
import { execute, type Parallelism, tasks } from '@pipelines/flow/tasks'
import { Plumber } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { endless, range, settlesSoon, turns } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { folderWith } from '../../support/folder.js'
import * as stages from './fixtures/tasks-stages.mjs'
import { sum, sumTo } from './strategies.js'
import { giving, isSoak, keeping, STRATEGIES, sharedPlaces, taken } from './tasks-support.js'

const on = sharedPlaces(stages, new URL('./fixtures/tasks-stages.mjs', import.meta.url))

test('L-01 execute waits for the last task, and gives a report', async () => {
  const open = gate()
  const held = async (inputs: AsyncIterable<number>) => {
    for await (const _ of inputs) await open.opened
  }
  const running = execute([giving([1, 2]), { run: held }])
  expect(await settlesSoon(running)).toBe(false)
  open.open()
  const report = await running
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
})

test('L-01 an empty list returns at once, and gives nothing', async () => {
  expect(await execute([])).toBeUndefined()
})

test.each(STRATEGIES)('L-02 "parallelism" says where all tasks run, and each may say it for itself (%s)', (place) => {
  const { graph } = tasks([giving([1]), { run: stages.same }, keeping().task], on(place)).toBlueprint()
  const executors = Object.values(graph.nodes).map(({ properties }) => properties?.executor ?? 'inline')
  expect(executors).toEqual(['inline', place === 'coroutine' ? 'inline' : place, 'inline'])
})

test('L-03 a task has the name of its function, one worker, one packet in flight and no constants', () => {
  const { graph } = tasks([{ run: stages.numbers, constants: { count: 1 } }, { run: taken }]).toBlueprint()
  expect(graph.nodes['numbers']).toMatchObject({ properties: { packetsInFlight: 1 } })
  expect(graph.nodes['taken']).toEqual({ coro: 'tasks.sink', args: { fn: 'taken' } })
})

test.each(STRATEGIES)('L-04 a processor gives any number of outputs for an input (%s)', async (place) => {
  const { values, task } = keeping<number>()
  await execute([{ run: stages.numbers, constants: { count: 4 } }, { run: stages.repeated }, task], on(place))
  expect(values).toEqual([1, 2, 2, 3, 3, 3])
})

test.each(STRATEGIES)('L-04 what is around the loop is done once by each worker (%s)', async (place) => {
  const folder = folderWith()
  const { values, task } = keeping<number>()
  const counting = { run: stages.counting, constants: { folder: folder.path }, workers: 2, packetsInFlight: 2 }
  await execute([{ run: stages.numbers, constants: { count: 9 }, packetsInFlight: 2 }, counting, task], on(place))
  expect(sum(values)).toBe(9)
  expect(folder.names()).toEqual(['begun-0', 'begun-1', 'ended-0', 'ended-1'])
})

test.each([1, 2, 5])(
  'L-05 a slot is taken before an item is made: %i slots, as many items',
  async (packetsInFlight) => {
    const made = endless()
    let read = 0
    const looking = async (inputs: AsyncIterable<number>) => {
      for await (const _ of inputs) {
        await turns(5)
        read = made.read
        return
      }
    }
    await execute([{ run: made.source, packetsInFlight }, { run: looking }])
    expect(read).toBe(packetsInFlight)
  },
)

test.each(STRATEGIES)('L-05 no more items are under way than there are slots (%s)', async (place) => {
  for (const [before, behind] of [
    [1, 1],
    [3, 2],
  ] as const) {
    let [made, taken, most] = [0, 0, 0]
    const making = function* () {
      for (const n of range(40)) {
        most = Math.max(most, ++made - taken)
        yield n
      }
    }
    const taking = async (inputs: AsyncIterable<number>) => {
      for await (const _ of inputs) taken++
    }
    await execute(
      [
        { run: making, packetsInFlight: before, parallelism: 'coroutine' },
        { run: stages.same<number>, packetsInFlight: behind },
        { run: taking, parallelism: 'coroutine' },
      ],
      on(place),
    )
    // What the task in the middle has just given holds a slot on both sides.
    expect(most).toBeLessThanOrEqual(before + behind - 1)
    expect(taken).toBe(40)
  }
})

test.each(STRATEGIES)('L-06 each worker is an instance of its own, and each input goes to one (%s)', async (place) => {
  const { values, task } = keeping<{ n: number; worker: number }>()
  const meeting = { run: stages.meeting, constants: { folder: folderWith().path }, workers: 2, packetsInFlight: 2 }
  await execute([{ run: stages.numbers, constants: { count: 20 }, packetsInFlight: 2 }, meeting, task], on(place))
  expect(values.map(({ n }) => n).sort((a, b) => a - b)).toEqual(range(20))
  expect(new Set(values.map(({ worker }) => worker))).toEqual(new Set([0, 1]))
})

test.each(STRATEGIES)('L-06 one worker keeps the order (%s)', async (place) => {
  const { values, task } = keeping<number>()
  const same = { run: stages.same<number>, packetsInFlight: 10 }
  await execute([{ run: stages.numbers, constants: { count: 50 }, packetsInFlight: 10 }, same, task], on(place))
  expect(values).toEqual(range(50))
})

test.each(STRATEGIES)('L-07 a source with several workers is refused: each would give all items (%s)', (place) => {
  const numbers = { run: stages.numbers, constants: { count: 3 }, workers: 2, packetsInFlight: 2 }
  expect(tasks([numbers, { run: taken, parallelism: 'coroutine' }], on(place)).issues()).toMatchObject([
    { code: 'PLB_OPTION_CONFLICT', pointer: '/0/workers', hint: expect.stringContaining('give parts') },
  ])
})

test('L-12 tasks of this program run in it, with everything that can be set, and nothing is warned of', async () => {
  const heard: unknown[] = []
  const hear = (...said: readonly unknown[]) => void heard.push(said)
  const { values, task } = keeping<number>()
  const scaled = { run: stages.scaled, constants: { by: 1 }, workers: 2, packetsInFlight: 7 }
  const { graph, ...options } = tasks([{ ...giving([1, 2]), packetsInFlight: 2 }, scaled, task]).toBlueprint()
  const plumber = new Plumber(graph, { ...options, logger: { debug: hear, info: hear, warn: hear, error: hear } })
  await plumber.run(undefined, { inactivityMs: 60_000 })
  expect(values).toEqual([1, 2])
  expect(heard).toEqual([])
})

test('L-12 generators that are not async call each other, and the sink, on the spot', async () => {
  const log: unknown[] = []
  const first = function* () {
    queueMicrotask(() => log.push('somebody else'))
    yield* [1, 2]
  }
  const more = function* (inputs: Iterable<number>) {
    for (const n of inputs) yield n + 10
  }
  const last = (inputs: Iterable<number>) => {
    for (const n of inputs) log.push(n)
  }
  await execute([{ run: first }, { run: more }, { run: last }])
  expect(log).toEqual([11, 12, 'somebody else'])
})

test.each(STRATEGIES)('L-13 a single task runs where it says, like any other (%s)', async (place) => {
  const folder = folderWith()
  await execute([{ run: stages.whereabouts, constants: { path: folder.of('where') } }], on(place))
  const isHere = folder.text('where') === `${process.pid}/${threadId}`
  expect(isHere).toBe(place === 'coroutine')
})

test.each(STRATEGIES)('L-14 at the end every worker stops, also one that had no item (%s)', async (place) => {
  const { values, task } = keeping<number>()
  const counting = { run: stages.counting, constants: { folder: folderWith().path }, workers: 2, packetsInFlight: 2 }
  await execute([{ run: stages.numbers, constants: { count: 1 } }, counting, task], on(place))
  expect(values.sort()).toEqual([0, 1])
})

test.each(STRATEGIES)(
  'L-15 a task that returns early ends those before it, and that is success (%s)',
  async (place) => {
    const folder = folderWith()
    const { values, task } = keeping<number>()
    const report = await execute(
      [
        { run: stages.endless, constants: { path: folder.of('closed') }, packetsInFlight: 4 },
        { run: stages.same<number>, packetsInFlight: 2 },
        { run: stages.firstOnes, constants: { count: 3 } },
        { run: stages.added, constants: { by: 10 } },
        task,
      ],
      on(place),
    )
    expect(report.outcome).toBe('completed')
    expectBalancedBooks(report, [])
    expect(values).toEqual([10, 11, 12])
    expect(folder.names()).toEqual(['closed'])
  },
)

test.each(STRATEGIES)('L-15 a last task may return without having taken anything (%s)', async (place) => {
  const folder = folderWith()
  const first = { run: stages.endless, constants: { path: folder.of('closed') } }
  expect((await execute([first, { run: stages.nothing }], on(place))).outcome).toBe('completed')
})

test.each(STRATEGIES)('L-T01 a chain of four tasks with constants completes (%s)', async (place) => {
  const folder = folderWith()
  await execute(
    [
      { run: stages.numbers, constants: { count: 10 } },
      { run: stages.added, constants: { by: 3 } },
      { run: stages.scaled, constants: { by: 2 } },
      { run: stages.written, constants: { path: folder.of('result') } },
    ],
    on(place),
  )
  expect(JSON.parse(folder.text('result'))).toEqual(range(10).map((n) => 2 * (n + 3)))
})

test.each(STRATEGIES)(
  'L-T02 L-14 what a source left in a buffer of 1000 when it ended is not lost (%s)',
  async (place) => {
    const path = folderWith().of('ended')
    const { values, task } = keeping<number>()
    await execute(
      [
        { run: stages.numbers, constants: { count: 101, path }, packetsInFlight: 1000 },
        { run: stages.gated, constants: { path }, workers: 2, packetsInFlight: 2 },
        task,
      ],
      on(place),
    )
    expect(sum(values)).toBe(sumTo(101))
  },
)

/** A mark that all tasks see. Processes share no memory, so theirs is a file. */
const markFor = (place: Parallelism): Int32Array | string =>
  place === 'process' ? folderWith().of('mark') : new Int32Array(new SharedArrayBuffer(4))

test.each(STRATEGIES)('L-T03 with one packet in flight each, tasks work strictly in turn (%s)', async (place) => {
  const mark = markFor(place)
  const { values, task } = keeping<number>()
  await execute(
    [
      { run: stages.numbersPutting, constants: { count: 101, mark } },
      { run: stages.picking, constants: { mark } },
      { run: stages.putting, constants: { mark } },
      { run: stages.picking, constants: { mark } },
      task,
    ],
    on(place),
  )
  expect(values).toEqual(range(101))
})

test.each(STRATEGIES)(
  'L-T05 30,000 items through 15 workers, 1 that groups them, and 16 give the exact total (%s)',
  async (place) => {
    const [count, wide, many] = place === 'coroutine' || isSoak ? [30_000, 15, 16] : [600, 2, 2]
    const { values, task } = keeping<number>()
    await execute(
      [
        { run: stages.numbers, constants: { count }, packetsInFlight: 60 },
        { run: stages.same<number>, workers: wide, packetsInFlight: 60 },
        { run: stages.groups, constants: { size: 7 }, packetsInFlight: 20 },
        { run: stages.totals, workers: many, packetsInFlight: many },
        task,
      ],
      on(place),
    )
    expect(values).toHaveLength(many)
    expect(sum(values)).toBe(sumTo(count))
  },
  120_000,
)

test.each(STRATEGIES)('L-T06 several workers each, and the last short group of each of them (%s)', async (place) => {
  const workers = place === 'coroutine' || isSoak ? 4 : 2
  const { values, task } = keeping<number[]>()
  await execute(
    [
      { run: stages.numbers, constants: { count: 503 }, packetsInFlight: 40 },
      { run: stages.same<number>, workers, packetsInFlight: 10 },
      { run: stages.groups, constants: { size: 10 }, workers, packetsInFlight: 100 },
      task,
    ],
    on(place),
  )
  expect(sum(values.flat())).toBe(sumTo(503))
  const short = values.filter(({ length }) => length < 10)
  expect(short.length).toBeGreaterThanOrEqual(1)
  expect(short.length).toBeLessThanOrEqual(workers)
})
