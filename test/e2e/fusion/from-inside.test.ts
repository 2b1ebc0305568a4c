import { type Context, DROP } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { chain, having, nodeOf, range, same, turns } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { stillClock } from '../../support/still-clock.js'
import { FEEDS, isApart, type Play, type Run, sameBothWays } from './both-ways.js'

/*
 * What a coroutine does to its own run while it is called in the middle of a chain: it is as if it had been called alone.
 */

stillClock()

const ITEMS = range(9)
/** The item at which it happens. */
const THIS = 4
const PLACES = ['a', 'b', 'c']
const ALL = { perSecond: Number.POSITIVE_INFINITY }

/** What ends the run. */
const ENDS: Readonly<Record<string, (play: Play) => void>> = {
  'dooms the run': ({ pipeline }) => void pipeline.doomsday('no more'),
  'aborts the signal of the run': ({ notes }) => (notes[0] as AbortController).abort('no more'),
  'drains the run': ({ pipeline }) => void pipeline.drain(),
  'closes the outputs': ({ pipeline }) => pipeline.closeOutputs(),
  'drains and dooms the run': ({ pipeline }) => {
    void pipeline.drain()
    void pipeline.doomsday('no more')
  },
  'pauses and dooms the run': ({ pipeline }) => {
    pipeline.pause()
    void pipeline.doomsday('no more')
  },
  'dooms the run a little later': ({ pipeline }) => queueMicrotask(() => void pipeline.doomsday('no more')),
}

/** What goes on. */
const CHANGES: Readonly<Record<string, (play: Play, context: Context) => void>> = {
  'pauses the run for a moment': ({ pipeline }) => {
    pipeline.pause()
    setImmediate(() => pipeline.resume())
  },
  'pauses and resumes the run': ({ pipeline }) => {
    pipeline.pause()
    pipeline.resume()
  },
  'pauses the run a little later, for a moment': ({ pipeline }) =>
    queueMicrotask(() => {
      pipeline.pause()
      setImmediate(() => pipeline.resume())
    }),
  'gives its own node more workers': ({ pipeline }, { node }) => pipeline.setWorkers(node, 3),
  'gives its own node more workers, and takes them again': ({ pipeline }, { node }) => {
    pipeline.setWorkers(node, 3)
    pipeline.setWorkers(node, 1)
  },
  'gives its own node more workers for a moment': ({ pipeline }, { node }) => {
    pipeline.setWorkers(node, 3)
    setImmediate(() => pipeline.setWorkers(node, 1))
  },
  'gives every node more workers': ({ pipeline }) => {
    for (const name of PLACES) pipeline.setWorkers(name, 2)
  },
  'looks at the run': ({ pipeline }) => void pipeline.snapshot(),
}

/** What the call does after that. */
const AFTERWARDS: Readonly<Record<string, (n: number, context: Context) => unknown>> = {
  'and gives a value': same,
  'and gives nothing': () => DROP,
  'and gives a promise': (n) => Promise.resolve(n),
  'and gives a promise that takes its time': (n) => turns(1).then(() => n),
  'and gives a generator': (n) => [n, n + 100][Symbol.iterator](),
  'and emits': (n, ctx) => {
    ctx.emit('out', n + 100)
    return n
  },
  'and throws': (n) => {
    throw new Error(`not ${n}`)
  },
  'and gives a promise that rejects': (n) => Promise.reject(new Error(`not ${n}`)),
  'and throws the reason of its signal': (n, { signal }) => {
    if (signal.aborted) throw signal.reason
    return n
  },
}

type Properties = Readonly<Record<string, unknown>>

interface Line {
  readonly feed: string
  readonly place: string
  readonly deed: (n: number, play: Play, context: Context) => unknown
  readonly properties?: Properties
  /** Notes that are taken before it begins. */
  readonly notes?: () => unknown[]
}

/** A source and three nodes, one of which does something at one item. */
const line = ({ feed, place, deed, properties = {}, notes = () => [] }: Line, isEnd = false) =>
  sameBothWays(
    {
      nodes: (play) => {
        play.notes.push(...notes())
        const coro =
          (name: string): Run =>
          (n: number, context) =>
            name === place && n === THIS ? deed(n, play, context) : n
        return {
          src: FEEDS[feed]?.(ITEMS) ?? same,
          ...Object.fromEntries(PLACES.map((name) => [name, having(properties, play.noting(name, coro(name)))])),
        }
      },
      options: ({ notes: [controller] }) =>
        controller instanceof AbortController ? { signal: controller.signal } : {},
    },
    isEnd ? 'until it ends' : 'all',
  )

