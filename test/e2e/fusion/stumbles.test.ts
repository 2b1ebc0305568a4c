import { type Context, DROP, defineCoro } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { chain, having, nodeOf, range, same, turns } from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'
import { FEEDS, isApart, laterClock, type Run, sameBothWays } from './both-ways.js'
import { DEEDS, FAILURES } from './deeds.js'

/*
 * Whatever makes a call chain stop at a node, at the first, at one in the middle and at the last one: the node goes on
 * with that item as if there were no chains, and what comes behind it is neither lost nor late nor early.
 */

const clock = laterClock()

const ITEMS = range(12)
const AT = { first: 'a', middle: 'b', last: 'c' } as const

/** A line of a source and three nodes, of which one is another one. */
const line = (feed: string, at: string, node: (run: Run) => object, run: Run) =>
  sameBothWays(
    {
      nodes: (play) => ({
        src: FEEDS[feed]?.(ITEMS) ?? same,
        ...Object.fromEntries(
          Object.values(AT).map((name) => [name, name === at ? node(play.noting(name, run)) : play.noting(name, same)]),
        ),
      }),
    },
    'all',
  )

const places = Object.entries(AT)
const feeds = Object.keys(FEEDS)

describe.each(Object.entries(DEEDS))('a node that %s', (_, run) => {
  test.each(places)('as the %s of a chain does what it does anywhere', async (_, at) => {
    for (const feed of feeds) {
      const { report } = await line(feed, at, (coro) => coro, run)
      expect(report.outcome, feed).toBe('completed')
      expect(nodeOf(report, at).received, feed).toBeGreaterThanOrEqual(ITEMS.length)
      expectBalancedBooks(report, [])
    }
  })

  test('with all its neighbours like it gives what it gives anywhere', async () => {
    for (const feed of feeds) {
      const { report } = await sameBothWays({
        nodes: (play) => ({
          src: FEEDS[feed]?.(ITEMS) ?? same,
          a: play.noting('a', run),
          b: play.noting('b', run),
          c: play.noting('c', run),
        }),
      })
      expect(report.outcome, feed).toBe('completed')
    }
  })

  test('with hardly any room behind it gives what it gives anywhere', async () => {
    for (const feed of feeds)
      for (const queueSize of [1, 2])
        await sameBothWays({
          nodes: (play) => ({
            src: FEEDS[feed]?.(ITEMS) ?? same,
            a: having({ queueSize }, play.noting('a', run)),
            b: having({ queueSize }, play.noting('b', same)),
            slow: having(
              { queueSize },
              play.noting('slow', (n) => turns(1).then(() => n)),
            ),
          }),
        })
  })

  test('gives the same where every call takes so long that the event loop has to go round', async () => {
    for (const feed of feeds)
      await sameBothWays({
        nodes: (play) => {
          const slowly =
            (coro: Run): Run =>
            (n, ctx) => {
              clock.now += 3
              return coro(n, ctx)
            }
          return {
            src: FEEDS[feed]?.(ITEMS) ?? same,
            a: play.noting('a', slowly(same)),
            b: play.noting('b', slowly(run)),
            c: play.noting('c', slowly(same)),
          }
        },
      })
  })
})

describe.each(Object.entries(FAILURES))('a node that %s', (_, run) => {
  test.each(places)('as the %s of a chain skips these where it is to', async (_, at) => {
    for (const feed of feeds) {
      const { report } = await line(feed, at, (coro) => having({ onError: 'skip' }, coro) as object, run)
      expect(report.outcome, feed).toBe('completed')
      expect(report.errors.length, feed).toBe(nodeOf(report, at).failed)
      expect(report.errors.length, feed).toBeGreaterThan(0)
    }
  })

  test.each(places)('as the %s of a chain fails the run otherwise', async (_, at) => {
    for (const feed of feeds) {
      const { report } = await sameBothWays(
        {
          nodes: (play) => ({
            src: FEEDS[feed]?.(ITEMS) ?? same,
            ...Object.fromEntries(Object.values(AT).map((name) => [name, play.noting(name, name === at ? run : same)])),
          }),
        },
        isApart(feed) ? 'all' : 'until it ends',
      )
      expect(report.outcome, feed).toBe('failed')
      expect(report.error, feed).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: at } })
    }
  })

  test.each(places)('as the %s of a chain fails the run where it does so too often', async (_, at) => {
    const policy = { onError: 'skip', maxErrors: { count: 2, perMs: 60_000 } }
    for (const feed of feeds) {
      const { report } = await sameBothWays(
        {
          nodes: (play) => ({
            src: FEEDS[feed]?.(ITEMS) ?? same,
            ...Object.fromEntries(
              Object.values(AT).map((name) => [
                name,
                name === at ? having(policy, play.noting(name, run)) : play.noting(name, same),
              ]),
            ),
          }),
        },
        isApart(feed) ? 'all' : 'until it ends',
      )
      expect(report.outcome, feed).toBe(nodeOf(report, at).failed > 2 ? 'failed' : 'completed')
    }
  })
})

