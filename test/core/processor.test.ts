import { type Context, type Coro, DROP, defineCoro, packet, Queue, startProcessor } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
// Not declared by this package: the very copy that the engine uses.
import PQueue from '../../packages/core/node_modules/p-queue/dist/index.js'
import { finish, items, line, range, same, start } from '../support/plans.js'
import { turns, until } from '../support/turns.js'

/** A coroutine whose calls wait at a gate of their own. */
function gated() {
  const gates = range(100).map(() => gate())
  const inside = { now: 0, most: 0, begun: [] as number[] }
  const coro = async (n: number): Promise<number> => {
    inside.begun.push(n)
    inside.most = Math.max(inside.most, ++inside.now)
    await gates[n]?.opened
    inside.now--
    return n
  }
  return { gates, inside, coro, openAll: () => gates.forEach((one) => void one.open()) }
}

describe('workers', () => {
  test('are never more than were asked for, and as many as that', async () => {
    const { inside, coro, openAll } = gated()
    const run = start(line({ src: items(...range(30)), work: { coro, props: { workers: 4 } } }))
    await turns()
    expect([inside.now, inside.begun]).toEqual([4, range(4)])
    openAll()
    await run.report()
    expect([inside.most, inside.begun]).toEqual([4, range(30)])
  })

  test.each([1, 2, 7, 50])('are at most %i whatever the calls take', async (workers) => {
    let now = 0
    let most = 0
    const coro = async (n: number): Promise<void> => {
      most = Math.max(most, ++now)
      for (let rest = (n * 7) % 5; rest > 0; rest--) await turns(1)
      now--
    }
    const { report } = await finish(line({ src: items(...range(100)), work: { coro, props: { workers } } }))
    expect(report.nodes.work?.completed).toBe(100)
    expect(most).toBeLessThanOrEqual(workers)
    expect(most).toBeGreaterThan(workers / 2)
  })

  test('that are ordered let results leave in input order', async () => {
    const { gates, coro } = gated()
    const run = start(line({ src: items(...range(4)), work: { coro, props: { workers: 4 } } }))
    await turns()
    for (const n of [3, 1, 2]) gates[n]?.open()
    await turns()
    expect(run.values).toEqual([])
    gates[0]?.open()
    await run.report()
    expect(run.values).toEqual([0, 1, 2, 3])
  })

  test('that are ordered hold back at most as many results as there are workers', async () => {
    const { gates, inside, coro, openAll } = gated()
    const run = start(line({ src: items(...range(50)), work: { coro, props: { workers: 3 } } }))
    for (const one of gates.slice(1)) one.open()
    await turns()
    expect([inside.begun, run.values]).toEqual([[0, 1, 2], []])
    openAll()
    await run.report()
    expect(run.values).toEqual(range(50))
  })

  test('that are unordered let results leave as they finish', async () => {
    const { gates, coro } = gated()
    const run = start(line({ src: items(...range(3)), work: { coro, props: { workers: 3, ordered: false } } }))
    await turns()
    for (const n of [2, 0, 1]) {
      gates[n]?.open()
      await turns(3)
    }
    await run.report()
    expect(run.values).toEqual([2, 0, 1])
  })

  test('with random delays keep the order, or lose nothing without it', async () => {
    const check = async (workers: number, ordered: boolean, delays: readonly number[]): Promise<void> => {
      const coro = async (n: number): Promise<number> => {
        for (let rest = delays[n % delays.length] ?? 0; rest > 0; rest--) await undefined
        return n
      }
      const { values } = await finish(line({ src: items(...range(40)), work: { coro, props: { workers, ordered } } }))
      expect(ordered ? values : values.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(40))
    }
    const delays = fc.array(fc.nat(12), { minLength: 1, maxLength: 9 })
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.boolean(), delays, check), { numRuns: 80 })
  })

  test('hold their slot until the function has really returned', async () => {
    const held = gate()
    let calls = 0
    const coro = (): Promise<void> => {
      calls++
      return held.opened
    }
    const run = start(line({ src: items(1, 2, 3), work: coro }), { graceMs: 1_000 })
    await turns()
    const settled = run.network.doomsday()
    await turns()
    expect([calls, run.network.state]).toEqual([1, 'doomed'])
    held.open()
    await settled
    expect(calls).toBe(1)
  })

  test('may become more, and that takes effect at once', async () => {
    const { inside, coro, openAll } = gated()
    const run = start(line({ src: items(...range(20)), work: { coro } }))
    await turns()
    expect(inside.now).toBe(1)
    run.network.setWorkers(run.node('work'), 5)
    await turns()
    expect(inside.now).toBe(5)
    openAll()
    await run.report()
    expect(run.values).toEqual(range(20))
  })

  test('may become fewer as their calls return', async () => {
    const { gates, inside, coro, openAll } = gated()
    const run = start(line({ src: items(...range(20)), work: { coro, props: { workers: 5 } } }))
    await turns()
    run.network.setWorkers(run.node('work'), 2)
    for (const n of [0, 1, 2, 3]) gates[n]?.open()
    await turns()
    expect([inside.now, inside.begun]).toEqual([2, range(6)])
    openAll()
    await run.report()
    expect(run.values).toEqual(range(20))
  })

  test('are told which of them they are', async () => {
    const seen = new Set<string>()
    const coro = async (_: unknown, { worker }: Context): Promise<void> => {
      seen.add(`${worker.index} of ${worker.count}`)
      await turns(1)
    }
    await finish(line({ src: items(...range(12)), work: { coro, props: { workers: 3 } } }))
    expect([...seen].toSorted()).toEqual(['0 of 3', '1 of 3', '2 of 3'])
  })
})

