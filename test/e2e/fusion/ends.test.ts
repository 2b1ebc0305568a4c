import { type Context, DROP, defineCoro, type Output } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  detailOf,
  edgeOf,
  endless,
  failureOf,
  having,
  nodeOf,
  range,
  type SourceOutput,
  type Stage,
  same,
  turns,
} from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { FEEDS, isApart, laterClock, type Play, type Run, sameBothWays } from './both-ways.js'

/*
 * The two ends of a chain, and of the life of its nodes: hooks, whoever takes the outputs, room behind it, its length.
 */

const clock = laterClock()

const WAYS = [{}, { fuse: false }, { ledger: true }]
const feeds = Object.keys(FEEDS)
const ITEMS = range(9)

/** A coroutine with hooks that note what happens to it. */
function living(
  play: Play,
  name: string,
  more: Partial<Record<'setup' | 'run' | 'flush' | 'teardown', Run>> = {},
): Stage {
  const life: string[] = []
  play.notes.push(life)
  const note = (what: string, ctx: Context, otherwise?: unknown): unknown => {
    life.push(`${name} ${what} of worker ${ctx.worker.index} with ${JSON.stringify(ctx.state)}`)
    return otherwise
  }
  return defineCoro({
    setup: (ctx) => {
      note('setup', ctx)
      return more.setup === undefined ? { n: 0 } : more.setup(undefined as never, ctx)
    },
    run: play.noting(name, (n, ctx) => {
      const { state } = ctx as Context<{ n: number } | undefined>
      if (state !== undefined) state.n++
      return more.run === undefined ? n : more.run(n, ctx)
    }),
    flush: (ctx) => {
      note('flush', ctx)
      return more.flush?.(undefined as never, ctx)
    },
    teardown: (ctx, reason) => {
      note(`teardown, ${String(reason)}`, ctx)
      return more.teardown?.(reason as never, ctx)
    },
  })
}

describe('the hooks of a node in a chain', () => {
  const plain = (name: string) => (play: Play) => play.noting(name, same)
  const late = (): Promise<{ n: number }> => turns(1).then(() => ({ n: 100 }))
  const failing = (): never => {
    throw new Error('not today')
  }

  test.each([
    ['with all of them', {}],
    ['whose setup takes its time', { setup: late }],
    ['whose flush gives a value', { flush: () => 1000 }],
    ['whose flush gives several', { flush: () => [1000, 1001][Symbol.iterator]() }],
    [
      'whose flush emits',
      {
        flush: (_: never, ctx: Context) => {
          ctx.emit('out', 1000)
          return 1001
        },
      },
    ],
    ['whose flush takes its time', { flush: () => turns(1).then(() => 1000) }],
    ['whose teardown takes its time', { teardown: () => turns(1) }],
    ['whose calls give promises', { run: (n: number) => Promise.resolve(n) }],
    ['whose calls give promises now and then', { run: (n: number) => (n % 3 ? n : Promise.resolve(n)) }],
    ['whose calls emit', { run: (n: number, ctx: Context) => void ctx.emit('out', n) }],
  ] as const)('%s, are called as anywhere', async (_, more) => {
    for (const place of ['a', 'b', 'c'])
      for (const feed of feeds) {
        const { play, report } = await sameBothWays({
          nodes: (play) => ({
            src: FEEDS[feed]?.(ITEMS) ?? same,
            ...Object.fromEntries(
              ['a', 'b', 'c'].map((name) => [
                name,
                name === place ? living(play, name, more as never) : plain(name)(play),
              ]),
            ),
          }),
        })
        expect(report.outcome, feed).toBe('completed')
        expect(play.notes[0], feed).toHaveLength(3)
      }
  })

  test.each([
    ['setup', { setup: failing }],
    ['setup, late', { setup: () => turns(1).then(failing) }],
    ['flush', { flush: failing }],
    ['teardown', { teardown: failing }],
    ['teardown, late', { teardown: () => turns(1).then(failing) }],
  ] as const)('that throw fail the run as anywhere: %s', async (_, more) => {
    for (const place of ['a', 'b', 'c'])
      for (const feed of feeds) {
        const { report } = await sameBothWays(
          {
            nodes: (play) => ({
              src: FEEDS[feed]?.(ITEMS) ?? same,
              ...Object.fromEntries(
                ['a', 'b', 'c'].map((name) => [
                  name,
                  name === place ? living(play, name, more as never) : plain(name)(play),
                ]),
              ),
            }),
          },
          'setup' in more ? 'until it ends' : 'all',
        )
        expect(report.outcome, feed).toBe('failed')
        expect(report.error, feed).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: place } })
      }
  })

  test('are called in all nodes, each once, also where the run is doomed', async () => {
    for (const feed of feeds) {
      const { play } = await sameBothWays(
        {
          nodes: (play) => ({
            src: FEEDS[feed]?.(ITEMS) ?? same,
            a: living(play, 'a'),
            b: living(play, 'b', {
              run: (n: number) => {
                if (n === 4) void play.pipeline.doomsday('no more')
                return n
              },
            }),
            c: living(play, 'c'),
          }),
        },
        isApart(feed) ? 'all' : 'until it ends',
      )
      for (const life of play.notes) {
        const done = (life as string[]).map((entry) => entry.split(' ')[1])
        expect(done.length === 0 || done.join() === 'setup,teardown,', `${feed}: ${done.join()}`).toBe(true)
      }
    }
  })

  test('find the state that setup made in every call', async () => {
    for (const feed of feeds) {
      const { play } = await sameBothWays({
        nodes: (play) => ({
          src: FEEDS[feed]?.(ITEMS) ?? same,
          a: living(play, 'a', { run: (n: number, ctx: Context) => n + (ctx.state as { n: number }).n }),
          b: play.noting('b', same),
        }),
      })
      expect(play.outputs.get('b')).toEqual(ITEMS.map((n) => `"out" ${2 * n + 1} {}`.replaceAll('"', '')))
    }
  })
})