describe.each(Object.entries(ENDS))('a coroutine that %s', (what, end) => {
  // Where it throws as well, either may be first.
  const afterwards = Object.entries(AFTERWARDS).filter(
    ([after]) => !/later/.test(what) || !/throws$|rejects/.test(after),
  )
  describe.each(afterwards)('%s', (after, then) => {
    test.each(PLACES)('from its place %s in a chain, is told and counted as anywhere', async (place) => {
      for (const feed of Object.keys(FEEDS)) {
        const { report } = await line(
          {
            feed,
            place,
            deed: (n, play, context) => {
              end(play)
              return then(n, context)
            },
            notes: () => [new AbortController()],
          },
          // The others hear of these after some microtasks: up to then an item comes farther in a chain.
          !isApart(feed) || /later|closes/.test(what),
        )
        expectBalancedBooks(report, [])
        expect(report.abandoned).toEqual([])
        if (/doom|abort/.test(what) && !/later/.test(what)) expect(report.outcome, feed).toBe('doomed')
        if (/doom|abort/.test(what) && /and gives a value/.test(after) && isApart(feed) && !/later/.test(what)) {
          expect(report.unprocessed).toEqual([{ node: place, value: THIS, meta: {} }])
          expect(nodeOf(report, place)).toMatchObject({ received: 5, completed: 4, unprocessed: 1, late: 1 })
        }
      }
    })
  })
})

describe.each(Object.entries(CHANGES))('a coroutine that %s', (_, change) => {
  describe.each(Object.entries(AFTERWARDS))('%s', (after, then) => {
    test.each(PLACES)('from its place %s in a chain, goes on as anywhere', async (place) => {
      for (const feed of Object.keys(FEEDS)) {
        const { play, report } = await line({
          feed,
          place,
          deed: (n, play, context) => {
            change(play, context)
            return then(n, context)
          },
          properties: { onError: 'skip' },
        })
        expect(report.outcome, feed).toBe('completed')
        if (/value/.test(after))
          expect(play.outputs.get('c'), feed).toEqual(ITEMS.map((n) => `"out" ${n} {}`.replaceAll('"', '')))
      }
    })
  })
})

test('a node behind one that pauses the run is not called before that goes on', async () => {
  let paused = false
  const early: number[] = []
  const a = (n: number) => {
    if (n !== 4) return n
    paused = true
    pipeline.pause()
    setImmediate(() => {
      paused = false
      pipeline.resume()
    })
    return n
  }
  const b = (n: number) => {
    if (paused) early.push(n)
    return n
  }
  const pipeline = chain({ src: () => range(9), a, b, c: same }).createPipeline()
  await pipeline.settled
  expect(early).toEqual([])
})

test('a source is not drawn from while a node behind it has paused the run', async () => {
  let drawn = 0
  let meanwhile = 0
  function* src() {
    for (const n of range(20)) {
      drawn++
      yield n
    }
  }
  const a = (n: number) => {
    if (n !== 4) return n
    pipeline.pause()
    setImmediate(() => {
      meanwhile = drawn
      pipeline.resume()
    })
    return n
  }
  const pipeline = chain({ src, a, b: same }).createPipeline()
  await pipeline.settled
  expect(meanwhile).toBeLessThanOrEqual(6) // the one in the call, and one more in hand
})

test.each([
  { fuse: true, a: same },
  { fuse: false, a: same },
  { fuse: true, a: async (n: number) => n },
  { fuse: false, a: async (n: number) => n },
])('a value of a put is listed where doomsday met it, and nowhere else: $fuse, $a', async ({ fuse, a }) => {
  const b = (n: number) => {
    if (n === 2) void pipeline.doomsday()
    return n
  }
  const pipeline = chain({ in: 'std.inlet', a, b, c: same }).createPipeline({ fuse })
  await pipeline.put(1)
  const put = pipeline.put(2)
  await Promise.allSettled([put])
  const report = await pipeline.settled
  expect(report.unprocessed.map(({ node, value }) => [node, value])).toEqual([['b', 2]])
  expect(nodeOf(report, 'a')).toMatchObject({ received: 2, completed: 2 })
})

describe('a snapshot from inside a coroutine', () => {
  test.each(PLACES)('at %s in a chain tells the same as anywhere', async (place) => {
    const deed: Line['deed'] = (n, play) => {
      play.notes.push(play.state())
      return n
    }
    const { play } = await line({ feed: 'one by one', place, deed })
    expect(play.notes).toHaveLength(1)
  })

  test('counts the call as in progress', async () => {
    for (const feed of Object.keys(FEEDS)) {
      const { play } = await line({
        feed,
        place: 'b',
        deed: (n, play) => {
          play.notes.push(play.pipeline.snapshot().nodes.b?.inProgress)
          return n
        },
      })
      expect(play.notes, feed).toEqual([1])
    }
  })

  test('sees nothing waiting in front of a chain that flows', async () => {
    const { play, report } = await line({ feed: 'from a list', place: 'b', deed: (n) => n })
    expect(play.outputs.get('c')).toHaveLength(9)
    for (const edge of report.edges) expect(edge).toMatchObject({ entered: 9, left: 9, waits: 0, unprocessed: 0 })
  })
})