describe('bursts', () => {
  test('are what p-queue schedules, and not items', async () => {
    const add = vi.spyOn(PQueue.prototype, 'add')
    const { report } = await finish(line({ src: items(...range(10_000)), work: same, out: same }), { fuse: false })
    const tasks = add.mock.calls.length
    add.mockRestore()
    expect(report.nodes.out?.completed).toBe(10_000)
    expect(tasks).toBeGreaterThanOrEqual(3)
    expect(tasks).toBeLessThan(1_000)
  })

  test('are as few with asynchronous work', async () => {
    const add = vi.spyOn(PQueue.prototype, 'add')
    await finish(line({ src: items(...range(10_000)), work: { coro: async (n: number) => n, props: { workers: 4 } } }))
    const tasks = add.mock.calls.length
    add.mockRestore()
    expect(tasks).toBeLessThan(2_000)
  })

  test('take at most 1,024 items each, so that others get a turn', async () => {
    const input = new Queue(3_000)
    for (const n of range(3_000)) input.offer(packet(n))
    input.end()
    const add = vi.spyOn(PQueue.prototype, 'add')
    const { counts } = await startProcessor({ name: 'work', coro: same, inputs: [input], outputs: [] }).settled
    const tasks = add.mock.calls.length
    add.mockRestore()
    expect([counts.completed, tasks]).toEqual([3_000, 3])
  })
})

