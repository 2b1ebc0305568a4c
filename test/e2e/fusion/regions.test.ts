import { type Context, DROP, defineCoro } from '@pipelines/core'
import type { Successor } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  endless,
  having,
  nodeOf,
  plumberOf,
  range,
  type SourceOutput,
  type Stage,
  same,
  turns,
} from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { FEEDS, laterClock, type Play, type Run, SOME_FEEDS, sameBothWays } from './both-ways.js'
import { DEEDS, FAILURES } from './deeds.js'

/*
 * Chains between a fork and a join: as long as each of them gives one value for each item nothing tells which belong
 * together but their order. Whatever else happens in one of them, the join gets what descends from one output of the fork.
 */

const clock = laterClock()

const ITEMS = range(12)
const WAYS = [{}, { fuse: false }, { ledger: true }, { fuse: false, ledger: true }]
const feeds = SOME_FEEDS

/** A fork with a long branch, a short one and none at all, in front of a join. */
const GRAPH: Readonly<Record<string, readonly Successor[]>> = {
  src: ['fork'],
  fork: ['a', 'c', 'join'],
  a: ['b'],
  b: ['join'],
  c: ['join'],
  join: ['tail'],
}
const PLACES = ['fork', 'a', 'b', 'c', 'join', 'tail']

/** What tells one value from another, however deep in tuples it is. */
const key = (value: unknown): string => (Array.isArray(value) ? `(${value.map(key).join()})` : String(value))

/** The first number in it. */
const first = (value: unknown): number => (Array.isArray(value) ? first(value[value.length - 1]) : Number(value))

/** The coroutine for what it gets, which may be a tuple: it does with the number in it what it does with a number. */
const onTuples =
  (run: Run): Run =>
  (value: unknown, context) =>
    Array.isArray(value) ? run(first(value) as never, context) : run(value as never, context)

type Properties = Readonly<Record<string, unknown>>

interface Diamond {
  readonly feed: string
  readonly values?: readonly unknown[]
  /** Coroutines that are not just there, by node. */
  readonly runs: (play: Play) => Readonly<Record<string, Run>>
  readonly properties?: Readonly<Record<string, Properties>>
  readonly graph?: Readonly<Record<string, readonly Successor[]>>
  readonly strictness?: 'all' | 'until it ends' | 'as it ends'
}

function diamond({ feed, values = ITEMS, runs, properties = {}, graph = GRAPH, strictness = 'all' }: Diamond) {
  return sameBothWays(
    {
      nodes: (play) => {
        const own = runs(play)
        return {
          src: FEEDS[feed]?.(values) ?? same,
          ...Object.fromEntries(
            PLACES.map((name) => [name, having(properties[name] ?? {}, play.noting(name, own[name] ?? same))]),
          ),
        }
      },
      graph,
    },
    strictness,
  )
}

/** Asserts that every tuple is of one item, in order. */
function expectPairs(calls: readonly string[] = []): void {
  const tuples = calls.map(
    (call) =>
      call
        .match(/^\[(.*?)\]/)?.[1]
        ?.split(', ')
        .map(Number) ?? [],
  )
  for (const tuple of tuples) {
    const ids = tuple.filter((id) => !Number.isNaN(id)).map((id) => id % 100)
    expect(new Set(ids).size, `(${tuple.join()})`).toBeLessThanOrEqual(1)
  }
}

describe.each(Object.entries(DEEDS))('a node that %s', (_, run) => {
  test.each(PLACES)('at %s of a diamond changes nothing for the others', async (place) => {
    for (const feed of feeds) {
      const { play } = await diamond({ feed, runs: () => ({ [place]: onTuples(run) }), strictness: 'as it ends' })
      expectPairs(play.calls.get('join'))
    }
  })

  test('in each branch of a diamond changes nothing for the others', async () => {
    for (const feed of feeds)
      for (const missing of ['skip', 'partial']) {
        const { play } = await diamond({
          feed,
          runs: () => ({ a: run, c: (n: number, ctx) => run((n + 1) as never, ctx) }),
          properties: { join: { missing, collect: 'all' }, a: { queueSize: 2 }, c: { queueSize: 1 } },
          strictness: 'as it ends',
        })
        expect(play.calls.has('fork')).toBe(true)
      }
  })
})

