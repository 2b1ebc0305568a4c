import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  detailOf,
  failureOf,
  from,
  having,
  nodeOf,
  outputs,
  plumberOf,
  range,
  reportOf,
  same,
  turns,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/*
 * Coroutines that are declared to give one output for each input, and are held to it.
 */

/** A coroutine declared to give one output for each input. */
const oneToOne = (run: (value: never, ctx: Context) => unknown, more: object = {}) =>
  defineCoro({ oneToOne: true, run, ...more } as never) as object

/** A coroutine that emits one thing by a port, and returns another. */
const emitting = (port: string, value: unknown, result: unknown) => (_: unknown, ctx: Context) => {
  ctx.emit(port, value)
  return result
}

describe('oneToOne', () => {
  test.each<[string, object]>([
    ['a source', { kind: 'source', run: () => [1] }],
    ['a stream coroutine', { kind: 'stream', run: async function* () {} }],
    ['a coroutine with a flush', { run: same, flush: () => 1 }],
  ])('is refused for %s', async (_what, definition) => {
    const coro = defineCoro({ oneToOne: true, ...definition } as never) as object
    const isSource = Reflect.get(definition, 'kind') === 'source'
    const error = await failureOf(() => chain(isSource ? { coro, out: same } : { src: from(1), coro, out: same }))
    expect(detailOf(error, 'issues')).toMatchObject([{ code: 'PLB_CORO_TYPE', pointer: '/nodes/coro/coro' }])
  })

  const one = (n: number) => [n].values()
  test.each<[string, (n: number, ctx: Context) => unknown]>([
    ['a value', (n) => n],
    ['a promise', async (n) => n],
    ['a generator', one],
    ['a promise of a generator', async (n) => one(n)],
    ['a value, besides what it emits to another port', (n, ctx) => emitting('x', 0, n)(n, ctx)],
  ])('allows %s', async (_what, run) => {
    const plumber = chain({ src: from(1, 2), coro: oneToOne(run, { emits: ['x'] }), out: same })
    expect(await plumber.collect()).toEqual([1, 2])
  })

  test('allows undefined, which is an output like any other', async () => {
    expect(
      await chain({ src: from(1), coro: oneToOne(() => undefined), out: (value: unknown) => [value] }).collect(),
    ).toEqual([[undefined]])
  })

  const BREAKS: [string, number | undefined, (n: number, ctx: Context) => unknown][] = [
    ['DROP', 0, () => DROP],
    ['DROP, later', 0, async () => DROP],
    ['an empty generator', 0, () => [].values()],
    ['a promise of an empty generator', 0, async () => [].values()],
    ['a generator of DROP', 0, () => [DROP].values()],
    ['a second value', 2, (n) => [n, 'second'].values()],
    [
      'a second value, later',
      2,
      async function* (n) {
        yield n
        await turns(1)
        yield 'second'
      },
    ],
    ['a promise of two values', 2, async (n) => [n, 'second', 'third'].values()],
    ['one value and an emission by "out"', undefined, (n, ctx) => emitting('out', 'second', n)(n, ctx)],
    ['nothing but an emission by "out"', undefined, emitting('out', 'second', DROP)],
  ]

  test.each(BREAKS)('fails the call that gives %s', async (_what, count, run) => {
    const pick = (n: number, ctx: Context) => (n === 2 ? run(n, ctx) : n)
    for (const properties of [{}, { fuse: false }, { workers: 3 }]) {
      const seen = outputs()
      const stages = { src: from(1, 2, 3), coro: having(properties, oneToOne(pick)), out: same }
      const error = await failureOf(() => chain(stages).run(undefined, seen.options))
      expect(error).toMatchObject({
        code: 'PLB_NODE_FAILED',
        details: { node: 'coro' },
        cause: { code: 'PLB_NODE_CARDINALITY', details: { node: 'coro', ...(count !== undefined && { count }) } },
      })
      expect(seen.values).not.toContain('second')
      expectBalancedBooks(reportOf(error), [])
      expect(nodeOf(reportOf(error), 'coro').failed).toBe(1)
    }
  })

  test.each(BREAKS)('costs that item only, where errors are skipped: %s', async (_what, _count, run) => {
    const pick = (n: number, ctx: Context) => (n === 2 ? run(n, ctx) : n)
    const seen = outputs()
    const stages = { src: from(1, 2, 3), coro: having({ onError: 'skip' }, oneToOne(pick)), out: same }
    const report = await chain(stages).run(undefined, seen.options)
    expect(seen.values.filter((value) => value !== 2)).toEqual([1, 3])
    expect(nodeOf(report, 'coro')).toMatchObject({ received: 3, completed: 2, failed: 1 })
    expectBalancedBooks(report, [])
  })

  test.each(BREAKS)('never lets a join pair wrongly behind %s', async (_what, _count, run) => {
    const pick = (n: number, ctx: Context) => (n === 20 ? run(n, ctx) : n)
    const seen = outputs()
    const join = having({ match: 'position' }, same)
    const plumber = plumberOf({ src: from(...range(40)), a: oneToOne(pick), join }, { src: ['a', 'join'], a: ['join'] })
    const error = await failureOf(() => plumber.run(undefined, seen.options))
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { code: 'PLB_NODE_CARDINALITY' } })
    expect(seen.values).toEqual(range(seen.values.length).map((n) => [n, n]))
    expectBalancedBooks(reportOf(error), [])
  })

  test('takes whatever can be awaited for a promise', async () => {
    // biome-ignore lint/suspicious/noThenProperty: what is awaited need not be a promise
    const thenable = (value: unknown) => ({ then: (resolve: (value: unknown) => void) => resolve(value) })
    expect(await chain({ src: from(1, 2), coro: oneToOne(thenable), out: same }).collect()).toEqual([1, 2])
    const error = await failureOf(() => chain({ src: from(1), coro: oneToOne(() => thenable(DROP)), out: same }).run())
    expect(error.cause).toMatchObject({ code: 'PLB_NODE_CARDINALITY', details: { count: 0 } })
  })

  test('closes its generators when the run is doomed, as other nodes do', async () => {
    const closed: string[] = []
    const begun = gate()
    const endless = function* () {
      try {
        for (;;) {
          begun.open()
          yield turns(1).then(() => DROP)
        }
      } finally {
        closed.push('finally')
      }
    }
    const pipeline = chain({ src: from(1), coro: oneToOne(endless), out: same }).createPipeline()
    await begun.opened
    expect((await pipeline.doomsday('enough')).abandoned).toEqual([])
    expect(closed).toEqual(['finally'])
  })
})