describe('what a call returns', () => {
  const outputsOf = async (coro: Coro): Promise<unknown[]> => {
    const { values } = await finish(line({ src: items(1, 2), work: coro, out: (value: unknown) => [value] }))
    return values
  }

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['an array', [1, 2]],
    ['a set', new Set([1])],
    ['a string', 'text'],
    ['an object with a method "next"', { next: () => ({ done: true }) }],
  ])('%s is one output', async (_, value) => {
    expect(await outputsOf(() => value)).toEqual([[value], [value]])
  })

  test('DROP is none', async () => {
    expect(await outputsOf((n: number) => (n === 1 ? DROP : n))).toEqual([[2]])
    expect(await outputsOf(async (n: number) => (n === 1 ? DROP : n))).toEqual([[2]])
  })

  test('undefined of a leaf is no output of the pipeline', async () => {
    const { values, report } = await finish(line({ src: items(1, 2), out: (n: number) => (n === 1 ? undefined : n) }))
    expect([values, report.nodes.out]).toEqual([[2], expect.objectContaining({ completed: 2, emitted: 1, dropped: 0 })])
  })

  test('a generator is expanded, with its promises and without what it drops', async () => {
    const coro = function* (n: number): Generator<unknown> {
      yield n
      yield Promise.resolve(n + 0.5)
      yield DROP
    }
    expect(await outputsOf(coro)).toEqual([[1], [1.5], [2], [2.5]])
  })

  test('an asynchronous generator is expanded, also out of a promise', async () => {
    const coro = async function* (n: number): AsyncGenerator<number> {
      yield n
      await turns(1)
      yield -n
    }
    const expected = [[1], [-1], [2], [-2]]
    expect([await outputsOf(coro), await outputsOf(async (n: number) => coro(n))]).toEqual([expected, expected])
  })

  test('generators of several workers do not mix their outputs while ordered', async () => {
    const coro = async function* (n: number): AsyncGenerator<string> {
      for (const letter of 'abc') {
        await turns(3 - (n % 3))
        yield `${n}${letter}`
      }
    }
    const { values } = await finish(line({ src: items(...range(6)), work: { coro, props: { workers: 3 } } }))
    expect(values).toEqual(range(6).flatMap((n) => [`${n}a`, `${n}b`, `${n}c`]))
  })

  test('emissions leave by their port, before what was returned', async () => {
    const coro = (n: number, ctx: Context): number => {
      ctx.emit('even', n * 2, { meta: { by: 'emit' } })
      ctx.emit('out', n + 0.5)
      return n
    }
    const { values } = await finish({
      src: { coro: items(1), to: ['work'] },
      work: { coro, to: ['out', { to: 'even', port: 'even' }] },
      out: { coro: same },
      even: { coro: (n: number, { meta }: Context) => [n, meta] },
    })
    expect(values).toEqual(expect.arrayContaining([[2, { by: 'emit' }], 1.5, 1]))
    expect(values.filter((value) => !Array.isArray(value))).toEqual([1.5, 1])
  })

  test('an emission on a port that was not announced fails the item', async () => {
    const coro = defineCoro({ emits: ['yes'], run: (_: number, ctx: Context) => ctx.emit('no', 1) })
    const { report } = await finish(line({ src: items(1), work: { coro } }))
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { code: 'PLB_GRAPH_PORT' } })
  })

  test('what a generator emits leaves before its next value', async () => {
    const coro = function* (n: number, ctx: Context): Generator<unknown> {
      ctx.emit('out', `${n} first`)
      yield n
      ctx.emit('out', `${n} last`)
    }
    expect(await outputsOf(coro as never)).toEqual([['1 first'], [1], ['1 last'], ['2 first'], [2], ['2 last']])
  })

  test('its index, meta and args are told to each call', async () => {
    const seen: unknown[] = []
    const coro = (n: number, { index, meta, args, node }: Context) => void seen.push([n, index, meta, args, node])
    await finish({
      src: {
        coro: async (out: { put: (n: number, o: object) => Promise<void> }) => out.put(7, { meta: { m: 1 } }),
        to: ['work'],
      } as never,
      work: { coro, args: { a: 1 } },
    })
    expect(seen).toEqual([[7, 0, { m: 1 }, { a: 1 }, 'work']])
  })
})

describe('a generator that nobody wants any more', () => {
  const endless = (notes: string[], waits: boolean): Coro =>
    async function* () {
      try {
        for (let n = 0; ; n++) {
          if (waits) await turns(1)
          yield n
        }
      } finally {
        notes.push('finally')
      }
    }

  test('runs its finally block once when its successor is done', async () => {
    const notes: string[] = []
    const take = async (inputs: AsyncIterable<number>): Promise<void> => {
      for await (const n of inputs) if (n === 2) return
    }
    const spec = line({ src: items(1), work: endless(notes, false), take: { kind: 'stream', coro: take as never } })
    const { report } = await finish(spec)
    expect([notes, report.outcome]).toEqual([['finally'], 'completed'])
  })

  test.each([false, true])('runs its finally block once at doomsday (waiting inside: %s)', async (waits) => {
    const notes: string[] = []
    const run = start(line({ src: items(1), work: endless(notes, waits), out: same }))
    await until(() => run.values.length > 3)
    const report = await run.network.doomsday()
    expect([notes, report.outcome]).toEqual([['finally'], 'doomed'])
    expect(report.nodes.work).toMatchObject({ received: 1, unprocessed: 1 })
  })

  test('runs its finally block when it dooms the run from inside itself', async () => {
    const notes: string[] = []
    const coro = function* (): Generator<number> {
      try {
        void run.network.doomsday()
        yield 1
        yield 2
      } finally {
        notes.push('finally')
      }
    }
    const run = start(line({ src: items(1), work: coro, out: same }))
    expect([(await run.report()).outcome, notes]).toEqual(['doomed', ['finally']])
  })

  test('is not begun when it comes after doomsday', async () => {
    const held = gate()
    let begun = false
    const coro = async () => {
      await held.opened
      return (function* () {
        begun = true
        yield 1
      })()
    }
    const run = start(line({ src: items(1), work: coro, out: same }))
    await turns()
    const settled = run.network.doomsday()
    held.open()
    await settled
    expect([begun, (await run.report()).nodes.work?.late]).toEqual([false, 1])
  })

  test('that throws while it is closed is reported', async () => {
    const coro = function* (): Generator<number> {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: the case under test
        throw new Error('cleaning up')
      }
    }
    const run = start(line({ src: items(1), work: coro, out: { coro: () => turns(1), props: { queueSize: 1 } } }))
    await turns()
    await run.network.doomsday()
    const { errors } = await run.report()
    expect(errors.map(({ cause }) => cause)).toEqual([expect.objectContaining({ message: 'cleaning up' })])
  })
})