describe.each(Object.entries(FAILURES))('a node that %s', (_, run) => {
  test.each(PLACES)('at %s of a diamond loses its items and no others', async (place) => {
    for (const feed of feeds) {
      const { play, report } = await diamond({
        feed,
        runs: () => ({ [place]: onTuples(run) }),
        properties: { [place]: { onError: 'skip' } },
        strictness: 'as it ends',
      })
      expectPairs(play.calls.get('join'))
      expect(nodeOf(report, place).failed).toBeGreaterThan(0)
    }
  })

  test.each(PLACES)('at %s of a diamond fails the run', async (place) => {
    for (const feed of feeds) {
      const { play, report } = await diamond({
        feed,
        runs: () => ({ [place]: onTuples(run) }),
        strictness: 'until it ends', // how far the other branches are by then may differ
      })
      expectPairs(play.calls.get('join'))
      expect(report.outcome).toBe('failed')
    }
  })
})

describe('a diamond', () => {
  test('is worked off on one stack, item after item', async () => {
    const order: string[] = []
    const note = (name: string) => (value: unknown) => {
      order.push(`${name} ${key(value)}`)
      queueMicrotask(() => order.push('a microtask'))
      return value
    }
    const nodes = Object.fromEntries(PLACES.map((name) => [name, note(name)]))
    const outputs: unknown[] = []
    await plumberOf({ src: () => [0, 1], ...nodes }, GRAPH).run(undefined, {
      onOutput: ({ value }) => void outputs.push(value),
    })
    expect(outputs).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ])
    expect(order.slice(0, 6)).toEqual(['fork 0', 'a 0', 'b 0', 'c 0', 'join (0,0,0)', 'tail (0,0,0)'])
  })

  test.each(feeds)('gives every item once, in order (%s)', async (feed) => {
    for (const queueSize of [1, 3, 64]) {
      const { play, report } = await diamond({
        feed,
        values: range(70),
        runs: () => ({ a: (n: number) => n + 100, c: (n: number) => n + 200 }),
        properties: Object.fromEntries(PLACES.map((name) => [name, { queueSize }])),
      })
      expect(play.calls.get('tail')?.map((call) => call.replace(/ \{.*/, ''))).toEqual(
        range(70).map((n) => `[${n}, ${n + 100}, ${n + 200}]`),
      )
      expect(nodeOf(report, 'join')).toMatchObject({ received: 210, completed: 210, emitted: 70 })
    }
  })

  test.each(feeds)('in which only the item changes that is waited for pairs it with its own (%s)', async (feed) => {
    for (const at of [0, 5, 11])
      for (const place of PLACES) {
        const { play } = await diamond({
          feed,
          runs: () => ({ [place]: (value: unknown) => (first(value) === at ? turns(2).then(() => value) : value) }),
        })
        expect(play.outputs.get('tail')).toHaveLength(12)
        expectPairs(play.calls.get('join'))
      }
  })

  test.each(feeds)('of which one branch drops one item pairs the others (%s)', async (feed) => {
    for (const at of [0, 5, 11])
      for (const place of ['a', 'b', 'c'])
        for (const missing of ['skip', 'partial', 'fail']) {
          const { play } = await diamond({
            feed,
            runs: () => ({ [place]: (value: unknown) => (value === at ? DROP : value) }),
            properties: { join: { missing, onError: 'skip' } },
          })
          expect(play.outputs.get('tail')).toHaveLength(missing === 'partial' ? 12 : 11)
          expectPairs(play.calls.get('join'))
        }
  })

  test('whose join waits, and of which a branch drops what is just handed out, pairs the others', async () => {
    const outputs: unknown[] = []
    const nodes = {
      src: () => range(8),
      fork: same,
      a: (n: number) => (n === 3 ? DROP : n),
      c: same,
      join: (tuple: number[]) => (tuple[0] === 0 ? turns(3).then(() => tuple) : tuple),
      tail: same,
    }
    const graph = { src: ['fork'], fork: ['a', 'c'], a: ['join'], c: ['join'], join: ['tail'] }
    await plumberOf(nodes, graph).run(undefined, { onOutput: ({ value }) => void outputs.push(value) })
    expect(outputs).toEqual([0, 1, 2, 4, 5, 6, 7].map((n) => [n, n]))
  })

  test.each(feeds)('whose fork emits, or gives several, pairs what descends from one output (%s)', async (feed) => {
    for (const run of [
      (n: number, ctx: Context) => {
        ctx.emit('out', n + 100)
        return n
      },
      (n: number) => (n % 4 === 1 ? [n, n + 100][Symbol.iterator]() : n),
      (n: number) => (n % 4 === 1 ? DROP : n),
      (n: number) => (n % 4 === 1 ? Promise.resolve(n) : n),
    ])
      expectPairs((await diamond({ feed, runs: () => ({ fork: run }) })).play.calls.get('join'))
  })

  test.each([
    ['behind its source', GRAPH],
    [
      'right at its source',
      { src: ['fork', 'c', 'join'], fork: ['a'], a: ['b'], b: ['join'], c: ['join'], join: ['tail'] },
    ],
    [
      'with another one inside',
      { src: ['fork'], fork: ['a', 'join'], a: ['b', 'c'], b: ['tail'], c: ['tail'], tail: ['join'] },
    ],
  ])('into whose source one of its nodes puts pairs what belongs together: %s', async (_, graph) => {
    for (const options of WAYS)
      for (const place of PLACES) {
        let output: SourceOutput | undefined
        const src = async (own: SourceOutput) => {
          output = own
          await Promise.all(range(4).map((n) => own.put(n)))
          await turns(3)
        }
        const outputs: unknown[] = []
        const run = (name: string) => (value: unknown) => {
          const n = first(value)
          if (name === place && n < 10) void output?.put(n + 10)
          return value
        }
        const nodes = Object.fromEntries(PLACES.map((name) => [name, run(name)]))
        const report = await plumberOf({ src, ...nodes }, graph).run(undefined, {
          ...options,
          onOutput: ({ value }) => void outputs.push(value),
        })
        const what = `${JSON.stringify(options)} ${place}`
        for (const tuple of outputs) expect(new Set((tuple as unknown[]).flat()).size, `${what} ${key(tuple)}`).toBe(1)
        expect(
          outputs.map(first).toSorted((a, b) => a - b),
          what,
        ).toEqual([0, 1, 2, 3, 10, 11, 12, 13])
        expectBalancedBooks(report, [])
      }
  })

  test('into which values with meta come among plain ones pairs what belongs together', async () => {
    for (const carries of [(n: number) => n === 0, (n: number) => n % 2 === 1, (n: number) => n % 5 === 4])
      for (const waits of [true, false]) {
        const src = async (output: SourceOutput) => {
          const puts = range(12).map(async (n) => {
            if (waits) await turns(n)
            return output.put(n, carries(n) ? { meta: { of: n } } : {})
          })
          await Promise.all(puts)
        }
        const { play } = await sameBothWays({
          nodes: (play) => ({ src, ...Object.fromEntries(PLACES.map((name) => [name, play.noting(name, same)])) }),
          graph: GRAPH,
        })
        expect(play.outputs.get('tail')).toEqual(
          range(12).map((n) => `out [${n}, ${n}, ${n}] {${carries(n) ? `of: ${n}` : ''}}`),
        )
      }
  })

  test.each(feeds)('in which some node emits meta gives it to that item alone (%s)', async (feed) => {
    for (const place of PLACES) {
      const { play } = await diamond({
        feed,
        runs: () => ({
          [place]: (value: unknown, ctx: Context) => {
            if (first(value) !== 5) return value
            ctx.emit('out', value, { meta: { by: place } })
            return DROP
          },
        }),
      })
      expect(play.outputs.get('tail')?.filter((text) => text.includes('by:'))).toHaveLength(1)
      expect(play.outputs.get('tail')).toHaveLength(12)
    }
  })
})

