import { expect, test } from 'vitest'
import { failureOf, range } from '../../support/blackbox.js'
import { chainsOf, placesOf, STRATEGIES, type Stage, WORKERS } from './strategies.js'

const chainOf = chainsOf(new URL('./fixtures/values.mjs', import.meta.url))

test.each(STRATEGIES)('L-08 a message of 8 MiB needs no limit to be set (%s)', async (strategy) => {
  const length = 2 ** 23
  await using chain = await chainOf(strategy, { bytes: { coro: 'bytes', args: { length } }, same: { coro: 'same' } })
  const [message] = await chain.plumber.collect<Uint8Array>()
  expect(Buffer.alloc(length, 'abc').equals(message ?? new Uint8Array())).toBe(true)
})

test.each(WORKERS)(
  'L-08 what cannot be a message fails the run, and the error says where it is (%s)',
  async (strategy) => {
    await using chain = await chainOf(strategy, { empties: { coro: 'empties' }, bad: { coro: 'unsendable' } })
    const { cause } = await failureOf(() => chain.plumber.run())
    expect(cause).toMatchObject({ code: 'PLB_WORKER_CLONE', details: { node: 'bad', path: '.rows[0].open' } })
  },
)

test.each([true, false])(
  'L-09 a large buffer moves into a thread with "transfer", else it is copied (%s)',
  async (transfer) => {
    const large = new Uint8Array(2 ** 20)
    const stages = { large: { coro: 'large', executor: 'inline' }, writing: { coro: 'writing' } }
    await using chain = await chainOf('thread', stages, {
      here: { large: () => [large] },
      places: placesOf({ transfer }),
    })
    expect(await chain.plumber.collect()).toEqual([2 ** 20])
    expect(large.byteLength).toBe(transfer ? 0 : 2 ** 20)
  },
)

test.each(WORKERS)(
  'L-10 a function that exists only in the program is refused before anything starts (%s)',
  async (strategy) => {
    const refused = chainOf(
      strategy,
      { empties: { coro: 'empties' }, closure: { coro: 'closure' } },
      { here: { closure: () => strategy } },
    )
    await expect(refused).rejects.toMatchObject({
      details: { issues: [{ code: 'PLB_CORO_NOT_PORTABLE', pointer: '/nodes/closure/coro' }] },
    })
  },
)

test.each(WORKERS)('L-10 what is done to an object after it was put is not seen (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, { changing: { coro: 'changing' }, same: { coro: 'same' } })
  expect(await chain.plumber.collect()).toEqual([{ n: 1 }])
})

test.each(WORKERS)('L-10 what a stage does to its input is not seen by others who hold it (%s)', async (strategy) => {
  const held = [1, 2, 3]
  const stages = { held: { coro: 'held', executor: 'inline' }, writing: { coro: 'writing' } }
  await using chain = await chainOf(strategy, stages, { here: { held: () => [held] } })
  expect(await chain.plumber.collect()).toEqual([3])
  expect(held).toEqual([1, 2, 3])
})

test('L-11 threads are given shared memory by reference', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const stages = { shared: { coro: 'shared', executor: 'inline' }, writing: { coro: 'writing' } }
  await using chain = await chainOf('thread', stages, { here: { shared: () => [shared] } })
  expect(await chain.plumber.collect()).toEqual([2])
  expect(shared[0]).toBe(42)
})

test.each(STRATEGIES)('L-T04 arrays without elements pass (%s)', async (strategy) => {
  await using chain = await chainOf(strategy, { empties: { coro: 'empties' }, same: { coro: 'same' } })
  expect(await chain.plumber.collect()).toEqual([
    new Uint8Array(0),
    new Float64Array(0),
    new ArrayBuffer(0),
    { rows: new Int32Array(0), columns: [] },
  ])
})

/** A source of large messages, a stage that changes them, and one that looks at what it finds. */
const aliasing = (
  workers: number,
  slots: number,
  places: readonly (object | undefined)[] = [],
): Record<string, Stage> => ({
  aliased: { coro: 'aliased', args: { count: 100, length: 2 ** 13 }, packetsInFlight: slots, ...places[0] },
  marking: { coro: 'marking', workers, packetsInFlight: slots, ...places[1] },
  reading: { coro: 'reading', workers, ...places[2] },
})

/** What comes of each message, in their order. */
const read = range(100).map((n) => ({ n, marked: n + 0.5, length: 2 ** 13, isOne: true }))
const byNumber = (a: { readonly n: number }, b: { readonly n: number }): number => a.n - b.n

test.each(STRATEGIES)(
  'L-T07 an array under two names is one array again, however many workers and slots (%s)',
  async (strategy) => {
    await using places = placesOf()
    for (const [workers, slots] of [
      [1, 1],
      [1, 4],
      [4, 16],
    ] as const) {
      const { plumber } = await chainOf(strategy, aliasing(workers, slots), { places })
      expect((await plumber.collect<{ n: number }>()).sort(byNumber)).toEqual(read)
    }
  },
)

test('L-T07 an array under two names is one array also where it moves', async () => {
  await using chain = await chainOf('thread', aliasing(4, 16), { places: placesOf({ transfer: true }) })
  expect((await chain.plumber.collect<{ n: number }>()).sort(byNumber)).toEqual(read)
})

test('L-T07 an array under two names is one array from a process to a thread to here', async () => {
  const places = [{ executor: 'process' }, { executor: 'thread' }, { executor: 'inline', workers: 1 }]
  await using chain = await chainOf('process', aliasing(2, 4, places))
  expect((await chain.plumber.collect<{ n: number }>()).sort(byNumber)).toEqual(read)
})