describe('an item that fails', () => {
  const odd = (n: number): number => {
    if (n % 2 === 1) throw new Error(`odd ${n}`)
    return n
  }

  test('ends the run, with its own error as the cause', async () => {
    const mine = new Error('mine')
    const { report } = await finish(line({ src: items(...range(9)), work: () => Promise.reject(mine) }))
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED', details: { node: 'work' } } })
    expect([report.error?.cause, report.nodes.work?.failed]).toEqual([mine, 1])
  })

  test.each([1, 4])('with "skip" is counted and left out, with %i workers', async (workers) => {
    const props = { onError: 'skip', workers } as const
    const { report, values } = await finish(line({ src: items(...range(301)), work: { coro: odd, props }, out: same }))
    expect(values).toEqual(range(301).filter((n) => n % 2 === 0))
    expect(report.nodes.work).toMatchObject({ received: 301, completed: 151, failed: 150 })
    expect([report.outcome, report.error, report.errors.length]).toEqual(['completed', undefined, 100])
  })

  test('takes with it what it emitted', async () => {
    const coro = (n: number, ctx: Context): number => {
      ctx.emit('out', 'emitted')
      return odd(n)
    }
    const { values } = await finish(line({ src: items(1, 2), work: { coro, props: { onError: 'skip' } }, out: same }))
    expect(values).toEqual(['emitted', 2])
  })

  test('keeps its turn: later results of other workers wait for it', async () => {
    const held = gate()
    const coro = async (n: number): Promise<number> => {
      if (n === 0) {
        await held.opened
        throw new Error('late')
      }
      return n
    }
    const run = start(line({ src: items(...range(3)), work: { coro, props: { workers: 3, onError: 'skip' } } }))
    await turns()
    expect(run.values).toEqual([])
    held.open()
    await run.report()
    expect(run.values).toEqual([1, 2])
  })

  test.each([
    ['a string', 'broke', 'broke'],
    ['undefined', undefined, undefined],
    ['null', null, null],
    ['a frozen object', Object.freeze({ code: 7 }), { code: 7 }],
  ])('with %s is reported all the same', async (_, thrown, cause) => {
    const { report } = await finish(line({ src: items(1), work: () => Promise.reject(thrown) }))
    expect([report.outcome, report.error?.code, report.error?.cause]).toEqual(['failed', 'PLB_NODE_FAILED', cause])
  })

  test('with a message of a megabyte has a short one', async () => {
    const { report } = await finish(line({ src: items(1), work: () => Promise.reject(new Error('x'.repeat(1e6))) }))
    expect(report.error?.message.length).toBeLessThan(8_300)
  })

  test.each(['then', 'next'])('because a getter "%s" of its result throws is its own failure', async (name) => {
    const hostile = () =>
      Object.defineProperty({}, name, {
        get() {
          throw new Error('no')
        },
      })
    const { report } = await finish(line({ src: items(1), work: hostile, out: same }))
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'work' } })
    expect(report.nodes.work).toMatchObject({ received: 1, failed: 1 })
  })

  test('in the middle of a generator keeps what it had given', async () => {
    const coro = function* (n: number): Generator<number> {
      yield n
      throw new Error('then')
    }
    const { values, report } = await finish(
      line({ src: items(1, 2), work: { coro, props: { onError: 'skip' } }, out: same }),
    )
    expect([values, report.nodes.work]).toEqual([
      [1, 2],
      expect.objectContaining({ failed: 2, completed: 0, emitted: 2 }),
    ])
  })

  test('beside others reports the further failures in the details of the first', async () => {
    const { gates, inside, coro } = gated()
    const failing = async (n: number): Promise<void> => {
      await coro(n)
      throw new Error(`item ${n}`)
    }
    const run = start(line({ src: items(...range(3)), work: { coro: failing, props: { workers: 3 } } }))
    await until(() => inside.now === 3)
    for (const n of range(3)) {
      gates[n]?.open()
      await turns(2)
    }
    const { error, errors } = await run.report()
    expect(error?.cause).toMatchObject({ message: 'item 0' })
    expect(errors.map((one) => (one.cause as Error).message)).toEqual(['item 0', 'item 1', 'item 2'])
    expect(error?.details).toMatchObject({ errors: errors.slice(1) })
  })

  test('because its call obeyed the signal counts as unprocessed and not as failed', async () => {
    const coro = (_: unknown, { signal }: Context): Promise<never> =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const run = start(line({ src: items('a'), work: coro }))
    await turns()
    await run.network.doomsday('enough')
    const { outcome, reason, nodes, errors, unprocessed } = await run.report()
    expect([outcome, reason, errors, unprocessed]).toEqual([
      'doomed',
      'enough',
      [],
      [{ node: 'work', value: 'a', meta: {} }],
    ])
    expect(nodes.work).toMatchObject({ received: 1, failed: 0, unprocessed: 1 })
  })
})