describe('values of requests among those of a source', () => {
  test.each(['no node', ...PLACES])('find their own at the join, where %s waits now and then', async (place) => {
    for (const options of WAYS) {
      const open = gate()
      async function* src() {
        for (const n of range(12)) {
          yield n
          if (n % 3 === 0) await turns(1)
        }
        await open.opened
      }
      const outputs: unknown[] = []
      const run = (name: string) => (value: unknown) =>
        name === place && first(value) % 5 === 2 ? turns(1).then(() => value) : value
      const nodes = Object.fromEntries(PLACES.map((name) => [name, run(name)]))
      const pipeline = plumberOf(
        { src, in: 'std.inlet', merge: having({ aggregateInputs: false }, same), ...nodes },
        { ...GRAPH, src: ['merge'], in: ['merge'], merge: ['fork'] },
      ).createPipeline({ ...options, onOutput: ({ value }) => void outputs.push(value) })
      const answers = range(9).map(async (n) => {
        await turns(n % 4)
        if (n % 3 > 0) return pipeline.process(100 + n)
        await pipeline.put(200 + n)
        return [n]
      })
      const given = await Promise.all(answers)
      expect(given).toEqual(range(9).map((n) => (n % 3 > 0 ? [100 + n, 100 + n, 100 + n] : [n])))
      pipeline.end()
      open.open()
      const report = await pipeline.settled
      expectBalancedBooks(report, ['in'])
      expect(report, JSON.stringify(options)).toMatchObject({ outcome: 'completed', errors: [], unprocessed: [] })
      const all = [...range(12), 200, 203, 206]
      expect(outputs.toSorted((a, b) => first(a) - first(b))).toEqual(all.map((n) => [n, n, n]))
    }
  })
})