describe('whoever takes the outputs of a chain', () => {
  const line = (feed: string, onOutput: (play: Play, output: Output) => unknown, isEnd = false) =>
    sameBothWays(
      {
        nodes: (play) => ({
          src: FEEDS[feed]?.(ITEMS) ?? same,
          a: having({ queueSize: 2 }, play.noting('a', same)),
          b: having({ queueSize: 2 }, play.noting('b', same)),
          c: having({ queueSize: 2 }, play.noting('c', same)),
        }),
        options: (play) => ({ onOutput: (output) => onOutput(play, output) }),
      },
      isEnd && !isApart(feed) ? 'until it ends' : 'all',
    )

  test.each(feeds)('may wait now and then (%s)', async (feed) => {
    const { play } = await line(feed, (play, output) => {
      if (Number(output.value) % 3 === 2) return turns(1).then(() => play.take(output))
      return play.take(output)
    })
    expect(play.outputs.get('c')).toHaveLength(9)
  })

  test.each(feeds)('may wait each time (%s)', async (feed) => {
    const { play } = await line(feed, (play, output) => turns(1).then(() => play.take(output)))
    expect(play.outputs.get('c')).toHaveLength(9)
  })

  test.each(feeds)('may throw (%s)', async (feed) => {
    const { report } = await line(
      feed,
      (play, output) => {
        if (output.value === 5) throw new Error('no more of that')
        play.take(output)
      },
      true,
    )
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_RUN_FAILED' } })
  })

  test.each(feeds)('may reject (%s)', async (feed) => {
    const { report } = await line(
      feed,
      async (play, output) => {
        if (output.value === 5) throw new Error('no more of that')
        play.take(output)
      },
      true,
    )
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_RUN_FAILED' } })
  })

  test.each(feeds)('may doom the run (%s)', async (feed) => {
    const { report } = await line(
      feed,
      (play, output) => {
        play.take(output)
        if (output.value === 5) void play.pipeline.doomsday('enough')
      },
      true,
    )
    expect(report).toMatchObject({ outcome: 'doomed', reason: 'enough' })
  })

  test.each(feeds)('may pause the run for a moment (%s)', async (feed) => {
    const { play } = await line(feed, (play, output) => {
      play.take(output)
      if (output.value !== 5) return
      play.pipeline.pause()
      setImmediate(() => play.pipeline.resume())
    })
    expect(play.outputs.get('c')).toHaveLength(9)
  })

  test('may leave the loop after some', async () => {
    for (const options of WAYS)
      for (const count of [1, 2, 5]) {
        const numbers = endless()
        const got: unknown[] = []
        const plumber = chain({ src: numbers.source, a: same, b: same, c: same })
        for await (const { value } of plumber.stream(undefined, options)) {
          got.push(value)
          if (got.length === count) break
        }
        expect(got).toEqual(range(count))
        expect(numbers.closed, JSON.stringify(options)).toBe(true)
      }
  })

  test('may take as much time as they want, and the source waits for them', async () => {
    for (const options of WAYS) {
      const open = gate()
      const numbers = endless()
      const node = having({ queueSize: 3 }, same)
      const pipeline = chain({ src: numbers.source, a: node, b: node, c: node }).createPipeline({
        ...options,
        onOutput: () => open.opened,
      })
      await turns(20)
      // What the queues hold, what each node has in hand, and what the source has read ahead.
      expect(numbers.read, JSON.stringify(options)).toBeLessThanOrEqual(3 * 3 + 3 + 1)
      expect(numbers.read).toBeGreaterThanOrEqual(3)
      for (const edge of pipeline.snapshot().edges) expect(edge.depth).toBeLessThanOrEqual(3)
      const ended = pipeline.doomsday()
      open.open()
      expectBalancedBooks(await ended, [])
    }
  })
})

