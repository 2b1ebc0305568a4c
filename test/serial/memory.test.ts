import { expect, test } from 'vitest'
import { plumberOf, same, unfused } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** Numbers of about 1 KB each: to hold all of them would show. */
function* heavy(count: number) {
  for (let n = 0; n < count; n++) yield new Array<number>(128).fill(n)
}

/** The heap after a collection, in MB, at chosen moments. */
class Heap {
  readonly samples: number[] = []
  readonly #every: number
  #items = 0

  constructor(every: number) {
    this.#every = every
  }

  /** Call for every item; the first ones warm up. */
  count(): void {
    if (++this.#items % this.#every !== 0) return
    if (globalThis.gc === undefined) throw new Error('Run this with --expose-gc: npx vitest run --project serial')
    globalThis.gc()
    this.samples.push(process.memoryUsage().heapUsed / 2 ** 20)
  }

  get growth(): number {
    const [first = 0, ...later] = this.samples
    return Math.max(...later) - first
  }
}

const millisecond = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

test('a fast source in front of a slow consumer does not fill the memory', async () => {
  const items = 20_000
  const heap = new Heap(items / 10)
  let made = 0
  let lead = 0
  const plumber = plumberOf(
    {
      fast: function* () {
        for (const value of heavy(items)) {
          made++
          yield value
        }
      },
      slow: {
        coro: async (value: readonly number[]) => {
          lead = Math.max(lead, made - Number(value[0]))
          await millisecond()
          heap.count()
          return value.length
        },
        properties: { workers: 4 },
      },
    },
    { fast: ['slow'] },
  )
  const report = await plumber.run()
  expectBalancedBooks(report, [])
  expect(report.nodes.slow?.completed).toBe(items)
  expect(lead, 'items that the source is ahead').toBeLessThanOrEqual(64 + 4 + 2)
  expect(heap.samples).toHaveLength(10)
  expect(heap.growth, `MB after ${heap.samples.map((mb) => mb.toFixed(1)).join(', ')}`).toBeLessThan(4)
})

test('a fast branch beside a slow one does not fill the memory', async () => {
  const items = 40_000
  const heap = new Heap(items / 10)
  const plumber = plumberOf(
    {
      fork: () => heavy(items),
      fast: unfused((value: readonly number[]) => value),
      slow: unfused(
        async (value: readonly number[]) => {
          if (Number(value[0]) % 64 === 0) await millisecond()
          return value
        },
        { workers: 4, ordered: false },
      ),
      join: unfused((pair: readonly (readonly number[])[]) => {
        heap.count()
        expect(pair[0]).toBe(pair[1])
      }),
    },
    { fork: ['fast', 'slow'], fast: ['join'], slow: ['join'] },
  )
  const report = await plumber.run()
  expectBalancedBooks(report, [])
  expect(report.nodes.join?.completed).toBe(2 * items)
  expect(heap.growth, `MB after ${heap.samples.map((mb) => mb.toFixed(1)).join(', ')}`).toBeLessThan(4)
})

test('a branch that is 100 times slower than the other one does not fill the memory: a join stores no more than its window', async () => {
  const items = 100_000
  const heap = new Heap(items / 10)
  const window = 32
  let open = 0
  let most = 0
  const plumber = plumberOf(
    {
      fork: () => heavy(items),
      fast: unfused((value: readonly number[]) => {
        most = Math.max(most, ++open)
        return value
      }),
      slow: unfused(
        async (value: readonly number[]) => {
          for (let turn = 0; turn < 100; turn++) await undefined
          return value
        },
        { queueSize: 2 * window },
      ),
      join: unfused((pair: readonly (readonly number[])[]) => {
        open--
        heap.count()
        expect(pair[0]).toBe(pair[1])
      }),
    },
    { fork: ['fast', 'slow'], fast: ['join'], slow: ['join'] },
  )
  const report = await plumber.run()
  expectBalancedBooks(report, [])
  expect(report.nodes.join?.completed).toBe(2 * items)
  expect(most, 'items that the fast branch is ahead').toBe(window)
  expect(heap.samples).toHaveLength(10)
  expect(heap.growth, `MB after ${heap.samples.map((mb) => mb.toFixed(1)).join(', ')}`).toBeLessThan(4)
})

test('an unordered join does not fill the memory, also while its input never pauses', async () => {
  const items = 40_000
  const heap = new Heap(items / 10)
  const plumber = plumberOf(
    {
      in: 'std.inlet',
      fast: unfused(same),
      slow: unfused(async (value: unknown) => {
        await undefined
        await undefined
        return value
      }),
      join: unfused(() => heap.count(), { ordered: false }),
    },
    { in: ['fast', 'slow'], fast: ['join'], slow: ['join'] },
  )
  const pipeline = plumber.createPipeline()
  const all = heavy(items)
  const putting = async (): Promise<void> => {
    for (const value of all) await pipeline.put(value)
  }
  // Several at once, so that a frame is always open.
  await Promise.all([putting(), putting(), putting(), putting()])
  const report = await pipeline.drain()
  expectBalancedBooks(report, ['in'])
  expect(report.nodes.join?.completed).toBe(2 * items)
  expect(heap.growth, `MB after ${heap.samples.map((mb) => mb.toFixed(1)).join(', ')}`).toBeLessThan(4)
})