/** What nodes of a diamond do to their own run. */
const MEDDLING: Readonly<Record<string, (play: Play, context: Context) => void>> = {
  'pauses the run for a moment': ({ pipeline }) => {
    pipeline.pause()
    setImmediate(() => pipeline.resume())
  },
  'pauses and resumes the run': ({ pipeline }) => {
    pipeline.pause()
    pipeline.resume()
  },
  'gives its node more workers': ({ pipeline }, { node }) => pipeline.setWorkers(node, 3),
  'gives its node more workers for a moment': ({ pipeline }, { node }) => {
    pipeline.setWorkers(node, 3)
    setImmediate(() => pipeline.setWorkers(node, 1))
  },
  'taps every node': ({ pipeline }) => {
    for (const name of PLACES) pipeline.tap(name, { perSecond: Number.POSITIVE_INFINITY }, () => {})
  },
  'taps the fork for a moment': ({ pipeline }) => {
    const untap = pipeline.tap('fork', () => {})
    setImmediate(untap)
  },
  'looks at the run': ({ pipeline }) => void pipeline.snapshot(),
}

const ENDS: Readonly<Record<string, (play: Play) => void>> = {
  'dooms the run': ({ pipeline }) => void pipeline.doomsday('no more'),
  'drains the run': ({ pipeline }) => void pipeline.drain(),
  'closes the outputs': ({ pipeline }) => pipeline.closeOutputs(),
}

describe.each(Object.entries(MEDDLING))('a node that %s', (_, meddle) => {
  test.each(PLACES)('from %s of a diamond goes on as anywhere', async (place) => {
    for (const feed of feeds)
      for (const after of [same, (value: unknown) => turns(1).then(() => value)]) {
        const { play } = await diamond({
          feed,
          runs: (play) => ({
            [place]: (value: unknown, context: Context) => {
              if (first(value) !== 5) return value
              meddle(play, context)
              return after(value)
            },
          }),
        })
        expect(play.outputs.get('tail')).toEqual(ITEMS.map((n) => `out [${n}, ${n}, ${n}] {}`))
      }
  })
})

describe.each(Object.entries(ENDS))('a node that %s', (what, end) => {
  test.each(PLACES)('from %s of a diamond is told and counted as anywhere', async (place) => {
    for (const feed of feeds)
      for (const after of [same, () => DROP, (value: unknown) => turns(1).then(() => value)]) {
        const { play, report } = await diamond({
          feed,
          runs: (play) => ({
            [place]: (value: unknown) => {
              if (first(value) !== 5) return value
              end(play)
              return after(value)
            },
          }),
          strictness: 'until it ends',
        })
        expectPairs(play.calls.get('join'))
        expectBalancedBooks(report, [])
        expect(report.outcome).toBe(/doom/.test(what) ? 'doomed' : 'completed')
      }
  })
})

describe('a snapshot of a diamond', () => {
  test.each(PLACES)(
    'from inside %s tells the same as anywhere, but for what is about to go by other branches',
    async (place) => {
      for (const options of WAYS) {
        let depth: number | undefined
        let play: ReturnType<ReturnType<typeof plumberOf>['createPipeline']> | undefined
        const look = (value: unknown) => {
          const snapshot = play?.snapshot()
          depth = snapshot?.edges.reduce((sum, edge) => sum + edge.depth, 0)
          for (const { entered, left, unprocessed, depth } of snapshot?.edges ?? [])
            expect(entered, JSON.stringify(options)).toBe(left + unprocessed + depth)
          expect(snapshot?.nodes[place]?.inProgress, JSON.stringify(options)).toBeGreaterThanOrEqual(1)
          return value
        }
        const nodes: Record<string, Stage> = Object.fromEntries(
          PLACES.map((name) => [name, name === place ? look : same]),
        )
        play = plumberOf({ src: FEEDS['one by one']?.(range(3)) ?? same, ...nodes }, GRAPH).createPipeline(options)
        expect((await play.settled).errors).toEqual([])
        expect(depth).toBeDefined()
      }
    },
  )
})

