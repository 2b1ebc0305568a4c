import type { Context } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  detailOf,
  endless,
  failureOf,
  from,
  nodeOf,
  outputs,
  range,
  reportOf,
  type Stage,
  same,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

/** A chain in which the middle node fails in some way. */
const failing = (mid: Stage) => chain({ src: from(1, 2, 3), mid, out: same })

const then = 'then'

const fail = (thrown: unknown) => () => {
  throw thrown
}

describe('the error of a coroutine', () => {
  test('is the cause, untouched', async () => {
    const boom = Object.freeze(Object.assign(new TypeError('boom'), { code: 'E_MINE' }))
    const { stack } = boom
    const error = await failureOf(() => failing(fail(boom)).run())
    expect(error.code).toBe('PLB_NODE_FAILED')
    expect(error.cause).toBe(boom)
    expect(boom.stack).toBe(stack)
  })

  test('comes with the name of the node', async () => {
    const error = await failureOf(() => failing(fail(new Error('boom'))).run())
    expect(error.message).toContain('"mid"')
    expect(detailOf(error, 'node')).toBe('mid')
    expect(detailOf(error, 'attempts')).toBe(1)
  })

  test('comes with the report', async () => {
    const error = await failureOf(() => failing(fail(new Error('boom'))).run())
    const report = reportOf(error)
    expect(report.outcome).toBe('failed')
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: error.cause })
    expect(nodeOf(report, 'mid').failed).toBe(1)
    expectBalancedBooks(report, [])
  })

  test.each<[string, (boom: Error) => object]>([
    ['thrown', (boom) => fail(boom)],
    ['thrown later', (boom) => async () => Promise.reject(boom)],
    [
      'thrown by a generator',
      (boom) =>
        function* () {
          yield 1
          throw boom
        },
    ],
    [
      'thrown by an async generator',
      (boom) =>
        async function* () {
          yield 1
          throw boom
        },
    ],
    ['thrown by a thenable', (boom) => () => ({ [then]: (_: unknown, reject: (e: Error) => void) => reject(boom) })],
  ])('is found when it is %s', async (_how, make) => {
    const boom = new Error('boom')
    const error = await failureOf(() => failing(make(boom)).run())
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
    expectBalancedBooks(reportOf(error), [])
  })

  test('at the leaf and at the source is found too', async () => {
    const boom = new Error('boom')
    for (const plumber of [chain({ src: from(1), out: fail(boom) }), chain({ src: fail(boom), out: same })]) {
      const error = await failureOf(() => plumber.run())
      expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: boom })
      expectBalancedBooks(reportOf(error), [])
    }
  })
})

describe('what is not an Error', () => {
  test.each<[string, unknown]>([
    ['a string', 'just text'],
    ['a number', 0],
    ['null', null],
    ['undefined', undefined],
    ['a symbol', Symbol('why')],
    ['an object without a prototype', Object.create(null)],
    ['a frozen object', Object.freeze({ reason: 'x' })],
  ])('(%s) is reported as it is', async (_what, thrown) => {
    for (const mid of [fail(thrown), async () => Promise.reject(thrown)]) {
      const error = await failureOf(() => failing(mid).run())
      expect(error.code).toBe('PLB_NODE_FAILED')
      expect(error.cause).toBe(thrown)
      expectBalancedBooks(reportOf(error), [])
    }
  })

  test('and cannot even be read is reported', async () => {
    const hostile = Object.defineProperties(new Error(), {
      message: { get: fail(new Error('no message')) },
      name: { get: fail(new Error('no name')) },
      toString: { value: fail(new Error('no text')) },
    })
    const error = await failureOf(() => failing(fail(hostile)).run())
    expect(error.code).toBe('PLB_NODE_FAILED')
    expect(error.cause === hostile).toBe(true)
  })

  test('and is endlessly long is cut in the message, not in the cause', async () => {
    const long = new Error('x'.repeat(1_000_000))
    const error = await failureOf(() => failing(fail(long)).run())
    expect(error.message.length).toBeLessThanOrEqual(8 * 1024)
    expect(error.cause).toBe(long)
  })
})