describe('a node with two ports', () => {
  /** Odd ones, or those above the tenth, to another port. */
  const sorting = (n: number, ctx: Context): unknown => {
    if (n % 2 === 0) return n
    ctx.emit('odd', n)
    return DROP
  }

  test.each(feeds)('sends each value to the one that it is for (%s)', async (feed) => {
    const { play } = await sameBothWays({
      nodes: (play) => ({
        src: FEEDS[feed]?.(ITEMS) ?? same,
        a: play.noting('a', same),
        sort: defineCoro({ run: play.noting('sort', sorting), emits: ['odd'] }),
        even: play.noting('even', same),
        evenMore: play.noting('evenMore', same),
        odd: play.noting('odd', same),
        oddMore: play.noting('oddMore', same),
      }),
      graph: {
        src: ['a'],
        a: ['sort'],
        sort: ['even', { to: 'odd', port: 'odd' }],
        even: ['evenMore'],
        odd: ['oddMore'],
      },
    })
    expect(play.outputs.get('evenMore')).toHaveLength(6)
    expect(play.outputs.get('oddMore')).toHaveLength(6)
  })

  test.each(feeds)('of which only one leads somewhere loses nothing on that (%s)', async (feed) => {
    const { play, report } = await sameBothWays({
      nodes: (play) => ({
        src: FEEDS[feed]?.(ITEMS) ?? same,
        sort: play.noting('sort', sorting),
        odd: play.noting('odd', same),
      }),
      graph: { src: ['sort'], sort: [{ to: 'odd', port: 'odd' }] },
    })
    expect(play.outputs.get('odd')).toHaveLength(6)
    expect(nodeOf(report, 'sort')).toMatchObject({ received: 12, completed: 12, emitted: 6, dropped: 6 })
  })
})

describe('a chain', () => {
  /** In which order calls are made, and what follows from them. */
  async function orderOf(names: readonly string[], options: object = {}, alone = ''): Promise<string[]> {
    const order: string[] = []
    const note = (name: string) =>
      having({ fuse: name !== alone }, (n: number) => {
        order.push(`${name} ${n}`)
        queueMicrotask(() => order.push(`after ${name} ${n}`))
        return n
      })
    const nodes = Object.fromEntries(names.map((name) => [name, note(name)]))
    await chain({ src: () => [0, 1], ...nodes }).run(undefined, options)
    expect(order).toHaveLength(4 * names.length)
    return order
  }

  /** Whether one call follows from another on one stack. */
  const onOneStack = (order: readonly string[], one: string, next: string): boolean =>
    order.indexOf(next) === order.indexOf(one) + 1

  test('is one call after the other on one stack', async () => {
    const order = await orderOf(['a', 'b', 'c'])
    expect(order.slice(0, 3)).toEqual(['a 0', 'b 0', 'c 0'])
    expect(onOneStack(order, 'a 1', 'b 1') && onOneStack(order, 'b 1', 'c 1')).toBe(true)
  })

  test('is not on one stack where it must not be', async () => {
    for (const order of [await orderOf(['a', 'b', 'c'], { fuse: false }), await orderOf(['a', 'b', 'c'], {}, 'b')])
      for (const [one, next] of ['ab', 'bc'])
        expect(order.indexOf(`${next} 0`)).toBeGreaterThan(order.indexOf(`after ${one} 0`))
  })

  test('ends where one of its nodes must be alone, and another begins behind that', async () => {
    const order = await orderOf(['a', 'b', 'alone', 'd', 'e'], {}, 'alone')
    for (const n of [0, 1]) {
      expect(onOneStack(order, `a ${n}`, `b ${n}`) && onOneStack(order, `d ${n}`, `e ${n}`)).toBe(true)
      expect(order.indexOf(`alone ${n}`)).toBeGreaterThan(order.indexOf('after b 0'))
      expect(order.indexOf(`d ${n}`)).toBeGreaterThan(order.indexOf('after alone 0'))
    }
  })
})