describe('a slow node behind a chain', () => {
  test.each([1, 2, 5])('holds the source back by the sum of the capacities (%i)', async (queueSize) => {
    for (const options of WAYS) {
      const open = gate()
      const numbers = endless()
      const node = having({ queueSize }, same)
      const slow = having({ queueSize }, (n: number) => open.opened.then(() => n))
      const pipeline = chain({ src: numbers.source, a: node, b: node, slow, out: same }).createPipeline(options)
      await turns(20)
      const most = 3 * queueSize + 3 + 1
      expect(numbers.read, JSON.stringify(options)).toBe(most)
      for (const { depth } of pipeline.snapshot().edges.slice(0, 3)) expect(depth).toBe(queueSize)
      const ended = pipeline.doomsday()
      open.open()
      const report = await ended
      expectBalancedBooks(report, [])
      expect(report.unprocessed).toHaveLength(most)
      expect(report.unprocessed.map(({ value }) => Number(value)).toSorted((a, b) => a - b)).toEqual(range(most))
    }
  })

  test('that is through at last gets everything in order', async () => {
    for (const feed of feeds) {
      const { play } = await sameBothWays({
        nodes: (play) => ({
          src: FEEDS[feed]?.(range(30)) ?? same,
          a: having({ queueSize: 2 }, play.noting('a', same)),
          b: having({ queueSize: 1 }, play.noting('b', same)),
          slow: having(
            { queueSize: 3 },
            play.noting('slow', (n: number) => turns(n % 4).then(() => n)),
          ),
          d: having({ queueSize: 1 }, play.noting('d', same)),
        }),
      })
      expect(play.outputs.get('d')).toHaveLength(30)
    }
  })

  test('with several workers gets everything in order', async () => {
    for (const feed of feeds)
      for (const ordered of [true, false])
        await sameBothWays({
          nodes: (play) => ({
            src: FEEDS[feed]?.(range(30)) ?? same,
            a: having({ queueSize: 2 }, play.noting('a', same)),
            slow: having(
              { workers: 3, ordered },
              play.noting('slow', (n: number) => turns(2).then(() => n)),
            ),
            c: having({ queueSize: 1 }, play.noting('c', same)),
          }),
        })
  })
})

describe('a stream behind a chain', () => {
  const take = (count: number) =>
    defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        let left = count
        for await (const value of inputs) {
          yield value
          if (--left === 0) return
        }
      },
    })

  test('that has enough stops the chain and its source', async () => {
    for (const options of WAYS) {
      const numbers = endless()
      const plumber = chain({ src: numbers.source, a: same, b: same, take: take(3), d: same, e: same })
      expect(await plumber.collect(undefined, options)).toEqual([0, 1, 2])
      expect(numbers.closed).toBe(true)
    }
  })
})