describe('the first error', () => {
  test('aborts all that is in progress', async () => {
    const boom = new Error('boom')
    const stopped: number[] = []
    const mid = async (n: number, ctx: Context) => {
      if (n === 3) throw boom
      await aborted(ctx.signal).catch(() => stopped.push(n))
    }
    const error = await failureOf(() => failing(unfused(mid, { workers: 3 })).run())
    expect(error.cause).toBe(boom)
    expect(stopped).toEqual([1, 2])
    expectBalancedBooks(reportOf(error), [])
  })

  test('is what the caller gets, not those that follow from the abort', async () => {
    const boom = new Error('boom')
    const mid = (n: number, ctx: Context) => (n === 3 ? Promise.reject(boom) : aborted(ctx.signal))
    const error = await failureOf(() => failing(unfused(mid, { workers: 3 })).run())
    expect(error.cause).toBe(boom)
    expect(detailOf(error, 'errors') ?? []).toEqual([])
    expectBalancedBooks(reportOf(error), [])
  })

  test('stops a source that would never end', async () => {
    const numbers = endless()
    const mid = (n: number) => (n === 1_000 ? fail(new Error('boom'))() : n)
    const error = await failureOf(() => chain({ src: numbers.source, mid, out: same }).run())
    expect(numbers.closed).toBe(true)
    expectBalancedBooks(reportOf(error), [])
  })

  test('names what it left unprocessed', async () => {
    const open = gate()
    const mid = async () => {
      await open.opened
      throw new Error('boom')
    }
    const pipeline = chain({ in: unfused('std.inlet'), mid: unfused(mid) }).createPipeline()
    for (const n of range(5)) await pipeline.put(n)
    await until(() => nodeOf(pipeline.snapshot(), 'in').emitted === 5)
    open.open()
    const report = await pipeline.settled
    expect(report.unprocessed.map(({ value }) => value)).toEqual([1, 2, 3, 4])
    expectBalancedBooks(report, ['in'])
  })
})

describe('onError: "skip"', () => {
  /** Fails on every third number, in the way asked for. */
  const picky = (late: boolean) => (n: number) => {
    if (n % 3 !== 0) return late ? Promise.resolve(n) : n
    if (late) return Promise.reject(new Error(`not ${n}`))
    throw new Error(`not ${n}`)
  }

  test.each([
    ['thrown', false, {}],
    ['thrown later', true, {}],
    ['thrown in concurrent work', false, { workers: 4 }],
    ['thrown later in concurrent work', true, { workers: 4, ordered: false }],
  ])('loses the item that failed and no other: %s', async (_how, late, properties) => {
    const seen = outputs()
    const stage = { coro: picky(late), properties: { onError: 'skip', ...properties } }
    const report = await chain({ src: from(...range(30)), picky: stage, out: same }).run(undefined, seen.options)
    expect(report.outcome).toBe('completed')
    expect(seen.values.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(30).filter((n) => n % 3 !== 0))
    expect(nodeOf(report, 'picky')).toMatchObject({ received: 30, completed: 20, failed: 10, emitted: 20 })
    expectBalancedBooks(report, [])
  })

  test('is told to whoever listens', async () => {
    const heard = gate()
    const stage = { coro: picky(false), properties: { onError: 'skip' } }
    const pipeline = chain({ in: 'std.inlet', picky: stage }).createPipeline()
    pipeline.on('error', heard.open)
    await pipeline.put(3)
    await heard.opened
    pipeline.end()
    expect((await pipeline.settled).outcome).toBe('completed')
  })

  test('holds for its own node only', async () => {
    const stage = { coro: same, properties: { onError: 'skip' } }
    const error = await failureOf(() => chain({ src: from(1, 2), stage, out: fail(new Error('boom')) }).run())
    expect(error.message).toContain('"out"')
  })
})
