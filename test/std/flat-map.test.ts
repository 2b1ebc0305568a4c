import type { Context } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { failureOf } from '../support/blackbox.js'
import { lineOf, through, valuesOf } from './ready.js'

const flat = (fn: unknown, items: Iterable<unknown> = [1]): Promise<readonly unknown[]> =>
  through('flatMap', items, { fn })

async function* late(...values: readonly unknown[]) {
  for (const value of values) yield value
}

/** Numbers, and what becomes of whoever gives them. */
function counting(step: (n: number) => IteratorResult<unknown> | Promise<IteratorResult<unknown>>) {
  const state = { closed: 0, calls: 0 }
  const next = () => step(state.calls++)
  const end = () => {
    state.closed++
    return { done: true as const, value: undefined }
  }
  const once = { next, return: end }
  const later = { next, return: async () => end() }
  return { state, now: { [Symbol.iterator]: () => once }, late: { [Symbol.asyncIterator]: () => later } }
}

describe('std.flatMap gives one by one what is in', () => {
  test.each<[what: string, fn: () => unknown]>([
    ['a list', () => [1, 2]],
    ['a Set', () => new Set([1, 2])],
    ['a generator', () => [1, 2].values()],
    ['something asynchronous', () => late(1, 2)],
    ['a promise of a list', async () => [1, 2]],
    ['a promise of something asynchronous', async () => late(1, 2)],
    ['a list of promises', () => [Promise.resolve(1), 2]],
    ['something iterable whose iterator is not', () => ({ [Symbol.iterator]: () => ({ next: oneTwo() }) })],
    ['a typed array', () => new Uint8Array([1, 2])],
  ])('%s', async (_, fn) => {
    expect(await flat(fn)).toEqual([1, 2])
  })

  function oneTwo(): () => IteratorResult<number> {
    let n = 0
    return () => (n < 2 ? { done: false, value: ++n } : { done: true, value: undefined })
  }

  test('a Map: its entries', async () => {
    expect(await flat(() => new Map([['a', 1]]))).toEqual([['a', 1]])
  })

  test('an empty list: nothing', async () => {
    expect(await flat(() => [], [1, 2])).toEqual([])
  })

  test('each of the lists, in order, also with several workers', async () => {
    const fn = async (n: number) => [n, n]
    expect(await through('flatMap', [1, 2, 3], { fn }, { workers: 3 })).toEqual([1, 1, 2, 2, 3, 3])
  })

  test('lists no deeper than once', async () => {
    expect(await flat(() => [[1], [2]])).toEqual([[1], [2]])
  })
})

describe('std.flatMap refuses', () => {
  test.each<[unknown, shown: string]>([
    ['abc', '"abc"'],
    [5, '5'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ a: 1 }, '[object Object]'],
  ])('%j', async (value, shown) => {
    for (const fn of [() => value, async () => value]) {
      const { cause } = await failureOf(() => flat(fn))
      expect(cause).toMatchObject({
        name: 'TypeError',
        message: expect.stringContaining(`gave ${shown}, which has no`),
      })
    }
  })
})

describe('std.flatMap closes what it draws from', () => {
  test.each(['now', 'late'] as const)('when nobody wants more (%s)', async (when) => {
    const endless = counting((value) => ({ done: false, value }))
    const line = lineOf([['inlet'], ['flatMap', { fn: () => endless[when] }], ['take', { count: 2 }]])
    expect(await valuesOf(line, [1])).toEqual([0, 1])
    expect(endless.state.closed).toBe(1)
  })

  test.each(['now', 'late'] as const)('when a step of it throws (%s)', async (when) => {
    const boom = new Error('boom')
    const breaking = counting((value) => {
      if (value === 1) throw boom
      return { done: false, value }
    })
    expect((await failureOf(() => flat(() => breaking[when]))).cause).toBe(boom)
    expect(breaking.state).toEqual({ calls: 2, closed: 1 })
  })

  test('at once, though it waits for a step, when the run is doomed', async () => {
    let end = (_step: IteratorReturnResult<undefined>): void => {}
    const steps: AsyncIterator<never, undefined> = {
      next: () => new Promise((resolve) => (end = resolve)),
      return: async () => {
        end({ done: true, value: undefined })
        return { done: true, value: undefined }
      },
    }
    const stuck = gate()
    const fn = () => {
      stuck.open()
      return { [Symbol.asyncIterator]: () => steps }
    }
    const pipeline = lineOf([['inlet'], ['flatMap', { fn }]]).createPipeline()
    await pipeline.put(1)
    await stuck.opened
    expect(await pipeline.doomsday()).toMatchObject({ outcome: 'doomed', abandoned: [] })
  })
})

describe('with "elementIndex" an output of std.flatMap tells its place:', () => {
  const places = async (fn: unknown, before: Readonly<Record<string, unknown>> = {}): Promise<unknown[]> => {
    const seen: unknown[] = []
    const line = lineOf([
      ['range', { end: 2 }],
      ['flatMap', { fn, elementIndex: true, ...before }],
      ['tee', { fn: (value: unknown, { meta }: Context) => seen.push([value, meta['elementIndex']]) }],
    ])
    await valuesOf(line)
    return seen
  }

  test.each<[what: string, fn: (n: number) => unknown]>([
    ['of a list', (n) => [`${n}a`, `${n}b`]],
    ['of something asynchronous', (n) => late(`${n}a`, `${n}b`)],
    ['of a list of promises', (n) => [Promise.resolve(`${n}a`), `${n}b`]],
  ])('its item, and its number in it (%s)', async (_, fn) => {
    expect(await places(fn)).toEqual([
      ['0a', [0, 0]],
      ['0b', [0, 1]],
      ['1a', [1, 0]],
      ['1b', [1, 1]],
    ])
  })

  test('one number more than its item has', async () => {
    const seen: unknown[] = []
    const nodes = {
      items: { coro: 'std.range', args: { end: 2 } },
      outer: { coro: 'std.flatMap', args: { fn: () => ['a', 'b'], elementIndex: true } },
      inner: { coro: 'std.flatMap', args: { fn: (text: string) => [text], elementIndex: true } },
      see: { coro: 'std.each', args: { fn: (_: unknown, { meta }: Context) => seen.push(meta['elementIndex']) } },
    }
    const graph = { items: ['outer'], outer: ['inner'], inner: ['see'] }
    await valuesOf(new Plumber({ nodes, graph }, { coroMap: std }))
    expect(seen).toEqual([
      [0, 0, 0],
      [0, 1, 0],
      [1, 0, 0],
      [1, 1, 0],
    ])
  })
})