describe('a tap from inside a coroutine', () => {
  const targets = ['src', ...PLACES]

  test.each(PLACES)('at %s in a chain sees all that follows, until it is removed', async (place) => {
    for (const target of targets) {
      const { play } = await sameBothWays({
        nodes: (play) => {
          let untap: (() => void) | undefined
          const coro = (n: number): number => {
            if (n === 3)
              untap = play.pipeline.tap(target, ALL, ({ node, port, value, meta }) =>
                play.notes.push({ node, port, value, meta }),
              )
            if (n === 6) untap?.()
            return n
          }
          return {
            src: FEEDS['one by one']?.(ITEMS) ?? same,
            ...Object.fromEntries(PLACES.map((name) => [name, play.noting(name, name === place ? coro : same)])),
          }
        },
      })
      const own = target >= place && target !== 'src' ? 3 : 4
      const last = target >= place && target !== 'src' ? 5 : 6
      expect(play.notes, target).toEqual(
        range(last - own + 1).map((n) => ({ node: target, port: 'out', value: n + own, meta: {} })),
      )
    }
  })

  test('changes nothing for those who take the outputs', async () => {
    for (const feed of Object.keys(FEEDS)) {
      const { play } = await sameBothWays({
        nodes: (play) => {
          const untaps: (() => void)[] = []
          const coro =
            (name: string): Run =>
            (n: number) => {
              if (n % 2 === 0) untaps.push(play.pipeline.tap(name, ALL, () => {}))
              else untaps.shift()?.()
              return n
            }
          return {
            src: FEEDS[feed]?.(ITEMS) ?? same,
            ...Object.fromEntries(PLACES.map((name) => [name, play.noting(name, coro(name))])),
          }
        },
      })
      expect(play.outputs.get('c'), feed).toHaveLength(9)
    }
  })

  test('that throws is of no consequence', async () => {
    const { play } = await line({
      feed: 'from a list',
      place: 'b',
      deed: (n, { pipeline }) => {
        pipeline.tap('b', ALL, () => {
          throw new Error('not my day')
        })
        return n
      },
    })
    expect(play.outputs.get('c')).toHaveLength(9)
  })
})

describe('a tap that sees what goes through a chain', () => {
  const deeds: Readonly<Record<string, (play: Play) => void>> = {
    'dooms the run': ({ pipeline }) => void pipeline.doomsday('no more'),
    'drains the run': ({ pipeline }) => void pipeline.drain(),
    'closes the outputs': ({ pipeline }) => pipeline.closeOutputs(),
    'pauses the run for a moment': ({ pipeline }) => {
      pipeline.pause()
      setImmediate(() => pipeline.resume())
    },
    'changes the workers': ({ pipeline }) => {
      for (const name of PLACES) pipeline.setWorkers(name, 2)
      setImmediate(() => {
        for (const name of PLACES) pipeline.setWorkers(name, 1)
      })
    },
    'looks at the run': ({ pipeline }) => void pipeline.snapshot(),
  }

  describe.each(Object.entries(deeds))('and %s', (what, deed) => {
    test.each(['src', ...PLACES])('at %s, is heard as anywhere', async (target) => {
      const isEnd = /dooms|drains|closes/.test(what)
      // A source may be through before the tap is there.
      for (const feed of Object.keys(FEEDS).filter((feed) => target !== 'src' || isApart(feed))) {
        const { play, report } = await sameBothWays(
          {
            nodes: (play) => {
              const begin = (n: number): number => {
                if (n === 2) play.pipeline.tap(target, ALL, ({ value }) => (value === THIS ? deed(play) : undefined))
                return n
              }
              return {
                src: FEEDS[feed]?.(ITEMS) ?? same,
                ...Object.fromEntries(PLACES.map((name) => [name, play.noting(name, name === 'a' ? begin : same)])),
              }
            },
          },
          isEnd ? 'until it ends' : 'all',
        )
        expect(report.outcome).toBe(/dooms/.test(what) && play.outputs.get('c')?.length !== 9 ? 'doomed' : 'completed')
        if (!isEnd) expect(play.outputs.get('c')).toHaveLength(9)
      }
    })
  })
})