describe('a slow branch of a diamond', () => {
  test.each(['a', 'c', 'join', 'tail'])('at %s holds the fork back', async (place) => {
    const read = new Map<string, number>()
    for (const options of WAYS) {
      const open = gate()
      const numbers = endless()
      const slow = (value: unknown) => open.opened.then(() => value)
      const nodes = Object.fromEntries(
        PLACES.map((name) => [name, having({ queueSize: 2 }, name === place ? slow : same)]),
      )
      const pipeline = plumberOf({ src: numbers.source, ...nodes }, GRAPH).createPipeline(options)
      await turns(20)
      read.set(JSON.stringify(options), numbers.read)
      for (const { depth, capacity } of pipeline.snapshot().edges) expect(depth).toBeLessThanOrEqual(capacity)
      const ended = pipeline.doomsday()
      open.open()
      expectBalancedBooks(await ended, [])
    }
    // In a chain nothing waits in front of what is not reached, so the source is at most as far as without.
    const most = read.get('{"fuse":false}') ?? 0
    for (const [options, count] of read) expect(count, options).toBeLessThanOrEqual(most)
  })
})

describe('a node of a diamond with hooks', () => {
  test.each(['a', 'b', 'c', 'join', 'tail'])('at %s has them called as anywhere', async (place) => {
    for (const feed of feeds)
      for (const setup of [() => ({}), () => turns(2).then(() => ({}))])
        await sameBothWays({
          nodes: (play) => ({
            src: FEEDS[feed]?.(ITEMS) ?? same,
            ...Object.fromEntries(
              PLACES.map((name) => [
                name,
                name === place
                  ? defineCoro({
                      setup: () => {
                        play.notes.push('setup')
                        return setup()
                      },
                      run: play.noting(name, same),
                      teardown: (_, reason) => void play.notes.push(`teardown ${String(reason)}`),
                    })
                  : play.noting(name, same),
              ]),
            ),
          }),
          graph: GRAPH,
        })
  })
})

describe('diamonds', () => {
  const wirings: Readonly<Record<string, Readonly<Record<string, readonly Successor[]>>>> = {
    'one behind the other': {
      src: ['fork'],
      fork: ['a', 'b'],
      a: ['c'],
      b: ['c'],
      c: ['join', 'tail'],
      join: ['out'],
      tail: ['out'],
    },
    'one in the other': {
      src: ['fork'],
      fork: ['a', 'out'],
      a: ['b', 'c'],
      b: ['join'],
      c: ['join'],
      join: ['tail'],
      tail: ['out'],
    },
    'with a branch that leads elsewhere': {
      src: ['fork'],
      fork: ['a', 'b', 'c'],
      a: ['join'],
      b: ['join'],
      join: ['out'],
      c: ['tail'],
    },
    'with a join that shares its fork': {
      src: ['fork'],
      fork: ['a', 'b', 'c'],
      a: ['join', 'tail'],
      b: ['join'],
      c: ['tail'],
      join: ['out'],
      tail: ['out'],
    },
    'right behind the source': {
      src: ['a', 'b'],
      a: ['join'],
      b: ['join'],
      join: ['fork'],
      fork: ['c', 'tail'],
      c: ['out'],
      tail: ['out'],
    },
  }

  describe.each(Object.entries(wirings))('%s', (_, graph) => {
    const names = [...PLACES, 'out']

    test.each(feeds)('pair what belongs together, whatever one of the nodes does (%s)', async (feed) => {
      for (const place of names)
        for (const deed of [
          'drops now and then',
          'gives a promise that takes its time now and then',
          'emits with meta now and then',
          'gives undefined now and then',
        ])
          await sameBothWays(
            {
              nodes: (play) => ({
                src: FEEDS[feed]?.(ITEMS) ?? same,
                ...Object.fromEntries(
                  names.map((name) => [name, play.noting(name, name === place ? onTuples(DEEDS[deed] ?? same) : same)]),
                ),
              }),
              graph,
            },
            'as it ends',
          )
    })
  })
})

describe('the time that a diamond takes', () => {
  test('leaves the event loop room to go round', async () => {
    let rounds = 0
    let over = false
    const round = (): void => {
      rounds++
      if (!over) setImmediate(round)
    }
    setImmediate(round)
    const slow = (value: unknown) => {
      clock.now += 5
      return value
    }
    const nodes = Object.fromEntries(PLACES.map((name) => [name, slow]))
    await plumberOf({ src: () => range(100), ...nodes }, GRAPH).run()
    over = true
    expect(rounds).toBeGreaterThan(5)
    await turns(2)
  })
})
