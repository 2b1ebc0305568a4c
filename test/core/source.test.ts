import { type Context, type Coro, DROP, defineCoro, type SourceOutput } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { finish, line, prepare, range, same, start } from '../support/plans.js'
import { settlesSoon, turns, until } from '../support/turns.js'

const valuesOf = async (coro: Coro): Promise<unknown[]> => (await finish(line({ src: coro, out: same }))).values

describe('a source may be', () => {
  test.each<[string, Coro]>([
    [
      'a generator',
      function* () {
        yield* range(5)
      },
    ],
    [
      'a generator of promises',
      function* () {
        yield* range(5).map((n) => Promise.resolve(n))
      },
    ],
    [
      'an asynchronous generator',
      async function* () {
        yield* range(5)
      },
    ],
    ['a function that returns an array', () => range(5)],
    ['a function that returns a set', () => new Set(range(5))],
    ['a function that returns an iterator', () => range(5).values()],
    ['a promise of an iterable', async () => range(5)],
    [
      'an object with an asynchronous iterator',
      () => ({
        [Symbol.asyncIterator]: async function* () {
          yield* range(5)
        },
      }),
    ],
    [
      'a function that puts',
      (async (output: SourceOutput) => {
        for (const n of range(5)) await output.put(n)
      }) as Coro,
    ],
    [
      'a function that emits',
      ((_: unknown, ctx: Context) => {
        for (const n of range(5)) ctx.emit('out', n)
      }) as Coro,
    ],
    [
      'a function that puts and returns the rest',
      (async (output: SourceOutput) => {
        for (const n of range(3)) await output.put(n)
        return [3, 4]
      }) as Coro,
    ],
  ])('%s', async (_, coro) => {
    expect(await valuesOf(coro)).toEqual(range(5))
  })

  test.each([
    ['a number', 7],
    ['a string', 'text'],
    ['an object', {}],
  ])('no function that returns %s', async (_, returned) => {
    const { report } = await finish(line({ src: () => returned, out: same }))
    expect(report).toMatchObject({
      outcome: 'failed',
      error: { cause: { code: 'PLB_CORO_TYPE', details: { node: 'src' } } },
    })
  })

  test.each([undefined, null])('empty: it returns %s', async (returned) => {
    expect(await valuesOf(() => returned)).toEqual([])
  })
})

describe('a source', () => {
  test('leaves out what it drops, and hands on undefined', async () => {
    const { values } = await finish(line({ src: () => [DROP, undefined, 1], out: (value: unknown) => [value] }))
    expect(values).toEqual([[undefined], [1]])
  })

  test('is told the position of its next output', async () => {
    const seen: number[] = []
    const coro = function* (_: never, ctx: Context): Generator<number> {
      for (const n of range(3)) {
        seen.push(ctx.index)
        yield n
      }
    }
    await finish(line({ src: coro, out: same }))
    expect(seen).toEqual([0, 1, 2])
  })

  test('gives its puts their own meta', async () => {
    const src = async (output: SourceOutput): Promise<void> => output.put(1, { meta: { n: 1 } })
    const seen: unknown[] = []
    await finish(line({ src: src as Coro, out: (_: unknown, { meta }: Context) => void seen.push(meta) }))
    expect(seen).toEqual([{ n: 1 }])
  })

  test('that fails ends the run as failed, after what it gave', async () => {
    const src = function* (): Generator<number> {
      yield 1
      throw new Error('dry')
    }
    const { report } = await finish(line({ src, out: same }))
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED', cause: { message: 'dry' } } })
  })

  test('waits when its successor is full', async () => {
    const held = gate()
    let made = 0
    const src = function* (): Generator<number> {
      while (made < 50) yield made++
    }
    const run = start(line({ src, out: { coro: () => held.opened, props: { queueSize: 3 } } }))
    await turns()
    expect(made).toBe(1 + 3 + 1)
    held.open()
    await run.report()
    expect(made).toBe(50)
  })

  test('may be paused and resumed, by every form', async () => {
    const put = (async (output: SourceOutput) => {
      for (const n of range(5)) await output.put(n)
    }) as Coro
    for (const src of [() => range(5), put]) {
      const run = prepare(line({ src, out: same }))
      run.network.pause()
      run.network.start()
      await turns()
      expect(run.values).toEqual([])
      run.network.resume()
      await run.report()
      expect(run.values).toEqual(range(5))
    }
  })

  test('has its hooks, once', async () => {
    const life: string[] = []
    const src = defineCoro({
      setup: () => void life.push('setup'),
      run: () => [1],
      flush: () => void life.push('flush'),
      teardown: () => void life.push('teardown'),
    })
    await finish(line({ src: { coro: src }, out: same }))
    expect(life).toEqual(['setup', 'flush', 'teardown'])
  })

  test('that nobody wants any more is told, and closed', async () => {
    let aborted: unknown
    let closed = false
    const src = async function* (_: never, { signal }: Context): AsyncGenerator<number> {
      signal.addEventListener('abort', () => {
        aborted = signal.reason
      })
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        closed = true
      }
    }
    const one = async (inputs: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of inputs) return
    }
    const { report } = await finish(line({ src: src as Coro, out: { kind: 'stream', coro: one as never } }))
    expect([report.outcome, closed, aborted]).toEqual([
      'completed',
      true,
      expect.objectContaining({ code: 'PLB_RUN_CANCELLED' }),
    ])
  })
})