describe('a coroutine that never settles', () => {
  test('is abandoned after the grace period, and named', async () => {
    const run = start(line({ src: items('a', 'b'), stuck: () => new Promise(() => {}), out: same }), { graceMs: 20 })
    await turns()
    const started = performance.now()
    await run.network.doomsday()
    const { abandoned, unprocessed } = await run.report()
    expect(performance.now() - started).toBeGreaterThanOrEqual(18)
    expect([abandoned, unprocessed.map(({ node, value }) => [node, value])]).toEqual([
      ['stuck'],
      expect.arrayContaining([
        ['stuck', 'a'],
        ['stuck', 'b'],
      ]),
    ])
  })

  test('and returns after all is counted as late', async () => {
    const held = gate()
    const run = start(line({ src: items('a'), stuck: () => held.opened, out: same }), { graceMs: 5 })
    await turns()
    await run.network.doomsday()
    held.open()
    await turns()
    expect([run.network.snapshot().nodes.stuck?.late, run.values]).toEqual([1, []])
  })
})

describe('pause', () => {
  test('lets calls in progress go on and starts no other until resume', async () => {
    const { gates, inside, coro, openAll } = gated()
    const run = start(line({ src: items(...range(10)), work: { coro, props: { workers: 2 } } }))
    await turns()
    run.network.pause()
    gates[0]?.open()
    await turns()
    expect([inside.begun, run.values]).toEqual([[0, 1], [0]])
    openAll()
    run.network.resume()
    await run.report()
    expect(run.values).toEqual(range(10))
  })

  test('before the start holds everything back', async () => {
    const run = start(line({ src: { kind: 'inlet' }, work: same }))
    run.network.pause()
    const put = run.network.put(0, 1)
    await turns()
    expect(run.values).toEqual([])
    run.network.resume()
    await put
    await run.network.drain()
    expect(run.values).toEqual([1])
  })

  test('does not keep doomsday from coming', async () => {
    const run = start(line({ src: items(...range(10)), work: same }))
    run.network.pause()
    await turns()
    expect((await run.network.doomsday()).outcome).toBe('doomed')
  })
})

describe('a chain of 5,000 nodes', () => {
  const deep = (last: object, source: Coro) =>
    line(
      Object.fromEntries([
        ['src', { coro: source }],
        ...range(5_000).map((n) => [`n${n}`, { coro: same }]),
        ['last', last],
      ]),
    )

  test('carries its items to the end', async () => {
    const { values, report } = await finish(deep({ coro: same }, items(1, 2, 3)))
    expect([values, report.outcome]).toEqual([[1, 2, 3], 'completed'])
  })

  test('ends when there is no item at all', async () => {
    const { values, report } = await finish(deep({ coro: same }, items()))
    expect([values, report.outcome, report.errors]).toEqual([[], 'completed', []])
  })

  test('is closed from the end when its last node wants no more', async () => {
    const take = async (inputs: AsyncIterable<number>): Promise<void> => {
      for await (const _ of inputs) return
    }
    const endless = function* (): Generator<number> {
      for (let n = 0; ; n++) yield n
    }
    const { report } = await finish(deep({ kind: 'stream', coro: take }, endless))
    expect([report.outcome, report.errors]).toEqual(['completed', []])
  })

  test('is doomed as a whole', async () => {
    const run = start(deep({ coro: () => new Promise(() => {}) }, items(1, 2, 3)), { graceMs: 5 })
    await turns()
    const report = await run.network.doomsday()
    expect(report.outcome).toBe('doomed')
  })
})