describe('a long chain', () => {
  const LENGTH = 20_000
  const names = range(LENGTH).map((n) => `n${n}`)
  const long = (run: (n: number, ctx: Context) => unknown) =>
    chain(
      { src: () => [1, 2, 3], ...Object.fromEntries(names.map((name) => [name, run])) },
      { limits: { nodes: LENGTH + 1 } },
    )

  test('of plain nodes needs no more stack than a short one', async () => {
    expect(await long((n) => n).collect()).toEqual([1, 2, 3])
  })

  test.each([
    [
      'emit what comes second',
      (n: number, ctx: Context) => {
        if (n !== 2) return n
        ctx.emit('out', n)
        return DROP
      },
    ],
    ['give a promise of what comes second', (n: number) => (n === 2 ? Promise.resolve(n) : n)],
    ['give what comes second as a generator', (n: number) => (n === 2 ? [n][Symbol.iterator]() : n)],
  ])('of nodes that %s needs no more stack than a short one', async (_, run) => {
    const plumber = chain({
      src: () => [1, 2, 3],
      ...Object.fromEntries(names.slice(0, 5_000).map((name) => [name, run])),
    })
    expect(await plumber.collect()).toEqual([1, 2, 3])
  })

  test('through which values with meta go needs no more stack than a short one', async () => {
    const src = async (output: SourceOutput) => {
      for (const n of [1, 2, 3]) await output.put(n, { meta: { of: n } })
    }
    const nodes = Object.fromEntries(names.map((name) => [name, same]))
    const plumber = chain({ src, ...nodes }, { limits: { nodes: LENGTH + 1 } })
    // The message alone: an error shows its report, which is as long as the chain.
    const message = (error: Error) => error.message
    expect(await plumber.collect().catch(message)).toEqual([1, 2, 3])
  })

  test('that is looked at everywhere needs no more stack than a short one', async () => {
    const some = names.slice(0, 4_000)
    const open = gate()
    async function* src() {
      await open.opened
      yield* [1, 2, 3]
    }
    const outputs: unknown[] = []
    const pipeline = chain({ src, ...Object.fromEntries(some.map((name) => [name, same])) }).createPipeline({
      onOutput: ({ value }) => void outputs.push(value),
    })
    let samples = 0
    for (const name of some) pipeline.tap(name, { perSecond: Number.POSITIVE_INFINITY }, () => samples++)
    open.open()
    expect(await pipeline.settled).toMatchObject({ outcome: 'completed', errors: [] })
    expect(outputs).toEqual([1, 2, 3])
    expect(samples).toBe(3 * some.length)
  })

  test('of nodes that throw at what comes second fails as a short one does', async () => {
    for (const place of ['n0', 'n19999']) {
      const error = await failureOf(() =>
        long((n, { node }) => {
          if (n === 2 && node === place) throw new Error('no')
          return n
        }).run(),
      )
      expect(error.code).toBe('PLB_NODE_FAILED')
      expect(detailOf(error, 'node')).toBe(place)
    }
  })
})

describe('the time that a chain takes', () => {
  test('is that of its first node', async () => {
    const slow = (n: number) => {
      clock.now += 1
      return n
    }
    const report = await chain({ src: () => ITEMS, a: slow, b: slow, c: slow }).run()
    const busy = ['src', 'a', 'b', 'c'].map((name) => nodeOf(report, name).busyMs)
    expect(busy).toEqual([27, 0, 0, 0])
  })

  test('is shared out where there is no chain', async () => {
    const slow = (n: number) => {
      clock.now += 1
      return n
    }
    const report = await chain({ src: () => ITEMS, a: slow, b: slow, c: slow }).run(undefined, { fuse: false })
    for (const name of ['a', 'b', 'c']) expect(nodeOf(report, name).busyMs, name).toBeGreaterThanOrEqual(9)
    expect(edgeOf(report, 'a', 'b')).toMatchObject({ entered: 9, left: 9 })
  })

  test('does not keep the event loop from going round', async () => {
    let rounds = 0
    let over = false
    const round = (): void => {
      rounds++
      if (!over) setImmediate(round)
    }
    setImmediate(round)
    const slow = (n: number) => {
      clock.now += 5
      return n
    }
    await chain({ src: () => range(100), a: slow, b: slow }).run()
    over = true
    expect(rounds).toBeGreaterThan(5)
    await turns(2)
  })
})
