import { execute, type Parallelism, tasks } from '@pipelines/flow/tasks'
import { threads } from '@pipelines/workers'
import { expect, test } from 'vitest'
import { failureOf, range } from '../../support/blackbox.js'
import * as values from './fixtures/tasks-values.mjs'
import { BESIDE, giving, isSoak, keeping, STRATEGIES, sharedPlaces, taken } from './tasks-support.js'

const on = sharedPlaces(values, new URL('./fixtures/tasks-values.mjs', import.meta.url))

test.each(STRATEGIES)('L-08 a message of 4 MiB needs no size to be set (%s)', async (place) => {
  const length = 2 ** 22
  const end = keeping<Uint8Array>()
  await execute([{ run: values.bytes, constants: { length } }, { run: values.same<Uint8Array> }, end.task], on(place))
  expect(Buffer.alloc(length, 'abc').equals(end.values[0] ?? new Uint8Array())).toBe(true)
})

test.each([
  ['L-08', { maxMessageSize: 2 ** 20 }, 'an item may be of any size'],
  ['L-09', { sharedBuffer: true }, 'SharedArrayBuffer'],
])('%s the option %o is refused, and what to do is said', (_, option, words) => {
  const [issue] = tasks([{ ...giving([1]), ...option }, { run: taken }] as never).issues()
  expect(issue).toMatchObject({ code: 'PLB_OPTION_INVALID', pointer: `/0/${Object.keys(option)[0]}` })
  expect(issue?.message).toContain(words)
})

test.each(BESIDE)('L-08 what cannot be a message fails the run, and the error says where it is (%s)', async (place) => {
  const bad = { run: values.unsendable, parallelism: place } as const
  const { cause } = await failureOf(() =>
    execute([giving([1]), bad, { run: taken }], { ...on(place), parallelism: 'coroutine' }),
  )
  expect(cause).toMatchObject({ code: 'PLB_WORKER_CLONE', details: { node: 'unsendable', path: '.rows[0].open' } })
})

test.each([true, false])(
  'L-09 a large buffer moves into a thread with "transfer", else it is copied (%s)',
  async (transfer) => {
    await using executor = threads({ transfer })
    const large = new Uint8Array(2 ** 20)
    const { values: lengths, task } = keeping<number>()
    await execute([giving([large]), { run: values.writing, parallelism: 'thread' }, task], { executors: [executor] })
    expect(lengths).toEqual([2 ** 20])
    expect(large.byteLength).toBe(transfer ? 0 : 2 ** 20)
  },
)

test.each(BESIDE)(
  'L-10 a function that exists only in the program is refused before anything starts (%s)',
  async (place) => {
    const closure = async function* (inputs: AsyncIterable<number>) {
      for await (const n of inputs) yield `${place} ${n}`
    }
    const list = tasks([giving([1]), { run: closure }, { ...keeping<string>().task }], on(place))
    expect(list.issues()).toMatchObject([{ code: 'PLB_CORO_NOT_PORTABLE', pointer: '/1/run' }])
    await expect(list.execute()).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID' })
  },
)

test.each(BESIDE)('L-10 what is done to an object when the next one is made is not seen (%s)', async (place) => {
  const end = keeping<{ n: number }>()
  await execute([{ run: values.changing }, end.task], on(place))
  expect(end.values).toEqual([{ n: 1 }])
})

test.each(BESIDE)('L-10 what a task does to its input is not seen by others who hold it (%s)', async (place) => {
  const held = [1, 2, 3]
  const { values: lengths, task } = keeping<number>()
  await execute([giving([held]), { run: values.writing }, task], on(place))
  expect(lengths).toEqual([3])
  expect(held).toEqual([1, 2, 3])
})

test('L-10 L-11 tasks of this program are given the object itself', async () => {
  const held = [1, 2, 3]
  await execute([giving([held]), { run: values.writing }, { run: taken }])
  expect(held).toEqual([42, 2, 3])
})

test('L-11 L-09 threads are given shared memory by reference', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  await execute([giving([shared]), { run: values.writing }, { run: taken, parallelism: 'coroutine' }], on('thread'))
  expect(shared[0]).toBe(42)
})

test.each(STRATEGIES)('L-T04 arrays without elements pass (%s)', async (place) => {
  const { values: passed, task } = keeping<object>()
  await execute([{ run: values.empties }, { run: values.same<object> }, task], on(place))
  expect(passed).toEqual([
    new Uint8Array(0),
    new Float64Array(0),
    new ArrayBuffer(0),
    { rows: new Int32Array(0), columns: [] },
  ])
})

/** Sends messages through these places, and gives what is read of each, in the order in which they were made. */
async function reads(
  [workers, slots]: readonly [number, number],
  [first, second, third]: readonly [Parallelism, Parallelism, Parallelism],
  count: number,
): Promise<readonly values.Read[]> {
  const { values: read, task } = keeping<values.Read>()
  await execute(
    [
      { run: values.aliased, constants: { count, length: 2 ** 13 }, packetsInFlight: slots, parallelism: first },
      { run: values.marking, workers, packetsInFlight: slots, parallelism: second },
      { run: values.reading, workers, packetsInFlight: slots, parallelism: third },
      task,
    ],
    on('coroutine'),
  )
  return read.sort((a, b) => a.n - b.n)
}

/** What is to be read of so many messages. */
const readOf = (count: number) => range(count).map((n) => ({ n, marked: n + 0.5, length: 2 ** 13, isOne: true }))

const isFull = (place: Parallelism): boolean => place === 'coroutine' || isSoak

test.each(STRATEGIES)(
  'L-T07 an array under two names is one array again, however many workers and slots (%s)',
  async (place) => {
    const count = isFull(place) ? 100 : 20
    const most = isFull(place) ? 4 : 2
    for (const setting of [
      [1, 1],
      [1, 4],
      [most, 16],
    ] as const)
      expect(await reads(setting, [place, place, place], count)).toEqual(readOf(count))
  },
)

test('L-T07 an array under two names is one array from a process to a thread to here', async () => {
  expect(await reads([1, 4], ['process', 'thread', 'coroutine'], 20)).toEqual(readOf(20))
})

/** The settings of the benchmark of pipeline-lib: workers, and slots. */
const SETTINGS = [
  [1, 1],
  [1, 4],
  [4, 12],
] as const

test.each(STRATEGIES)('L-29 small and large messages through three tasks, as in the benchmark (%s)', async (place) => {
  const [small, large] = isFull(place) ? [2000, 10] : [20, 1]
  for (const [workers, packetsInFlight] of isFull(place) ? SETTINGS : SETTINGS.slice(0, 2))
    for (const [count, length] of [
      [small, 10],
      [large, 2 ** 17],
    ] as const) {
      const { values: read, task } = keeping<values.Read>()
      await execute(
        [
          { run: values.aliased, constants: { count, length }, packetsInFlight },
          { run: values.marking, workers, packetsInFlight },
          { run: values.reading, workers, packetsInFlight },
          task,
        ],
        on(place),
      )
      expect(read.filter(({ isOne }) => isOne)).toHaveLength(count)
    }
})