describe('a put', () => {
  test('rejects with the reason once the run is doomed', async () => {
    const reason = new Error('enough')
    const held = gate()
    let late: Promise<void> | undefined
    const src = async (output: SourceOutput): Promise<void> => {
      await held.opened
      late = output.put(1)
      await late
    }
    const run = start(line({ src: src as Coro, out: same }))
    await turns()
    const settled = run.network.doomsday(reason)
    held.open()
    const report = await settled
    await expect(late).rejects.toBe(reason)
    expect([report.outcome, report.errors]).toEqual(['doomed', []])
  })

  test('that waits for room rejects at doomsday, and its value is reported', async () => {
    const rejected: unknown[] = []
    const src = async (output: SourceOutput): Promise<void> => {
      for (const n of range(9)) await output.put(n, { meta: { n } }).catch((error) => rejected.push(error))
    }
    const out = { coro: () => new Promise(() => {}), props: { queueSize: 1 } }
    const run = start(line({ src: src as Coro, out }), { graceMs: 10 })
    await turns()
    await run.network.doomsday('enough')
    expect(rejected.slice(0, 1)).toEqual(['enough'])
    const { unprocessed } = await run.report()
    expect(unprocessed).toContainEqual({ node: 'src', value: 2, meta: { n: 2 } })
  })

  test('rejects with an error after the coroutine has returned', async () => {
    let output: SourceOutput | undefined
    const src = (given: SourceOutput): number[] => {
      output = given
      return []
    }
    await finish(line({ src: src as Coro, out: same }))
    const error = await output?.put(1).then(
      () => 'accepted',
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(Error)
  })

  test('that nobody awaits never becomes an unhandled rejection', async () => {
    const src = (output: SourceOutput): Promise<never> => {
      for (const n of range(20)) void output.put(n)
      return new Promise(() => {})
    }
    const out = { coro: () => new Promise(() => {}), props: { queueSize: 1 } }
    const run = start(line({ src: src as Coro, out }), { graceMs: 5 })
    await turns()
    await run.network.doomsday()
    await turns()
    expect((await run.report()).unprocessed.filter(({ node }) => node === 'src').map(({ value }) => value)).toEqual(
      range(20).slice(2),
    )
  })

  test('that nobody awaits is delivered all the same, also when the coroutine has returned', async () => {
    const src = (output: SourceOutput): void => {
      for (const n of range(200)) void output.put(n)
    }
    const { values } = await finish(line({ src: src as Coro, out: { coro: same, props: { queueSize: 2 } } }))
    expect(values).toEqual(range(200))
  })

  test('that nobody awaits is delivered all the same in front of a join', async () => {
    const src = (output: SourceOutput): void => {
      for (const n of range(100)) void output.put(n)
    }
    const { values } = await finish({
      src: { coro: src as Coro, to: ['a', 'join'] },
      a: { coro: same, to: ['join'] },
      join: { coro: ([n]: number[]) => n },
    })
    expect(values).toEqual(range(100))
  })

  test('that nobody awaits is reported at doomsday, also when the coroutine has returned', async () => {
    const src = (output: SourceOutput): void => {
      for (const n of range(10)) void output.put(n)
    }
    const out = { coro: () => new Promise(() => {}), props: { queueSize: 1 } }
    const run = start(line({ src: src as Coro, out }), { graceMs: 5 })
    await turns()
    await run.network.doomsday()
    const { unprocessed } = await run.report()
    expect(unprocessed.map(({ value }) => value).toSorted()).toEqual(range(10))
  })
})

describe('doomsday', () => {
  test('reports the item that the source had in hand', async () => {
    const out = { coro: () => new Promise(() => {}), props: { queueSize: 2 } }
    const run = start(line({ src: () => range(100), out }), { graceMs: 5 })
    await turns()
    await run.network.doomsday()
    const { unprocessed } = await run.report()
    expect(unprocessed.map(({ node, value }) => [node, value]).toSorted()).toEqual([
      ['out', 0],
      ['out', 1],
      ['out', 2],
      ['src', 3],
    ])
  })

  test('ends a source that waits for something else once it obeys its signal', async () => {
    const src = async (_: never, { signal }: Context): Promise<void> => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    const run = start(line({ src: src as Coro, out: same }))
    await turns()
    expect(await settlesSoon(run.network.doomsday())).toBe(true)
  })

  test('gives up a source that does not obey, and names it', async () => {
    const run = start(line({ src: () => new Promise(() => {}), out: same }), { graceMs: 10 })
    await turns()
    expect((await run.network.doomsday()).abandoned).toEqual(['src'])
  })
})

describe('a drain', () => {
  test('closes sources and lets everything they gave flow out', async () => {
    let made = 0
    const src = async function* (): AsyncGenerator<number> {
      for (;;) {
        await turns(1)
        yield made++
      }
    }
    const run = start(line({ src, work: async (n: number) => n, out: same }))
    await until(() => run.values.length > 3)
    const report = await run.network.drain()
    expect([report.outcome, run.values, report.unprocessed]).toEqual(['completed', range(made), []])
  })
})

describe('an inlet that is fed', () => {
  const fed = (input: Iterable<unknown> | AsyncIterable<unknown>, out: Coro = same) =>
    start(line({ in: { kind: 'inlet' }, out }), { inputs: new Map([[0, input]]), graceMs: 10 })

  test('draws everything, and counts it as received and completed', async () => {
    const run = fed(range(30))
    expect((await run.report()).nodes.in).toMatchObject({ received: 30, completed: 30, emitted: 30, dropped: 0 })
    expect(run.values).toEqual(range(30))
  })

  test('takes asynchronous iterables, and closes them early when nobody wants more', async () => {
    let closed = false
    const input = (async function* () {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        closed = true
      }
    })()
    const run = fed(input)
    await until(() => run.values.length > 5)
    run.network.closeOutputs()
    expect([(await run.report()).outcome, closed]).toEqual(['completed', true])
  })

  test('reports what it had drawn and nobody took at doomsday', async () => {
    const run = fed(range(1_000), () => new Promise(() => {}))
    await turns()
    await run.network.doomsday()
    const { nodes, unprocessed } = await run.report()
    expect(nodes.in).toMatchObject({ received: 66, completed: 65, unprocessed: 1 })
    expect(unprocessed).toContainEqual({ node: 'in', value: 65, meta: {} })
  })

  test('whose iterable throws fails with that error', async () => {
    const mine = new Error('mine')
    const run = fed({
      [Symbol.iterator]: () => {
        throw mine
      },
    })
    expect((await run.report()).error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: mine })
  })
})
